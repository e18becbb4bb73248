//! What is measured: a Redis, and one host that runs the bare component beside the real one.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use test_support::{Host, TestRedis, component_dir};
use toml::Value;
use uuid::Uuid;

use crate::cost::info;
use crate::machine::Cpu;
use crate::term;

/// The administrator's name.
pub(crate) const ADMIN: &str = "rhoadmin";
/// The component that every budget is a share of.
const BARE: &str = "redis-get";
/// Where it answers; the server has all other paths.
pub(crate) const BARE_PATH: &str = "/bench/redis-get";
/// What it reads for each request.
const BARE_KEY: &str = "bench:key";
/// As long as the answer to a poll without news.
const BARE_VALUE: [u8; 96] = [b'x'; 96];
/// Sources that everybody shares, with no back end to wait for.
pub(crate) const SHARED: [&str; 9] = [
    "Idle", "Pull", "OldIdle", "OldPull", "First", "Push", "Small", "Large", "Crowd",
];
/// The same, for devices with our own library.
pub(crate) const NATIVE: [&str; 12] = [
    "N0", "N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "N9", "NPull", "NPush",
];
/// A source of which every user has a document.
pub(crate) const OWN: &str = "Own";

/// The running processes. They end when this is dropped.
pub(crate) struct Stage {
    /// `host:port` of the server.
    pub(crate) address: String,
    /// Its administrator's password.
    pub(crate) admin_password: String,
    // In the order in which they are to end.
    server: Host,
    redis: TestRedis,
    redis_pid: u32,
    #[expect(dead_code, reason = "it holds the application that runs")]
    folder: TempDir,
}

impl Stage {
    /// Starts everything that was built optimised, with nothing of an earlier run.
    pub(crate) async fn start() -> Result<Self> {
        term::step("Starting Redis and the server");
        let folder = tempfile::tempdir()?;
        write_application(folder.path())?;
        let redis = TestRedis::start();
        let admin_password = Uuid::new_v4().simple().to_string();
        let variables = [
            ("redis_url", &*redis.url()),
            ("admin_password", &admin_password),
            ("session_secret", &Uuid::new_v4().to_string()),
        ];
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Host::start(folder.path(), anywhere, &["--quiet"], &variables);
        let mut stage = Self {
            address: server.address().to_string(),
            admin_password,
            server,
            redis,
            redis_pid: 0,
            folder,
        };
        let mut store = stage.prepare_store().await?;
        stage.redis_pid = info(&mut store, "server", "process_id").await?.parse()?;
        Ok(stage)
    }

    /// The processor time that the server and the store have used so far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        Cpu::of(self.server.id(), self.redis_pid)
    }

    /// The store, as only a benchmark may look at it.
    pub(crate) fn store(&self) -> Result<redis::Client> {
        redis::Client::open(self.redis.url()).context("the address of Redis")
    }

    /// A connection to the store, the bare component's value set.
    pub(crate) async fn prepare_store(&self) -> Result<MultiplexedConnection> {
        let mut store = self.store()?.get_multiplexed_async_connection().await?;
        let () = store.set(BARE_KEY, &BARE_VALUE).await?;
        Ok(store)
    }
}

/// Writes the application of this run: both components in one host.
fn write_application(folder: &Path) -> Result<()> {
    let source = |component: &str| {
        let file = format!("{component}.wasm");
        Value::from(&*component_dir().join(file).to_string_lossy())
    };
    let manifest = format!(
        r#"spin_manifest_version = 2

[application]
name = "bench"

[variables]
redis_url = {{ required = true }}
session_secret = {{ required = true, secret = true }}
admin_password = {{ required = true, secret = true }}

[[trigger.http]]
component = "{BARE}"
route = "{BARE_PATH}"

[component.{BARE}]
source = {bare}
allowed_outbound_hosts = ["{{{{ redis_url }}}}"]
variables = {{ redis_url = "{{{{ redis_url }}}}" }}

[[trigger.http]]
component = "sync-handler"
route = "/..."

[component.sync-handler]
source = {handler}
allowed_outbound_hosts = ["{{{{ redis_url }}}}"]
files = [{{ source = "rhosync.toml", destination = "/rhosync.toml" }}]

[component.sync-handler.variables]
admin_password = "{{{{ admin_password }}}}"
redis_url = "{{{{ redis_url }}}}"
session_secret = "{{{{ session_secret }}}}"
"#,
        bare = source("guest_redis_get"),
        handler = source("sync_handler"),
    );
    let sources: String = SHARED
        .iter()
        .chain(&NATIVE)
        .map(|name| (name, "app"))
        .chain([(&OWN, "user")])
        .map(|(name, partition)| {
            format!("[sources.{name}]\nadapter = \"push-only\"\npartition = \"{partition}\"\n\n")
        })
        .collect();
    fs::write(folder.join("rhosync.toml"), sources)
        .and_then(|()| fs::write(folder.join("spin.toml"), manifest))
        .with_context(|| format!("cannot write to {}", folder.display()))
}
