//! What the engine needs from the world. Two implementations each: Spin's, and the native one of tests and tools.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use std::time::Duration;

use bytes::Bytes;

use crate::memory::{BodyBuffer, Memory, OutOfMemory, Reservation};
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

/// Where an answer arrives, and how much of it is taken in.
#[derive(Debug)]
pub struct AnswerRoom {
    max_bytes: usize,
    buffer: BodyBuffer,
    held: Reservation,
}

impl AnswerRoom {
    /// Room for a small answer.
    pub fn of(max_bytes: usize) -> Self {
        Self::in_memory(max_bytes, &Memory::unlimited())
    }

    /// Room for an answer that may be so large that the instance has to have the memory for it.
    pub fn in_memory(max_bytes: usize, memory: &Memory) -> Self {
        Self {
            max_bytes,
            buffer: BodyBuffer::new(1),
            held: memory.nothing(),
        }
    }

    /// Makes room for an answer that says how long it is.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] and [`HttpError::OutOfMemory`].
    pub fn expect(&mut self, host: &str, length: usize) -> Result<(), HttpError> {
        self.check(host, length)?;
        Ok(self.buffer.expect(length, &mut self.held)?)
    }

    /// Takes a piece of the answer in.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] and [`HttpError::OutOfMemory`].
    pub fn take(&mut self, host: &str, piece: &[u8]) -> Result<(), HttpError> {
        self.check(host, self.buffer.length() + piece.len())?;
        Ok(self.buffer.push(piece, &mut self.held)?)
    }

    fn check(&self, host: &str, length: usize) -> Result<(), HttpError> {
        if length > self.max_bytes {
            return Err(HttpError::TooLarge {
                host: host.to_owned(),
                max_bytes: self.max_bytes,
            });
        }
        Ok(())
    }

    /// What has arrived. It is counted until the room is gone.
    pub fn arrived(&mut self) -> Bytes {
        std::mem::replace(&mut self.buffer, BodyBuffer::new(1)).into_bytes()
    }

    /// The memory that the answer takes.
    pub(crate) fn into_held(self) -> Reservation {
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
