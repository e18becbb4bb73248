//! A database is kept current while its app is open.

mod listening;

use std::sync::Arc;

use listening::Listening;
use sync_device::{FollowEnd, FollowStep as Due, FollowedSync, StreamEnd};

use crate::conversation::Conversation;
use crate::database::Database;
use crate::error::Error;
use crate::options::SyncOptions;
use crate::platform::random_number;
use crate::report::SyncReport;
use crate::sync::has_access;

/// When a sync is tried again while another one, of another process, is under way.
const OTHERS_SYNC_MS: u64 = 1_000;

/// Hears what happens while a database is followed.
pub trait FollowListener: Send + Sync {
    /// A sync has ended, in whatever way: the next one comes by itself.
    fn synced(&self, report: SyncReport);
}

/// What is to be done next by a host that carries requests itself.
pub enum FollowStep {
    /// Carry this sync, and then call [`Database::end_sync`].
    Sync(Arc<Conversation>),
    /// Carry this event stream, beside everything else.
    Listen(Arc<Conversation>),
    /// Nothing, for so many milliseconds, or until a stream has brought something or a call has changed something.
    Wait {
        /// How many.
        ms: u64,
    },
    /// Nothing any more.
    Ended(FollowEnd),
}

impl Database {
    /// Keeps the database current until [`Self::unfollow`], or until nobody is signed in any more: syncs at once, when the server says
    /// that something has changed, when a change was made here, and when the server wants it. Blocks as long.
    ///
    /// That there is no network is no reason to end: it tries again, ever later. Call [`Self::wake`] when the network is back.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is followed already; the file's.
    #[cfg(not(target_family = "wasm"))]
    pub fn follow(&self, listener: Option<Arc<dyn FollowListener>>) -> Result<FollowEnd, Error> {
        let transport = self.transport.clone().ok_or(Error::NoTransport)?;
        self.begin_follow(transport.can_stream())?;
        let _until_here = Until(self);
        loop {
            let platform = self.shared.platform.as_ref();
            let due = self.shared.following.wait(|| platform.elapsed_ms());
            match self.do_what_is_due(due)? {
                FollowStep::Sync(conversation) => {
                    let carried = conversation.carry(transport.as_ref());
                    let report = self.end_sync(&conversation);
                    carried?;
                    if let Some(listener) = &listener {
                        listener.synced(report);
                    }
                }
                FollowStep::Listen(conversation) => {
                    let (transport, stream) = (Arc::clone(&transport), Arc::clone(&conversation));
                    // What is wrong with the file, syncs say too.
                    let listen = move || drop(stream.carry(transport.as_ref()));
                    if let Err(error) = std::thread::Builder::new().spawn(listen) {
                        conversation.answer_end(Some(error.to_string()));
                    }
                }
                FollowStep::Wait { .. } => {}
                FollowStep::Ended(end) => return Ok(end),
            }
        }
    }

    /// Begins to follow, for hosts that carry requests themselves: do what [`Self::follow_step`] says, again and again, until it has
    /// ended or [`Self::end_follow`] is called. `can_stream` says whether event streams can be read.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is followed already.
    pub fn begin_follow(&self, can_stream: bool) -> Result<(), Error> {
        let now_ms = self.shared.platform.elapsed_ms();
        match self.shared.following.begin(can_stream, now_ms) {
            true => Ok(()),
            false => Err(Error::Invalid {
                reason: "the database is followed already".to_owned(),
            }),
        }
    }

    /// What to do next.
    ///
    /// # Errors
    /// The file's.
    pub fn follow_step(&self) -> Result<FollowStep, Error> {
        loop {
            let due = self
                .shared
                .following
                .next(self.shared.platform.elapsed_ms());
            match self.do_what_is_due(due)? {
                // What could not be begun has changed what is due.
                FollowStep::Wait { .. } if !matches!(due, Due::Wait { .. }) => {}
                step => return Ok(step),
            }
        }
    }

    /// Ends following, with all that is under way.
    pub fn end_follow(&self) {
        self.shared.following.end();
    }

    fn do_what_is_due(&self, due: Due) -> Result<FollowStep, Error> {
        let following = &self.shared.following;
        let platform = self.shared.platform.as_ref();
        Ok(match due {
            Due::Sync { wait } => match self.begin(SyncOptions::default(), None, wait) {
                Ok(conversation) => {
                    following.syncs(conversation.canceller(), wait > 0);
                    FollowStep::Sync(conversation)
                }
                Err(Error::SyncRunning) => {
                    let next_in_ms = OTHERS_SYNC_MS;
                    let failed = FollowedSync::Failed { next_in_ms };
                    following.could_not_sync(failed, platform.elapsed_ms());
                    FollowStep::Wait { ms: 0 }
                }
                Err(error) => return Err(error),
            },
            Due::Listen { stream } => {
                let session = self.shared.store().session()?;
                let is_good = has_access(&self.shared, &session);
                match session.access.filter(|_| is_good) {
                    Some(access) => {
                        let topic = Box::new(Listening::new(stream, access));
                        let shared = Arc::clone(&self.shared);
                        let conversation = Conversation::new(shared, topic, None);
                        following.listens(conversation.canceller());
                        FollowStep::Listen(conversation)
                    }
                    // The next sync gets another token.
                    None => {
                        let (now_ms, random) = (platform.elapsed_ms(), random_number(platform));
                        following.closed(stream, StreamEnd::NotLetIn, now_ms, random);
                        FollowStep::Wait { ms: 0 }
                    }
                }
            }
            Due::Wait { ms } => FollowStep::Wait { ms },
            Due::Over(end) => FollowStep::Ended(end),
        })
    }

    /// Ends [`Self::follow`], and a sync of it that is under way, as soon as it can.
    pub fn unfollow(&self) {
        self.shared.following.stop(FollowEnd::Stopped);
    }

    /// Tells who follows that things may be better than they were: the network is back, or the app is seen again.
    pub fn wake(&self) {
        self.shared
            .following
            .wake(self.shared.platform.elapsed_ms());
    }
}

/// Ends following when it is dropped, whatever a listener does.
#[cfg(not(target_family = "wasm"))]
struct Until<'a>(&'a Database);

#[cfg(not(target_family = "wasm"))]
impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.end_follow();
    }
}
