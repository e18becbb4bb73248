//! A device sends its changes, and they are taken in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::join;
use sync_jobs::JobId;
use sync_proto::{Changes, Operations as SentOperations};

use crate::account::Session;
use crate::blob::Files;
use crate::engine::binding::{Wanted, known_form};
use crate::engine::by_jobs::changes_queue;
use crate::engine::unknown_source::{NamedSource, unknown_source_error};
use crate::engine::{Engine, Source, SyncError};
use crate::jobs::UndeliveredChange;
use crate::model::{
    ClientId, DocumentId, Millis, ObjectId, Operation, OperationKind, OutboxItem, UserId, Version,
    to_attributes,
};
use crate::ports::{Clock as _, Ports, Random as _, StorePorts};
use crate::store::{AcceptOutcome, Commit, CommitMode, Holder, Operations, WaitingChanges};
use crate::trace::TraceContext;

/// Places an operation is handed in at before the request gives up: the client's cursor may be moving.
const MAX_MOVES: usize = 3;

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
                base: Version::ZERO,
                since: Version::ZERO,
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
