//! One operation of a device: the call to the back end, and what it means for the document and the device.

mod outcome;
mod task;

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use sync_jobs::Backoff;

use crate::adapter::{AdapterError, Call, Done};
use crate::engine::by_jobs::changes_queue;
use crate::engine::carrying::{Attempt, make_change};
use crate::engine::conflicts::{Resolution, resolve};
use crate::engine::feed::{FeedChange, check_size};
use crate::engine::partitions::Asked;
use crate::engine::refresh::{Patience, source_error};
use crate::engine::undelivered::{Fate, Kept};
use crate::engine::verdict::outcome::{Verdict, is_alive, outcome};
use crate::engine::verdict::task::{Task, idempotency_key, undelivered};
use crate::engine::{Engine, Source, SyncError};
use crate::model::{
    Attributes, ClientId, ConflictRule, DocumentId, ObjectId, Operation, OperationKind, OutboxItem,
    PartitionName, short,
};
use crate::ports::{Clock as _, Ports};
use crate::store::{
    Commit, CommitMode, CommitOutcome, CreateOutcome, ListedChanges, OPERATIONS_LEASE_MS,
    OperationEnd, Operations, SourceError, store_time,
};

/// Waits between attempts within one request, in milliseconds. Most failures of a back end are over in a moment.
const QUICK_RETRIES_MS: [u64; 2] = [100, 400];

/// No quick retry once an operation has taken this long, in milliseconds: the device waits for its answer.
const QUICK_RETRIES_WITHIN_MS: u64 = 3_000;

/// Waits between attempts of different requests.
const BACKOFF: Backoff = Backoff {
    first_ms: 1_000,
    longest_ms: 300_000,
};

/// How often whoever works on an operation says that it is still at work.
const HEARTBEAT: Duration = Duration::from_millis(OPERATIONS_LEASE_MS / 3);

/// Attempts before the device is told that the back end cannot be reached.
pub(super) const MAX_ATTEMPTS: u32 = 20;

/// Commits that are tried anew because an object had moved.
const MAX_CONFLICTS: usize = 50;

impl<P: Ports> Engine<P> {
    /// Tries one operation.
    pub(super) async fn attempt(
        &self,
        client: &ClientId,
        source: Source<'_>,
        document: &DocumentId,
        lease: &str,
        number: u64,
        operation: Operation,
    ) -> Result<Attempt, SyncError> {
        let mut task = Task::new(client, source, document, lease, number, operation);
        if task.operation.kind != OperationKind::Create {
            match self.known_already(&mut task).await? {
                PriorState::News { before } => {
                    task.before.clone_from(&before);
                    if let Err(error) = self.check_growth(&task, before).await? {
                        let refused = Verdict::Refused {
                            message: error.to_string(),
                            is_kept: false,
                        };
                        return self.decide(task, refused).await;
                    }
                }
                PriorState::Done => {
                    return self.decide(task, Verdict::Applied(Done::default())).await;
                }
                PriorState::CreateWaits => return Ok(Attempt::PutOff(None)),
            }
        }
        if let Some(verdict) = self.meet_conflict(source, &mut task).await? {
            return self.decide(task, verdict).await;
        }
        let Operation { kind, user, .. } = &task.operation;
        task.member = self
            .member_of_change(source, document, *kind, &task.target)
            .await?;
        let asked_of = task.member.as_ref().unwrap_or(document);
        let asked = self.asked_for(source, user, asked_of);
        if let Asked::For(partition) = asked.await? {
            task.partition = partition;
        }
        let Some(result) = self.call_under_lease(source, &task).await? else {
            return Ok(Attempt::LostLease);
        };
        match result {
            Ok(done) => {
                if task.operation.attempts > 0 {
                    self.document(document).forget_login_error().await?;
                }
                self.share(source, &task, done.id.as_ref()).await?;
                self.decide(task, Verdict::Applied(done)).await
            }
            Err(AdapterError::NotFound { .. }) if task.operation.kind == OperationKind::Delete => {
                self.share(source, &task, None).await?;
                self.decide(task, Verdict::Applied(Done::default())).await
            }
            // That was no attempt.
            Err(error @ AdapterError::CircuitOpen { .. }) => self.put_off(task, &error).await,
            Err(error) => {
                let has_attempts = task.operation.attempts + 1 < MAX_ATTEMPTS;
                let mut is_kept = false;
                let goes_on = match Fate::after(&error) {
                    Fate::Waits if has_attempts => true,
                    Fate::Waits | Fate::IsKept => {
                        let (queue, change) = (changes_queue(source), undelivered(&task));
                        // Nowhere else would its content be.
                        is_kept = self.keep_undelivered(queue, &change, number).await? == Kept::Yes;
                        !is_kept
                    }
                    Fate::IsRefused => false,
                };
                if goes_on {
                    return self.put_off(task, &error).await;
                }
                let message = error.to_string();
                self.decide(task, Verdict::Refused { message, is_kept })
                    .await
            }
        }
    }

