//! The body of a component's response. It must not look complete if its instance failed on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

/// Whether the instance behind a request has failed.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<AtomicBool>);

impl Failure {
    /// Has to be called before the instance is dropped, which ends its bodies.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body that ends with an error when its instance failed.
pub(crate) struct Watched {
    pub(crate) body: WasiBody,
    pub(crate) failure: Failure,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(None) if self.failure.is_set() => {
                Poll::Ready(Some(Err(Error::HttpResponseIncomplete)))
            }
            poll => poll,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
