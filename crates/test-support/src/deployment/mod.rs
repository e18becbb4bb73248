//! A whole RhoSync: host and components, Redis, back end.

mod admin;
mod artifacts;
mod converge;
mod device;
mod host;
mod jobs;
mod manifest;
mod network;
mod plugin;
mod redis_content;
mod shop_back_end;
mod transport;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::thread;

use redis::{Commands as _, Connection};
use serde_json::Value;
use shop::{Amounts, Config, Shop};
use sync_proto::CLIENT_ID_HEADER;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::database::TestDatabase;
use crate::redis_server::TestRedis;
use crate::rest::Rest;
use crate::wait::until;

use self::host::log_file;
use self::manifest::write_application;

pub use self::admin::Admin;
pub use self::artifacts::{component_dir, program, workspace};
pub use self::converge::{Source, converge};
pub use self::device::Device;
pub use self::host::Host;
pub use self::jobs::JobQueue;
pub use self::network::{Network, NetworkFault};
pub use self::plugin::Plugin;
pub use self::redis_content::RedisContent;
pub use self::shop_back_end::ShopBackEnd;
pub use self::transport::{Loss, LossyTransport};

/// The administrator's password.
pub const ADMIN_PASSWORD: &str = "the-administrators";

/// What the host's log says when a component has trapped.
const SIGNS_OF_A_TRAP: [&str; 4] = ["wasm trap", "wasm backtrace", "panicked at", "unreachable"];

/// What to set up.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Products in the back end at the beginning.
    pub products: u32,
    /// Whether Redis has every write on disk before it answers.
    pub is_durable: bool,
    /// Whether there is a network between the host and Redis that can fail.
    pub has_network: bool,
    /// How long components wait for an answer of Redis, in milliseconds.
    pub redis_timeout_ms: u64,
    /// Memory that an instance may use, in bytes.
    pub instance_memory_bytes: usize,
    /// The first administrator's password; empty: the server makes it.
    pub admin_password: &'static str,
    /// What sessions are signed with, and what is secret in the store is sealed with; empty: the server makes it.
    pub session_secret: &'static str,
    /// What the settings file has besides the sources.
    pub settings: &'static str,
    /// What the manifest has besides ours: a component of an application's own.
    pub manifest: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            products: 120,
            is_durable: false,
            has_network: false,
            // A machine that is busy with other tests is no silent Redis.
            redis_timeout_ms: 20_000,
            instance_memory_bytes: 128 * 1024 * 1024,
            admin_password: ADMIN_PASSWORD,
            session_secret: "",
            settings: "",
            manifest: "",
        }
    }
}

/// A running RhoSync of the test's own. Everything stops when this is dropped, also when the test fails; then the
/// host's log is printed.
pub struct Deployment {
    host: Option<Host>,
    listen: SocketAddr,
    memory_limit: Option<&'static str>,
    options: Options,
    redis: TestRedis,
    network: Option<Network>,
    shop: Option<Shop>,
    back_end: ShopBackEnd,
    plugin: Plugin,
    admin: OnceCell<Admin>,
    folder: TempDir,
    runtime: Runtime,
    /// The address of a database, and as one that may be called.
    database: [String; 2],
}

