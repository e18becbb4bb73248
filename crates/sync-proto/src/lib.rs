#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod admin;
pub mod api;
mod changes;
mod error_code;
mod health;
mod names;
mod page;
mod search;
pub mod sync;

pub use admin::{CreateUser, NewUser, PushDeletes, PushObjects};
pub use changes::{
    Changes, ClientCreated, CreatedClient, DeviceDescription, Login, NamedSource, Operations,
    Reset, SentAttributes, SourceConfiguration,
};
pub use error_code::ErrorCode;
pub use health::{Check, Health, HealthStatus, Readiness, ReadinessStatus};
pub use names::{
    API_TOKEN_HEADER, CLIENT_ID_HEADER, CONSOLE_COOKIE, CONSOLE_HEADER, ERROR_CODE_HEADER,
    OLD_SESSION_COOKIE, PAGE_OBJECT_COUNT_HEADER, PAGE_TOKEN_HEADER, PAGE_VERSION,
    PUSH_SEQUENCE_HEADER, REQUEST_ID_HEADER, SESSION_COOKIE,
};
pub use page::{Commands, ErrorMap, ErrorMessage, Fields, Link, Objects, Page};
pub use search::{Search, SearchPage, SearchedSource};
