//! A whole server for a test: engine, store, back end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use sync_core::{
    AccountError, Adapter, BlobError, BlobId, BlobReader, ChangesRequest, ClientId, Clock as _,
    DeviceGrant, DeviceProof, Engine, Files, Origin, PullRequest, RustAdapters, SearchRequest,
    Session, SyncError, Token, Upload, adapter_handlers,
};
use sync_jobs::Budget;
use sync_proto::DeviceDescription;

use super::{BackEnd, ScriptedHttp, TestPorts, engine_on, engine_with};
use crate::redis_server::TestRedis;

/// A source that everybody shares and that is refreshed with every sync, one per user, and a push-only one.
const SETTINGS: &str = r#"
    retention_days = 30

    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0

    [sources.Own]
    adapter = "rust"
    rust = "back-end"
    partition = "user"
    poll_interval = 0

    [sources.Polled]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 60

    [sources.Passed]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    pass_through = true

    [sources.Pushed]
    adapter = "push-only"
    partition = "app"
"#;

/// Of a server that lets in whom a back end lets in.
const GUESTS: &str = r#"
    [authentication]
    method = "back-end"
    url = "http://users"
"#;

/// What tokens of one epoch are below, counted from its first.
const EPOCH: u64 = 1 << 41;

/// Does the jobs of an engine that call back ends, as far as they wait.
///
/// # Panics
///
/// When the store fails.
pub async fn work(engine: &Engine<TestPorts>) {
    let handlers = adapter_handlers();
    let worker = engine.worker(&handlers, "adapter");
    worker.run(Budget::RING).await.expect("to work");
}

/// An engine on a Redis of its own, with one scripted back end behind its sources.
pub struct World {
    /// The engine.
    pub engine: Engine<TestPorts>,
    /// The back end of all sources that have one.
    pub back_end: Rc<BackEnd>,
    /// The store.
    pub redis: Rc<TestRedis>,
    /// Lets users in whose password nobody has to check.
    guests: Engine<TestPorts<ScriptedHttp>>,
    /// The epochs of the tokens that clients have got last, by client and source.
    epochs: RefCell<BTreeMap<(ClientId, String), u64>>,
}

impl World {
    /// Starts a server.
    pub async fn start() -> Self {
        Self::on(Rc::new(TestRedis::start()), 1).await
    }

    /// Starts a server on a store that may hold data already.
    pub async fn on(redis: Rc<TestRedis>, seed: u64) -> Self {
        let back_end = Rc::new(BackEnd::default());
        let engine = Self::engine(&redis, &back_end, SETTINGS, seed).await;
        let clock = &engine.ports().clock;
        let mut ports = TestPorts::to(&redis, seed).await;
        ports.redis = ports.redis.with_time(clock);
        ports.clock = clock.clone();
        Self {
            guests: engine_on(ports, GUESTS, &RustAdapters::new()),
            engine,
            back_end,
            redis,
            epochs: RefCell::default(),
        }
    }

    /// The same with pages of the sources that are refreshed with every sync that end after so many bytes.
    pub async fn with_pages_of_bytes(self, bytes: usize) -> Self {
        let narrow = format!("poll_interval = 0\n    max_page_bytes = {bytes}\n");
        let settings = SETTINGS.replace("poll_interval = 0\n", &narrow);
        let engine = self.another(Some(&settings), 1).await;
        self.with_engine(engine)
    }

    /// The same with another engine in the place of the first.
    #[must_use]
    pub fn with_engine(self, engine: Engine<TestPorts>) -> Self {
        Self { engine, ..self }
    }

    /// A second server on the same store and the same back end, with other settings if some are given.
    pub async fn another(&self, settings: Option<&str>, seed: u64) -> Engine<TestPorts> {
        Self::engine(
            &self.redis,
            &self.back_end,
            settings.unwrap_or(SETTINGS),
            seed,
        )
        .await
    }

    /// A second server on the same store, whose clock is ahead. The store goes by its own.
    pub async fn another_ahead(
        &self,
        settings: Option<&str>,
        seed: u64,
        ahead: Duration,
    ) -> Engine<TestPorts> {
        let clock = &self.engine.ports().clock;
        let mut ports = TestPorts::to(&self.redis, seed).await;
        ports.redis = ports.redis.with_time(clock);
        ports.clock = clock.ahead(ahead);
        let back_end: Rc<dyn Adapter> = Rc::clone(&self.back_end) as _;
        let adapters = RustAdapters::from([("back-end".to_owned(), back_end)]);
        engine_on(ports, settings.unwrap_or(SETTINGS), &adapters)
    }

