//! Event streams, `GET /sync/v1/events`: devices that wait are told that something has changed, whatever becomes of the store, the
//! host, and how many they are.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use http::Method;
use serde_json::{Value, json};
use test_support::{Deployment, Options, password_of, text_of, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Streams of the fleet, and the devices that have opened them.
const FLEET: usize = 5_000;
const DEVICES: usize = 20;

/// What a back end changes at once.
const OBJECTS: usize = 100;

/// How many of them come at once.
const AT_ONCE: usize = 50;

/// Longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A device with our own library, as far as this goes.
pub(crate) struct Phone {
    access: String,
}

impl Phone {
    /// Signs in, and follows the sources.
    pub(crate) fn of(deployment: &Deployment, user: &str, sources: &[&str]) -> Self {
        let rest = deployment.rest();
        let login = json!({"login": user, "password": password_of(user)});
        let session = rest.expect(201, Method::POST, "/sync/v1/session", &login);
        let session: Value = serde_json::from_slice(session.body()).expect("a session");
        let access = session["access"].as_str().expect("a token").to_owned();
        let phone = Self { access };
        let have = sources.iter().map(|name| ((*name).to_owned(), Value::Null));
        let have: serde_json::Map<_, _> = have.collect();
        phone.sync(deployment, &json!({"have": have}));
        phone
    }

    fn sync(&self, deployment: &Deployment, body: &Value) -> String {
        let rest = deployment.rest().with_bearer(&self.access);
        text_of(&rest.expect(200, Method::POST, "/sync/v1/sync", body))
    }

    /// Changes a note of its own, or one that all have.
    fn change(&self, deployment: &Deployment, source: &str, id: &str) {
        let change =
            json!({"id": id, "source": source, "op": "create", "object": id, "set": {"text": id}});
        self.sync(deployment, &json!({"changes": [change]}));
    }

    pub(crate) async fn open(&self, deployment: &Deployment) -> Stream {
        let address = deployment.url().replace("http://", "");
        let mut socket = TcpStream::connect(&address).await.expect("a connection");
        let request = format!(
            "GET /sync/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
            self.access
        );
        socket.write_all(request.as_bytes()).await.expect("to ask");
        let mut stream = Stream {
            socket,
            text: String::new(),
        };
        stream.until("retry: ").await;
        assert!(stream.text.starts_with("HTTP/1.1 200"), "{}", stream.text);
        assert!(stream.text.contains("content-type: text/event-stream"));
        stream
    }
}

/// What a device hears.
pub(crate) struct Stream {
    socket: TcpStream,
    text: String,
}

impl Stream {
    /// Reads on until a text has come; says when.
    pub(crate) async fn until(&mut self, text: &str) -> Instant {
        let read = async {
            while !self.text.contains(text) {
                assert!(self.read().await > 0, "no {text:?}: {}", self.text);
            }
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        assert!(read.is_ok(), "no {text:?} in time: {}", self.text);
        Instant::now()
    }

    async fn read(&mut self) -> usize {
        let mut buffer = [0; 1024];
        let count = self.socket.read(&mut buffer).await.unwrap_or(0);
        self.text
            .push_str(&String::from_utf8_lossy(&buffer[..count]));
        count
    }

    /// How long to wait before another stream is opened, in milliseconds. It is known once a line follows.
    fn retry(&self) -> u64 {
        let (_, rest) = self.text.split_once("retry: ").expect("a line of it");
        let (number, _) = rest.split_once('\n').expect("its end");
        number.trim().parse().expect("a number")
    }

    /// Reads on until the stream is over, or broken.
    async fn until_over(&mut self) {
        let read = async { while !self.text.ends_with(END) && self.read().await > 0 {} };
        let read = tokio::time::timeout(PATIENCE, read).await;
        assert!(read.is_ok(), "it goes on: {}", self.text);
    }
}

fn start() -> Deployment {
    let deployment = Deployment::start(Options::default());
    for user in ["anna", "bert"] {
        deployment.create_user(user);
    }
    deployment
}

/// The end of a body in chunks.
const END: &str = "\r\n0\r\n\r\n";
const NOTE: &str = r#"data: {"sources":["Note"]}"#;
const BOARD: &str = r#"data: {"sources":["Board"]}"#;

#[test]
fn news_arrive_after_a_commit_and_nothing_of_another_user() {
    let deployment = start();
    let anna = Phone::of(&deployment, "anna", &["Note", "Board"]);
    let bert = Phone::of(&deployment, "bert", &["Note", "Board"]);
    let mut hers = deployment.block_on(anna.open(&deployment));
    let mut his = deployment.block_on(bert.open(&deployment));
    anna.change(&deployment, "Note", "n1");
    deployment.block_on(hers.until(NOTE));
    // What all have comes after it, and his own stream has nothing before.
    anna.change(&deployment, "Board", "b1");
    deployment.block_on(hers.until(BOARD));
    deployment.block_on(his.until(BOARD));
    assert!(!his.text.contains("Note"), "{}", his.text);
}

#[test]
fn a_stream_that_is_open_tells_of_a_source_that_its_device_begins_with() {
    let deployment = start();
    let anna = Phone::of(&deployment, "anna", &[]);
    let bert = Phone::of(&deployment, "bert", &["Board"]);
    let mut hers = deployment.block_on(anna.open(&deployment));
    anna.sync(&deployment, &json!({"have": {"Board": null}}));
    bert.change(&deployment, "Board", "b1");
    deployment.block_on(hers.until(BOARD));
}

#[test]
fn a_stream_ends_when_its_device_signs_out() {
    let deployment = start();
    let anna = Phone::of(&deployment, "anna", &["Note"]);
    let bert = Phone::of(&deployment, "bert", &["Board"]);
    let mut hers = deployment.block_on(anna.open(&deployment));
    let mut his = deployment.block_on(bert.open(&deployment));
    let rest = deployment.rest().with_bearer(&anna.access);
    rest.expect(204, Method::DELETE, "/sync/v1/session", &Value::Null);
    deployment.block_on(hers.until_over());
    // It has come to its end, and did not break.
    assert!(hers.text.ends_with(END), "{}", hers.text);
    bert.change(&deployment, "Board", "b1");
    deployment.block_on(his.until(BOARD));
}

#[test]
fn a_killed_store_ends_no_stream() {
    let mut deployment = Deployment::start(Options {
        is_durable: true,
        redis_timeout_ms: 2_000,
        ..Options::default()
    });
    deployment.create_user("anna");
    let anna = Phone::of(&deployment, "anna", &["Board"]);
    let mut stream = deployment.block_on(anna.open(&deployment));
    deployment.redis().kill();
    deployment.redis().restart();
    // What was under way when the store died is left to a job, for a minute: so it is another change each time.
    let mut changes = 0;
    until("the store to be used again", || {
        changes += 1;
        let id = format!("c{changes}");
        let change =
            json!({"id": id, "source": "Board", "op": "create", "object": id, "set": {"text": id}});
        let body = json!({"changes": [change]}).to_string();
        let rest = deployment.rest().with_bearer(&anna.access);
        let answer = rest.send(Method::POST, "/sync/v1/sync", body);
        text_of(&answer).contains("applied").then_some(())
    });
    deployment.block_on(stream.until(BOARD));
}

#[test]
fn a_whole_fleet_is_told_and_a_killed_host_leaves_nobody_waiting() {
    let mut deployment = start();
    let users = ["anna", "bert"].into_iter().cycle().take(DEVICES);
    let phones: Vec<_> = users
        .map(|user| Phone::of(&deployment, user, &["Board"]))
        .collect();
    let mut streams = open_fleet(&deployment, &phones);
    let objects: serde_json::Map<_, _> = (0..OBJECTS)
        .map(|number| (format!("b{number}"), json!({"text": number.to_string()})))
        .collect();
    let admin = deployment.admin();
    admin.push_objects("Board", "anna", &Value::Object(objects));
    deployment.block_on(join_all(
        streams.iter_mut().map(|stream| stream.until(BOARD)),
    ));
    for phone in &phones {
        let copy = phone.sync(&deployment, &json!({"have": {"Board": null}}));
        assert_eq!(copy.matches(r#""text":"#).count(), OBJECTS, "{copy}");
    }
    assert_spread(&streams);
    deployment.kill_host();
    deployment.block_on(join_all(streams.iter_mut().map(Stream::until_over)));
    deployment.start_host();
    let mut streams = open_fleet(&deployment, &phones);
    phones[1].change(&deployment, "Board", "mine");
    deployment.block_on(join_all(
        streams.iter_mut().map(|stream| stream.until(BOARD)),
    ));
}

fn open_fleet(deployment: &Deployment, phones: &[Phone]) -> Vec<Stream> {
    let streams = (0..FLEET).map(|number| phones[number % phones.len()].open(deployment));
    // Devices do not come all at once either: `retry` spreads them.
    let streams = stream::iter(streams).buffer_unordered(AT_ONCE);
    deployment.block_on(streams.collect())
}

/// Asserts that the streams' devices come back spread over the nine seconds that `retry` may say: in each of them about as many.
fn assert_spread(streams: &[Stream]) {
    let mut by_second = [0_usize; 9];
    for stream in streams {
        let retry = stream.retry();
        assert!((1_000..=10_000).contains(&retry), "{retry} ms");
        let second = usize::try_from(retry / 1_000 - 1).expect("a second");
        by_second[second.min(8)] += 1;
    }
    let fair = streams.len() / by_second.len();
    let is_fair = |number: &usize| (fair / 2..=fair * 2).contains(number);
    assert!(by_second.iter().all(is_fair), "{by_second:?}");
}

#[test]
fn a_sync_that_waits_has_its_head_at_once_and_its_lines_after_a_commit() {
    let deployment = start();
    let anna = Phone::of(&deployment, "anna", &["Board"]);
    let bert = Phone::of(&deployment, "bert", &["Board"]);
    let rest = deployment.rest().with_bearer(&anna.access);
    let have = json!({"have": {"Board": null}});
    let first = rest.expect(200, Method::POST, "/sync/v1/sync", &have);
    let first = text_of(&first);
    let line: Value = serde_json::from_str(first.lines().next().expect("a line")).expect("JSON");
    let body = json!({"have": {"Board": line["cursor"]}, "wait": 25}).to_string();
    let address = deployment.url().replace("http://", "");
    let request = format!(
        "POST /sync/v1/sync HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        anna.access,
        body.len()
    );
    let mut waiting = deployment.block_on(async {
        let mut socket = TcpStream::connect(&address).await.expect("a connection");
        socket.write_all(request.as_bytes()).await.expect("to ask");
        let text = String::new();
        let mut waiting = Stream { socket, text };
        waiting.until("\r\n\r\n").await;
        waiting
    });
    assert!(waiting.text.starts_with("HTTP/1.1 200"), "{}", waiting.text);
    assert!(!waiting.text.contains("Board"), "{}", waiting.text);
    bert.change(&deployment, "Board", "b1");
    deployment.block_on(waiting.until(r#"{"text":"b1"}"#));
    deployment.block_on(waiting.until_over());
    assert!(waiting.text.contains(r#"{"end":"#), "{}", waiting.text);
}