/// One more host of a deployment. It ends when this is dropped.
pub struct AnotherHost(#[expect(dead_code, reason = "it is kept running")] Host);

impl Deployment {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When something does not start; the text says what, and what to do.
    pub fn start(options: Options) -> Self {
        let nowhere = "postgres://127.0.0.1:1".to_owned();
        Self::start_with(options, [nowhere.clone(), nowhere])
    }

    /// Starts one that knows a database by the variable `database_url`.
    ///
    /// # Panics
    ///
    /// See [`Self::start`].
    pub fn start_with_database(options: Options, database: &TestDatabase) -> Self {
        Self::start_with(options, database.urls(database.address()))
    }

    /// The same with a network between the host and the database.
    ///
    /// # Panics
    ///
    /// See [`Self::start`].
    pub fn start_with_database_behind(
        options: Options,
        database: &TestDatabase,
        network: &Network,
    ) -> Self {
        Self::start_with(options, database.urls(network.address()))
    }

    fn start_with(options: Options, database: [String; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_application(folder.path(), &options);
        let runtime = Runtime::new().expect("a runtime");
        let config = Config {
            seed: Amounts::of_products(options.products),
            ..Config::default()
        };
        let shop = runtime
            .block_on(Shop::start(config))
            .expect("the back end to start");
        let redis = if options.is_durable {
            TestRedis::start_durable()
        } else {
            TestRedis::start()
        };
        let mut deployment = Self {
            host: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            memory_limit: None,
            options,
            network: options
                .has_network
                .then(|| Network::before(redis.address())),
            redis,
            back_end: ShopBackEnd::new(shop.url()),
            plugin: runtime.block_on(Plugin::start()),
            shop: Some(shop),
            admin: OnceCell::new(),
            folder,
            runtime,
            database,
        };
        deployment.start_host();
        deployment
    }

    /// The server's address.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// The administrator.
    pub fn admin(&self) -> &Admin {
        self.admin
            .get_or_init(|| Admin::log_in(&self.url(), ADMIN_PASSWORD))
    }

    /// The server as anybody reaches it, who says that bodies are JSON.
    pub fn rest(&self) -> Rest {
        Rest::json(self.url())
    }

    /// `/api/v1` with a new token that is good for everything.
    pub fn api(&self) -> Rest {
        let token = Admin::new_token(&self.url(), ADMIN_PASSWORD);
        self.rest().with_bearer(&token)
    }

    /// The server as a user who has logged in reaches it.
    pub fn rest_of(&self, user: &str) -> Rest {
        let rest = self.rest();
        let cookie = rest.log_in(user, &password_of(user));
        rest.with_header("cookie", &cookie)
    }

    /// The server as a new device of a user reaches it, request by request.
    pub fn rest_of_device(&self, user: &str) -> Rest {
        let rest = self.rest_of(user);
        let client = rest.register_client(&Value::Null);
        rest.with_header(CLIENT_ID_HEADER, &client)
    }

    /// Creates a user; [`password_of`] knows the password.
    pub fn create_user(&self, login: &str) {
        self.admin().create_user(login, &password_of(login));
    }

    /// A new device of a user, logged in and registered.
    pub fn device(&self, user: &str) -> Device {
        Device::log_in(&self.url(), user, &password_of(user))
    }

    /// The back end.
    pub fn back_end(&self) -> &ShopBackEnd {
        &self.back_end
    }

    /// The back end that speaks the plugin protocol.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The Redis, to be killed and restarted.
    pub fn redis(&mut self) -> &mut TestRedis {
        &mut self.redis
    }

    /// The network between the host and Redis.
    ///
    /// # Panics
    ///
    /// When the deployment was started without one.
    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("a deployment with a network")
    }

    /// Puts a replica in the place of the Redis, which is gone then.
    pub fn fail_over_to(&mut self, replica: TestRedis) {
        replica.promote();
        self.network().lead_to(replica.address());
        self.redis = replica;
    }

    /// The address of the Redis.
    pub fn redis_url(&self) -> String {
        self.redis.url()
    }

    /// A connection to the Redis, past RhoSync.
    pub fn redis_connection(&self) -> Connection {
        redis::Client::open(self.redis.url())
            .and_then(|client| client.get_connection())
            .expect("a connection to Redis")
    }

    /// Waits until a host hears a channel: before, what is published there is lost.
    ///
    /// # Panics
    ///
    /// When none does for a long time.
    pub fn until_listening(&self, channel: &str) {
        let mut redis = self.redis_connection();
        until("a host to listen", || {
            let (_, listeners): (String, u64) = redis::cmd("PUBSUB")
                .arg(&["NUMSUB", channel])
                .query(&mut redis)
                .expect("the number of listeners");
            (listeners > 0).then_some(())
        });
    }

    /// Lets time pass for what a killed host has left: its leases end.
    ///
    /// There must be no request under way, as it would lose its lease too.
    pub fn expire_leases(&self) {
        for pattern in ["*}:lease", "*}:cudlease:*"] {
            self.forget_keys(pattern);
        }
    }

    /// The keys in the store that match a pattern.
    pub fn keys(&self, pattern: &str) -> BTreeSet<String> {
        let keys = self.redis_connection().keys(pattern);
        keys.expect("the keys")
    }

    /// Lets the store forget the keys that match a pattern, as if their time had come.
    pub fn forget_keys(&self, pattern: &str) {
        let mut redis = self.redis_connection();
        for key in self.keys(pattern) {
            let () = redis.del(key).expect("to end a key");
        }
    }

    /// Restarts the host with another limit of what an instance may use, `16MiB` for instance. Below 20 MiB there is no
    /// room for logins: passwords are checked in 19.
    pub fn restart_with_memory_limit(&mut self, limit: &'static str) {
        self.kill_host();
        self.memory_limit = Some(limit);
        self.start_host();
    }

    /// Restarts the host with other settings besides those of the sources.
    pub fn restart_with_settings(&mut self, settings: &'static str) {
        self.kill_host();
        self.options.settings = settings;
        write_application(self.folder.path(), &self.options);
        self.start_host();
    }

    /// Ends the host as a power cut would.
    pub fn kill_host(&mut self) {
        self.host = None;
    }

    /// Starts the host again, where it was.
    ///
    /// # Panics
    ///
    /// When it does not start; the text is its log.
    pub fn start_host(&mut self) {
        let host = self.spawn_host(self.listen);
        self.listen = host.address();
        self.host = Some(host);
    }

    /// Starts one more host on the same store; it ends when it is dropped.
    ///
    /// # Panics
    ///
    /// When it does not start; the text is its log.
    pub fn start_another_host(&self) -> AnotherHost {
        AnotherHost(self.spawn_host(SocketAddr::from(([127, 0, 0, 1], 0))))
    }

    fn spawn_host(&self, listen: SocketAddr) -> Host {
        let network = self.network.as_ref();
        let (redis_url, shop_url) = (
            network.map_or_else(
                || self.redis.url(),
                |network| format!("redis://{}", network.address()),
            ),
            self.shop.as_ref().map(Shop::url).unwrap_or_default(),
        );
        let plugin_url = self.plugin.url();
        // Before the first start nobody knows the port.
        let self_url = format!("http://{listen}");
        let [database_url, database_host] = &self.database;
        let variables = [
            ("database_url", database_url.as_str()),
            ("database_host", database_host.as_str()),
            ("redis_url", redis_url.as_str()),
            ("plugin_url", plugin_url.as_str()),
            ("self_url", self_url.as_str()),
            ("identity_url", plugin_url.as_str()),
            ("shop_url", shop_url.as_str()),
            ("admin_password", self.options.admin_password),
            ("session_secret", self.options.session_secret),
        ];
        let limit = self.memory_limit.map(|limit| ["--memory-limit", limit]);
        let arguments = limit.as_ref().map_or(&[][..], |limit| limit);
        Host::start(self.folder.path(), listen, arguments, &variables)
    }

    /// The host's process number, while it runs.
    pub fn host_id(&self) -> Option<u32> {
        self.host.as_ref().map(Host::id)
    }

    /// What the host and its components have logged.
    pub fn host_log(&self) -> String {
        fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }

    /// Runs what has to run asynchronously.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.host = None;
        if let Some(shop) = self.shop.take() {
            self.runtime.block_on(shop.stop());
        }
        let log = self.host_log();
        if thread::panicking() {
            show(&log);
        } else {
            let trap = SIGNS_OF_A_TRAP.iter().find(|sign| log.contains(**sign));
            assert_eq!(trap, None, "a component has trapped:\n{log}");
        }
    }
}

#[expect(clippy::print_stderr, reason = "the test's own report")]
fn show(log: &str) {
    eprintln!("--- the host's log ---\n{log}--- end of the host's log ---");
}

/// The password of a user that [`Deployment::create_user`] has created.
pub fn password_of(login: &str) -> String {
    format!("{login}'s secret")
}
