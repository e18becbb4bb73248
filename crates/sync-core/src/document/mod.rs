//! Pure rules of the versioned document: records, pages, descriptions.

pub(crate) mod description;
pub(crate) mod page;
pub(crate) mod record;
