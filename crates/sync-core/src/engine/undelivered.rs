//! Changes that a back end does not take: which of them wait, and where those are kept that are given up.

use sync_jobs::{Cancelled, EnqueueError, Enqueued, JobId, JobState, Jobs, QueueName};

use crate::adapter::{AdapterError, Call, StashError};
use crate::engine::carrying::make_change;
use crate::engine::change_list::MOST_GIVEN_UP;
use crate::engine::device_changes::KeptChange;
use crate::engine::feed::FeedChange;
use crate::engine::partitions::Asked;
use crate::engine::{Engine, SyncError};
use crate::jobs::{Deliver, UndeliveredChange};
use crate::model::{ClientId, DocumentId, KeptVerdict, OperationKind, Partition, PartitionName};
use crate::ports::{Clock as _, Ports};
use crate::store::{Operations, WaitingChanges};

/// What becomes of a change that the back end did not take.
pub(super) enum Fate {
    /// It is tried again, a number of times: so far the back end has said nothing about it.
    Waits,
    /// Nobody knows what the back end has made of it, and to ask again would not tell: people have to look.
    IsKept,
    /// The back end does not want it.
    IsRefused,
}

impl Fate {
    /// Only what is said about the change itself refuses it.
    pub(super) fn after(error: &AdapterError) -> Self {
        match error {
            AdapterError::Unavailable { .. }
            | AdapterError::Throttled { .. }
            | AdapterError::Unauthorized { .. }
            | AdapterError::CircuitOpen { .. }
            | AdapterError::Stash(
                StashError::Fenced | StashError::OutOfTime | StashError::Store(_),
            ) => Self::Waits,
            AdapterError::BadAnswer { .. }
            | AdapterError::Misfit { .. }
            | AdapterError::Stash(StashError::TooMuch { .. }) => Self::IsKept,
            AdapterError::Login { .. }
            | AdapterError::Rejected { .. }
            | AdapterError::Conflict { .. }
            | AdapterError::NotFound { .. } => Self::IsRefused,
        }
    }
}

/// What became of changes whose device has sent others in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    All,
    /// The back end is asked for one right now.
    AllButRunning,
}

/// Whether a change has been kept as a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    /// It is too large for a job.
    No,
}

