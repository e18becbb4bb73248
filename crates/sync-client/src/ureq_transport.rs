//! HTTP for programs that have none of their own.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use crate::conversation::{Conversation, Header, HttpRequest, Transport, TransportError};

/// How often it looks whether it was cancelled while nothing comes: at first, and then ever less often.
const GLANCE: Duration = Duration::from_millis(50);
const LONGEST_GLANCE: Duration = Duration::from_secs(1);

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

/// HTTP over connections that are kept open. HTTPS needs the feature `tls`.
#[derive(Debug, Clone)]
pub struct UreqTransport {
    agent: ureq::Agent,
}

impl Default for UreqTransport {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0);
        #[cfg(feature = "tls")]
        let config = config.tls_config(
            ureq::tls::TlsConfig::builder()
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        );
        Self {
            agent: config.build().into(),
        }
    }
}

/// What the network brings.
enum Came {
    Head(u16, Vec<Header>),
    Piece(Vec<u8>),
    End(Result<(), String>),
}

impl Transport for UreqTransport {
    fn send(
        &self,
        request: HttpRequest,
        conversation: Arc<Conversation>,
    ) -> Result<(), TransportError> {
        // A call of the network cannot be interrupted: it has a thread of its own, which is left alone if nobody wants the answer.
        let (sender, receiver) = mpsc::sync_channel(4);
        let agent = self.agent.clone();
        let spawned = thread::Builder::new().spawn(move || {
            let ended = carry(&agent, request, &sender);
            let _ = sender.send(Came::End(ended));
        });
        spawned.map_err(|error| TransportError {
            reason: error.to_string(),
        })?;
        let mut glance = GLANCE;
        loop {
            let came = receiver.recv_timeout(glance);
            glance = match came {
                Ok(_) => GLANCE,
                Err(_) => LONGEST_GLANCE.min(glance * 2),
            };
            let is_wanted = match came {
                Ok(Came::Head(status, headers)) => conversation.answer_head(status, headers),
                Ok(Came::Piece(bytes)) => conversation.answer_chunk(bytes),
                Ok(Came::End(ended)) => {
                    return ended.map_err(|reason| TransportError { reason });
                }
                Err(RecvTimeoutError::Timeout) => !conversation.is_cancelled(),
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if !is_wanted {
                return Err(TransportError {
                    reason: "it was cut off".to_owned(),
                });
            }
        }
    }

    fn can_stream(&self) -> bool {
        true
    }
}

fn carry(agent: &ureq::Agent, request: HttpRequest, to: &SyncSender<Came>) -> Result<(), String> {
    let HttpRequest {
        method,
        url,
        headers,
        body,
        timeout_ms,
    } = request;
    let mut request = ureq::http::Request::builder()
        .method(method.as_str())
        .uri(url);
    for Header { name, value } in headers {
        request = request.header(name, value);
    }
    let timeout = Duration::from_millis(timeout_ms);
    // What has content may have one of no bytes: an empty file. Without a body, its length would not be said.
    let answer = match body.is_empty() && !matches!(&*method, "POST" | "PUT") {
        true => run(agent, request.body(()), timeout),
        false => run(agent, request.body(body), timeout),
    }?;
    let headers = answer.headers().iter().map(|(name, value)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    // The other end is gone where nobody wants the answer.
    let gone = |_| "it was cut off".to_owned();
    to.send(Came::Head(answer.status().as_u16(), headers.collect()))
        .map_err(gone)?;
    let mut body = answer.into_body().into_reader();
    loop {
        let mut piece = vec![0; PIECE];
        let length = body.read(&mut piece).map_err(|error| error.to_string())?;
        if length == 0 {
            return Ok(());
        }
        piece.truncate(length);
        to.send(Came::Piece(piece)).map_err(gone)?;
    }
}

fn run<B: ureq::AsSendBody>(
    agent: &ureq::Agent,
    request: Result<ureq::http::Request<B>, ureq::http::Error>,
    timeout: Duration,
) -> Result<ureq::http::Response<ureq::Body>, String> {
    let request = request.map_err(|error| error.to_string())?;
    let request = agent.configure_request(request);
    let request = request.timeout_global(Some(timeout)).build();
    agent.run(request).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// The head of what goes over the wire for a request without content.
    fn head_of(method: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let request = HttpRequest {
            method: method.to_owned(),
            url: format!("http://{}/x", listener.local_addr().unwrap()),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 10_000,
        };
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
            }
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            head.to_ascii_lowercase()
        });
        let (sender, _receiver) = mpsc::sync_channel(4);
        let agent = UreqTransport::default().agent;
        carry(&agent, request, &sender).unwrap();
        server.join().unwrap()
    }

    #[test]
    fn an_empty_body_has_a_length_where_a_body_is_expected() {
        for method in ["PUT", "POST"] {
            let head = head_of(method);
            assert!(head.contains("\r\ncontent-length: 0\r\n"), "{head}");
        }
        for method in ["GET", "DELETE"] {
            let head = head_of(method);
            assert!(!head.contains("content-length"), "{head}");
            assert!(!head.contains("transfer-encoding"), "{head}");
        }
    }
}
