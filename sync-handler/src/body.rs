//! Bodies: those of requests are read up to a limit, those of answers are whole or a stream of known length.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::LocalBoxStream;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::HttpError;

/// Most bytes of a request's body. A device's whole day fits in it; larger things are blobs.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// What a body that fails half-way says.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request, as it arrives.
pub trait RequestBody: http_body::Body<Data = Bytes, Error: Into<BodyError>> {}

impl<B: http_body::Body<Data = Bytes, Error: Into<BodyError>>> RequestBody for B {}

/// Reads a whole body of at most `max_bytes` bytes.
pub(crate) async fn read_whole(
    body: impl RequestBody,
    max_bytes: usize,
) -> Result<Bytes, HttpError> {
    match Limited::new(body, max_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpError::BodyTooLarge { max_bytes }),
        Err(error) => Err(HttpError::MalformedBody(error.to_string())),
    }
}

/// The body of an answer.
pub enum Body {
    /// It is there.
    Whole(Bytes),
    /// It is fetched piece by piece, while the other end takes it.
    Stream {
        /// The pieces.
        pieces: LocalBoxStream<'static, Result<Bytes, BodyError>>,
        /// Bytes of all pieces together.
        length: u64,
    },
}

impl Body {
    /// How many bytes it has.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
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
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream { pieces, .. } => pieces
                .as_mut()
                .poll_next(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
}
