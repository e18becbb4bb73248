//! What the engine needs from the world. Two implementations each: Spin's, and the native one of tests and tools.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use std::time::Duration;

use bytes::Bytes;

use crate::model::Millis;

/// Everything the engine asks of the world, passed as one value.
pub trait Ports: 'static {
    /// The store.
    type Redis: RedisConn;
    /// The way to back ends.
    type Http: HttpClient;
    /// Time.
    type Clock: Clock;
    /// Randomness.
    type Random: Random;

    /// The store.
    fn redis(&self) -> &Self::Redis;
    /// The way to back ends.
    fn http(&self) -> &Self::Http;
    /// Time.
    fn clock(&self) -> &Self::Clock;
    /// Randomness.
    fn random(&self) -> &Self::Random;
}

/// A connection to Redis. Commands that are awaited together share a round trip.
pub trait RedisConn {
    /// Runs one command: its name and arguments.
    async fn run(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError>;
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

/// Sends requests to back ends.
pub trait HttpClient {
    /// Sends a request and reads the whole answer, of at most `max_bytes` bytes, within `timeout`.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<http::Response<Bytes>, HttpError>;
}

/// Why a request had no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No answer came; the back end may or may not have acted on the request.
    #[error("no answer from {host}: {reason}")]
    NoAnswer {
        /// Where the request went.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The time was over; the back end may or may not have acted on the request.
    #[error("no answer from {host} within {millis} ms")]
    TimedOut {
        /// Where the request went.
        host: String,
        /// How long it was waited for, in milliseconds.
        millis: u128,
    },
    /// This host may not be called.
    #[error("requests to {host} are not allowed: add it to `allowed_outbound_hosts` in spin.toml")]
    Denied {
        /// Where the request should have gone.
        host: String,
    },
    /// The answer is larger than anything this server takes in.
    #[error("the answer of {host} has more than {max_bytes} bytes")]
    TooLarge {
        /// Who answered.
        host: String,
        /// The limit.
        max_bytes: usize,
    },
}

/// Tells and waits for time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Millis;
    /// Time since some moment, for measuring how long something takes: it never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// Makes unpredictable bytes, fit for secrets.
pub trait Random {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// Makes `BYTES` bytes, written as twice as many hexadecimal digits.
    fn hex<const BYTES: usize>(&self) -> String {
        let mut buffer = [0; BYTES];
        self.fill(&mut buffer);
        hex(&buffer)
    }
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| {
        char::from(if value < 10 {
            b'0' + value
        } else {
            b'a' + value - 10
        })
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
