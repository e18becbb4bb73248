//! How requests travel. The only thing here that touches the network.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

/// Carries one request to the server and its answer back.
///
/// Tests put their own in between, to lose requests or answers.
pub trait Transport {
    /// Sends a request with an absolute URL. An answer of any status is `Ok`.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when there is no answer. The server may have received the request nevertheless.
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

impl<T: Transport + ?Sized> Transport for &T {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request)
    }
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the server: {0}")]
pub struct TransportError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// HTTP over kept-alive connections, without TLS and without compression.
#[derive(Clone, Debug)]
pub struct UreqTransport {
    agent: ureq::Agent,
}

impl UreqTransport {
    /// Longest answer that is read, in bytes: a page of 2 000 large objects with room to spare.
    const MAX_ANSWER: u64 = 256 * 1024 * 1024;

    /// A transport that gives up on an answer after `timeout`.
    pub fn new(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
        }
    }
}

impl Default for UreqTransport {
    /// Waits for half a minute, as a first sync may have to wait for the back end's whole answer.
    fn default() -> Self {
        Self::new(Duration::from_secs(30))
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = request.into_parts();
        let sent = if body.is_empty() && head.method != http::Method::POST {
            self.agent.run(Request::from_parts(head, ()))
        } else {
            self.agent.run(Request::from_parts(head, &body[..]))
        };
        let (head, mut body) = sent.map_err(failed)?.into_parts();
        let body = body
            .with_config()
            .limit(Self::MAX_ANSWER)
            .read_to_vec()
            .map_err(failed)?;
        Ok(Response::from_parts(head, body.into()))
    }
}

fn failed(error: ureq::Error) -> TransportError {
    TransportError(Box::new(error))
}
