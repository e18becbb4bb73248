//! Blobs: files of any size that objects refer to by an address.
//!
//! A blob is known by the SHA-256 of its content: the same content twice is kept once. What is known of it (who refers
//! to it, whom it is charged to) is in `store/blobs`; its content is in a [`content::ContentStore`].

pub(crate) mod content;
mod s3;
mod spool;
mod upload;

pub(crate) use content::Contents;
pub use content::{Blob, BlobError};
pub(crate) use spool::{Spool, UPLOAD_LIFETIME_MS};
pub(crate) use upload::discard;
pub use upload::{Upload, Uploader};
