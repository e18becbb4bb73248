#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
mod adapter;
mod blob;
mod engine;
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

pub use account::{ApiToken, Origin, Scope, Session, SessionKey};
pub use adapter::{Adapter, AdapterError, Call, QueryEnd, Stash, StashError};
pub use blob::{Blob, BlobError, Upload, Uploader};
pub use engine::{
    BlobOpener, BlobReader, BulkBegin, BulkCopy, BulkDataAnswer, BulkDataRequest, BulkDownload,
    BulkForm, BulkObjects, BulkScan, BulkSource, BulkStep, BulkWriter, ClientDetails, ClientState,
    CollectedBlobs, DEFAULT_PAGE_SIZE, DocumentDetails, Engine, Files, IdempotentRequest,
    MAX_DYNAMIC_SOURCES, ObjectPage, ObjectPatch, PullRequest, PushRequest, RustAdapters,
    SearchRequest, SourceInfo, StoredAnswer, SyncError, UserChange, UserDetails,
};
pub use jobs::{
    BULK_DATA, Budget, Cud, Deliver, JobError, JobHandler, JobHandlers, JobState, NewJob, Noop,
    Ping, PingAll, Priority, Push, Query, QueryAll, RunningJob, Worked, Worker, backoff_ms,
};
pub use metrics::{
    Answered, BUCKETS, FAMILIES, Family, Kind, Measured, Meter, Sample, StatsError, Value,
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
    Heartbeat, History, JobDetails, Jobs, Leased, MAX_PAYLOAD_BYTES, QueueCounts, Refused, Retry,
    Standing, StoreError, StoredError, Swept, Tick, is_ring,
};
pub use trace::{TRACEPARENT_HEADER, TRACESTATE_HEADER, TraceContext};
