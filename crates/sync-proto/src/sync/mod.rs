//! The protocol of our own device library, `/sync/v1`. `docs/sync-protocol.md` specifies it.

mod blob;
mod line;
mod request;
mod session;

pub use blob::BlobProgress;
pub use line::{
    CopyCheck, EndReason, FoundObjects, ImageOffer, Line, ObjectFields, ResetReason, SourceFailure,
    SourceNews, SyncEnd, Verdict, VerdictStatus,
};
pub use request::{
    Change, ChangeOp, DeviceSearch, NDJSON, SQLITE, SourceParameters, SyncRequest, VerifyRequest,
};
pub use session::{SessionGrant, SessionRequest};
