#![doc = include_str!("../README.md")]
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]
#![cfg(target_arch = "wasm32")]

mod engine;
mod http;
mod jobs;
mod log;
mod redis;
mod world;

pub use crate::engine::{LoadError, load_engine};
pub use crate::http::SpinHttp;
pub use crate::jobs::Component;
pub use crate::log::start_log;
pub use crate::redis::SpinRedis;
pub use crate::world::{SpinClock, SpinPorts, SpinRandom, variable};
