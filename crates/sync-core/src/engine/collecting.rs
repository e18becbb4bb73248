//! Collects what time has made superfluous: clients nobody hears of any more, and what deleted objects have left.
//!
//! Jobs do it, some at a time. What is to be looked at, and when, is in two sorted sets, so that nobody has to look through
//! all there is.

use crate::engine::{Engine, SyncError};
use crate::jobs::{Collect, CollectBlobs, CollectTombstones, CollectTombstonesPayload};
use crate::model::{ClientId, DocumentId, Millis, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{
    ClientIndex, ClientScan, Clients, Deadlines, ListedChanges, WaitingChanges, document_name,
    named_document,
};

const DAY_MS: u64 = 86_400_000;

/// Tombstones of a document that are worth a collection before its time.
const WORTH_COLLECTING: u64 = 1_000;

/// Clients, and documents, that one step looks at.
const AT_ONCE: usize = 100;

/// Parts of a document's clients that one step looks through.
const PARTS_AT_ONCE: usize = 100;

/// Rounds of blobs that one step makes.
const BLOB_ROUNDS: usize = 10;

/// How far a document's collection is.
pub(crate) enum Collected {
    /// So many tombstones went.
    All(u64),
    /// A job goes on.
    Some,
}

impl<P: Ports> Engine<P> {
    /// When a client of which nothing is heard from now on is forgotten. By then it has had no cursor for as long again.
    pub(super) fn silent_until(&self, now: Millis) -> Millis {
        now.plus(self.settings.retention_days.saturating_mul(2 * DAY_MS))
    }

    /// Sees to it that what deleted objects have left in a document is collected some time.
    pub(super) async fn collect_some_time(&self, id: &DocumentId) -> Result<(), SyncError> {
        let tomorrow = self.ports.clock().now().plus(DAY_MS);
        Ok(Deadlines::of_documents(self.ports.redis())
            .set_if_none(&document_name(id), tomorrow)
            .await?)
    }

    /// The same, and soon where there is much of it.
    pub(super) async fn collect_if_worth_it(&self, id: &DocumentId) -> Result<(), SyncError> {
        let document = self.document(id);
        let (noted, tombstones) =
            futures_util::join!(self.collect_some_time(id), document.tombstones());
        noted?;
        if tombstones? >= WORTH_COLLECTING {
            self.enqueue_collection(id, None).await?;
        }
        Ok(())
    }

    /// Looks at clients and documents that are due. Says how many clients it has forgotten, and of how many documents the
    /// tombstones will be collected.
    pub(crate) async fn collect_due(&self) -> Result<(usize, usize), SyncError> {
        let (redis, now) = (self.ports.redis(), self.ports.clock().now());
        let deadlines = Deadlines::of_clients(redis);
        let clients = deadlines.due(now, AT_ONCE).await?;
        let mut forgotten = 0;
        for name in &clients {
            forgotten += usize::from(self.look_at_client(&deadlines, name, now).await?);
        }
        let deadlines = Deadlines::of_documents(redis);
        let documents = deadlines.due(now, AT_ONCE).await?;
        for name in &documents {
            let Some(id) = named_document(name) else {
                deadlines.clear(name).await?;
                continue;
            };
            self.enqueue_collection(&id, None).await?;
            // The job says what is left.
            deadlines.set(name, now.plus(DAY_MS)).await?;
        }
        let silent = now.0.saturating_sub(self.silent_until(Millis(0)).0);
        ClientIndex::new(redis)
            .forget_before(Millis(silent))
            .await?;
        let kept = self.settings.jobs.dead.retention.as_millis();
        let kept = u64::try_from(kept).unwrap_or(u64::MAX);
        let dead = Millis(now.0.saturating_sub(kept));
        let changes = WaitingChanges::new(redis);
        changes.forget_before(dead).await?;
        // A change may have waited for long before it was given up.
        let sent = Millis(silent.saturating_sub(kept));
        let listed = ListedChanges::new(redis);
        listed.forget_before(sent, Millis(silent)).await?;
        self.end_subscriptions().await?;
        if clients.len().max(documents.len()) == AT_ONCE {
            self.enqueue_own(&Collect::job()).await?;
        }
        Ok((forgotten, documents.len()))
    }

    /// Forgets a client if nothing was heard of it for long, or says when to look again.
    async fn look_at_client(
        &self,
        deadlines: &Deadlines<'_, P::Redis>,
        name: &str,
        now: Millis,
    ) -> Result<bool, SyncError> {
        let clients = Clients::new(self.ports.redis());
        let Ok(client) = ClientId::parse(name) else {
            deadlines.clear(name).await?;
            return Ok(false);
        };
        let Some(record) = clients.get(&client).await? else {
            deadlines.clear(name).await?;
            return Ok(false);
        };
        let mut heard = Millis::default();
        for id in record.bound_documents() {
            let last = self.document(&id).last_heard(&client).await?;
            if last.waiting > 0 {
                // What was accepted has its verdict first.
                deadlines.set(name, now.plus(DAY_MS)).await?;
                return Ok(false);
            }
            let day = last.day.unwrap_or_default();
            heard = heard.max(Millis(day.saturating_mul(DAY_MS)));
        }
        let until = self.silent_until(heard).plus(DAY_MS);
        if until > now {
            deadlines.set(name, until).await?;
            return Ok(false);
        }
        for id in record.bound_documents() {
            self.document(&id).unbind(&client).await?;
        }
        self.take_off_lists(&client, record.bindings.keys()).await?;
        clients.remove(&client, &record.user).await?;
        tracing::info!(client.id = %client, user.id = %record.user, "a client was forgotten: nothing was heard of it for long");
        Ok(true)
    }

    /// Collects a document's tombstones as far as every client has passed them, or a part of the way: looking through its
    /// clients takes many steps.
    pub(crate) async fn collect_by_job(
        &self,
        id: &DocumentId,
        scan: Option<ClientScan>,
    ) -> Result<Collected, SyncError> {
        let (document, now) = (self.document(id), self.ports.clock().now());
        let mut scan = match scan {
            Some(scan) => Some(scan),
            None => document.begin_client_scan().await?,
        };
        let mut collected = 0;
        for _ in 0..PARTS_AT_ONCE {
            let Some(at) = scan.take() else { break };
            match document
                .scan_clients(id, now, self.settings.retention_days, at)
                .await?
            {
                Err(next) => scan = Some(next),
                Ok(passed) => loop {
                    let (removed, has_more) = document.collect_passed(passed).await?;
                    collected += removed;
                    if !has_more {
                        break;
                    }
                },
            }
        }
        if scan.is_some() {
            self.enqueue_collection(id, scan).await?;
            return Ok(Collected::Some);
        }
        let deadlines = Deadlines::of_documents(self.ports.redis());
        deadlines.clear(&document_name(id)).await?;
        // Counted afterwards: what is deleted from here on notes it anew.
        if document.tombstones().await? > 0 {
            self.collect_some_time(id).await?;
        }
        Ok(Collected::All(collected))
    }

    /// Collects what deleted objects have left in a user's copy of a source, as far as every client has seen it. Says how
    /// much went. Jobs do so by themselves.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`] and [`SyncError::InvalidId`], beside the store's.
    pub async fn collect_tombstones(&self, source: &str, user: &str) -> Result<u64, SyncError> {
        let found = self.source(source).await?;
        let user = UserId::parse(user)?;
        let id = self.document_for(found.as_source(), &user).await?;
        match self.collect_by_job(&id, None).await? {
            Collected::All(collected) => Ok(collected),
            Collected::Some => Ok(0),
        }
    }

    /// Collects some blobs. Says how many went, and contents that were no blob's.
    pub(crate) async fn collect_blobs(&self) -> Result<(usize, usize), SyncError> {
        let (mut blobs, mut contents) = (0, 0);
        for _ in 0..BLOB_ROUNDS {
            let collected = self.blobs.collect().await?;
            blobs += collected.blobs;
            contents += collected.contents;
            if !collected.has_more {
                return Ok((blobs, contents));
            }
        }
        self.enqueue_own(&CollectBlobs::job()).await?;
        Ok((blobs, contents))
    }

    async fn enqueue_collection(
        &self,
        id: &DocumentId,
        scan: Option<ClientScan>,
    ) -> Result<(), SyncError> {
        let payload = CollectTombstonesPayload {
            source: id.source.clone(),
            partition: id.partition.to_stored(),
            scan,
        };
        self.enqueue_own(&CollectTombstones::job(&payload)).await
    }
}
