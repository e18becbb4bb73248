//! A device: the library, its disk, and the end of its app.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crash_disk::{Disk, End, System};
use sync_client::{
    Attributes, Conversation, Credentials, Database, Error, FailedChange, HttpRequest, Options,
    Platform, SyncOptions, SyncReport, Value,
};
use test_support::World;

use crate::files::FILE;
use crate::network::{Fate, fate};
use crate::server::{Answer, serve};

pub(crate) const SOURCE: &str = "Shared";

/// A clock that the history sets, and randomness that is the same every time.
pub(crate) struct SimPlatform {
    pub(crate) now_ms: AtomicU64,
    random: std::sync::Mutex<fastrand::Rng>,
}

impl Platform for SimPlatform {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn random(&self, length: u32) -> Vec<u8> {
        let mut random = self.random.lock().expect("nobody has failed");
        std::iter::repeat_with(|| random.u8(..))
            .take(length as usize)
            .collect()
    }
}

pub(crate) struct Device {
    disk: Disk,
    platform: Arc<SimPlatform>,
    database: Database,
    user: &'static str,
    /// Requests that arrive late.
    late: Vec<HttpRequest>,
}

impl Device {
    pub(crate) async fn new(world: &World, user: &'static str, seed: u64) -> Self {
        let system = match seed % 2 {
            0 => System::Native,
            _ => System::Browser,
        };
        let disk = Disk::new(system, seed);
        let platform = Arc::new(SimPlatform {
            now_ms: AtomicU64::new(0),
            random: std::sync::Mutex::new(fastrand::Rng::with_seed(seed)),
        });
        let mut device = Self {
            database: open(&disk, &platform).expect("to open a file"),
            disk,
            platform,
            user,
            late: Vec::new(),
        };
        device.sign_in(world).await;
        device
    }

    /// Signs in, as often as it takes: the app may end meanwhile.
    pub(crate) async fn sign_in(&mut self, world: &World) {
        let user = self.user.to_owned();
        loop {
            let conversation = self.database.begin_sign_in(Credentials::Password {
                login: user.clone(),
                password: "password".to_owned(),
            });
            let has_ended = loop {
                match self.step(|| conversation.next_request()) {
                    None => break true,
                    Some(None) => break false,
                    Some(Some(request)) => {
                        answer(&conversation, serve(world, &request).await);
                    }
                }
            };
            if has_ended {
                continue;
            }
            if let Some(signed_in) = self.call(|database| database.end_sign_in(&conversation)) {
                assert!(!signed_in.has_erased);
                return;
            }
        }
    }

    /// Makes a call. `None` if the app has ended in it; whether it was made, nobody knows then. It is started again.
    pub(crate) fn call<T>(
        &mut self,
        call: impl FnOnce(&Database) -> Result<T, Error>,
    ) -> Option<T> {
        let done = call(&self.database);
        if self.disk.is_ended() {
            self.crash();
            return done.ok();
        }
        Some(done.expect("a file that works"))
    }

