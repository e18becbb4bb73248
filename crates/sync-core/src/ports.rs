//! What the engine needs from the world. Two implementations each: Spin's, and the native one of tests and tools.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use std::time::Duration;

use bytes::Bytes;
pub(crate) use sync_redis::hex;
pub use sync_redis::{Clock, Random, RedisConn, RedisError, RedisValue, StorePorts};

/// Everything the engine asks of the world, passed as one value.
pub trait Ports: StorePorts {
    /// The way to back ends.
    type Http: HttpClient;

    /// The way to back ends.
    fn http(&self) -> &Self::Http;
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