    /// Leaves out of a change what others have changed meanwhile, where the source's settings say so. Says what becomes of it, if
    /// the back end need not be asked. Sources without a rule cost nothing.
    async fn meet_conflict(
        &self,
        source: Source<'_>,
        task: &mut Task<'_>,
    ) -> Result<Option<Verdict>, SyncError> {
        let rule = source.settings.conflicts;
        if rule == ConflictRule::ClientWins || task.operation.kind == OperationKind::Create {
            return Ok(None);
        }
        let Some((record, version)) = task.record(&self.document(task.document)).await? else {
            return Ok(None);
        };
        match resolve(rule, task.client, &task.operation, &record, version) {
            Resolution::Refused { message } => Ok(Some(Verdict::Conflict { message })),
            Resolution::Goes { without } => {
                let attributes = &mut task.operation.attributes;
                attributes.retain(|name, _| !without.contains(name));
                let is_empty = !without.is_empty() && attributes.is_empty();
                task.kept = without;
                Ok(is_empty.then_some(Verdict::Applied(Done::default())))
            }
        }
    }

    /// Refuses an operation in the place of the back end.
    #[expect(clippy::too_many_arguments, reason = "as an attempt, and why")]
    pub(super) async fn refuse(
        &self,
        client: &ClientId,
        source: Source<'_>,
        document: &DocumentId,
        lease: &str,
        number: u64,
        operation: Operation,
        why: &str,
    ) -> Result<(), SyncError> {
        let task = Task::new(client, source, document, lease, number, operation);
        let refused = Verdict::Refused {
            message: why.to_owned(),
            is_kept: false,
        };
        match self.decide(task, refused).await? {
            Attempt::Decided { .. } => Ok(()),
            Attempt::PutOff(_) | Attempt::LostLease => Err(SyncError::Busy),
        }
    }

    /// Tells others of what the back end has taken, where the device follows only a part of the source, or a copy that is made of
    /// others.
    async fn share(
        &self,
        source: Source<'_>,
        task: &Task<'_>,
        new_id: Option<&ObjectId>,
    ) -> Result<(), SyncError> {
        let Operation {
            kind,
            user,
            attributes,
            ..
        } = &task.operation;
        let object = match kind {
            OperationKind::Create => new_id,
            OperationKind::Update | OperationKind::Delete => Some(&task.target),
        };
        let change = || (*kind, FeedChange::of(*kind, attributes));
        match (object, &task.member) {
            (Some(object), Some(member)) => self.share_in(member, object, change()).await,
            (Some(object), None) if task.document.partition.is_narrowed() => {
                self.share_change(source, user, object, change()).await
            }
            _ => Ok(()),
        }
    }

