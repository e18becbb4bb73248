#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
mod adapter;
mod application_documents;
mod blob;
mod engine;
mod idempotency;
mod jobs;
mod metrics;
mod model;
mod ports;
mod push;
mod request_id;
mod settings;
mod store;
mod trace;

// Where the jobs still look for what is in `model` now.
use model as ids;
mod bulk_data {
    pub(crate) use crate::model::BulkSelection;
}

pub use account::{
    AccountError, Accounts, ApiToken, ApiTokens, InvalidTokenRequest, Origin, Scope, Session,
    SessionKey, UserChange, UserDetails,
};
pub use adapter::{Adapter, AdapterError, Call, QueryEnd, Stash, StashError};
pub use application_documents::{ApplicationDocuments, DocumentError};
pub use blob::{
    Blob, BlobError, BlobOpener, Blobs, CollectedBlobs, ContentError, Files, Upload, Uploader,
};
pub use engine::{
    BlobReader, BulkBegin, BulkCopy, BulkDataAnswer, BulkDataRequest, BulkDownload, BulkForm,
    BulkObjects, BulkScan, BulkSource, BulkStep, BulkWriter, ChangesRequest, ClientDetails,
    ClientState, DEFAULT_PAGE_SIZE, DocumentDetails, Engine, FeedError, MAX_DYNAMIC_SOURCES,
    ObjectPage, ObjectPatch, PullRequest, RustAdapters, SearchRequest, SourceInfo, SyncError,
};
pub use idempotency::{IdempotencyError, IdempotentRequest, IdempotentWrites, StoredAnswer};
pub use jobs::{
    BULK_DATA, Budget, Cud, Deliver, JobError, JobHandler, JobHandlers, JobState, NewJob, Noop,
    Ping, PingAll, Priority, Push, Query, QueryAll, RunningJob, Worked, Worker, backoff_ms,
};
pub use metrics::{
    BUCKETS, FAMILIES, Family, Kind, Measurements, Meter, Metrics, RequestOutcome, Sample,
    StatsError, Value,
};
pub use model::{
    ADMINISTRATOR, AttributeName, Attributes, BLOCK_BYTES, BlobId, BulkContent, BulkSelection,
    ClientId, Description, InvalidAttributes, InvalidBlobId, InvalidDescription, InvalidId,
    InvalidSelectionId, InvalidToken, JobId, MAX_VALUE_BYTES, Millis, ObjectId, Partition,
    PartitionRule, PollInterval, QueueName, SelectionId, SourceName, Token, UserId, Version,
    to_attributes, to_text,
};
pub use ports::{Clock, HttpClient, HttpError, Ports, Random, RedisConn, RedisError, RedisValue};
pub use push::{PushAddress, PushMessage, PushOutcome, PushPriority, PushSender, PushService};
pub use request_id::{current_request, in_request};
pub use settings::{
    AdapterSettings, ApnsSettings, AttributeType, AuthenticationMethod, AuthenticationSettings,
    Authorization, BlobSettings, Connection, CorsSettings, FcmSettings, JobsSettings, JwtSettings,
    Origins, Paging, PluginMethod, PluginSettings, PushSettings, QueueSettings, RestSettings,
    S3Settings, ScheduleSettings, Secret, Settings, SettingsError, SettingsFile, SettingsPart,
    SourceSettings, UpdateMethod, WebPushSettings,
};
pub use store::{
    ApplicationDocument, Cancelled, Claim, ClaimedJob, EnqueueError, Enqueued, Failure, Figures,
    Heartbeat, History, JobDetails, Jobs, Leased, MAX_PAYLOAD_BYTES, PutMode, QueueCounts, Refused,
    Retry, Standing, StoreError, StoredError, Swept, Tick, is_ring,
};
pub use trace::{TRACEPARENT_HEADER, TRACESTATE_HEADER, TraceContext};
