//! What the system is about, as plain values and pure rules over them: identifiers, the record of an object, a page for a
//! device, what a verdict means.
//!
//! Nothing here knows the store, a back end or the time.

mod attributes;
mod blob_address;
mod bulk_file;
mod bulk_selection;
mod checksum;
mod client_event;
mod cursor;
mod description;
mod device_page;
mod device_values;
mod ids;
mod image;
mod operation;
mod outbox;
mod page;
mod ping_message;
mod record;
mod revision;
mod source;

pub(crate) use attributes::bytes_of;
pub use attributes::{
    InvalidAttributes, MAX_OBJECT_BYTES, MAX_VALUE_BYTES, to_attributes, to_text,
};
pub(crate) use blob_address::{
    BLOB_SUFFIX, blob_address, blob_at, blobs_of, may_have_blobs, readdressed,
};
pub(crate) use bulk_file::BulkFile;
pub use bulk_file::{BLOCK_BYTES, BulkContent};
pub use bulk_selection::{BulkSelection, InvalidSelectionId, SelectionId};
pub(crate) use checksum::Checksum;
pub(crate) use client_event::{ClientEvent, ClientEventKind, short};
pub(crate) use cursor::{DeviceCursor, ReadingPlace, ResetMark};
pub use description::{Description, InvalidDescription};
pub(crate) use device_page::{DevicePage, fields};
pub(crate) use device_values::AttributeTypes;
pub use ids::{
    ADMINISTRATOR, AttributeName, BlobId, ClientId, EVERYBODY, InvalidBlobId, InvalidId,
    InvalidToken, Members, Millis, Narrowing, ObjectId, Partition, PartitionName, SourceName,
    Token, UserId, Version,
};
pub(crate) use ids::{DocumentId, EPOCH};
pub(crate) use image::Image;
pub use image::{ImageForm, ImageId, InvalidImageId};
pub(crate) use operation::{
    ChangeName, KeptVerdict, Operation, OperationKind, digest_of, texts_of,
};
pub(crate) use outbox::{OutboxItem, Refusal};
pub(crate) use page::{DamagedRecord, PageBuilder};
pub use ping_message::{PingMessage, PingPriority};
pub use record::Attributes;
pub(crate) use record::{ObjectChange, Reader, Record};
pub use revision::{Expected, Revision};
pub use source::{ConflictRule, ParametersRule, PartitionRule, PollInterval};