    /// Refuses an update that would make its object too large for devices. `before` is what the document has of it; the device
    /// may hold it alone instead.
    async fn check_growth(
        &self,
        task: &Task<'_>,
        before: Option<Attributes>,
    ) -> Result<Result<(), SyncError>, SyncError> {
        if task.operation.kind != OperationKind::Update || !task.keeps_objects {
            return Ok(Ok(()));
        }
        let mut attributes = match before {
            Some(attributes) => attributes,
            None => {
                let document = self.document(task.document);
                let held = document.held_object(task.client, &task.target).await?;
                held.unwrap_or_default()
            }
        };
        attributes.extend(task.operation.attributes.clone());
        Ok(check_size(&task.target, &attributes))
    }

    /// Looks whether the server knows that the operation was done before, and by which id the back end knows the object.
    async fn known_already(&self, task: &mut Task<'_>) -> Result<PriorState, SyncError> {
        let document = self.document(task.document);
        let mut known = task.record(&document).await?;
        if known.is_none() {
            // Perhaps the device does not know yet what its temporary id has become.
            match Operations::new(&document, task.client)
                .outcome_of_create(&task.target)
                .await?
            {
                None | Some(CreateOutcome::Failed) => return Ok(PriorState::News { before: None }),
                Some(CreateOutcome::Waiting) => return Ok(PriorState::CreateWaits),
                Some(CreateOutcome::Created(id)) => {
                    task.target = id;
                    known = task.record(&document).await?;
                }
            }
        }
        let Some((record, version)) = known else {
            return Ok(PriorState::News { before: None });
        };
        let is_done = match task.operation.kind {
            OperationKind::Create => false,
            OperationKind::Update => {
                record.was_set_by(task.client, version, &task.operation.attributes)
            }
            OperationKind::Delete => record.was_deleted_by(task.client),
        };
        Ok(if is_done {
            PriorState::Done
        } else {
            let before = Some(record.attributes).filter(|attributes| !attributes.is_empty());
            PriorState::News { before }
        })
    }

    /// Calls the back end, and says meanwhile that the operation is worked on. Nothing is answered if the lease is lost:
    /// whoever has it now makes the same call, with the same idempotency key.
    async fn call_under_lease(
        &self,
        source: Source<'_>,
        task: &Task<'_>,
    ) -> Result<Option<Result<Done, AdapterError>>, SyncError> {
        let document = self.document(task.document);
        let operations = Operations::new(&document, task.client);
        let until_lost = async {
            loop {
                self.ports.clock().timer(HEARTBEAT).await;
                if !operations.heartbeat(task.lease).await? {
                    return Ok(());
                }
            }
        };
        match select(pin!(self.call(source, task)), pin!(until_lost)).await {
            Either::Left((result, _)) => Ok(Some(result)),
            Either::Right((Ok(()), _)) => Ok(None),
            Either::Right((Err(error), _)) => Err(error),
        }
    }

    /// Calls the back end, again at once where that may help.
    async fn call(&self, source: Source<'_>, task: &Task<'_>) -> Result<Done, AdapterError> {
        let key = idempotency_key(task);
        let call = Call {
            source: source.name,
            user: &task.operation.user,
            partition: task.partition.as_ref().map(PartitionName::as_str),
            client: Some(task.client),
            idempotency_key: &key,
            parameters: &[],
            before: task.before.as_ref(),
            blobs: &self.blobs,
            memory: &self.memory,
            trace: source.trace,
        };
        let clock = self.ports.clock();
        let began = clock.now();
        let mut waits = QUICK_RETRIES_MS.into_iter();
        let mut failed = None;
        loop {
            let Operation {
                kind, attributes, ..
            } = &task.operation;
            match make_change(source.adapter, &call, *kind, &task.target, attributes).await {
                // What the back end has not answered a moment ago says more.
                Err(error @ AdapterError::CircuitOpen { .. }) => {
                    return Err(failed.unwrap_or(error));
                }
                Err(error) if error.is_retryable() => {
                    let has_time = clock.now() < began.plus(QUICK_RETRIES_WITHIN_MS);
                    let Some(wait) = waits.next().filter(|_| has_time) else {
                        return Err(error);
                    };
                    clock.sleep(Duration::from_millis(wait)).await;
                    failed = Some(error);
                }
                Err(error @ AdapterError::Conflict { .. }) => {
                    self.read_after_conflict(source, &call, task).await;
                    return Err(error);
                }
                other => return other,
            }
        }
    }

