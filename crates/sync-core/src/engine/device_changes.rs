//! Devices' changes as administrators see them: those that wait, those that were given up, and those that were refused and of
//! which the device has not heard yet.

use std::time::Duration;

use futures_util::future::try_join_all;
use sync_jobs::{JobDetails, JobId, JobState, Jobs, Refused};
use sync_proto::SentAttributes;
use sync_proto::api::{ChangeInfo, ChangeKind, ChangeState};

use crate::engine::by_jobs::changes_queue;
use crate::engine::change_id::ChangeId;
use crate::engine::verdict::MAX_ATTEMPTS;
use crate::engine::{Engine, SyncError};
use crate::jobs::UndeliveredChange;
use crate::model::{
    Attributes, ClientId, DocumentId, Expected, Millis, ObjectId, Operation, OperationKind,
    Partition, Record, Refusal, Revision, Version, to_attributes,
};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{CreateOutcome, OpenRefusal, Operations, ReleaseOutcome, WaitingChanges};

/// How long somebody who works on a client's changes is waited for.
const LEASE_WAIT: Duration = Duration::from_millis(100);

/// How many times.
const LEASE_WAITS: usize = 20;

/// What a device is told of a change that an administrator discards.
const DISCARDED: &str = "an administrator has discarded this change";

/// A change that a job keeps.
pub(super) struct KeptChange {
    pub(super) job: JobId,
    pub(super) state: JobState,
    pub(super) attempts: u64,
    pub(super) created: Millis,
    pub(super) reason: Option<String>,
    pub(super) change: UndeliveredChange,
}

/// Whether something was done with a change.
#[derive(Debug)]
pub enum ChangeOutcome<T> {
    /// It was.
    Done(T),
    /// There is no such change, or it has its verdict by now.
    Missing,
    /// It is in no state for this.
    Not(&'static str),
}

impl<P: Ports> Engine<P> {
    /// Shows a change with its attributes. `None` if there is none, or it has its verdict by now.
    ///
    /// # Errors
    /// The store's.
    pub async fn change(&self, id: &str) -> Result<Option<ChangeInfo>, SyncError> {
        let Some(id) = ChangeId::parse(id) else {
            return Ok(None);
        };
        let found = match &id {
            ChangeId::Waiting(client, document, number) => {
                let store = self.document(document);
                let operations = Operations::new(&store, client);
                let operation = operations.get(*number).await?;
                operation.map(|operation| {
                    let attributes = operation.attributes.clone();
                    let object = operation.id.clone();
                    let info = to_waiting(client, document, *number, operation);
                    (info, document.clone(), object, attributes)
                })
            }
            ChangeId::Refused(client, document, version) => {
                let version = Version(*version);
                let open = self.document(document).refusal(client, version).await?;
                open.map(|OpenRefusal { kind, refusal, .. }| {
                    let user = owner_of(document);
                    let info = to_refused(client, document, version, user, kind, &refusal);
                    (info, document.clone(), refusal.id, refusal.sent)
                })
            }
            ChangeId::Kept(job) => self.kept_change(job).await?.and_then(|kept| {
                let UndeliveredChange {
                    source,
                    partition,
                    object,
                    attributes,
                    ..
                } = kept.change.clone();
                let partition = Partition::from_stored(&partition)?;
                let document = DocumentId { source, partition };
                Some((to_kept(kept), document, object, attributes))
            }),
        };
        let Some((mut info, document, object, attributes)) = found else {
            return Ok(None);
        };
        let client = ClientId::parse(info.client.as_str())?;
        info.current = self.current(&document, &client, object).await?;
        info.attributes = Some(attributes);
        Ok(Some(info))
    }

    /// Tries a change again that is as expected, with other attributes if some are given: one that waits is due at once, one that was
    /// refused becomes another change.
    ///
    /// # Errors
    /// [`SyncError::InvalidAttributes`], [`SyncError::Moved`], [`SyncError::Busy`] while somebody is at the client's changes, and the
    /// store's.
    pub async fn retry_change(
        &self,
        id: &str,
        attributes: Option<SentAttributes>,
        expected: &Expected,
    ) -> Result<ChangeOutcome<ChangeInfo>, SyncError> {
        let checked = attributes.map(|sent| {
            to_attributes(sent).map_err(|reason| SyncError::InvalidAttributes {
                id: id.to_owned(),
                reason,
            })
        });
        let attributes = checked.transpose()?;
        if !self.is_as_expected(id, expected).await? {
            return Ok(ChangeOutcome::Missing);
        }
        match ChangeId::parse(id) {
            Some(ChangeId::Waiting(client, document, number)) => {
                let retried = self.retry_waiting(&client, &document, number, attributes, expected);
                if !retried.await? {
                    return Ok(ChangeOutcome::Missing);
                }
            }
            Some(ChangeId::Kept(job)) => match self.retry_kept(&job, attributes).await? {
                ChangeOutcome::Done(()) => {}
                ChangeOutcome::Missing => return Ok(ChangeOutcome::Missing),
                ChangeOutcome::Not(why) => return Ok(ChangeOutcome::Not(why)),
            },
            Some(ChangeId::Refused(client, document, version)) => {
                let retried = self.retry_refused(&client, &document, Version(version), attributes);
                return retried.await;
            }
            None => return Ok(ChangeOutcome::Missing),
        }
        Ok(match self.change(id).await? {
            Some(info) => ChangeOutcome::Done(info),
            // It was done in this moment.
            None => ChangeOutcome::Missing,
        })
    }

