//! Files through the finished component: large ones in little memory.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Deployment, Options, password_of, until};

const MIB: usize = 1024 * 1024;

/// How long the host may stay silent: it is a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A megabyte of a file. Every one is different, so that no two pieces can be exchanged unnoticed.
fn megabyte(number: usize) -> Vec<u8> {
    let seed = number.to_le_bytes();
    (0..MIB)
        .map(|at| (at % 251) as u8 ^ seed[at % seed.len()])
        .collect()
}

/// A device's end of the wire, which holds no more of a file than a megabyte.
struct Phone {
    server: String,
    cookie: String,
    client: String,
}

/// What came before the body of an answer.
#[derive(Debug)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn length(&self) -> usize {
        let length = self.header("content-length").expect("a length");
        length.parse().expect("a number")
    }
}

impl Phone {
    fn log_in(deployment: &Deployment, user: &str) -> Self {
        deployment.create_user(user);
        let rest = deployment.rest();
        let cookie = rest.log_in(user, &password_of(user));
        let rest = rest.with_header("cookie", &cookie);
        Self {
            server: deployment.url().replace("http://", ""),
            cookie,
            client: rest.register_client(&Value::Null),
        }
    }

    /// Begins a request; what follows is its body.
    fn request(&self, head: &str, length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(&self.server).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a time-out");
        let Self {
            server,
            cookie,
            client,
        } = self;
        write!(
            stream,
            "{head}\r\nhost: {server}\r\ncookie: {cookie}\r\nx-rhoconnect-client-id: {client}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
        .expect("to send a request");
        stream
    }

    fn answer(stream: TcpStream) -> (Head, BufReader<TcpStream>) {
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            line.trim_end().to_owned()
        };
        let status = line();
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let headers = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty()))
            .filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_ascii_lowercase(), value.to_owned()))
            })
            .collect();
        let status = status.expect("a status");
        (Head { status, headers }, reader)
    }

    fn get(&self, line: &str, further: &str) -> (Head, BufReader<TcpStream>) {
        Self::answer(self.request(&format!("{line} HTTP/1.1{further}"), 0))
    }

    /// A page of a source.
    fn pull(&self, source: &str, token: &str) -> Value {
        let (head, mut body) = self.get(
            &format!("GET /app/v1/{source}?p_size=100&token={token}"),
            "",
        );
        assert_eq!(head.status, 200);
        let mut page = vec![0; head.length()];
        body.read_exact(&mut page).expect("a page");
        serde_json::from_slice(&page).expect("JSON")
    }

    /// Creates an object with a file of so many megabytes, which is sent as it is made.
    fn create(&self, source: &str, id: &str, megabytes: usize) -> Head {
        let changes =
            json!({"create": {id: {"name": id, "video": "a video.mp4"}}, "blob_fields": ["video"]});
        let before = format!(
            "--b0undary\r\nContent-Disposition: form-data; name=\"video-{id}\"; filename=\"a video.mp4\"\r\nContent-Type: video/mp4\r\n\r\n"
        );
        let after = format!(
            "\r\n--b0undary\r\nContent-Disposition: form-data; name=\"cud\"\r\n\r\n{changes}\r\n--b0undary--\r\n"
        );
        let length = before.len() + megabytes * MIB + after.len();
        let head = format!(
            "POST /app/v1/{source} HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=b0undary"
        );
        let mut stream = self.request(&head, length);
        stream.write_all(before.as_bytes()).expect("to send");
        for number in 0..megabytes {
            stream.write_all(&megabyte(number)).expect("to send");
        }
        stream.write_all(after.as_bytes()).expect("to send");
        Self::answer(stream).0
    }
}

#[test]
fn a_file_of_a_hundred_megabytes_passes_through_sixteen() {
    let mut deployment = Deployment::start(Options::default());
    let sender = Phone::log_in(&deployment, "anna");
    let receiver = Phone::log_in(&deployment, "bert");
    sender.pull("Board", "");
    deployment.restart_with_memory_limit("16MiB");

    assert_eq!(sender.create("Board", "t-1", 100).status, 200);
    let page = receiver.pull("Board", "");
    let objects = page[5]["insert"].as_object().expect("news").clone();
    let object = objects.values().next().expect("the object");
    assert_eq!(object["video"], "a video.mp4");
    let address = object["video-rhoblob"].as_str().expect("an address");
    let path = address
        .strip_prefix(&deployment.url())
        .expect("an address at this server");

    let (head, mut body) = receiver.get(&format!("GET {path}?client_id={}", receiver.client), "");
    assert_eq!((head.status, head.length()), (200, 100 * MIB), "{head:?}");
    assert_eq!(head.header("content-type"), Some("video/mp4"));
    let mut received = vec![0; MIB];
    for number in 0..100 {
        body.read_exact(&mut received).expect("a megabyte");
        assert!(received == megabyte(number), "megabyte {number}");
    }
    assert_eq!(body.read(&mut received).expect("the end"), 0);

    let (head, mut body) = receiver.get(&format!("GET {path}"), "\r\nrange: bytes=-1048576");
    assert_eq!((head.status, head.length()), (206, MIB));
    body.read_exact(&mut received).expect("the last megabyte");
    assert!(received == megabyte(99));

    let etag = head.header("etag").expect("a tag");
    let (known, _) = receiver.get(
        &format!("GET {path}"),
        &format!("\r\nif-none-match: {etag}"),
    );
    assert_eq!(known.status, 304);
    let (head, mut body) = receiver.get(&format!("HEAD {path}"), "");
    assert_eq!((head.status, head.length()), (200, 100 * MIB));
    assert_eq!(body.read(&mut received).expect("the end"), 0);
}

#[test]
fn an_upload_that_is_cut_off_leaves_nothing() {
    let deployment = Deployment::start(Options::default());
    let phone = Phone::log_in(&deployment, "anna");
    phone.pull("Board", "");
    let contents = || deployment.keys("*blob-content*");

    let head =
        "POST /app/v1/Board HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=b0undary";
    let mut stream = phone.request(head, 50 * MIB);
    stream
        .write_all(b"--b0undary\r\nContent-Disposition: form-data; name=\"video-1\"; filename=\"v\"\r\n\r\n")
        .expect("to send");
    for number in 0..2 {
        stream.write_all(&megabyte(number)).expect("to send");
    }
    until("the first pieces", || {
        (!contents().is_empty()).then_some(())
    });
    drop(stream);
    until("the end of what was cut off", || {
        contents().is_empty().then_some(())
    });
}
