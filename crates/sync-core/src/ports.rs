//! What the engine needs from the world. Two implementations each: Spin's, and the native one of tests and tools.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use std::time::Duration;

use bytes::Bytes;

use crate::memory::{Memory, OutOfMemory, Reservation};
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
    /// Sends a request and reads the whole answer, as far as there is room for it, within `timeout`.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
        room: &mut AnswerRoom,
    ) -> Result<http::Response<Bytes>, HttpError>;
}

/// How much of an answer is taken in.
#[derive(Debug)]
pub struct AnswerRoom {
    max_bytes: usize,
    arrived: usize,
    /// The memory that it takes, where answers may be large.
    held: Option<Reservation>,
}

/// An answer arrives in pieces, and is put together.
const COPIES: usize = 2;

impl AnswerRoom {
    /// Room for a small answer.
    pub fn of(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            arrived: 0,
            held: None,
        }
    }

    /// Room for an answer that may be so large that the instance has to have the memory for it.
    pub fn in_memory(max_bytes: usize, memory: &Memory) -> Self {
        Self {
            held: Some(memory.nothing()),
            ..Self::of(max_bytes)
        }
    }

    /// Takes more of an answer in.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] and [`HttpError::OutOfMemory`].
    pub fn take(&mut self, host: &str, bytes: usize) -> Result<(), HttpError> {
        self.arrived += bytes;
        if self.arrived > self.max_bytes {
            return Err(HttpError::TooLarge {
                host: host.to_owned(),
                max_bytes: self.max_bytes,
            });
        }
        if let Some(held) = &mut self.held {
            held.grow(COPIES * bytes)?;
        }
        Ok(())
    }

    /// The memory that the answer takes.
    pub(crate) fn into_held(self) -> Option<Reservation> {
        self.held
    }
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
    /// There is no memory for the answer now.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}