    /// Whether a change is there, and as expected. One that waits is looked at under the lease.
    async fn is_as_expected(&self, id: &str, expected: &Expected) -> Result<bool, SyncError> {
        let waits = matches!(ChangeId::parse(id), Some(ChangeId::Waiting(..)));
        if waits || *expected == Expected::Any {
            return Ok(true);
        }
        let Some(change) = self.change(id).await? else {
            return Ok(false);
        };
        check_state(&change.attributes.unwrap_or_default(), expected)?;
        Ok(true)
    }

    /// Discards a change that is as expected. Of one that waits the device is told as if the back end had refused it; of one that was
    /// given up or refused it is told anyway.
    ///
    /// # Errors
    /// [`SyncError::Moved`], [`SyncError::Busy`] while somebody is at the client's changes, and the store's.
    pub async fn discard_change(
        &self,
        id: &str,
        expected: &Expected,
    ) -> Result<ChangeOutcome<()>, SyncError> {
        if !self.is_as_expected(id, expected).await? {
            return Ok(ChangeOutcome::Missing);
        }
        match ChangeId::parse(id) {
            Some(ChangeId::Waiting(client, document, number)) => {
                let lease = self.lease_operations(&client, &document).await?;
                let discarded = self.discard_waiting(&client, &document, number, &lease, expected);
                let discarded = discarded.await;
                self.end_lease(&client, &document, &lease).await?;
                self.work_on_rest(&client, &document).await?;
                Ok(match discarded? {
                    true => ChangeOutcome::Done(()),
                    false => ChangeOutcome::Missing,
                })
            }
            Some(ChangeId::Kept(job)) => {
                let Some(kept) = self.kept_change(&job).await? else {
                    return Ok(ChangeOutcome::Missing);
                };
                let jobs = Jobs::new(self.ports.redis());
                match jobs.discard(&job).await? {
                    Ok(()) => {
                        let index = WaitingChanges::new(self.ports.redis());
                        index.take_up(&kept.change.client, &job).await?;
                        Ok(ChangeOutcome::Done(()))
                    }
                    Err(Refused::Missing) => Ok(ChangeOutcome::Missing),
                    Err(Refused::State | Refused::Taken(_)) => {
                        Ok(ChangeOutcome::Not("the change is being tried again"))
                    }
                }
            }
            Some(ChangeId::Refused(client, document, version)) => {
                let discarded = self.discard_refused(&client, &document, Version(version));
                discarded.await
            }
            None => Ok(ChangeOutcome::Missing),
        }
    }