    async fn engine(
        redis: &TestRedis,
        back_end: &Rc<BackEnd>,
        settings: &str,
        seed: u64,
    ) -> Engine<TestPorts> {
        let back_end: Rc<dyn Adapter> = Rc::clone(back_end) as _;
        let adapters = RustAdapters::from([("back-end".to_owned(), back_end)]);
        engine_with(redis, settings, &adapters, seed).await
    }

    /// Creates a user and logs it in.
    pub async fn sign_in(&self, user: &str) -> Session {
        match self.engine.accounts().create_user(user, "password").await {
            Ok(()) | Err(AccountError::UserExists { .. }) => {}
            Err(error) => panic!("cannot create {user}: {error}"),
        }
        let origin = Origin("test");
        let session = self
            .engine
            .accounts()
            .log_in(user, "password", origin)
            .await;
        read_session(&self.engine, &session.expect("to log in"))
    }

    /// A session of a user that has no password: without the cost of one.
    pub async fn session(&self, user: &str) -> Session {
        self.guests.ports().http.answer(200, &[], "");
        let session = self
            .guests
            .accounts()
            .log_in(user, "any", Origin(user))
            .await;
        read_session(&self.guests, &session.expect("a guest's session"))
    }

    /// Begins a session of a device of such a user.
    pub async fn device_session(
        &self,
        user: &str,
        client: Option<&str>,
        device: &DeviceDescription,
    ) -> DeviceGrant {
        self.guests.ports().http.answer(200, &[], "");
        let proof = DeviceProof::Password {
            login: user,
            password: "any",
            origin: Origin(user),
        };
        let granted = self.guests.sign_in_device(proof, client, device).await;
        granted.expect("a guest's session")
    }

    /// Does the jobs that call back ends, as far as they are due.
    pub async fn work(&self) {
        self.engine.sweeper().sweep().await.expect("to sweep");
        work(&self.engine).await;
    }

    /// Empties the store.
    pub async fn flush(&self) {
        self.run(&["FLUSHALL"]).await;
    }

    /// Registers a client.
    pub async fn client(&self, session: &Session) -> ClientId {
        self.engine
            .create_client(session, &Default::default())
            .await
            .expect("a client")
    }

    /// Lets a client search a source for whatever there is.
    pub async fn find(&self, session: &Session, client: &ClientId, source: &str) {
        let request = SearchRequest {
            client: client.as_str(),
            sources: &[(source.to_owned(), String::new())],
            parameters: &[],
            page_size: 1_000,
            is_repeated: false,
            trace: None,
        };
        let found = self.engine.search(session, request).await;
        found.expect("to search");
    }

    /// Pulls one page; answers it as a device would see it, but for the token: tests write versions, without the epoch, which is
    /// random.
    pub async fn pull(
        &self,
        session: &Session,
        client: &ClientId,
        source: &str,
        token: &str,
    ) -> Result<Value, SyncError> {
        self.pull_narrowed(session, client, source, token, &[])
            .await
    }

