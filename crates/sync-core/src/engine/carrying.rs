//! Changes that were taken in are carried to the back end.

use std::collections::BTreeSet;

use futures_util::join;

use crate::adapter::{Adapter, AdapterError, Call, Change, Done, logged_in};
use crate::engine::changes::{AcceptedChanges, Backlog, Insurance};
use crate::engine::{Engine, Source, SyncError};
use crate::model::{Attributes, ClientId, DocumentId, Millis, ObjectId, Operation, OperationKind};
use crate::ports::{Clock as _, Ports, Random as _, RedisConn};
use crate::store::{
    CreateOutcome, ListedChanges, Operations, ReleaseOutcome, Waiting, WaitingChanges, store_time,
};

/// Rounds of one request over operations that come in while it works.
const MAX_ROUNDS: usize = 10;

/// What became of one attempt at an operation.
pub(super) enum Attempt {
    /// It has its verdict.
    Decided {
        /// Whether none of the client's operations waits any more; the lease on them is given back then.
        is_last: bool,
    },
    /// It is to be tried again later; operations on the same object wait for it. What the back end said, if it was asked.
    PutOff(Option<String>),
    /// Somebody else works on the client's operations now.
    LostLease,
}

impl<P: Ports> Engine<P> {
    /// Carries changes to the back end that were taken in. What it does not take now is left to a job.
    ///
    /// It may be dropped at any point: somebody else goes on when the lease has run out.
    ///
    /// # Errors
    /// The store's.
    pub async fn carry_out(&self, accepted: AcceptedChanges) -> Result<(), SyncError> {
        match self.carry_to_end(accepted).await? {
            Some(insurance) => self.withdraw(&insurance).await,
            None => Ok(()),
        }
    }

    /// The same, but for the job that is not needed any more: it is withdrawn with whatever else the caller asks of the store.
    ///
    /// # Errors
    /// The store's.
    pub async fn carry_to_end(
        &self,
        accepted: AcceptedChanges,
    ) -> Result<Option<Insurance>, SyncError> {
        let AcceptedChanges {
            client,
            document,
            lease,
            backlog,
            insurance,
            trace,
            wait: _,
            known,
        } = accepted;
        let found = self.source(document.source.as_str()).await?;
        let source = found.as_source().traced(trace.as_ref());
        let is_done = self
            .work(&client, source, &document, &lease, backlog, known)
            .await?;
        Ok(insurance.filter(|_| is_done).map(Insurance))
    }

    /// Takes back the job that would have seen to changes.
    ///
    /// # Errors
    /// The store's.
    pub async fn withdraw(&self, Insurance(job): &Insurance) -> Result<(), SyncError> {
        self.withdraw_insurance(job).await
    }

    /// Works on operations an earlier request left, if nobody else does.
    pub(super) async fn work_on_waiting(
        &self,
        client: &ClientId,
        source: Source<'_>,
        id: &DocumentId,
    ) -> Result<(), SyncError> {
        let lease = self.ports.random().hex::<8>();
        let document = self.document(id);
        if Operations::new(&document, client).lease(&lease).await? {
            let known = Vec::new();
            self.work(client, source, id, &lease, Backlog::Old, known)
                .await?;
        }
        Ok(())
    }

