#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
mod adapter;
mod attributes;
mod blob;
mod bulk_data;
mod document;
mod engine;
mod ids;
mod jobs;
mod metrics;
mod ports;
mod push;
mod request_id;
mod settings;
mod store;
#[cfg(feature = "test-support")]
pub mod test_support;
mod trace;

pub use account::{ADMINISTRATOR, ApiToken, Origin, Scope, Session, SessionKey};
pub use adapter::{Adapter, AdapterError, Call, QueryEnd, Stash, StashError};
pub use attributes::{InvalidAttributes, MAX_VALUE_BYTES, to_attributes, to_text};
pub use blob::{Blob, BlobError, Upload, Uploader};
pub use bulk_data::{
    BLOCK_BYTES, BulkContent, BulkForm, BulkSelection, InvalidSelectionId, SelectionId,
};
pub use document::description::{Description, InvalidDescription};
pub use document::record::Attributes;
pub use engine::{
    BlobOpener, BlobReader, BulkBegin, BulkCopy, BulkDataAnswer, BulkDataRequest, BulkDownload,
    BulkObjects, BulkScan, BulkSource, BulkStep, BulkWriter, ClientDetails, ClientState,
    CollectedBlobs, DEFAULT_PAGE_SIZE, DocumentDetails, Engine, Files, IdempotentRequest,
    MAX_DYNAMIC_SOURCES, ObjectPage, ObjectPatch, PullRequest, PushRequest, RustAdapters,
    SearchRequest, SourceInfo, StoredAnswer, SyncError, UserChange, UserDetails,
};
pub use ids::{
    AttributeName, BlobId, ClientId, InvalidBlobId, InvalidId, InvalidToken, JobId, Millis,
    ObjectId, Partition, QueueName, SourceName, Token, UserId, Version,
};
pub use jobs::{
    BULK_DATA, Budget, Cud, Deliver, JobError, JobHandler, JobHandlers, JobState, NewJob, Noop,
    Ping, PingAll, Priority, Push, Query, QueryAll, RunningJob, Worked, Worker, backoff_ms,
};
pub use metrics::{
    Answered, BUCKETS, FAMILIES, Family, Figures, Kind, Measured, Meter, Sample, StatsError, Value,
};
pub use ports::{Clock, HttpClient, HttpError, Ports, Random, RedisConn, RedisError, RedisValue};
pub use push::{PushAddress, PushMessage, PushOutcome, PushPriority, PushSender, PushService};
pub use request_id::{current_request, in_request};
pub use settings::{
    AdapterSettings, ApnsSettings, AttributeType, AuthenticationMethod, AuthenticationSettings,
    Authorization, BlobSettings, Connection, CorsSettings, FcmSettings, JobsSettings, JwtSettings,
    Origins, Paging, PartitionRule, PluginMethod, PluginSettings, PollInterval, PushSettings,
    QueueSettings, RestSettings, S3Settings, ScheduleSettings, Secret, Settings, SettingsError,
    SettingsFile, SourceSettings, UpdateMethod, WebPushSettings,
};
pub use store::{
    ApplicationDocument, Cancelled, Claim, ClaimedJob, EnqueueError, Enqueued, Failure, Heartbeat,
    History, JobDetails, Jobs, Leased, MAX_PAYLOAD_BYTES, QueueCounts, Refused, Retry, Standing,
    StoreError, StoredError, Swept, Tick, is_ring,
};
pub use trace::{TRACEPARENT_HEADER, TRACESTATE_HEADER, TraceContext};
