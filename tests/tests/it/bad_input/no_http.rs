//! Input that is not even a request: the host rejects it, and the server never hears of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use sync_proto::CLIENT_ID_HEADER;

use super::server::Server;

/// What a client does after its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// It waits for the answer.
    Wait,
    /// It hangs up.
    HangUp,
}

/// Sends these bytes and nothing more, and returns what comes back until the connection ends.
fn send_bytes(server: &Server, request: &[u8], after: After) -> String {
    let address = server.deployment.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let patience = Duration::from_secs(30);
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    stream.write_all(request).expect("to send");
    if after == After::HangUp {
        stream.shutdown(Shutdown::Write).expect("to hang up");
    }
    let mut answer = Vec::new();
    // How the connection ends is the host's affair.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The begin of a push that would be good.
fn head_of_push(server: &Server, length: &str) -> String {
    let Server {
        cookie, client_id, ..
    } = server;
    format!(
        "POST /app/v1/Board HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n{CLIENT_ID_HEADER}: {client_id}\r\n\
         Content-Type: application/json\r\n{length}\r\n"
    )
}

const BODY: &str = r#"{"create": {"t2": {"n": "x"}}}"#;

#[test]
fn requests_that_are_no_http_are_refused_by_the_host() {
    let server = Server::start();
    let before = server.content();
    let push = |length: &str| [head_of_push(&server, length).as_bytes(), BODY.as_bytes()].concat();
    let requests = [
        (
            "raw bytes in the path",
            b"GET /app/v1/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        ),
        (
            "a line break in a header",
            b"GET /health HTTP/1.1\r\nHost: x\r\nA\rB: c\r\n\r\n".to_vec(),
        ),
        (
            "a method nobody knows",
            b"FROB /app/v1/Board HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        ),
        (
            "two lengths",
            push("Content-Length: 30\r\nContent-Length: 4\r\n"),
        ),
        (
            "a length that is no number",
            push("Content-Length: many\r\n"),
        ),
    ];
    for (what, request) in requests {
        let answer = send_bytes(&server, &request, After::Wait);
        assert!(answer.starts_with("HTTP/1.1 4"), "{what}: {answer:?}");
        assert_eq!(server.content().difference(&before), [""; 0], "{what}");
    }
}

#[test]
fn a_body_that_is_cut_off_changes_nothing() {
    let server = Server::start();
    let before = server.content();
    let length = format!("Content-Length: {}\r\n", BODY.len() + 1);
    let request = head_of_push(&server, &length) + BODY;
    let answer = send_bytes(&server, request.as_bytes(), After::HangUp);
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer:?}");
    assert_eq!(server.content().difference(&before), [""; 0]);
}