impl<P: Ports> Engine<P> {
    /// Keeps a change as a job, if it fits into one.
    pub(super) async fn keep_undelivered(
        &self,
        queue: &QueueName,
        change: &UndeliveredChange,
        number: u64,
    ) -> Result<Kept, SyncError> {
        let UndeliveredChange { source, object, .. } = change;
        let reason = match Deliver::job(queue, change, &number.to_string()) {
            Ok(job) => match self.enqueue(&job).await {
                Ok(Enqueued::New(job) | Enqueued::Waiting(job) | Enqueued::Again(job)) => {
                    self.note_given_up(change, &job).await?;
                    return Ok(Kept::Yes);
                }
                Ok(Enqueued::Ticked) => return Ok(Kept::Yes),
                Err(EnqueueError::Store(error)) => return Err(error.into()),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        tracing::error!(
            source.name = %source, object.id = %object, reason,
            "a change the back end does not take cannot be kept as a job: it goes on waiting"
        );
        Ok(Kept::No)
    }

    /// Notes that a job keeps a change.
    pub(super) async fn note_given_up(
        &self,
        change: &UndeliveredChange,
        job: &JobId,
    ) -> Result<(), SyncError> {
        let kept = self.settings.jobs.dead.retention.as_millis();
        let kept = u64::try_from(kept).unwrap_or(u64::MAX);
        let now = self.ports.clock().now();
        let index = WaitingChanges::new(self.ports.redis());
        let sent = Some(change.sent_at).filter(|sent| sent.0 > 0);
        let sent = sent.unwrap_or(now);
        Ok(index.give_up(&change.client, job, sent, now, kept).await?)
    }

    /// Drops those changes of a client that jobs keep, and that its device has sent once more or discarded.
    pub(super) async fn drop_given_up(
        &self,
        client: &ClientId,
        is_settled: impl Fn(&UndeliveredChange) -> bool,
    ) -> Result<Dropped, SyncError> {
        let kept = self.given_up_changes(client, MOST_GIVEN_UP).await?;
        let index = WaitingChanges::new(self.ports.redis());
        let mut dropped = Dropped::All;
        for KeptChange { job, change, .. } in kept {
            if !is_settled(&change) {
                continue;
            }
            if self.drop_kept(&job).await? {
                index.take_up(client, &job).await?;
            } else {
                dropped = Dropped::AllButRunning;
            }
        }
        Ok(dropped)
    }

    /// Ends a job that keeps a change. `false` if it runs.
    async fn drop_kept(&self, job: &JobId) -> Result<bool, SyncError> {
        let jobs = Jobs::new(self.ports.redis());
        if jobs.discard(job).await?.is_ok() {
            return Ok(true);
        }
        // Somebody tries it again, or has.
        let state = self.kept_change(job).await?.map(|kept| kept.state);
        Ok(match state {
            None => true,
            Some(JobState::Leased) => false,
            Some(_) => matches!(jobs.cancel(job).await?, Ok(Cancelled::Now)),
        })
    }

    /// Makes a change in the back end. What it has taken is news to all devices, its author's too, who was told that it
    /// failed.
    ///
    /// `job` keeps the change.
    pub(crate) async fn deliver(
        &self,
        job: &JobId,
        change: &UndeliveredChange,
    ) -> Result<Result<(), AdapterError>, SyncError> {
        let UndeliveredChange {
            source,
            partition,
            user,
            client,
            kind,
            object,
            attributes,
            idempotency_key: _,
            content: _,
            sent_as,
            attempts: _,
            sent_at: _,
        } = change;
        let key = change.key();
        let found = self.source(source.as_str()).await?;
        let source = found.as_source();
        let copy = Partition::from_stored(partition).map(|partition| DocumentId {
            source: source.name.clone(),
            partition,
        });
        let member = match &copy {
            Some(copy) => self.member_of_change(source, copy, *kind, object).await?,
            None => None,
        };
        // What becomes of it in copies that are made of that one is news there too.
        let copy = member.or(copy);
        let asked = match &copy {
            Some(copy) => self.asked_for(source, user, copy).await?,
            None => Asked::NotAtAll,
        };
        let call = Call {
            source: source.name,
            user,
            partition: match &asked {
                Asked::For(partition) => partition.as_ref().map(PartitionName::as_str),
                Asked::NotAtAll => None,
            },
            client: Some(client),
            idempotency_key: &key,
            parameters: &[],
            before: None,
            blobs: &self.blobs,
            memory: &self.memory,
            trace: None,
        };
        let made = make_change(source.adapter, &call, *kind, object, attributes).await;
        let changed = match (kind, made) {
            (OperationKind::Create, Ok(done)) => done.id,
            (OperationKind::Update, Ok(_))
            | (OperationKind::Delete, Ok(_) | Err(AdapterError::NotFound { .. })) => {
                Some(object.clone())
            }
            (_, Err(error)) => return Ok(Err(error)),
        };
        if let Some(document) = &copy {
            let store = self.document(document);
            let create = changed.as_ref().filter(|_| *kind == OperationKind::Create);
            let verdict = KeptVerdict::Applied {
                object: changed.clone(),
                message: None,
            };
            let named = sent_as.as_ref().map(|name| (name, &verdict));
            Operations::new(&store, client)
                .note_done_after_all(create.map(|id| (object, id)), named)
                .await?;
        }
        let index = WaitingChanges::new(self.ports.redis());
        index.take_up(client, job).await?;
        let changed = changed.filter(|_| !source.settings.pass_through);
        if let (Some(object), Some(document)) = (changed, copy) {
            let change = FeedChange::of(*kind, attributes);
            if document.partition.is_narrowed() {
                self.share_change(source, user, &object, (*kind, change))
                    .await?;
            } else {
                let deletes = matches!(change, FeedChange::Delete);
                self.feed(&document, &[(object, change)]).await?;
                if deletes {
                    self.collect_some_time(&document).await?;
                }
            }
        }
        Ok(Ok(()))
    }
}
