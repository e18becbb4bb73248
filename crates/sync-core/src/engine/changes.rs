//! A device sends its changes, and they are carried to the back end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::join;
use sync_jobs::JobId;
use sync_proto::{Changes, Operations as SentOperations};

use crate::account::Session;
use crate::adapter::{Adapter, AdapterError, Call, Change, Done, logged_in};
use crate::blob::Files;
use crate::engine::binding::{Wanted, known_form};
use crate::engine::by_jobs::changes_queue;
use crate::engine::unknown_source::{NamedSource, unknown_source_error};
use crate::engine::{Engine, Source, SyncError};
use crate::jobs::UndeliveredChange;
use crate::model::{
    Attributes, ClientId, DocumentId, Millis, ObjectId, Operation, OperationKind, OutboxItem,
    UserId, Version, to_attributes,
};
use crate::ports::{Clock as _, Ports, Random as _, RedisConn, StorePorts};
use crate::store::{
    AcceptOutcome, Commit, CommitMode, CreateOutcome, Holder, ListedChanges, Operations,
    ReleaseOutcome, Waiting, WaitingChanges, store_time,
};
use crate::trace::TraceContext;

/// Places an operation is handed in at before the request gives up: the client's cursor may be moving.
const MAX_MOVES: usize = 3;

/// Rounds of one request over operations that come in while it works.
const MAX_ROUNDS: usize = 10;

/// What a device sends.
#[derive(Debug)]
pub struct ChangesRequest<'a> {
    /// The client id as it was sent.
    pub client: &'a str,
    /// The source's name as it was sent.
    pub source: &'a str,
    /// Grows with every request of the client with changes for the source, where the device numbers them. One that comes late, after
    /// another with a higher number, is then known to be done or superseded, and changes nothing.
    pub sequence: Option<u64>,
    /// The files that came with them.
    pub files: Files<'a>,
    /// The changes.
    pub changes: Changes,
    /// What ties it to the calls of back ends it leads to.
    pub trace: Option<&'a TraceContext>,
}

/// A device's changes that are durable, and that whoever has this works on: nobody else does meanwhile.
#[derive(Debug, Clone)]
pub struct AcceptedChanges {
    pub(super) client: ClientId,
    pub(super) document: DocumentId,
    pub(super) lease: String,
    pub(super) backlog: Backlog,
    pub(super) insurance: Option<JobId>,
    pub(super) trace: Option<TraceContext>,
    pub(super) wait: Duration,
    /// The operations with their numbers, where they are all that waits.
    pub(super) known: Vec<(u64, Operation)>,
}

/// A job that would have seen to changes, and is to be withdrawn: all of them have their verdict.
#[derive(Debug)]
pub struct Insurance(pub(super) JobId);

impl AcceptedChanges {
    /// How long their device waits for what becomes of them.
    pub fn wait(&self) -> Duration {
        self.wait
    }
}

