//! The port to Redis.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use crate::Millis;

/// A connection to Redis. Commands that are awaited together share a round trip.
pub trait RedisConn {
    /// Runs one command: its name and arguments.
    async fn run(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError>;

    /// The time that scripts go by instead of the store's own (`TIME`). Only a test has one, to move it.
    fn time_of_test(&self) -> Option<Millis> {
        None
    }
}

/// One value of a reply. Nested replies arrive flattened, as Spin's host flattens them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisValue {
    /// No value.
    Nil,
    /// A simple string, `OK` for instance.
    Status(String),
    /// An integer.
    Int(i64),
    /// A string of bytes.
    Bytes(Vec<u8>),
}

/// Why a command had no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// The store could not be reached, or the connection broke; the command may have run.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// The store refused the command.
    #[error("the store refused a command: {0}")]
    Refused(String),
}
