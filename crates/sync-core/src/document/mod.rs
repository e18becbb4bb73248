//! Pure rules of the versioned document: records, pages, snapshots.

pub(crate) mod page;
pub(crate) mod record;
