//! Devices that wait: how soon they are told that something has changed, and what they take of the host's memory.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::{join_all, try_join_all};
use hdrhistogram::Histogram;
use http::Method;
use serde_json::{Value, json};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use test_support::{Deployment, Options, password_of};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::load::histogram;
use crate::report::Budget;

/// Devices that wait.
const DEVICES: usize = 1_000;

/// How many of them come at once.
const AT_ONCE: usize = 50;

/// Changes of which all are told, one after another.
const CHANGES: usize = 20;

/// Most memory of the host for one of them, in KiB.
const MOST_KIB: f64 = 20.0;

/// How soon all but one of a hundred are to know, in milliseconds.
const MOST_MS: f64 = 1_500.0;

/// Who waits.
const USER: &str = "waiting";

/// What all of them have.
const SOURCE: &str = "Board";

/// Measures it, on a server of its own.
pub(crate) fn measure() -> Result<[Budget; 2]> {
    let deployment = Deployment::start(Options {
        products: 0,
        ..Options::default()
    });
    deployment.create_user(USER);
    let rest = deployment.rest();
    let login = json!({"login": USER, "password": password_of(USER)});
    let session = rest.expect(201, Method::POST, "/sync/v1/session", &login);
    let session: Value = serde_json::from_slice(session.body())?;
    let access = session.get("access").and_then(Value::as_str);
    let access = access.context("an access token")?;
    let rest = rest.with_bearer(access);
    let sync = |body: &Value| drop(rest.expect(200, Method::POST, "/sync/v1/sync", body));
    sync(&json!({"have": {SOURCE: null}}));

    let host = deployment.host_id().context("the host runs")?;
    // One stream, so that what the component takes by itself is there.
    let url = deployment.url();
    let first = deployment.block_on(open(&url, access))?;
    let before = memory(host)?;
    // Not all at once, as devices do not come either.
    let mut streams = Vec::with_capacity(DEVICES);
    while streams.len() < DEVICES {
        let some = (0..AT_ONCE).map(|_| open(&url, access));
        streams.extend(deployment.block_on(try_join_all(some))?);
    }
    let each = (memory(host)? - before) / DEVICES as f64 / 1024.0;

    let mut waits = histogram()?;
    for number in 0..CHANGES {
        let id = format!("c{number}");
        let begin = Instant::now();
        sync(
            &json!({"changes": [{"id": id, "source": SOURCE, "op": "create", "object": id, "set": {"text": id}}]}),
        );
        let told = join_all(streams.iter_mut().map(event));
        for told in deployment.block_on(told) {
            let wait = told?.saturating_duration_since(begin).as_micros();
            waits.record(u64::try_from(wait)?)?;
        }
    }
    drop(first);
    Ok(budgets(each, &waits))
}

fn budgets(each: f64, waits: &Histogram<u64>) -> [Budget; 2] {
    let p99 = waits.value_at_quantile(0.99) as f64 / 1_000.0;
    [
        Budget::at_most(
            "a device that waits: memory of the host",
            each,
            MOST_KIB,
            "KiB",
        ),
        Budget::at_most(
            "news to 1 000 devices that wait: p99 from the change being sent",
            p99,
            MOST_MS,
            "ms",
        ),
    ]
}

/// What a process has in memory, in bytes.
fn memory(process: u32) -> Result<f64> {
    let pid = Pid::from_u32(process);
    let mut system = System::new()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_memory().without_tasks(),
    );
    let process = system.process(pid).context("the host runs")?;
    Ok(process.memory() as f64)
}

async fn open(server: &str, access: &str) -> Result<TcpStream> {
    let address = server.replace("http://", "");
    let mut stream = TcpStream::connect(&address).await?;
    let request = format!(
        "GET /sync/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {access}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    until(&mut stream, "retry:").await?;
    Ok(stream)
}

async fn event(stream: &mut TcpStream) -> Result<Instant> {
    until(stream, "data:").await
}

/// Reads on until a text has come, and says when.
async fn until(stream: &mut TcpStream, text: &str) -> Result<Instant> {
    let (mut read, mut buffer) = (String::new(), [0; 1024]);
    while !read.contains(text) {
        let count = stream.read(&mut buffer).await?;
        ensure!(count > 0, "a stream has ended after {read:?}");
        read.push_str(&String::from_utf8_lossy(
            buffer.get(..count).unwrap_or_default(),
        ));
    }
    Ok(Instant::now())
}
