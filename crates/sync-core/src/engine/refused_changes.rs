//! What administrators do with changes that a back end has refused.
//!
//! The refusal stands: its device may have been told by now, and is told in any case. Who tries the change again makes another one of
//! it, with an idempotency key of its own, which a job keeps like those that were given up. What the back end takes then is news to
//! all devices, to the one that sent it too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sync_jobs::{EnqueueError, Enqueued, JobState, Jobs, NewJob};
use sync_proto::api::ChangeInfo;
use sync_proto::sync::SourceParameters;

use crate::account::DeviceSession;
use crate::engine::by_jobs::changes_queue;
use crate::engine::device_changes::{KeptChange, to_kept};
use crate::engine::undelivered::Dropped;
use crate::engine::{ChangeOutcome, Engine, SyncError};
use crate::jobs::{Deliver, UndeliveredChange};
use crate::model::{Attributes, ChangeName, ClientId, DocumentId, OperationKind, Version};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{OpenRefusal, WaitingChanges};

/// When the job runs if whoever has enqueued it dies before the refusal is settled.
const INSURANCE: Duration = Duration::from_secs(60);

/// Entries of an outbox that are looked at together.
const ENTRIES_AT_ONCE: i64 = 100;

const IN_PROGRESS: &str = "the change is being tried again";

impl<P: Ports> Engine<P> {
    /// Makes another change of one that was refused, and has the back end asked for it by a job.
    pub(super) async fn retry_refused(
        &self,
        client: &ClientId,
        document: &DocumentId,
        version: Version,
        attributes: Option<Attributes>,
    ) -> Result<ChangeOutcome<ChangeInfo>, SyncError> {
        let found = self.source(document.source.as_str()).await?;
        let store = self.document(document);
        let Some(open) = store.refusal(client, version).await? else {
            return Ok(ChangeOutcome::Missing);
        };
        let change = self.made_of(client, document, &open, attributes).await?;
        let queue = changes_queue(found.as_source());
        let Ok(job) = Deliver::job(queue, &change, &format!("refused {version}")) else {
            return Ok(ChangeOutcome::Missing);
        };
        let job = NewJob {
            delay: INSURANCE,
            ..job
        };
        let jobs = Jobs::new(self.ports.redis());
        let job = match jobs.enqueue_once(&job).await {
            Ok(Enqueued::New(job)) => job,
            Ok(Enqueued::Waiting(_) | Enqueued::Again(_) | Enqueued::Ticked) => {
                return Ok(ChangeOutcome::Not(IN_PROGRESS));
            }
            Err(EnqueueError::Store(error)) => return Err(error.into()),
            Err(EnqueueError::TooLong { .. }) => {
                return Ok(ChangeOutcome::Not(
                    "the change is too large to be kept by a job: only its device can send it again",
                ));
            }
        };
        // Whoever finds the refusal settled finds the job.
        self.note_given_up(&change, &job).await?;
        if !store.settle_refusal(client, &open).await? {
            jobs.cancel(&job).await?.ok();
            let index = WaitingChanges::new(self.ports.redis());
            index.take_up(client, &job).await?;
            return Ok(ChangeOutcome::Missing);
        }
        // A worker that sweeps may have been quicker.
        jobs.hasten(&job).await?.ok();
        let attributes = change.attributes.clone();
        let current = self.current(document, client, change.object.clone());
        let current = current.await?;
        let kept = KeptChange {
            job,
            state: JobState::Ready,
            attempts: 0,
            created: self.ports.clock().now(),
            reason: None,
            change,
        };
        Ok(ChangeOutcome::Done(ChangeInfo {
            attributes: Some(attributes),
            current,
            ..to_kept(kept)
        }))
    }

    /// Takes a refused change off the list. Its device is told that it was refused, as before.
    pub(super) async fn discard_refused(
        &self,
        client: &ClientId,
        document: &DocumentId,
        version: Version,
    ) -> Result<ChangeOutcome<()>, SyncError> {
        let store = self.document(document);
        Ok(match store.refusal(client, version).await? {
            Some(open) if store.settle_refusal(client, &open).await? => ChangeOutcome::Done(()),
            _ => ChangeOutcome::Missing,
        })
    }

    /// Takes refusals off the list that the user of a device has seen to there, and changes that were given up: each was sent once
    /// more as another one, or discarded. Names of which nothing is listed are passed over.
    ///
    /// [`SyncError::Busy`] while one of them is tried again: what has become of it then is known before the device's other change
    /// is taken in.
    pub(super) async fn settle_refusals(
        &self,
        session: &DeviceSession,
        settled: BTreeMap<String, BTreeSet<ChangeName>>,
        parameters: &SourceParameters,
    ) -> Result<(), SyncError> {
        let client = session.client();
        if settled.is_empty() {
            return Ok(());
        }
        for (source, names) in &settled {
            let mut names = names.clone();
            let Ok(found) = self.source(source).await else {
                continue;
            };
            let part = self.part_read(found.as_source(), session.user(), parameters);
            let document = part.await?.document;
            let store = self.document(&document);
            let mut after = Version::ZERO;
            while !names.is_empty() {
                let between = (after, Version::LIMIT);
                let entries = store
                    .outbox_by_version(client, between, 0, ENTRIES_AT_ONCE)
                    .await?;
                let Some((last, _)) = entries.last() else {
                    break;
                };
                after = *last;
                for (version, entry) in entries {
                    let name = entry.open_refusal().and_then(|(_, it)| it.sent_as.as_ref());
                    if name.is_some_and(|name| names.remove(name)) {
                        self.discard_refused(client, &document, version).await?;
                    }
                }
            }
        }
        // After the refusals: a change that somebody has just made of one of them is among these.
        let is_settled = |change: &UndeliveredChange| {
            let names = settled.get(change.source.as_str());
            let name = change.sent_as.as_ref();
            name.is_some_and(|name| names.is_some_and(|names| names.contains(name)))
        };
        match self.drop_given_up(client, is_settled).await? {
            Dropped::All => Ok(()),
            Dropped::AllButRunning => Err(SyncError::Busy),
        }
    }

    /// The change that is made of a refused one.
    async fn made_of(
        &self,
        client: &ClientId,
        document: &DocumentId,
        open: &OpenRefusal,
        attributes: Option<Attributes>,
    ) -> Result<UndeliveredChange, SyncError> {
        let (kind, refusal) = (open.kind, &open.refusal);
        let object = match kind {
            OperationKind::Create => refusal.id.clone(),
            OperationKind::Update | OperationKind::Delete => {
                let id = refusal.id.clone();
                self.back_ends_id(document, client, id).await?
            }
        };
        let change = UndeliveredChange {
            source: document.source.clone(),
            partition: document.partition.to_stored(),
            // Nobody else is told of what the client's present user has sent.
            user: self.owner(client).await?,
            client: client.clone(),
            kind,
            object,
            attributes: attributes.unwrap_or_else(|| refusal.sent.clone()),
            // A back end that knows the first one's key would refuse it again unseen.
            idempotency_key: self.ports.random().hex::<16>(),
            content: String::new(),
            sent_as: refusal.sent_as.clone(),
            attempts: Some(1),
            sent_at: refusal.sent_at,
        };
        Ok(change.with_key_for_content())
    }
}
