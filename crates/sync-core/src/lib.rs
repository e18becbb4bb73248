#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
mod adapter;
mod application_documents;
mod audit;
mod blob;
mod engine;
mod handlers;
mod idempotency;
mod jobs;
mod live;
mod mapping;
mod memory;
mod metrics;
mod model;
mod ping;
mod ports;
mod request_id;
mod settings;
mod store;
mod trace;
mod vault;

pub use account::{
    AccountError, Accounts, Administrator, AdministratorChange, ApiToken, ApiTokens, DeviceGrant,
    DeviceSession, InvalidTokenRequest, Origin, Role, Scope, Session, SessionKey, UserChange,
    UserDetails,
};
pub use adapter::{
    Adapter, AdapterError, AdapterMaker, AdapterSecrets, Authenticated, Call, Change, Credentials,
    Done, NoBackEnds, QueryEnd, Reading, RustAdapters, ServerToken, Stash, StashError,
    UserCredentials, authenticate, hide_password, logged_in,
};
pub use application_documents::{ApplicationDocuments, DocumentError};
pub use audit::{AuditLog, AuditPart};
pub use blob::{
    Blob, BlobError, BlobOpener, BlobPart, BlobProgress, Blobs, CollectedBlobs, ContentError,
    Files, PartUpload, Upload, Uploader,
};
pub use engine::{
    AcceptedChanges, BlobReader, BulkBegin, BulkCopy, BulkDataAnswer, BulkDataRequest,
    BulkDownload, BulkForm, BulkObjects, BulkScan, BulkSource, BulkStep, BulkWriter, ChangeOutcome,
    ChangePage, ChangeQuery, ChangesRequest, ClientDetails, ClientPage, ClientPush, ClientQuery,
    ClientState, CopyOf, CopyPage, DEFAULT_PAGE_SIZE, DeviceProof, DeviceSearchRequest,
    DifferencePage, DocumentDetails, Engine, FeedError, HandedBy, HookError, ImageBegin, ImageScan,
    Insurance, LogPlace, MAX_DYNAMIC_SOURCES, NewsRequest, ObjectPage, ObjectPatch, PingTargets,
    PullRequest, SearchRequest, SentChanges, SourceChange, SourceInfo, SyncError, TakenChanges,
    TakenPing, VerifyRequest, queue_info,
};
pub use handlers::{PingContext, adapter_handlers, ping_handlers};
pub use idempotency::{
    BegunWrite, IdempotencyError, IdempotentRequest, IdempotentWrites, StoredAnswer,
};
pub use jobs::{
    BULK_DATA, CheckPush, Collect, CollectBlobs, CollectTombstones, Deliver, IMAGE, ImagePayload,
    Ping, PingAll, Push, Query, QueryAll, SendChanges, Subscribe,
};
pub use live::{Live, LiveError, READ_WAITS, StreamId, Told};
pub use memory::{BodyBuffer, Memory, NoRoom, OutOfMemory, Reservation, TooHeavy};
pub use metrics::{
    AskedBy, BUCKETS, FAMILIES, Family, Kind, Measure, Measurements, Meter, Metrics, Period,
    RequestOutcome, Sample, Series, SeriesError, StatsError, StepLength, Steps, Value, measures,
    quantile,
};
pub use model::{
    ADMINISTRATOR, AttributeName, Attributes, BLOCK_BYTES, BlobId, BulkContent, BulkSelection,
    ClientId, ConflictRule, Description, EVERYBODY, Expected, ImageForm, ImageId,
    InvalidAttributes, InvalidBlobId, InvalidDescription, InvalidId, InvalidImageId,
    InvalidSelectionId, InvalidToken, MAX_OBJECT_BYTES, MAX_VALUE_BYTES, Members, Millis,
    Narrowing, ObjectId, ParametersRule, Partition, PartitionName, PartitionRule, PingMessage,
    PingPriority, PollInterval, Revision, SelectionId, SourceName, Token, UserId, Version,
    to_attributes, to_text,
};
pub use ping::{PingOutcome, PingSender, PushAddress, PushCheck, PushService};
pub use ports::{
    AnswerRoom, Clock, HttpClient, HttpError, Order, Ports, Random, RedisConn, RedisError,
    RedisValue, SqlClient, SqlDone, SqlError, SqlRow, SqlStatement, StorePorts,
};
pub use request_id::{current_request, in_request};
pub use settings::{
    AdapterSettings, ApnsSettings, AuthenticationMethod, AuthenticationSettings, Authorization,
    BlobSettings, Connection, CorsSettings, CursorPaging, DeviceSettings, FcmSettings, JwtSettings,
    NextPath, OAuth2Credentials, OAuth2Settings, Origins, Paging, PingSettings, PluginMethod,
    PluginSettings, RestSettings, S3Settings, Secret, SettingDescription, SettingOrigin, Settings,
    SettingsError, SettingsFile, SettingsPart, SourceSettings, SqlSettings, UpdateMethod,
    UserAuthorization, WebPushSettings,
};
pub use store::{
    ApplicationDocument, AuditKind, AuditPosition, AuditRecord, Figures, InvalidPosition,
    MinuteTotals, PingRecord, PushFigures, PutMode, StoreError,
};
pub use trace::{TRACEPARENT_HEADER, TRACESTATE_HEADER, TraceContext};
pub use vault::Vault;
