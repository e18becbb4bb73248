//! A network that loses what the test tells it to lose.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use sync_client::rhoconnect::{Transport, TransportError, UreqTransport};

/// What is lost of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    None,
    /// The request, before it reaches the server.
    Request,
    /// The answer, when the server has done its work.
    Answer,
}

/// HTTP over a network that loses what the test tells it to lose, and carries everything else.
#[derive(Debug, Default)]
pub struct LossyTransport {
    network: UreqTransport,
    coming: Mutex<VecDeque<Loss>>,
    answers: Arc<AtomicUsize>,
}

impl LossyTransport {
    /// Says what happens to the next exchanges, in their order. Those after them arrive.
    pub fn lose(&self, losses: impl IntoIterator<Item = Loss>) {
        self.coming().extend(losses);
    }

    /// Says that `before` exchanges arrive, and then `loss` happens.
    pub fn lose_after(&self, before: usize, loss: Loss) {
        self.lose(std::iter::repeat_n(Loss::None, before).chain([loss]));
    }

    /// Whether everything that was to be lost has been.
    pub fn has_lost_all(&self) -> bool {
        self.coming().is_empty()
    }

    /// How many answers have arrived, as a number that goes on counting.
    pub fn answers(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.answers)
    }

    fn coming(&self) -> std::sync::MutexGuard<'_, VecDeque<Loss>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for LossyTransport {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let loss = self.coming().pop_front().unwrap_or(Loss::None);
        if loss == Loss::Request {
            return Err(TransportError("the request is lost".into()));
        }
        let answer = self.network.send(request)?;
        if loss == Loss::Answer {
            return Err(TransportError("the answer is lost".into()));
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }
}
