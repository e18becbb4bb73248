//! Bulk data: a file with everything of some sources, which a device downloads for its first sync.
//!
//! What is in the file is the business of whoever makes it. Here is which sources a file has, how its content is kept,
//! and in which forms it is served.

mod content;
mod form;
mod selection;

pub(crate) use content::BulkFile;
pub use content::{BLOCK_BYTES, BulkContent};
pub use form::BulkForm;
pub use selection::{BulkSelection, InvalidSelectionId, SelectionId};