    /// Pulls one page of what the parameters narrow the source down to.
    pub async fn pull_narrowed(
        &self,
        session: &Session,
        client: &ClientId,
        source: &str,
        token: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, SyncError> {
        self.pull_part(500, session, client, source, token, parameters)
            .await
    }

    /// Pulls and acknowledges pages of what the parameters narrow the source down to; answers their command objects.
    pub async fn sync_narrowed(
        &self,
        session: &Session,
        client: &ClientId,
        source: &str,
        parameters: &[(&str, &str)],
    ) -> Vec<Value> {
        let mut commands = Vec::new();
        let mut token = String::new();
        loop {
            let page = self
                .pull_narrowed(session, client, source, &token, parameters)
                .await
                .expect("a page");
            page[1]["token"]
                .as_str()
                .expect("a token")
                .clone_into(&mut token);
            commands.push(page[5].clone());
            if token.is_empty() {
                return commands;
            }
        }
    }

    /// Pulls one page of at most `size` objects.
    pub async fn pull_pages_of(
        &self,
        size: usize,
        session: &Session,
        client: &ClientId,
        source: &str,
        token: &str,
    ) -> Result<Value, SyncError> {
        self.pull_part(size, session, client, source, token, &[])
            .await
    }

    async fn pull_part(
        &self,
        size: usize,
        session: &Session,
        client: &ClientId,
        source: &str,
        token: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, SyncError> {
        let key = (client.clone(), source.to_owned());
        let epoch = self.epochs.borrow().get(&key).copied().unwrap_or(0);
        let token = token.parse().ok().filter(|number: &u64| *number > 1);
        let token = token.map(|number| {
            if number < EPOCH {
                epoch + number
            } else {
                number
            }
        });
        let mut page = pull(
            &self.engine,
            session,
            client,
            source,
            token,
            size,
            parameters,
        )
        .await?;
        let token = page[1]["token"].as_str();
        if let Some(number) = token.and_then(|token| token.parse::<u64>().ok()) {
            self.epochs
                .borrow_mut()
                .insert(key, number - number % EPOCH);
            page[1]["token"] = (number % EPOCH).to_string().into();
        }
        Ok(page)
    }

    /// Collects a shared source's tombstones; answers how many went.
    pub async fn collect(&self, source: &str) -> u64 {
        let collected = self.engine.collect_tombstones(source, "anybody").await;
        collected.expect("to collect")
    }

    /// Pulls and acknowledges pages until there are no more; answers their command objects.
    pub async fn sync(&self, session: &Session, client: &ClientId, source: &str) -> Vec<Value> {
        self.sync_narrowed(session, client, source, &[]).await
    }

    /// Takes files in, as a request of the session's brings them: the names of their parts, and their contents.
    pub async fn upload(
        &self,
        session: &Session,
        files: &[(&str, &[u8])],
    ) -> Result<Vec<Upload>, SyncError> {
        self.engine.accounts().check_session(session).await?;
        let mut uploader = self.engine.blobs().uploader(session.user());
        let received = async {
            for (part, content) in files {
                let name = format!("{part}.png");
                uploader
                    .begin((*part).to_owned(), name, "image/png".to_owned())
                    .await?;
                for bytes in content.chunks(100_000) {
                    uploader.write(bytes).await?;
                }
                uploader.end().await?;
            }
            Ok::<_, BlobError>(())
        };
        match received.await {
            Ok(()) => Ok(uploader.finish()),
            Err(error) => {
                uploader.discard().await;
                Err(error.into())
            }
        }
    }

    /// Sends changes with files, as one request does.
    pub async fn push_with_files(
        &self,
        session: &Session,
        client: &ClientId,
        source: &str,
        changes: Value,
        files: &[(&str, &[u8])],
    ) -> Result<(), SyncError> {
        let uploads = self.upload(session, files).await?;
        let request = ChangesRequest {
            client: client.as_str(),
            source,
            sequence: None,
            files: Files {
                uploads: &uploads,
                base_url: "https://sync.example",
            },
            changes: serde_json::from_value(changes).expect("changes"),
            trace: None,
        };
        let pushed = self.engine.accept_changes(session, request).await;
        self.engine
            .blobs()
            .end_uploads(session.user(), &uploads)
            .await;
        pushed
    }

    /// Reads a whole blob as a user may.
    pub async fn download(&self, session: &Session, blob: &BlobId) -> Result<Vec<u8>, SyncError> {
        let blob = self
            .engine
            .open_blob(BlobReader::User(session), blob)
            .await?;
        let mut content = Vec::new();
        let mut pieces = blob.read(0..blob.size);
        while let Some(piece) = pieces.next().await {
            content.extend_from_slice(&piece.map_err(BlobError::from)?);
        }
        Ok(content)
    }

    /// Sends changes, written as a device's JSON.
    pub async fn push(
        &self,
        session: &Session,
        client: &ClientId,
        source: &str,
        changes: Value,
    ) -> Result<(), SyncError> {
        let changes = serde_json::from_value(changes).expect("changes");
        let request = ChangesRequest {
            client: client.as_str(),
            source,
            sequence: None,
            files: Files::default(),
            changes,
            trace: None,
        };
        self.engine.accept_changes(session, request).await
    }
}

/// The session in a text that an engine has signed.
fn read_session<P: sync_core::Ports>(engine: &Engine<P>, text: &str) -> Session {
    let now = engine.ports().clock().now();
    let session = engine.accounts().sessions().verify(text, now);
    session.expect("a session of our own")
}

/// Pulls one page from an engine.
async fn pull(
    engine: &Engine<TestPorts>,
    session: &Session,
    client: &ClientId,
    source: &str,
    token: Option<u64>,
    page_size: usize,
    parameters: &[(&str, &str)],
) -> Result<Value, SyncError> {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let token = token.map(Token::new);
    let request = PullRequest {
        client: client.as_str(),
        source,
        token,
        page_size,
        parameters: &parameters,
        trace: None,
    };
    let page = engine.pull(session, request).await?;
    Ok(serde_json::to_value(&page).expect("a page is JSON"))
}