/// Whether others may know that changes of a client wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backlog {
    /// Nothing waited before.
    New,
    /// Perhaps something did.
    Old,
}

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
    /// Takes a device's changes in and carries them to the back end, however long that takes.
    ///
    /// # Errors
    /// As [`Engine::take_changes_in`] and [`Engine::carry_out`].
    pub async fn accept_changes(
        &self,
        session: &Session,
        request: ChangesRequest<'_>,
    ) -> Result<(), SyncError> {
        match self.take_changes_in(session, request).await? {
            Some(accepted) => self.carry_out(accepted).await,
            None => Ok(()),
        }
    }

    /// Takes a device's changes in. Answers what is to be carried to the back end now, if nobody else does it.
    ///
    /// A create that was sent before with other content is an update of what it has created, or will have.
    ///
    /// They are durable before anything is tried: whatever happens from then on, each gets a verdict, which the client
    /// finds in a later page. Sent again, they have no second effect.
    ///
    /// # Errors
    /// A session, client, source, id or attribute that is not valid: nothing was taken in then. [`SyncError::QueueFull`]
    /// and the store's.
    pub async fn take_changes_in(
        &self,
        session: &Session,
        request: ChangesRequest<'_>,
    ) -> Result<Option<AcceptedChanges>, SyncError> {
        let ChangesRequest {
            client,
            source,
            sequence,
            files,
            mut changes,
            trace,
        } = request;
        let found = match self.named_source(session, client, source, trace).await? {
            NamedSource::Known(found) => found,
            NamedSource::Unknown { error } => return Err(unknown_source_error(source, error)),
        };
        let source = found.as_source().traced(trace);
        let client = known_form(client)?;
        let blob_fields = std::mem::take(&mut changes.blob_fields);
        let mut operations = to_operations(&session.user, changes, &*self.ports)?;
        self.blobs
            .attach_files(&mut operations, &blob_fields, files)?;
        let (checked, owner) = join!(self.accounts.check_session(session), self.owner(&client));
        checked?;
        // For a client that is not there nothing is begun.
        owner?;
        let (began, number) = (self.ports.clock().monotonic(), operations.len());
        let taken = self.take_in(session, &client, source, files, sequence, operations);
        let answered = taken.await;
        self.note_push(&client, source.name, number, began, answered.as_ref().err());
        answered
    }

    /// Takes checked operations in, and works on them.
    async fn take_in(
        &self,
        session: &Session,
        client: &ClientId,
        source: Source<'_>,
        files: Files<'_>,
        sequence: Option<u64>,
        mut operations: Vec<Operation>,
    ) -> Result<Option<AcceptedChanges>, SyncError> {
        let user = &session.user;
        let queue = source.settings.cud_queue.as_ref();
        // Without a lease nothing is worked on here.
        let lease = queue.is_none().then(|| self.ports.random().hex::<8>());
        let mut id = self.document_for(source, user).await?;
        let Files { uploads, .. } = files;
        if !uploads.is_empty() {
            id = self
                .find_document(user, client, source, Wanted::Followed)
                .await?;
            self.blobs.settle(user, uploads).await?;
        }
        let mut changed = BTreeSet::new();
        for _ in 0..MAX_MOVES {
            if !uploads.is_empty() {
                let holder = Holder::Operations(id.clone(), client.clone());
                let blobs = uploads.iter().map(|upload| &upload.blob);
                self.blobs.announce(&holder, blobs).await?;
            }
            let insurance = self
                .insure_work(changes_queue(source), &id, user, client)
                .await?;
            let document = self.document(&id);
            let accepted = Operations::new(&document, client)
                .accept(
                    user,
                    lease.as_deref(),
                    sequence,
                    &operations,
                    &changed,
                    self.ports.clock().now(),
                )
                .await?;
            if !matches!(accepted, AcceptOutcome::Done { .. })
                && let Some(job) = &insurance
            {
                self.withdraw_insurance(job).await?;
            }
            match accepted {
                AcceptOutcome::Unbound => {
                    id = self
                        .find_document(user, client, source, Wanted::Followed)
                        .await?;
                }
                AcceptOutcome::Changed(ids) => {
                    for operation in &mut operations {
                        if operation.kind == OperationKind::Create && ids.contains(&operation.id) {
                            operation.kind = OperationKind::Update;
                        }
                    }
                    changed.extend(ids);
                }
                AcceptOutcome::Full => return Err(SyncError::QueueFull),
                AcceptOutcome::Repeated => return Ok(None),
                AcceptOutcome::Done {
                    leased,
                    waited,
                    numbers,
                    again,
                    known,
                } => {
                    if !again.is_empty() {
                        self.take_failures_back(client, &id, &again).await?;
                    }
                    let kinds = operations.iter().map(|operation| operation.kind.as_str());
                    self.metrics.meter().changes(source.name.as_str(), kinds);
                    self.repeat_links(user, client, &id, known).await?;
                    if let Some(queue) = queue {
                        let waiting = WaitingChanges::new(self.ports.redis());
                        let (asked, noted) = join!(
                            self.work_soon(queue, &id, user, client),
                            waiting.begin(client, &id, self.ports.clock().now(), numbers)
                        );
                        asked?;
                        noted?;
                    }
                    return Ok(lease.filter(|_| leased).map(|lease| AcceptedChanges {
                        client: client.clone(),
                        document: id,
                        lease,
                        backlog: if waited { Backlog::Old } else { Backlog::New },
                        insurance,
                        trace: source.trace.cloned(),
                        wait: Duration::from_millis(source.settings.push_wait_ms),
                        known: Vec::new(),
                    }));
                }
            }
        }
        Err(SyncError::Busy)
    }

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

    /// Sees to it that nobody tries creates again, as they failed, that their device has sent again.
    async fn take_failures_back(
        &self,
        client: &ClientId,
        document: &DocumentId,
        again: &BTreeMap<ObjectId, Version>,
    ) -> Result<(), SyncError> {
        for version in again.values() {
            self.discard_refused(client, document, *version).await?;
        }
        let is_sent_again = |change: &UndeliveredChange| {
            change.source == document.source
                && change.kind == OperationKind::Create
                && again.contains_key(&change.object)
        };
        // One that is being tried just now has the idempotency key of the one that its device has sent.
        self.drop_given_up(client, is_sent_again).await.map(drop)
    }

    /// Tells a device once more what became of creates it sends again: it cannot have got the links.
    async fn repeat_links(
        &self,
        user: &UserId,
        client: &ClientId,
        id: &DocumentId,
        known: Vec<(ObjectId, ObjectId)>,
    ) -> Result<(), SyncError> {
        if known.is_empty() {
            return Ok(());
        }
        let items: Vec<_> = known
            .into_iter()
            .map(|(temporary, id)| OutboxItem::Link {
                temporary,
                id,
                drop: None,
            })
            .collect();
        let told = Some((user, &items[..]));
        self.document(id)
            .commit(Commit {
                mode: CommitMode::Write,
                changes: &[],
                client: Some(client),
                told,
                ends: None,
            })
            .await?;
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

/// Checks and orders what a device sent: creates, then updates, then deletes.
fn to_operations(
    user: &UserId,
    changes: Changes,
    ports: &impl StorePorts,
) -> Result<Vec<Operation>, SyncError> {
    let sent_at = ports.clock().now();
    let Changes {
        create,
        update,
        delete,
        blob_fields: _,
    } = changes;
    let of_kind = |kind: OperationKind, SentOperations(sent): SentOperations| {
        sent.into_iter().map(move |(id, attributes)| {
            let attributes =
                to_attributes(attributes).map_err(|reason| SyncError::InvalidAttributes {
                    id: id.clone(),
                    reason,
                })?;
            let id = ObjectId::parse(id)?;
            Ok(Operation {
                kind,
                id,
                attributes,
                nonce: ports.random().hex::<8>(),
                sent_as: None,
                user: user.clone(),
                offset: 0,
                cursor: Version::ZERO,
                lacks_link: false,
                may_be_set_back: false,
                sent_at,
                error: None,
                attempts: 0,
                not_before: Millis(0),
            })
        })
    };
    of_kind(OperationKind::Create, create)
        .chain(of_kind(OperationKind::Update, update))
        .chain(of_kind(OperationKind::Delete, delete))
        .collect()
}
