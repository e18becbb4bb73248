//! What an app calls to sync.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::conversation::{Conversation, Outcome};
use crate::database::Database;
use crate::error::Error;
use crate::following::followed;
use crate::options::SyncOptions;
use crate::report::{ProgressListener, SyncReport};
use crate::sync::Syncing;

impl Database {
    /// Sends what was done and brings what is new, of all sources. How it ended is in the report: that there is no network is no
    /// error.
    ///
    /// # Errors
    /// [`Error::SyncRunning`], and the file's.
    pub fn sync(&self) -> Result<SyncReport, Error> {
        self.sync_with(SyncOptions::default(), None)
    }

    /// The same, as told.
    ///
    /// # Errors
    /// See [`Self::sync`].
    pub fn sync_with(
        &self,
        options: SyncOptions,
        listener: Option<Arc<dyn ProgressListener>>,
    ) -> Result<SyncReport, Error> {
        let transport = self.transport()?;
        let conversation = self.begin_sync(options, listener)?;
        let carried = conversation.carry(transport);
        let report = self.end_sync(&conversation);
        carried.map(|()| report)
    }

    /// Begins a sync, for hosts that carry requests themselves. End it by [`Self::end_sync`]: until then, or until it is dropped,
    /// no other can begin.
    ///
    /// # Errors
    /// See [`Self::sync`].
    pub fn begin_sync(
        &self,
        options: SyncOptions,
        listener: Option<Arc<dyn ProgressListener>>,
    ) -> Result<Arc<Conversation>, Error> {
        self.begin(options, listener, 0)
    }

    /// Begins a sync whose answer may wait so many seconds for something that is new.
    pub(crate) fn begin(
        &self,
        options: SyncOptions,
        listener: Option<Arc<dyn ProgressListener>>,
        wait: u64,
    ) -> Result<Arc<Conversation>, Error> {
        let mut store = self.shared.store();
        let lock = store.lock_sync()?.ok_or(Error::SyncRunning)?;
        let deadline_ms = options.deadline_ms;
        let now_ms = self.shared.platform.now_ms();
        let syncing = Syncing::new(&mut store, now_ms, options, listener, wait, lock)?;
        drop(store);
        let topic = Box::new(syncing);
        Ok(Conversation::new(
            Arc::clone(&self.shared),
            topic,
            deadline_ms,
        ))
    }

    /// Ends a sync, wherever it is, and says what it did.
    pub fn end_sync(&self, conversation: &Conversation) -> SyncReport {
        let report = match conversation.end() {
            Outcome::Synced(report) => *report,
            Outcome::SignedIn(_)
            | Outcome::SignedOut
            | Outcome::Searched(_)
            | Outcome::Listened => SyncReport::default(),
        };
        self.shared.note_end(&report);
        let now_ms = self.shared.platform.elapsed_ms();
        let following = &self.shared.following;
        following.synced(&conversation.canceller(), followed(&report), now_ms);
        report
    }

    /// Ends whatever sync of this database is under way in this process, as soon as it can.
    pub fn cancel(&self) {
        self.shared.cancellations.fetch_add(1, Ordering::Relaxed);
    }

    /// The sources that a push message asks to sync, empty for all; `None` if it is not the server's.
    pub fn pinged_sources(&self, payload: &str) -> Option<Vec<String>> {
        sync_device::pinged_sources(payload)
    }

    /// Syncs what a push message asks to sync; `None` if it is not the server's.
    ///
    /// # Errors
    /// See [`Self::sync`].
    pub fn handle_ping(
        &self,
        payload: &str,
        deadline_ms: Option<u64>,
    ) -> Result<Option<SyncReport>, Error> {
        let Some(sources) = self.pinged_sources(payload) else {
            return Ok(None);
        };
        let options = SyncOptions {
            sources,
            deadline_ms,
            verify: false,
        };
        self.sync_with(options, None).map(Some)
    }
}
