//! What is kept in Redis, as verbs of the domain. No rule lives here: scripts decide only what has to be atomic.

mod accounts;
mod api_tokens;
mod application_documents;
mod blobs;
mod bulk_data;
mod circuits;
mod clients;
mod collecting;
mod deadlines;
mod descriptions;
mod document;
mod found;
mod held;
mod hook_events;
mod idempotency;
mod key_sets;
mod login_failures;
mod metrics;
mod narrowed;
mod operations;
mod pull;
pub(crate) mod redis;
mod refresh;
mod registry;
mod reset;
mod views;

pub(crate) use accounts::{AccountStore, UserProfile, UserRecord};
pub(crate) use api_tokens::{ApiTokenRecord, ApiTokenStore};
pub use application_documents::{ApplicationDocument, PutMode};
pub(crate) use application_documents::{ApplicationDocumentStore, PutOutcome};
pub(crate) use blobs::{BlobRecord, BlobStore, Holder, NewBlob, PIECE_BYTES, Place, Settlement};
pub(crate) use bulk_data::{BulkData, BulkOutcome, Pin, StartOutcome};
pub(crate) use circuits::{CircuitPass, CircuitStore};
pub(crate) use clients::{ClientRecord, Clients, PUSH_ADDRESS};
pub(crate) use collecting::ClientScan;
pub(crate) use deadlines::{Deadlines, document_name, named_document};
pub(crate) use descriptions::{Aspect, Marks};
pub(crate) use document::{
    CHUNK, Commit, CommitMode, CommitOutcome, Document, LOG_CHUNK, OPERATIONS_LEASE_MS,
    OperationEnd, SourceError,
};
pub(crate) use found::{FoundPage, FoundPosition};
pub(crate) use hook_events::HookEvent;
pub(crate) use idempotency::Idempotency;
pub(crate) use key_sets::KeySets;
pub(crate) use login_failures::LoginFailures;
pub use metrics::Figures;
pub(crate) use metrics::{CLIENTS_COUNTER, MetricsStore, Timing};
pub(crate) use narrowed::NarrowedCopies;
pub(crate) use operations::{AcceptOutcome, CreateOutcome, Operations, ReleaseOutcome};
pub(crate) use pull::{Acknowledged, CursorState, PageLimit, PullState, PullStep};
pub(crate) use refresh::{RefreshEnd, RefreshProgress, RefreshStart};
pub(crate) use registry::{AddOutcome, Registry, RegistryContent};
pub(crate) use reset::remove_all;
pub use sync_redis::StoreError;
pub(crate) use views::{Position, Summary};

use crate::model::DamagedRecord;

impl From<DamagedRecord> for StoreError {
    fn from(DamagedRecord { reason }: DamagedRecord) -> Self {
        Self::Damaged {
            what: "a record",
            reason,
        }
    }
}
