//! A device: the library, its file, and the end of its app.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sync_client::{
    Attributes, Conversation, Credentials, Database, HttpRequest, Options, Platform, SyncOptions,
    SyncReport,
};
use tempfile::TempDir;
use test_support::World;

use crate::network::{Fate, fate};
use crate::server::serve;

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
    folder: TempDir,
    platform: Arc<SimPlatform>,
    pub(crate) database: Database,
    user: &'static str,
    /// Requests that arrive late.
    late: Vec<HttpRequest>,
}

impl Device {
    pub(crate) async fn new(world: &World, user: &'static str, seed: u64) -> Self {
        let folder = match std::path::Path::new("/dev/shm").is_dir() {
            true => TempDir::new_in("/dev/shm"),
            false => TempDir::new(),
        };
        let folder = folder.expect("a folder");
        let platform = Arc::new(SimPlatform {
            now_ms: AtomicU64::new(0),
            random: std::sync::Mutex::new(fastrand::Rng::with_seed(seed)),
        });
        let mut device = Self {
            database: open(&folder, &platform),
            folder,
            platform,
            user,
            late: Vec::new(),
        };
        device.sign_in(world).await;
        device
    }

    pub(crate) async fn sign_in(&mut self, world: &World) {
        let conversation = self.database.begin_sign_in(Credentials::Password {
            login: self.user.to_owned(),
            password: "password".to_owned(),
        });
        while let Some(request) = conversation.next_request().expect("a request") {
            let (status, body) = serve(world, &request).await;
            conversation.answer_head(status, Vec::new());
            conversation.answer_chunk(body);
            conversation.answer_end(None);
        }
        let signed_in = self.database.end_sign_in(&conversation);
        assert!(!signed_in.expect("to sign in").has_erased);
    }

    /// Sets its clock.
    pub(crate) fn set_clock(&self, now_ms: u64) {
        self.platform.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Its app ends, wherever it is, and is started again.
    pub(crate) fn crash(&mut self) {
        self.database = open(&self.folder, &self.platform);
    }

    /// Syncs over a network that fails, in an app that may end at any step. `None` if it did.
    pub(crate) async fn sync(
        &mut self,
        world: &World,
        random: &mut fastrand::Rng,
    ) -> Option<SyncReport> {
        let conversation = self.begin(SyncOptions::default());
        loop {
            let request = conversation.next_request().expect("a file that works")?;
            if random.u8(0..25) == 0 {
                self.crash();
                return None;
            }
            let fate = fate(random);
            let (status, body) = match fate {
                Fate::LosesRequest => {
                    conversation.answer_end(Some("lost".to_owned()));
                    return Some(self.end(&conversation));
                }
                Fate::Late => {
                    self.late.push(request);
                    conversation.answer_end(Some("late".to_owned()));
                    return Some(self.end(&conversation));
                }
                Fate::Doubles => {
                    serve(world, &request).await;
                    serve(world, &request).await
                }
                Fate::Arrives | Fate::LosesAnswer | Fate::Cuts(_) => serve(world, &request).await,
            };
            if fate == Fate::LosesAnswer {
                conversation.answer_end(Some("lost".to_owned()));
                return Some(self.end(&conversation));
            }
            conversation.answer_head(status, Vec::new());
            let (arrives, failure) = match fate {
                Fate::Cuts(at) if at < body.len() => (&body[..at], Some("cut".to_owned())),
                _ => (&body[..], None),
            };
            for piece in arrives.chunks(random.usize(1..400)) {
                conversation.answer_chunk(piece.to_vec());
                if random.u8(0..200) == 0 {
                    self.crash();
                    return None;
                }
            }
            let is_over = failure.is_some();
            conversation.answer_end(failure);
            if is_over {
                return Some(self.end(&conversation));
            }
        }
    }

    /// Syncs over a network that works.
    pub(crate) async fn sync_well(&mut self, world: &World, options: SyncOptions) -> SyncReport {
        let conversation = self.begin(options);
        while let Some(request) = conversation.next_request().expect("a file that works") {
            let (status, body) = serve(world, &request).await;
            conversation.answer_head(status, Vec::new());
            conversation.answer_chunk(body);
            conversation.answer_end(None);
        }
        self.end(&conversation)
    }

    fn begin(&self, options: SyncOptions) -> Arc<Conversation> {
        let begun = self.database.begin_sync(options, None);
        begun.expect("no other sync")
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

    /// One of its objects.
    pub(crate) fn pick(&self, random: &mut fastrand::Rng) -> Option<(String, Attributes)> {
        let objects = self.database.list(SOURCE, 10_000, 0).expect("a list");
        let object = random.choice(objects)?;
        Some((object.id, object.attributes))
    }
}

fn texts(attributes: &Attributes) -> BTreeMap<String, String> {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| (name.clone(), value.to_text()))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn open(folder: &TempDir, platform: &Arc<SimPlatform>) -> Database {
    let path = folder.path().join("app.db");
    let platform = Arc::clone(platform);
    Database::open_on(
        path.to_str().expect("a path in UTF-8"),
        Options::new("http://sim", &[SOURCE]),
        platform,
        None,
        None,
    )
    .expect("to open a file")
}
