//! What is kept in Redis, as verbs of the domain. No rule lives here: scripts decide only what has to be atomic.

mod accounts;
mod administrators;
mod api_tokens;
mod application_documents;
mod audit;
mod bindings;
mod blobs;
mod bulk_data;
mod changed;
mod circuits;
mod client_events;
mod client_index;
mod clients;
mod collecting;
mod deadlines;
mod descriptions;
mod device_sessions;
mod document;
mod found;
mod grants;
mod held;
mod hook_events;
mod idempotency;
mod images;
mod key_sets;
mod listed_changes;
mod login_failures;
mod metrics;
mod named_changes;
mod narrowed;
mod news;
mod operations;
mod pings;
mod pull;
pub(crate) mod redis;
mod refresh;
mod refusals;
mod registry;
mod reset;
mod source_copies;
mod stored_record;
mod subscriptions;
mod verifications;
mod views;
mod waiting_changes;

pub(crate) use accounts::{Account, AccountStore, Edit, EditOutcome, UserProfile, UserRecord};
pub(crate) use administrators::{AdministratorRecord, AdministratorStore};
pub(crate) use api_tokens::{ApiTokenRecord, ApiTokenStore};
pub use application_documents::{ApplicationDocument, PutMode};
pub(crate) use application_documents::{ApplicationDocumentStore, PutOutcome};
pub(crate) use audit::AuditStore;
pub use audit::{AuditKind, AuditPosition, AuditRecord, InvalidPosition};
pub(crate) use bindings::Continuation;
pub(crate) use blobs::{
    BlobRecord, BlobStore, Holder, NewBlob, PIECE_BYTES, Place, Reserved, Settlement,
};
pub(crate) use bulk_data::{BulkData, BulkOutcome, Pin, StartOutcome};
pub(crate) use changed::{ChangedDocuments, ChangesPosition, Hints};
pub(crate) use circuits::{CircuitPass, CircuitStore};
pub(crate) use client_events::ClientEvents;
pub(crate) use client_index::{
    ClientIndex, Heard, ScoredCursor, ScoredPage, TimeOrder, client_of_entry,
};
pub(crate) use clients::{ClientRecord, Clients, PUSH_ADDRESS};
pub(crate) use collecting::ClientScan;
pub(crate) use deadlines::{Deadlines, document_name, named_document};
pub(crate) use descriptions::{Aspect, Marks};
pub(crate) use device_sessions::{DeviceSessions, Rotation};
pub(crate) use document::{
    CHUNK, CHUNK_BYTES, Commit, CommitMode, CommitOutcome, Document, LOG_CHUNK, LOGIN_ERROR,
    OPERATIONS_LEASE_MS, OperationEnd, SourceError, parse_record,
};
pub(crate) use found::{FoundPage, FoundPosition};
pub(crate) use grants::GrantStore;
pub(crate) use held::HeldPart;
pub(crate) use hook_events::HookEvent;
pub(crate) use idempotency::Idempotency;
pub(crate) use images::Images;
pub(crate) use key_sets::KeySets;
pub(crate) use listed_changes::{ChangeList, ListedChange, ListedChanges};
pub(crate) use login_failures::LoginFailures;
pub use metrics::{BUCKETS, Figures, MinuteTotals, StepLength};
pub(crate) use metrics::{CLIENTS_COUNTER, MetricsStore, Timing};
pub(crate) use named_changes::{Said, TakeInOutcome};
pub(crate) use narrowed::NarrowedCopies;
pub(crate) use news::{DevicePlace, Followed, Head, News};
pub(crate) use operations::{AcceptOutcome, CreateOutcome, Operations, ReleaseOutcome};
pub use pings::{PingRecord, PushFigures};
pub(crate) use pings::{Pings, PushCount, PushFate};
pub(crate) use pull::{Acknowledged, CursorState, PageLimit, PullState, PullStep};
pub(crate) use refresh::{RefreshEnd, RefreshProgress, RefreshStart};
pub(crate) use refusals::OpenRefusal;
pub(crate) use registry::{AddOutcome, Registry, RegistryContent};
pub(crate) use reset::remove_all;
pub(crate) use source_copies::{Refreshed, SourceCondition, SourceCopies};
pub(crate) use stored_record::write_attributes;
pub(crate) use subscriptions::{SubscriptionRecord, SubscriptionStore, subscribed_sources};
pub use sync_redis::StoreError;
pub(crate) use sync_redis::store_time;
pub(crate) use verifications::Verifications;
pub(crate) use views::{Position, Summary};
pub(crate) use waiting_changes::{Waiting, WaitingChanges, waiting_of_entry};

use crate::model::DamagedRecord;

impl From<DamagedRecord> for StoreError {
    fn from(DamagedRecord { reason }: DamagedRecord) -> Self {
        Self::Damaged {
            what: "a record",
            reason,
        }
    }
}