    /// Sets its clock.
    pub(crate) fn set_clock(&self, now_ms: u64) {
        self.platform.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Goes on with a conversation. `None` if the app has ended meanwhile, and the conversation with it.
    fn step<T>(&mut self, step: impl FnOnce() -> Result<T, Error>) -> Option<T> {
        let done = step();
        if self.disk.is_ended() {
            self.crash();
            return None;
        }
        Some(done.expect("a file that works"))
    }

    /// Its app is started again if it has ended.
    pub(crate) fn revive(&mut self) {
        if self.disk.is_ended() {
            self.crash();
        }
    }

    /// Its app ends, wherever it is, and is started again.
    pub(crate) fn crash(&mut self) {
        self.disk.restart();
        self.database = open(&self.disk, &self.platform).expect("to open a file");
    }

    /// Its app ends at one of its next steps, and perhaps once more while it is started again.
    pub(crate) fn crash_soon(&mut self, random: &mut fastrand::Rng) {
        let end = if random.bool() {
            End::Kill
        } else {
            End::PowerCut
        };
        if random.u8(..4) == 0 {
            self.disk.restart();
            self.disk.end_after(random.u64(1..30), end);
            if let Ok(database) = open(&self.disk, &self.platform) {
                self.database = database;
            }
            if self.disk.is_ended() {
                self.crash();
            }
        }
        self.disk.end_after(random.u64(1..150), end);
    }

    /// Syncs over a network that fails, in an app that may end at any step. `None` if it did.
    pub(crate) async fn sync(
        &mut self,
        world: &World,
        random: &mut fastrand::Rng,
    ) -> Option<SyncReport> {
        let begun = self.database.begin_sync(SyncOptions::default(), None);
        let conversation = self.step(|| begun)?;
        self.converse(&conversation, world, random).await?;
        Some(self.end(&conversation))
    }

    /// Searches at the back end, over the same network. What comes of it, the database says.
    pub(crate) async fn search(
        &mut self,
        world: &World,
        random: &mut fastrand::Rng,
    ) -> Option<Result<(), Error>> {
        let database = self.database.clone();
        let begun = database.begin_search_remote(SOURCE, &Attributes::new());
        let conversation = self.step(|| begun)?;
        self.converse(&conversation, world, random).await?;
        Some(database.end_search_remote(&conversation).map(drop))
    }

    /// Carries a conversation. `None` if the app has ended meanwhile.
    async fn converse(
        &mut self,
        conversation: &Conversation,
        world: &World,
        random: &mut fastrand::Rng,
    ) -> Option<()> {
        loop {
            let Some(request) = self.step(|| conversation.next_request())? else {
                return Some(());
            };
            if random.u8(..50) == 0 {
                // The clock jumps.
                self.set_clock(random.u64(..4_000_000_000_000));
            }
            if random.u8(0..25) == 0 {
                self.crash();
                return None;
            }
            let fate = fate(random, request.method == "GET");
            let Answer {
                status,
                headers,
                body,
            } = match fate {
                Fate::LosesRequest => {
                    if request.method == "PUT" {
                        // Of a file, the server takes what it gets.
                        let mut request = request;
                        request.body.truncate(random.usize(..=request.body.len()));
                        serve(world, &request).await;
                    }
                    conversation.answer_end(Some("lost".to_owned()));
                    continue;
                }
                Fate::Late => {
                    self.late.push(request);
                    conversation.answer_end(Some("late".to_owned()));
                    continue;
                }
                Fate::Doubles => {
                    serve(world, &request).await;
                    serve(world, &request).await
                }
                Fate::Arrives | Fate::LosesAnswer | Fate::Cuts(_) => serve(world, &request).await,
            };
            if fate == Fate::LosesAnswer {
                conversation.answer_end(Some("lost".to_owned()));
                continue;
            }
            conversation.answer_head(status, headers);
            let (arrives, failure) = match fate {
                Fate::Cuts(at) => (&body[..body.len() * at / 1_000], Some("cut".to_owned())),
                _ => (&body[..], None),
            };
            for piece in arrives.chunks(random.usize(1..400.max(body.len() / 10))) {
                conversation.answer_chunk(piece.to_vec());
                if random.u8(0..200) == 0 {
                    self.crash();
                    return None;
                }
            }
            conversation.answer_end(failure);
        }
    }

    /// Syncs over a network that works.
    pub(crate) async fn sync_well(&mut self, world: &World, options: SyncOptions) -> SyncReport {
        let begun = self.database.begin_sync(options, None);
        let conversation = begun.expect("no other sync");
        while let Some(request) = conversation.next_request().expect("a file that works") {
            answer(&conversation, serve(world, &request).await);
        }
        self.end(&conversation)
    }

    fn end(&self, conversation: &Conversation) -> SyncReport {
        self.database.end_sync(conversation)
    }

    /// A request that seemed lost arrives after all.
    pub(crate) async fn deliver_late(&mut self, world: &World) {
        if !self.late.is_empty() {
            let request = self.late.remove(0);
            serve(world, &request).await;
        }
    }

    /// The changes that failed.
    pub(crate) fn failed(&self) -> Vec<FailedChange> {
        self.database.failed().expect("the failed changes")
    }

    /// What waits for a verdict, for people.
    pub(crate) fn pending(&self) -> String {
        let pending = self.database.pending().expect("the queue");
        match pending.is_empty() {
            true => String::new(),
            false => format!("{pending:?}"),
        }
    }

    /// What it has, by the ids of the back end, without attributes that have no value.
    pub(crate) fn objects(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let objects = self.database.list(SOURCE, 10_000, 0).expect("a list");
        objects
            .into_iter()
            .map(|object| {
                let id = object.remote_id.unwrap_or(object.id);
                (id, texts(&object.attributes))
            })
            .collect()
    }

    /// The addresses of its objects' files.
    pub(crate) fn files(&self) -> Vec<String> {
        let objects = self.database.list(SOURCE, 10_000, 0).expect("a list");
        let addresses = objects
            .iter()
            .filter_map(|object| object.attributes.get(FILE));
        let addresses = addresses.map(Value::to_text);
        addresses.filter(|address| !address.is_empty()).collect()
    }

    /// One of its objects.
    pub(crate) fn pick(&self, random: &mut fastrand::Rng) -> Option<(String, Attributes)> {
        let objects = self.database.list(SOURCE, 10_000, 0).expect("a list");
        let object = random.choice(objects)?;
        Some((object.id, object.attributes))
    }
}

/// Brings a whole answer.
fn answer(conversation: &Conversation, answer: Answer) {
    conversation.answer_head(answer.status, answer.headers);
    conversation.answer_chunk(answer.body);
    conversation.answer_end(None);
}

fn texts(attributes: &Attributes) -> BTreeMap<String, String> {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| (name.clone(), value.to_text()))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn open(disk: &Disk, platform: &Arc<SimPlatform>) -> Result<Database, Error> {
    let platform = Arc::clone(platform);
    let vfs = Some(Disk::VFS.to_owned());
    let options = Options::new("http://sim", &[SOURCE]);
    Database::open_on(&disk.path("app.db"), options, platform, None, vfs)
}
