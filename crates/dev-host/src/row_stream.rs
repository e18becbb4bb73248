//! Rows of a database's answer, as components read them: one after the other, while the database still sends.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

/// Rows that wait for a component at most; the database waits for it then.
const WAITING: usize = 64;

/// What a component reads.
pub(crate) struct Rows<T>(mpsc::Receiver<T>);

/// A way for rows to a component.
pub(crate) fn rows<T>() -> (mpsc::Sender<T>, Rows<T>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (sender, Rows(receiver))
}

impl<D, T: Send + Sync + Unpin + 'static> StreamProducer<D> for Rows<T> {
    type Item = T;
    type Buffer = VecBuffer<T>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, T, VecBuffer<T>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // A read of nothing only asks whether there may be something.
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let mut found = Vec::new();
        let polled = self
            .get_mut()
            .0
            .poll_recv_many(context, &mut found, WAITING);
        match polled {
            Poll::Ready(0) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Ready(_) => {
                destination.set_buffer(found.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
