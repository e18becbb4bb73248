//! A device that has everything waits within its request until something has changed.
//!
//! Nobody is woken: in a component, a task cannot wake another one. Those who wait look, each for itself, at what the instance has
//! read of the hints of changed documents; whoever finds that too old reads on for all. So an instance asks the store twice a second,
//! however many wait in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::join;
use sync_proto::sync::SourceParameters;

use crate::account::DeviceSession;
use crate::engine::device_sync::{CURSOR, Sharing};
use crate::engine::{Engine, SyncError};
use crate::model::{DeviceCursor, DocumentId};
use crate::ports::{Clock as _, Ports};
use crate::store::{ChangedDocuments, ChangesPosition, Hints, document_name};

/// Longest wait: what lies between gives up on an answer that says nothing for longer.
pub(super) const LONGEST: Duration = Duration::from_secs(25);

/// How often whoever waits looks, and how long what was read is relied on.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long hints are kept: longer than anybody is between two looks.
const KEPT: Duration = Duration::from_secs(5);

/// What an instance has read of the hints.
#[derive(Default)]
pub(in crate::engine) struct SharedHints(RefCell<ReadHints>);

#[derive(Default)]
struct ReadHints {
    position: Option<ChangesPosition>,
    read_at: Duration,
    /// How many reads have found something.
    count: u64,
    /// When something was found, and what, with the number of the read.
    found: VecDeque<(Duration, u64, BTreeSet<String>)>,
}

impl<P: Ports> Engine<P> {
    /// Waits until one of the sources that a device has has changed, or it has waited long enough. What is new it does not say.
    ///
    /// # Errors
    /// A session that has ended, and the store's.
    pub async fn wait_for_news(
        &self,
        session: &DeviceSession,
        have: &BTreeMap<String, Option<String>>,
        parameters: &SourceParameters,
        wait: Duration,
    ) -> Result<(), SyncError> {
        let clock = self.ports.clock();
        let began = clock.monotonic();
        let mut documents = BTreeMap::new();
        for (name, cursor) in have {
            let found = self.source(name).await?;
            let cursor = cursor.as_deref();
            let cursor =
                cursor.and_then(|text| self.accounts.sessions().open::<DeviceCursor>(CURSOR, text));
            let part = self.part_read(found.as_source(), session.user(), parameters);
            documents.insert(part.await?.document, cursor);
        }
        let mut seen = self.look_for_hints().await?;
        // What was answered may be a little old: what has changed since then is found here.
        if self.has_news(&documents).await? {
            return Ok(());
        }
        let names = documents.keys().flat_map(|document| {
            let members = document.members();
            members.into_iter().chain([document.clone()])
        });
        let names: BTreeSet<String> = names.map(|document| document_name(&document)).collect();
        while clock.monotonic().saturating_sub(began) < wait.min(LONGEST) {
            clock.sleep(LOOK_EVERY).await;
            self.accounts.check_device(session).await?;
            let last = self.look_for_hints().await?;
            if self.hints.has_any(seen, &names) {
                // Read, so that other requests do not share heads from before.
                self.has_news(&documents).await?;
                return Ok(());
            }
            seen = last;
        }
        Ok(())
    }

    async fn has_news(
        &self,
        documents: &BTreeMap<DocumentId, Option<DeviceCursor>>,
    ) -> Result<bool, SyncError> {
        let heads = documents.iter().map(|(document, cursor)| async move {
            let (head, makeup) = join!(
                self.head(document, Sharing::Fresh),
                self.makeup(document, Sharing::Fresh)
            );
            let version = cursor.as_ref().map(|cursor| cursor.version);
            let has_more = makeup?.is_some_and(|makeup| makeup.has_moved_on());
            Ok::<_, SyncError>(has_more || version != Some(head?.head.version))
        });
        Ok(try_join_all(heads).await?.contains(&true))
    }

    /// Reads on, unless somebody has a moment ago. Says how many reads have found something.
    async fn look_for_hints(&self) -> Result<u64, SyncError> {
        let now = self.ports.clock().monotonic();
        let (position, is_new) = {
            let hints = self.hints.0.borrow();
            let age = now.saturating_sub(hints.read_at);
            // What nobody has waited for is of no interest.
            let position = hints.position.clone().filter(|_| age < KEPT);
            (position, age < LOOK_EVERY / 2)
        };
        let store = ChangedDocuments::new(self.ports.redis());
        match position {
            Some(_) if is_new => {}
            Some(position) => {
                // Whoever comes meanwhile relies on this one.
                self.hints.0.borrow_mut().read_at = now;
                let Hints {
                    position,
                    documents,
                    clients: _,
                } = store.read(&position).await?;
                self.hints.put(position, documents, now);
            }
            None => {
                let end = store.end().await?;
                self.hints.put(end, BTreeSet::new(), now);
            }
        }
        Ok(self.hints.0.borrow().count)
    }
}

impl SharedHints {
    fn put(&self, position: ChangesPosition, changed: BTreeSet<String>, now: Duration) {
        let mut hints = self.0.borrow_mut();
        hints.read_at = now;
        hints.position = Some(position);
        if !changed.is_empty() {
            hints.count += 1;
            let number = hints.count;
            hints.found.push_back((now, number, changed));
        }
        let is_old = |(found_at, ..): &(Duration, u64, BTreeSet<String>)| {
            now.saturating_sub(*found_at) > KEPT
        };
        while hints.found.front().is_some_and(is_old) {
            hints.found.pop_front();
        }
    }

    /// Whether one of these documents was found after so many reads.
    fn has_any(&self, seen: u64, names: &BTreeSet<String>) -> bool {
        let hints = self.0.borrow();
        let mut found = hints.found.iter();
        found.any(|(_, number, changed)| *number > seen && !changed.is_disjoint(names))
    }
}
