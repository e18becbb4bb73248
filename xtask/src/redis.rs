//! The store of local runs: a Redis of their own, or the one the user names.

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::needs::REDIS;
use crate::net::free_port_from;
use crate::process::Service;
use crate::term;

/// Names the user's own Redis.
pub(crate) const URL_VARIABLE: &str = "RHOSYNC_REDIS_URL";
/// Where a Redis of our own listens, if the port is free.
const PORT: u16 = 9379;
/// How long a start may take: a large append-only file has to be read first.
const START: Duration = Duration::from_secs(60);

/// The store of a local run.
#[derive(Debug)]
pub(crate) struct Redis {
    /// Where it listens: `redis://host:port`, as `spin.toml` needs it.
    pub(crate) url: String,
    /// The process, when it is ours.
    pub(crate) service: Option<Service>,
}

impl Redis {
    /// Takes the user's Redis, or starts one that keeps its data in `data`.
    pub(crate) fn start(data: &Path, logs: &Path) -> Result<Self> {
        if let Some(url) = named_url() {
            term::step(format!("Using Redis at {url}"));
            return Ok(Self { url, service: None });
        }
        let program = REDIS.program().context("there is no redis-server")?;
        Self::start_own(&program, data, logs)
    }

    fn start_own(program: &Path, data: &Path, logs: &Path) -> Result<Self> {
        let port = free_port_from(PORT)?;
        term::step(format!("Starting Redis on port {port}"));
        std::fs::create_dir_all(data)
            .with_context(|| format!("cannot create {}", data.display()))?;
        let mut command = Command::new(program);
        command
            .args(["--port", &port.to_string()])
            .args(["--bind", "127.0.0.1"])
            // Every change is in the file within a second, so the classic snapshots would only cost time.
            .args(["--appendonly", "yes", "--appendfsync", "everysec"])
            .args(["--save", ""])
            // Jobs that are due begin though no request comes.
            .args(["--notify-keyspace-events", "Ex"])
            .args(["--daemonize", "no"])
            .arg("--dir")
            .arg(data);
        let mut service = Service::start("redis", command, logs)?;
        service.wait_until(START, || answers_ping(port))?;
        Ok(Self {
            url: format!("redis://127.0.0.1:{port}"),
            service: Some(service),
        })
    }
}

/// Where the user's own Redis is, if there is one to use.
pub(crate) fn named_url() -> Option<String> {
    env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty())
}

/// Whether a Redis on this port has read its data and serves.
fn answers_ping(port: u16) -> bool {
    const PONG: &[u8; 7] = b"+PONG\r\n";
    let ping = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; PONG.len()];
        stream.read_exact(&mut answer)?;
        Ok(answer == *PONG)
    };
    ping().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_there_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let say = |redis: &Redis, command: &str| {
            let address = redis.url.strip_prefix("redis://").unwrap();
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .write_all(format!("{command}\r\nQUIT\r\n").as_bytes())
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let program = REDIS
            .program()
            .expect("`cargo xtask test` installs redis-server");
        let start = || {
            Redis::start_own(
                &program,
                &folder.path().join("data"),
                &folder.path().join("logs"),
            )
            .unwrap()
        };

        let redis = start();
        assert!(say(&redis, "SET key kept").starts_with("+OK"));
        drop(redis);
        let redis = start();
        assert!(say(&redis, "GET key").contains("kept"));
        let port = redis.url.rsplit(':').next().unwrap().parse().unwrap();
        drop(redis);
        assert!(!answers_ping(port));
    }
}
