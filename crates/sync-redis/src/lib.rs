#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod args;
mod clock;
mod conn;
mod error;
mod lua;
mod order;
mod ports;
mod random;
mod reply;
mod script;
mod time;

pub use args::{Arg, arg};
pub use clock::{Clock, Millis};
pub use conn::{RedisConn, RedisError, RedisValue};
pub use error::StoreError;
#[doc(hidden)]
pub use lua::lua_code;
pub use order::Order;
pub use ports::StorePorts;
pub use random::{Random, hex};
pub use reply::Reply;
pub use script::Script;
pub use time::{script_time, store_time};

/// What every key begins with: the namespace, and the version of the schema.
pub const KEY_PREFIX: &str = "rhosync:1";