    /// Asks for the object as it is now, where it can be asked for, so that the device is told that and not what the last query
    /// has brought. The conflict is one all the same.
    async fn read_after_conflict(&self, source: Source<'_>, call: &Call<'_>, task: &Task<'_>) {
        if task.operation.kind == OperationKind::Create || !task.keeps_objects {
            return;
        }
        let call = Call {
            idempotency_key: "",
            ..*call
        };
        let read = async {
            let document = task.member.as_ref().unwrap_or(task.document);
            self.read_object(source, &call, document, &task.target)
                .await?;
            if task.member.is_some() {
                let wait = Patience::while_waited(source, Some(task.operation.sent_at));
                self.combine(source, task.document, wait).await?;
            }
            Ok::<_, SyncError>(())
        };
        if let Err(error) = read.await {
            tracing::warn!(object.id = %task.target, %error, "the object of a conflict cannot be kept");
        }
    }

    async fn put_off(&self, task: Task<'_>, error: &AdapterError) -> Result<Attempt, SyncError> {
        let Task {
            client,
            document,
            lease,
            number,
            mut operation,
            ..
        } = task;
        let wait_ms = if let AdapterError::CircuitOpen { wait_ms, .. } = error {
            *wait_ms
        } else {
            operation.attempts += 1;
            let wait_ms = BACKOFF.wait_ms(operation.attempts, self.ports.random());
            tracing::warn!(
                client.id = %client, object.id = %operation.id, attempts = operation.attempts, wait_ms, %error,
                "the back end could not take a change; it is tried again"
            );
            wait_ms
        };
        operation.not_before = store_time(self.ports.redis()).await?.plus(wait_ms);
        // Whoever can mend it may hear of it by a device that syncs.
        let source_error = matches!(error, AdapterError::Unauthorized { .. }).then(|| {
            SourceError {
                // Devices pass over the objects of a page with any other error.
                is_partial: true,
                ..source_error(error)
            }
        });
        let said = short(&error.to_string());
        operation.error = Some(said.clone());
        let document = self.document(document);
        let is_ours = Operations::new(&document, client)
            .put_off(lease, number, &operation, source_error.as_ref())
            .await?;
        Ok(if is_ours {
            Attempt::PutOff(Some(said))
        } else {
            Attempt::LostLease
        })
    }

