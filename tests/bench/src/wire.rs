//! One kept connection to the server, as a device has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::io::{InspectReader, InspectWriter};

/// A request that can be sent again and again.
pub(crate) type Call = Request<Full<Bytes>>;

/// A connection that is kept from request to request.
pub(crate) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    traffic: Arc<Traffic>,
}

/// What went over a connection, in bytes, heads included.
#[derive(Debug, Default)]
struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Wire {
    /// Connects to `address`, written `host:port`.
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let traffic = Arc::new(Traffic::default());
        let (sent, received) = (Arc::clone(&traffic), Arc::clone(&traffic));
        let counted = InspectReader::new(stream, move |bytes| add(&received.received, bytes));
        let counted = InspectWriter::new(counted, move |bytes| add(&sent.sent, bytes));
        let (sender, connection) = handshake(TokioIo::new(counted)).await?;
        // What goes wrong with it, the request under way is told as well.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: HeaderValue::from_str(address)?,
            traffic,
        })
    }

    /// Sends a request and waits for the whole answer, which has to say that all is well.
    pub(crate) async fn send(&mut self, mut call: Call) -> Result<Response<Bytes>> {
        call.headers_mut().insert(HOST, self.host.clone());
        self.sender.ready().await?;
        let answer = self.sender.send_request(call).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        ensure!(
            head.status.is_success(),
            "the server answered {}: {}",
            head.status,
            String::from_utf8_lossy(&body)
        );
        Ok(Response::from_parts(head, body))
    }

    /// Bytes sent and received so far.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let Traffic { sent, received } = &*self.traffic;
        (
            sent.load(Ordering::Relaxed),
            received.load(Ordering::Relaxed),
        )
    }
}

fn add(count: &AtomicU64, bytes: &[u8]) {
    // A usize has at most 64 bits wherever this runs.
    count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
}
