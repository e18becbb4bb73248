//! Bodies: those of requests are read up to a limit, those of answers are whole or a stream of known length.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::LocalBoxStream;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use sync_core::{BodyBuffer, Memory, Reservation};

use crate::error::HttpError;

/// Most bytes of a request's body. A device's whole day fits in it; larger things are blobs.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// What a body that fails half-way says.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request, as it arrives.
pub trait RequestBody: http_body::Body<Data = Bytes, Error: Into<BodyError>> {}

impl<B: http_body::Body<Data = Bytes, Error: Into<BodyError>>> RequestBody for B {}

/// How many times a body is held beside what it becomes: as it arrived, and as what is made of it for the store.
const COPIES: usize = 2;

/// What a body arrives in.
pub(crate) fn buffer() -> BodyBuffer {
    BodyBuffer::new(COPIES)
}

/// Lets a body arrive that nobody wants, up to a limit: whoever sends it reads the answer only when it is sent, and would
/// get none if the connection were closed before.
pub(crate) async fn discard(body: impl RequestBody) {
    let mut body = pin!(body);
    let mut left = MAX_BODY_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Reads a whole body of at most `max_bytes` bytes, as far as there is memory for it. One of a `length` that can be believed
/// gets its memory before it arrives, or is refused before anybody has sent it.
pub(crate) async fn read_whole(
    body: impl RequestBody,
    length: Option<usize>,
    max_bytes: usize,
    held: &mut Reservation,
) -> Result<Bytes, HttpError> {
    let mut body = pin!(body);
    let mut buffer = buffer();
    let mut taken = match length {
        Some(length) if length > max_bytes => Err(HttpError::BodyTooLarge { max_bytes }),
        Some(length) => buffer.expect(length, held).map_err(HttpError::from),
        None => Ok(()),
    };
    while taken.is_ok()
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| HttpError::MalformedBody(error.into().to_string()))?;
        if let Ok(piece) = frame.into_data() {
            taken = if buffer.length() + piece.len() > max_bytes {
                Err(HttpError::BodyTooLarge { max_bytes })
            } else {
                buffer.push(&piece, held).map_err(HttpError::from)
            };
        }
    }
    if let Err(error) = taken {
        drop(buffer);
        discard(body).await;
        return Err(error);
    }
    Ok(buffer.into_bytes())
}

/// The body of an answer.
pub enum Body {
    /// It is there.
    Whole {
        /// All of it.
        bytes: Bytes,
        /// The memory it takes until it is sent.
        held: Option<Reservation>,
    },
    /// It is fetched piece by piece, while the other end takes it.
    Stream {
        /// The pieces.
        pieces: LocalBoxStream<'static, Result<Bytes, BodyError>>,
        /// Bytes of all pieces together, where that is known.
        length: Option<u64>,
    },
}

impl Body {
    /// How many bytes it has, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Whole { bytes, .. } => Some(bytes.len() as u64),
            Self::Stream { length, .. } => *length,
        }
    }

    /// Counts what it takes until the other end has it.
    pub(crate) fn hold(&mut self, memory: &Memory) {
        if let Self::Whole { bytes, held } = self {
            *held = Some(memory.hold(bytes.len()));
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole { bytes, held: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Self::Whole { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream { pieces, .. } => pieces
                .as_mut()
                .poll_next(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole { bytes, .. } if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
}