    /// Commits the verdict: the object, what the device is told, and the operation's end, at once.
    async fn decide(&self, task: Task<'_>, verdict: Verdict) -> Result<Attempt, SyncError> {
        let store = self.document(task.document);
        let target = match &verdict {
            Verdict::Applied(Done { id: Some(id), .. }) => id.clone(),
            _ => task.target.clone(),
        };
        let create = (task.operation.kind == OperationKind::Create).then(|| {
            let remembered = match &verdict {
                Verdict::Applied(done) => done.id.clone(),
                Verdict::Refused { .. } | Verdict::Conflict { .. } => None,
            };
            (task.operation.id.clone(), remembered)
        });
        let kept = verdict.to_kept(&task);
        let named = task.operation.sent_as.clone().map(|name| (name, kept));
        let mut author = Some(task.client);
        let mut known = None;
        // A create's object is new nearly always, so it is not looked for before the first commit.
        let mut is_unread = matches!(verdict, Verdict::Applied(_))
            && task.keeps_objects
            && task.operation.kind != OperationKind::Create;
        for _ in 0..MAX_CONFLICTS {
            if is_unread {
                known = store
                    .records(std::slice::from_ref(&target))
                    .await?
                    .pop()
                    .flatten();
            }
            let (mut change, mut told) = outcome(&task, &verdict, &target, known.as_ref(), author);
            if change.is_none() && is_unread && author.is_some() && !is_alive(known.as_ref()) {
                // Perhaps the device found the object by a search: then it has it alone.
                let Task {
                    client, document, ..
                } = task;
                let operation = &task.operation;
                if self
                    .change_held(client, document, &target, operation)
                    .await?
                {
                    told = told.filter(|_| operation.may_be_set_back);
                }
            }
            // A copy may have ended with its last client: it does not come to be again.
            let is_kept = author.is_some() || !task.document.partition.ends_with_its_clients();
            change = change.filter(|_| is_kept);
            // A device that has a name for the change is told by that; there administrators see what was refused.
            told = told.filter(|_| task.operation.sent_as.is_none() || verdict.is_refusal());
            let commit = Commit {
                mode: CommitMode::Write,
                changes: change.as_slice(),
                client: Some(task.client),
                told: author.map(|_| (&task.operation.user, told.as_slice())),
                ends: Some(OperationEnd {
                    number: task.number,
                    offset: task.operation.offset,
                    lease: task.lease,
                    create: create.clone().filter(|_| author.is_some()),
                    verdict: named.clone(),
                }),
            };
            let committed = store.commit(commit).await?;
            match committed {
                CommitOutcome::Done { .. } | CommitOutcome::Gone => {
                    self.metrics.meter().copy(task.document, None);
                    let is_open = match &verdict {
                        Verdict::Applied(_) | Verdict::Refused { is_kept: true, .. } => false,
                        Verdict::Refused { .. } | Verdict::Conflict { .. } => author.is_some(),
                    };
                    if let CommitOutcome::Done { version, .. } = committed
                        && is_open
                    {
                        let listed = ListedChanges::new(self.ports.redis());
                        let sent = task.operation.sent_at;
                        listed
                            .add_refused(task.client, task.document, version, sent)
                            .await?;
                    }
                    let is_last = matches!(committed, CommitOutcome::Done { waiting: 0, .. });
                    return Ok(Attempt::Decided { is_last });
                }
                CommitOutcome::Conflict => is_unread = true,
                CommitOutcome::Orphaned => {
                    self.tell_elsewhere(&task, &verdict).await?;
                    author = None;
                }
                CommitOutcome::Fenced => return Ok(Attempt::LostLease),
            }
        }
        // The operation stays, and so does the back end's idempotency key.
        Err(SyncError::Busy)
    }
}

impl<P: Ports> Engine<P> {
    /// Tells a device what became of its operation where it is now, if it follows another copy of the source. An object that
    /// it made comes to it as news, if that copy has it.
    async fn tell_elsewhere(&self, task: &Task<'_>, verdict: &Verdict) -> Result<(), SyncError> {
        let Operation {
            kind,
            id,
            attributes,
            user,
            ..
        } = &task.operation;
        if task.operation.sent_as.is_some() {
            // It asks after its change by the name that it has given it.
            return Ok(());
        }
        let item = match (verdict, kind) {
            (Verdict::Applied(_), OperationKind::Create) => Some(OutboxItem::Drop {
                id: id.clone(),
                attributes: attributes.keys().cloned().collect(),
            }),
            // The copy that it follows now may not have the object: then nothing else takes back what the device has set.
            (Verdict::Applied(_), OperationKind::Update) => Some(OutboxItem::Restate {
                id: task.target.clone(),
                attributes: attributes.keys().cloned().collect(),
            }),
            (Verdict::Applied(_), OperationKind::Delete) => None,
            (Verdict::Refused { .. } | Verdict::Conflict { .. }, _) => {
                outcome(task, verdict, &task.target, None, None).1
            }
        };
        match item {
            Some(item) => {
                self.tell_in_copy(task.client, user, task.document, item)
                    .await
            }
            None => Ok(()),
        }
    }
}

/// What the server knows of an operation before it asks the back end.
enum PriorState {
    /// Nothing: ask. The object, if the document has it.
    News { before: Option<Attributes> },
    /// The object is already as the operation wants it, by this very client.
    Done,
    /// The object's create waits for its own verdict.
    CreateWaits,
}
