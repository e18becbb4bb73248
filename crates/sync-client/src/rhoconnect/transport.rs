//! How requests travel: the only part that touches the network.

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
#[error("no answer from the server")]
pub struct TransportError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// HTTP over kept-alive connections, without compression. HTTPS needs the feature `tls`.
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers as many requests as there are statuses, all on one connection, and returns what it was sent.
    fn serve(statuses: &'static [u16]) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/path?x=1", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut requests = Vec::new();
            for status in statuses {
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    assert_ne!(
                        reader.read_line(&mut request).unwrap(),
                        0,
                        "the connection was closed: {request}"
                    );
                }
                request.make_ascii_lowercase();
                let length = request
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |n| n.parse().unwrap());
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                request.push_str(&String::from_utf8(body).unwrap());
                requests.push(request);
                write!(
                    &stream,
                    "HTTP/1.1 {status} Whatever\r\ncontent-length: 4\r\nset-cookie: a=b\r\n\r\nbody"
                )
                .unwrap();
            }
            requests
        });
        (url, server)
    }

    #[test]
    fn requests_share_a_connection_and_every_status_is_an_answer() {
        let (url, server) = serve(&[200, 401, 302]);
        let transport = UreqTransport::new(Duration::from_secs(10));
        let send = |request: http::request::Builder, body: &'static str| {
            transport
                .send(
                    request
                        .uri(&url)
                        .body(Bytes::from_static(body.as_bytes()))
                        .unwrap(),
                )
                .unwrap()
        };
        let answer = send(Request::builder().header("x-own", "1"), "");
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"body"[..])
        );
        assert_eq!(answer.headers()["set-cookie"], "a=b");
        assert_eq!(
            send(Request::builder().method("POST"), "")
                .status()
                .as_u16(),
            401
        );
        assert_eq!(
            send(Request::builder().method("POST"), "{}")
                .status()
                .as_u16(),
            302
        );

        let requests = server.join().unwrap();
        assert!(
            requests[0].starts_with("get /path?x=1 http/1.1\r\n")
                && requests[0].contains("\r\nx-own: 1\r\n")
        );
        assert!(!requests[0].contains("gzip"), "{}", requests[0]);
        assert!(
            requests[1].contains("\r\ncontent-length: 0\r\n"),
            "{}",
            requests[1]
        );
        assert!(requests[2].ends_with("\r\n\r\n{}"));
    }

    #[test]
    fn nobody_there_is_a_transport_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let request = Request::get(url).body(Bytes::new()).unwrap();
        assert!(UreqTransport::default().send(request).is_err());
    }
}