    /// Tries every operation that waits, in the order it was sent. Says whether all have their verdict. `known` are the first, where
    /// the caller has them already.
    ///
    /// One that fails for now holds back those on the same object, by whichever of its ids, and no others.
    async fn work(
        &self,
        client: &ClientId,
        source: Source<'_>,
        id: &DocumentId,
        lease: &str,
        backlog: Backlog,
        mut known: Vec<(u64, Operation)>,
    ) -> Result<bool, SyncError> {
        let document = self.document(id);
        let operations = Operations::new(&document, client);
        let index = WaitingChanges::new(self.ports.redis());
        let mut is_known = backlog == Backlog::Old;
        for _ in 0..MAX_ROUNDS {
            let mut held: BTreeSet<ObjectId> = BTreeSet::new();
            let mut oldest: Option<Waiting> = None;
            let (mut decided, mut put_off) = (Vec::new(), Vec::new());
            let (mut left, mut after) = (0, 0);
            let (mut has_deleted, mut is_empty) = (false, false);
            while !is_empty {
                let waiting = match known.is_empty() {
                    true => operations.waiting_after(after).await?,
                    false => std::mem::take(&mut known),
                };
                let Some((last, _)) = waiting.last() else {
                    break;
                };
                after = *last;
                let was_put_off = waiting.iter().any(|(_, it)| it.not_before > Millis(0));
                let now = match was_put_off {
                    true => store_time(self.ports.redis()).await?,
                    false => Millis(0),
                };
                for (number, operation) in waiting {
                    let is_due = operation.not_before <= now;
                    let object = operation.id.clone();
                    let deletes = operation.kind == OperationKind::Delete;
                    let since = operation.sent_at;
                    let said = operation.error.clone();
                    let may_try = is_due && !is_held(&operations, &held, &object).await?;
                    let attempt = if may_try {
                        self.attempt(client, source, id, lease, number, operation)
                            .await?
                    } else {
                        Attempt::PutOff(said)
                    };
                    match attempt {
                        Attempt::Decided { is_last } => {
                            has_deleted |= deletes;
                            decided.push(number);
                            is_empty = is_last;
                            if is_last {
                                break;
                            }
                        }
                        Attempt::PutOff(error) => {
                            let oldest = oldest.get_or_insert(Waiting { since, error: None });
                            oldest.since = oldest.since.min(since);
                            oldest.error = error.or(oldest.error.take());
                            held.extend(created_as(&operations, &object).await?);
                            held.insert(object);
                            put_off.push((number, since));
                            left += 1;
                        }
                        Attempt::LostLease => return Ok(false),
                    }
                }
            }
            let note = async {
                match has_deleted {
                    true => self.collect_some_time(id).await,
                    false => Ok(()),
                }
            };
            let tell = async {
                match &oldest {
                    Some(waiting) => index.note(client, id, waiting, &put_off).await,
                    None => Ok(()),
                }
            };
            let listed = ListedChanges::new(self.ports.redis());
            let take_off = async {
                match is_known {
                    true => listed.remove_waiting(client, id, &decided).await,
                    // Nobody has listed them.
                    false => Ok(()),
                }
            };
            let release = async {
                match is_empty {
                    true => Ok(ReleaseOutcome::Yes),
                    false => operations.release(lease, left).await,
                }
            };
            let (released, noted, told, taken_off) = join!(release, note, tell, take_off);
            noted?;
            told?;
            taken_off?;
            is_known |= left > 0;
            match released? {
                ReleaseOutcome::Yes if left == 0 && is_known => {
                    self.forget_backlog(client, id).await?;
                    return Ok(true);
                }
                ReleaseOutcome::Yes => return Ok(left == 0),
                ReleaseOutcome::MoreCame => {}
            }
        }
        // Whoever comes next goes on.
        operations.release(lease, usize::MAX).await?;
        Ok(false)
    }

    /// Takes a client off the list of those whose changes wait, and puts it back if something came in meanwhile: who took
    /// that in may have noted it before the list was changed here.
    pub(super) async fn forget_backlog(
        &self,
        client: &ClientId,
        id: &DocumentId,
    ) -> Result<(), SyncError> {
        let index = WaitingChanges::new(self.ports.redis());
        index.clear(client, id).await?;
        let document = self.document(id);
        if document.waiting(client).await? > 0 {
            let now = self.ports.clock().now();
            // Who took that in lists the operations.
            index.begin(client, id, now, []).await?;
        }
        Ok(())
    }
}

/// Whether operations on an object, by the id that a device uses for it, have to wait for an earlier one.
async fn is_held<R: RedisConn>(
    operations: &Operations<'_, R>,
    held: &BTreeSet<ObjectId>,
    object: &ObjectId,
) -> Result<bool, SyncError> {
    if held.is_empty() || held.contains(object) {
        return Ok(!held.is_empty());
    }
    let id = created_as(operations, object).await?;
    Ok(id.is_some_and(|id| held.contains(&id)))
}

/// The id that the back end gave an object, if this is the temporary one of a create.
async fn created_as<R: RedisConn>(
    operations: &Operations<'_, R>,
    object: &ObjectId,
) -> Result<Option<ObjectId>, SyncError> {
    Ok(match operations.outcome_of_create(object).await? {
        Some(CreateOutcome::Created(id)) => Some(id),
        _ => None,
    })
}

/// Asks the back end for a change. A create may get an id.
pub(super) async fn make_change(
    adapter: &dyn Adapter,
    call: &Call<'_>,
    kind: OperationKind,
    object: &ObjectId,
    attributes: &Attributes,
) -> Result<Done, AdapterError> {
    let change = async {
        let wanted = match kind {
            OperationKind::Create => Change::Create { attributes },
            OperationKind::Update => Change::Update {
                id: object,
                attributes,
            },
            OperationKind::Delete => Change::Delete {
                id: object,
                attributes,
            },
        };
        adapter.validate(call, wanted).await?;
        match kind {
            OperationKind::Create => adapter.create(call, attributes).await,
            OperationKind::Update => adapter.update(call, object, attributes).await,
            OperationKind::Delete => adapter.delete(call, object, attributes).await,
        }
    };
    let (done, _left) = logged_in(adapter, call, change).await?;
    Ok(done)
}
