#![doc = include_str!("../README.md")]
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]
#![cfg(target_arch = "wasm32")]

pub mod adapter_jobs;
mod http;
mod jobs;
mod load;
mod log;
mod redis;
mod sql;
mod waiting_redis;
mod world;

pub use crate::http::SpinHttp;
pub use crate::jobs::{Component, Context};
pub use crate::load::{
    LiveServer, LoadError, load_back_ends, load_documents, load_live, load_pings, load_server,
};
pub use crate::log::start_log;
pub use crate::redis::{SpinRedis, unless_store_is_silent};
pub use crate::sql::SpinSql;
pub use crate::world::{SpinClock, SpinPorts, SpinRandom, variable};
