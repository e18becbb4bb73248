//! What is measured: a Redis, and one host that runs the bare component beside the real one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ::redis::AsyncCommands as _;
use ::redis::aio::MultiplexedConnection;
use anyhow::{Context as _, Result};
use toml::Value;
use uuid::Uuid;

use super::machine::Cpu;
use crate::net::free_port_from;
use crate::process::Service;
use crate::redis::start_forgetful;
use crate::term;
use crate::up::admin::Admin;
use crate::workspace::{Native, Workspace};

/// The component that every budget is a share of.
const BARE: &str = "redis-get";
/// Where it answers; the server has all other paths.
pub(super) const BARE_PATH: &str = "/bench/redis-get";
/// What it reads for each request.
const BARE_KEY: &str = "bench:key";
/// As long as the answer to a poll without news.
const BARE_VALUE: [u8; 96] = [b'x'; 96];
/// Sources that everybody shares, with no back end to wait for.
pub(super) const SHARED: [&str; 9] = [
    "Idle", "Pull", "OldIdle", "OldPull", "First", "Push", "Small", "Large", "Crowd",
];
/// A source of which every user has a document.
pub(super) const OWN: &str = "Own";
/// Where the server listens, if nobody else does.
const PORT: u16 = 9492;
/// How long the server may take: without a cache it compiles every component first.
const START: Duration = Duration::from_secs(180);

/// The running processes. They end when this is dropped.
pub(super) struct Stage {
    /// `host:port` of the server.
    pub(super) address: String,
    /// Its administrator's password.
    pub(super) admin_password: String,
    redis_url: String,
    // In the order in which they are to end.
    server: Service,
    redis: Service,
}

impl Stage {
    /// Starts everything that was built optimised, with nothing of an earlier run.
    pub(super) fn start(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.state().join("bench");
        let logs = folder.join("logs");
        let (redis_url, redis) = start_forgetful(&folder.join("redis"), &logs)?;
        let port = free_port_from(PORT)?;
        term::step(format!("Starting the server on port {port}"));
        let address = format!("127.0.0.1:{port}");
        let admin_password = Uuid::new_v4().simple().to_string();
        let manifest = write_manifest(workspace, &folder)?;
        let mut command = Command::new(workspace.program_dir(Native::Optimised).join("dev-host"));
        command
            .arg("--quiet")
            .arg("--manifest")
            .arg(manifest)
            .args(["--listen", &address])
            .arg("--cache-dir")
            .arg(folder.join("cache"))
            .env_remove("RUST_LOG")
            .env("SPIN_VARIABLE_REDIS_URL", &redis_url)
            .env("SPIN_VARIABLE_ADMIN_PASSWORD", &admin_password)
            .env("SPIN_VARIABLE_SESSION_SECRET", Uuid::new_v4().to_string());
        let mut server = Service::start("server", command, &logs)?;
        let admin = Admin::new(&format!("http://{address}"));
        server.wait_until(START, || admin.ready().is_ok())?;
        Ok(Self {
            address,
            admin_password,
            redis_url,
            server,
            redis,
        })
    }

    /// The processor time that the server and the store have used so far.
    pub(super) fn cpu(&self) -> Result<Cpu> {
        Cpu::of(self.server.pid(), self.redis.pid())
    }

    /// The store, as only a benchmark may look at it.
    pub(super) fn store(&self) -> Result<redis::Client> {
        redis::Client::open(&*self.redis_url).context("the address of Redis")
    }

    /// A connection to the store, the bare component's value set.
    pub(super) async fn prepare_store(&self) -> Result<MultiplexedConnection> {
        let mut store = self.store()?.get_multiplexed_async_connection().await?;
        let () = store.set(BARE_KEY, &BARE_VALUE).await?;
        Ok(store)
    }
}

/// Writes the application of this run: both components in one host.
fn write_manifest(workspace: &Workspace, folder: &Path) -> Result<std::path::PathBuf> {
    let source = |component: &str| {
        let file = format!("{component}.wasm");
        Value::from(&*workspace.component_dir().join(file).to_string_lossy())
    };
    let settings = folder.join("rhosync.toml");
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
files = [{{ source = {settings_path}, destination = "/rhosync.toml" }}]

[component.sync-handler.variables]
admin_password = "{{{{ admin_password }}}}"
redis_url = "{{{{ redis_url }}}}"
session_secret = "{{{{ session_secret }}}}"
"#,
        bare = source("guest_redis_get"),
        handler = source("sync_handler"),
        settings_path = Value::from(&*settings.to_string_lossy()),
    );
    let sources: String = SHARED
        .iter()
        .map(|name| (name, "app"))
        .chain([(&OWN, "user")])
        .map(|(name, partition)| {
            format!("[sources.{name}]\nadapter = \"push-only\"\npartition = \"{partition}\"\n\n")
        })
        .collect();
    let path = folder.join("spin.toml");
    fs::create_dir_all(folder)?;
    fs::write(&settings, sources)
        .and_then(|()| fs::write(&path, manifest))
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    Ok(path)
}
