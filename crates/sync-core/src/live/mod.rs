//! Event streams: devices with our own library that are told *that* something has changed. What has changed they ask for.
//!
//! All streams of an instance share one reader: each round it waits for hints about changed documents, and says what each stream is to
//! be told. Nothing of it is durable. A device that is told nothing has what it needs after its next sync.

mod streams;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use streams::{Stream, Streams};
pub use streams::{StreamId, Told};

use crate::account::{AccountError, Accounts, DeviceSession};
use crate::model::{ClientId, SourceName, UserId};
use crate::ports::{Clock as _, Ports, Random as _, RedisConn};
use crate::store::{ChangedDocuments, ChangesPosition, Clients, Hints, StoreError, document_name};

/// How long one read waits for hints. Heartbeats, ends and those shut out wait for it.
pub const READ_WAITS: Duration = Duration::from_secs(1);

/// How long a hint is kept back: instances share what they have read of documents for a quarter of a second, so a device that came at
/// once could be told that nothing is new. What comes meanwhile is told together.
const KEPT_BACK: Duration = Duration::from_millis(300);

/// How long is waited after a read that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How long a stream lasts, shortest and longest, in milliseconds: spread, so that not all come back at once.
const LASTS_MS: (u64, u64) = (300_000, 600_000);

/// When a device comes back whose stream has ended or broken, soonest and latest, in milliseconds: all streams of a host that dies
/// break at once.
const RETRY_MS: (u64, u64) = (1_000, 10_000);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Whoever asks is not let in.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The device is gone, or somebody else's.
    #[error("Unknown client")]
    UnknownClient,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The event streams of an instance.
pub struct Live<P> {
    ports: Rc<P>,
    accounts: Accounts<P>,
    streams: RefCell<Streams>,
    /// How far hints were read; nothing while nobody waits for them.
    position: RefCell<Option<ChangesPosition>>,
    has_failed: Cell<bool>,
}

impl<P: Ports> Live<P> {
    /// No streams yet, for devices that these accounts know.
    pub fn new(ports: Rc<P>, accounts: Accounts<P>) -> Self {
        Self {
            ports,
            accounts,
            streams: RefCell::default(),
            position: RefCell::default(),
            has_failed: Cell::new(false),
        }
    }

    /// The world.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// The accounts.
    pub fn accounts(&self) -> &Accounts<P> {
        &self.accounts
    }

    /// Opens a stream for a device. It is told of the sources that it follows, also of those that it begins with later, and of its own
    /// copies of them. Answers the stream's first text.
    ///
    /// # Errors
    /// See [`LiveError`].
    pub async fn open(&self, session: DeviceSession) -> Result<(StreamId, Bytes), LiveError> {
        self.accounts.check_device(&session).await?;
        // What is committed from here on is told, and what the device begins with.
        if self.position.borrow().is_none() {
            let end = ChangedDocuments::new(self.ports.redis()).end().await?;
            self.position.borrow_mut().get_or_insert(end);
        }
        let follows = self.followed_by(session.client(), session.user()).await?;
        let follows = follows.ok_or(LiveError::UnknownClient)?;
        let now = self.ports.clock().monotonic();
        let ends_at = now + Duration::from_millis(self.between(LASTS_MS));
        let stream = Stream {
            session,
            follows,
            ends_at,
        };
        let id = self.streams.borrow_mut().open(stream, now);
        let retry = self.between(RETRY_MS);
        Ok((id, Bytes::from(format!("retry: {retry}\n\n"))))
    }

    /// Closes a stream whose device is gone.
    pub fn close(&self, stream: StreamId) {
        self.streams.borrow_mut().close(stream);
    }

    /// Whether nobody waits any more: then there are no more rounds.
    pub fn is_over(&self) -> bool {
        let is_over = self.streams.borrow().is_empty();
        if is_over {
            self.position.take();
        }
        is_over
    }

    /// Waits for news a while, over a connection that nobody else uses, and says what is to be told to whom.
    ///
    /// A store that does not answer ends no stream: signs of life go on, and what is read once it answers again is told.
    pub async fn round<R: RedisConn>(&self, waiting: &R) -> Vec<Told> {
        let changed = match self.read(waiting).await {
            Ok(changed) => {
                self.has_failed.set(false);
                changed
            }
            Err(error) => {
                if !self.has_failed.replace(true) {
                    tracing::warn!(%error, "nobody can be told what has changed");
                }
                self.ports.clock().sleep(AFTER_FAILURE).await;
                BTreeSet::new()
            }
        };
        let shut_out = self.shut_out().await;
        let now = self.ports.clock().monotonic();
        self.streams.borrow_mut().tell(&changed, &shut_out, now)
    }

    async fn read<R: RedisConn>(&self, waiting: &R) -> Result<BTreeSet<String>, StoreError> {
        let Some(position) = self.position.borrow().clone() else {
            return Ok(BTreeSet::new());
        };
        let hints = ChangedDocuments::new(waiting);
        let Hints {
            position,
            documents,
            clients,
        } = hints.wait(&position, READ_WAITS).await?;
        if !documents.is_empty() || !clients.is_empty() {
            self.ports.clock().sleep(KEPT_BACK).await;
        }
        self.follow_again(&clients).await?;
        // Where that failed, the same hints are read again.
        self.position.replace(Some(position));
        Ok(documents)
    }

    /// Lets the streams of these clients follow what the clients follow by now.
    async fn follow_again(&self, clients: &BTreeSet<String>) -> Result<(), StoreError> {
        let mut sessions = self.streams.borrow().sessions();
        sessions.retain(|(_, session)| clients.contains(session.client().as_str()));
        let read = sessions
            .iter()
            .map(|(_, session)| self.followed_by(session.client(), session.user()));
        let follows = try_join_all(read).await?;
        let mut streams = self.streams.borrow_mut();
        for ((stream, _), follows) in sessions.iter().zip(follows) {
            // A client that is gone is shut out.
            if let Some(follows) = follows {
                streams.follow(*stream, follows);
            }
        }
        Ok(())
    }

    /// The documents that a client follows, by their names; nothing if there is no such client of this user.
    async fn followed_by(
        &self,
        client: &ClientId,
        user: &UserId,
    ) -> Result<Option<BTreeMap<String, SourceName>>, StoreError> {
        let record = Clients::new(self.ports.redis()).get(client).await?;
        let record = record.filter(|record| record.user == *user);
        Ok(record.map(|record| {
            // What a copy is made of changes before the copy does.
            let documents = record
                .bound_documents()
                .flat_map(|document| document.members().into_iter().chain([document]));
            documents
                .map(|document| (document_name(&document), document.source))
                .collect()
        }))
    }

    /// Whose session has ended. Where nobody can tell, it goes on.
    async fn shut_out(&self) -> BTreeSet<StreamId> {
        let sessions = self.streams.borrow().sessions();
        let mut shut_out = BTreeSet::new();
        for (id, session) in sessions {
            match self.accounts.check_device(&session).await {
                Ok(()) => {}
                Err(AccountError::NotAuthenticated) => {
                    shut_out.insert(id);
                }
                // The others would fail the same.
                Err(_) => break,
            }
        }
        shut_out
    }

    fn between(&self, (least, most): (u64, u64)) -> u64 {
        let mut bytes = [0; 8];
        self.ports.random().fill(&mut bytes);
        least + u64::from_le_bytes(bytes) % (most - least + 1)
    }
}