    /// The changes of a client that were given up and that are still kept, the latest first.
    pub(super) async fn given_up_changes(
        &self,
        client: &ClientId,
        most: usize,
    ) -> Result<Vec<KeptChange>, SyncError> {
        let index = WaitingChanges::new(self.ports.redis());
        let jobs = index.given_up(client, most).await?;
        let found = try_join_all(jobs.iter().map(|job| self.kept_change(job))).await?;
        for (job, _) in jobs.iter().zip(&found).filter(|(_, kept)| kept.is_none()) {
            // Its job was discarded, or forgotten, as a job.
            index.take_up(client, job).await?;
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The change that a job keeps, unless it is done.
    pub(super) async fn kept_change(&self, job: &JobId) -> Result<Option<KeptChange>, SyncError> {
        let found = Jobs::new(self.ports.redis()).show(job).await?;
        Ok(found.and_then(kept))
    }

    async fn retry_kept(
        &self,
        job: &JobId,
        attributes: Option<Attributes>,
    ) -> Result<ChangeOutcome<()>, SyncError> {
        let Some(kept) = self.kept_change(job).await? else {
            return Ok(ChangeOutcome::Missing);
        };
        let corrected = attributes.filter(|attributes| *attributes != kept.change.attributes);
        let payload = corrected.map(|attributes| {
            let change = UndeliveredChange {
                attributes,
                // It is another change to the back end.
                idempotency_key: self.ports.random().hex::<16>(),
                ..kept.change.clone()
            };
            serde_json::to_string(&change)
        });
        let Ok(payload) = payload.transpose() else {
            return Ok(ChangeOutcome::Missing);
        };
        let jobs = Jobs::new(self.ports.redis());
        Ok(match jobs.retry(job, payload.as_deref()).await? {
            Ok(()) => ChangeOutcome::Done(()),
            Err(Refused::Missing) => ChangeOutcome::Missing,
            Err(Refused::State | Refused::Taken(_)) => {
                ChangeOutcome::Not("the change is being tried again")
            }
        })
    }

    /// Makes a change due, as another one if it is corrected. Only under the lease: whoever works on the client's changes has
    /// read them, and would write over it. `false` if it has its verdict.
    async fn retry_waiting(
        &self,
        client: &ClientId,
        document: &DocumentId,
        number: u64,
        attributes: Option<Attributes>,
        expected: &Expected,
    ) -> Result<bool, SyncError> {
        let found = self.source(document.source.as_str()).await?;
        let source = found.as_source();
        let lease = self.lease_operations(client, document).await?;
        let store = self.document(document);
        let operations = Operations::new(&store, client);
        let Some(mut operation) = operations.get(number).await? else {
            self.end_lease(client, document, &lease).await?;
            return Ok(false);
        };
        if let Err(moved) = check_state(&operation.attributes, expected) {
            self.end_lease(client, document, &lease).await?;
            return Err(moved);
        }
        operation.attempts = 0;
        operation.not_before = Millis(0);
        operation.attributes = attributes.unwrap_or(operation.attributes);
        let is_kept = operations.put_off(&lease, number, &operation, None).await?;
        self.end_lease(client, document, &lease).await?;
        if !is_kept {
            return Err(SyncError::Busy);
        }
        let queue = changes_queue(source);
        self.work_soon(queue, document, &operation.user, client)
            .await?;
        Ok(true)
    }

    async fn discard_waiting(
        &self,
        client: &ClientId,
        document: &DocumentId,
        number: u64,
        lease: &str,
        expected: &Expected,
    ) -> Result<bool, SyncError> {
        let store = self.document(document);
        let Some(operation) = Operations::new(&store, client).get(number).await? else {
            return Ok(false);
        };
        check_state(&operation.attributes, expected)?;
        let found = self.source(document.source.as_str()).await?;
        let source = found.as_source();
        self.refuse(
            client, source, document, lease, number, operation, DISCARDED,
        )
        .await?;
        if store.waiting(client).await? == 0 {
            self.forget_backlog(client, document).await?;
        }
        Ok(true)
    }

    /// Gets the lease on a client's operations, waiting a little for somebody else.
    async fn lease_operations(
        &self,
        client: &ClientId,
        document: &DocumentId,
    ) -> Result<String, SyncError> {
        let lease = self.ports.random().hex::<8>();
        let store = self.document(document);
        let operations = Operations::new(&store, client);
        for _ in 0..LEASE_WAITS {
            if operations.lease(&lease).await? {
                return Ok(lease);
            }
            self.ports.clock().sleep(LEASE_WAIT).await;
        }
        Err(SyncError::Busy)
    }

    /// Has what still waits worked on: who handed something in while the lease was held left it to its holder.
    async fn work_on_rest(
        &self,
        client: &ClientId,
        document: &DocumentId,
    ) -> Result<(), SyncError> {
        if self.document(document).waiting(client).await? == 0 {
            return Ok(());
        }
        let found = self.source(document.source.as_str()).await?;
        let queue = changes_queue(found.as_source());
        let owner = self.owner(client).await?;
        self.work_soon(queue, document, &owner, client).await
    }

    /// Gives the lease back.
    async fn end_lease(
        &self,
        client: &ClientId,
        document: &DocumentId,
        lease: &str,
    ) -> Result<(), SyncError> {
        let store = self.document(document);
        let operations = Operations::new(&store, client);
        let known = usize::try_from(store.waiting(client).await?).unwrap_or(usize::MAX);
        let released = operations.release(lease, known).await?;
        if released == ReleaseOutcome::MoreCame {
            operations.release(lease, usize::MAX).await?;
        }
        Ok(())
    }

    /// The id that the back end knows an object by, also where the client uses the one that it made up.
    pub(super) async fn back_ends_id(
        &self,
        document: &DocumentId,
        client: &ClientId,
        object: ObjectId,
    ) -> Result<ObjectId, SyncError> {
        let store = self.document(document);
        let operations = Operations::new(&store, client);
        Ok(match operations.outcome_of_create(&object).await? {
            Some(CreateOutcome::Created(id)) => id,
            _ => object,
        })
    }

    /// What the server has of the object that a change is about.
    pub(super) async fn current(
        &self,
        document: &DocumentId,
        client: &ClientId,
        object: ObjectId,
    ) -> Result<Option<Attributes>, SyncError> {
        let object = self.back_ends_id(document, client, object).await?;
        let store = self.document(document);
        let record = store.records(&[object]).await?.pop().flatten();
        let record = record.map(|(record, _)| record).filter(Record::is_alive);
        Ok(record.map(|record| record.attributes))
    }
}

/// The change that a job keeps, if it is a job that does.
pub(super) fn kept(job: JobDetails) -> Option<KeptChange> {
    let change = serde_json::from_str(&job.payload).ok()?;
    let is_kept = job.name == crate::jobs::Deliver::NAME && job.state != JobState::Done;
    is_kept.then_some(KeptChange {
        job: job.id,
        state: job.state,
        attempts: job.attempts,
        created: job.created,
        reason: job
            .reason
            .or_else(|| Some(job.errors.last()?.error.clone())),
        change,
    })
}

/// Refuses a change that somebody has edited meanwhile.
fn check_state(attributes: &Attributes, expected: &Expected) -> Result<(), SyncError> {
    match expected.allows(&Revision::of_attributes(attributes)) {
        true => Ok(()),
        false => Err(SyncError::Moved),
    }
}

pub(super) fn to_waiting(
    client: &ClientId,
    document: &DocumentId,
    number: u64,
    operation: Operation,
) -> ChangeInfo {
    let Operation {
        kind,
        id,
        user,
        sent_at,
        error,
        attempts,
        not_before,
        attributes: _,
        nonce: _,
        sent_as: _,
        offset: _,
        cursor: _,
        lacks_link: _,
        may_be_set_back: _,
        base: _,
        since: _,
    } = operation;
    let time = |at: Millis| (at.0 > 0).then_some(at.0);
    ChangeInfo {
        id: ChangeId::Waiting(client.clone(), document.clone(), number).to_text(),
        state: ChangeState::Waiting,
        kind: to_kind(kind),
        source: document.source.as_str().to_owned(),
        user: user.into_string(),
        client: client.as_str().to_owned(),
        object: id.into_string(),
        attempts: attempts.into(),
        sent_at: time(sent_at),
        next_at: time(not_before),
        error,
        attributes: None,
        current: None,
    }
}

/// A change that the device has yet to be told is refused.
pub(super) fn to_refused(
    client: &ClientId,
    document: &DocumentId,
    version: Version,
    user: String,
    kind: OperationKind,
    refusal: &Refusal,
) -> ChangeInfo {
    ChangeInfo {
        id: ChangeId::Refused(client.clone(), document.clone(), version.0).to_text(),
        state: ChangeState::Refused,
        kind: to_kind(kind),
        source: document.source.as_str().to_owned(),
        user,
        client: client.as_str().to_owned(),
        object: refusal.id.as_str().to_owned(),
        attempts: 1,
        sent_at: (refusal.sent_at.0 > 0).then_some(refusal.sent_at.0),
        next_at: None,
        error: Some(refusal.message.clone()),
        attributes: None,
        current: None,
    }
}

/// Whose a copy is; nobody's if all share it.
pub(super) fn owner_of(document: &DocumentId) -> String {
    let owner = document.partition.owner();
    owner.map(ToString::to_string).unwrap_or_default()
}

pub(super) fn to_kept(kept: KeptChange) -> ChangeInfo {
    let KeptChange {
        job,
        state,
        attempts,
        created,
        reason,
        change,
    } = kept;
    let UndeliveredChange {
        source,
        partition: _,
        user,
        client,
        kind,
        object,
        attributes: _,
        idempotency_key: _,
        content: _,
        sent_as: _,
        attempts: before,
        sent_at,
    } = change;
    ChangeInfo {
        id: ChangeId::Kept(job).to_text(),
        state: match state {
            JobState::Dead => ChangeState::Dead,
            _ => ChangeState::Waiting,
        },
        kind: to_kind(kind),
        source: source.into_string(),
        user: user.into_string(),
        client: client.into_string(),
        object: object.into_string(),
        attempts: attempts + u64::from(before.unwrap_or(MAX_ATTEMPTS)),
        sent_at: Some(if sent_at.0 > 0 { sent_at.0 } else { created.0 }),
        next_at: None,
        error: reason,
        attributes: None,
        current: None,
    }
}

fn to_kind(kind: OperationKind) -> ChangeKind {
    match kind {
        OperationKind::Create => ChangeKind::Create,
        OperationKind::Update => ChangeKind::Update,
        OperationKind::Delete => ChangeKind::Delete,
    }
}
