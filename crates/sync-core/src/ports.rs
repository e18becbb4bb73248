//! What the engine needs from the world. Two implementations each: Spin's, and the native one of tests and tools.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use std::io::{self, Read as _};
use std::time::Duration;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};

use crate::memory::{BodyBuffer, Memory, OutOfMemory, Reservation};
pub(crate) use sync_redis::hex;
pub use sync_redis::{Clock, Order, Random, RedisConn, RedisError, RedisValue, StorePorts};

/// Everything the engine asks of the world, passed as one value.
pub trait Ports: StorePorts {
    /// The way to back ends.
    type Http: HttpClient;

    /// The way to databases.
    type Sql: SqlClient;

    /// The way to back ends.
    fn http(&self) -> &Self::Http;

    /// The way to databases.
    fn sql(&self) -> &Self::Sql;
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

    /// Unpacks an answer that has arrived here and says that it is packed by gzip. It may become as large as one that arrives
    /// unpacked. One that cannot be unpacked stays as it is, and goes on saying so.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] and [`HttpError::OutOfMemory`].
    pub fn unpack(
        &mut self,
        host: &str,
        answer: &mut http::Response<Bytes>,
    ) -> Result<(), HttpError> {
        if !is_gzip(answer.headers()) {
            return Ok(());
        }
        let mut room = Self {
            max_bytes: self.max_bytes,
            buffer: BodyBuffer::new(1),
            held: self.held.another(),
        };
        if room.take_unpacked(host, answer.body())?.is_ok() {
            *answer.body_mut() = room.arrived();
            answer.headers_mut().remove(header::CONTENT_ENCODING);
            answer.headers_mut().remove(header::CONTENT_LENGTH);
            *self = room;
        }
        Ok(())
    }

    /// Takes in what a gzip file has; the inner error is that of one that is damaged.
    fn take_unpacked(&mut self, host: &str, packed: &[u8]) -> Result<io::Result<()>, HttpError> {
        // It ends with its length, if it has one part only and is what it says.
        let length = packed.last_chunk().map(|last| u32::from_le_bytes(*last));
        let length = length.and_then(|length| usize::try_from(length).ok());
        if let Some(length) = length.filter(|length| length / MOST_PACKED <= packed.len()) {
            self.expect(host, length)?;
        }
        let mut unpacker = MultiGzDecoder::new(packed);
        let mut piece = [0; 8 * 1024];
        loop {
            match unpacker.read(&mut piece) {
                Ok(0) => return Ok(Ok(())),
                Ok(length) => self.take(host, piece.get(..length).unwrap_or_default())?,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// The memory that the answer takes.
    pub(crate) fn into_held(self) -> Reservation {
        self.held
    }
}

/// Most bytes that become one byte of a gzip file.
const MOST_PACKED: usize = 1_032;

/// Whether an answer says that it is packed by gzip (RFC 9110, section 8.4.1.3).
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING);
    let mut codings = codings.iter().filter_map(|coding| coding.to_str().ok());
    let is_gzip = codings.next().is_some_and(|coding| {
        let coding = coding.trim();
        coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip")
    });
    is_gzip && codings.next().is_none()
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

/// Runs statements in databases that are back ends. Texts are all that goes in and out: the statements cast them, since each
/// database knows its own types best.
pub trait SqlClient {
    /// Runs a statement, and hands its rows over one by one, within `timeout`.
    async fn query(
        &self,
        database: &str,
        statement: SqlStatement,
        timeout: Duration,
        take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
    ) -> Result<(), SqlError>;

    /// Runs a statement without rows, within `timeout`.
    async fn execute(
        &self,
        database: &str,
        statement: SqlStatement,
        timeout: Duration,
    ) -> Result<SqlDone, SqlError>;
}

/// A statement, and what is bound to its parameters, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqlStatement {
    /// The statement.
    pub text: String,
    /// The values.
    pub parameters: Vec<Option<String>>,
}

/// The values of a row, all of them texts or nothing.
pub type SqlRow = Vec<Option<String>>;

/// What a statement without rows has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlDone {
    /// How many rows it has changed.
    pub rows: u64,
    /// The key that the database has made for a row, where it tells it beside the answer.
    pub last_id: Option<String>,
}

/// Why a statement had no usable answer. No text has the database's address, which has a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The database cannot be reached, or the connection broke; what was to be changed may be changed.
    #[error("no answer from the database: {0}")]
    NoAnswer(String),
    /// The time was over; what was to be changed may be changed.
    #[error("no answer from the database within {millis} ms")]
    TimedOut {
        /// How long it was waited for, in milliseconds.
        millis: u128,
    },
    /// The database refused the statement.
    #[error("{message}")]
    Refused {
        /// The SQLSTATE.
        state: String,
        /// What it says.
        message: String,
    },
    /// A value is no text.
    #[error("the database's answer has a value that is no text")]
    NotText,
    /// There is no memory for the answer now.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}
