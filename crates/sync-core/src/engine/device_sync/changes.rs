//! A device sends its changes, and is told what becomes of each by the name it has for it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::join;
use sync_proto::sync::{Change, ChangeOp, Line, SourceParameters, Verdict, VerdictStatus};

use crate::account::DeviceSession;
use crate::engine::by_jobs::changes_queue;
use crate::engine::changes::{AcceptedChanges, Backlog};
use crate::engine::device_sync::CURSOR;
use crate::engine::device_sync::part::{Part, check_stated};
use crate::engine::unknown_source::NamedSource;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{
    ChangeName, DeviceCursor, DocumentId, Millis, ObjectId, Operation, OperationKind, ReadingPlace,
    Version, to_attributes,
};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Said, TakeInOutcome, WaitingChanges};
use crate::trace::TraceContext;

/// Most changes of one request, and most it may ask after.
pub(super) const MAX_CHANGES: usize = 10_000;

/// What a device sends.
#[derive(Debug)]
pub struct SentChanges<'a> {
    /// In the order in which they were made.
    pub changes: Vec<Change>,
    /// Those sent earlier whose verdict has not come, by source.
    pub pending: BTreeMap<String, Vec<String>>,
    /// Those that were refused, and retried or discarded on the device since, by source.
    pub settled: BTreeMap<String, Vec<String>>,
    /// The cursors that the device has.
    pub have: &'a BTreeMap<String, Option<String>>,
    /// What it narrows its sources down by.
    pub parameters: &'a SourceParameters,
    /// The server's address as the device knows it.
    pub base_url: &'a str,
    /// What ties it to the calls of back ends it leads to.
    pub trace: Option<&'a TraceContext>,
}

/// Whose changes they are.
#[derive(Clone, Copy)]
struct Sender<'a> {
    session: &'a DeviceSession,
    parameters: &'a SourceParameters,
    base_url: &'a str,
    trace: Option<&'a TraceContext>,
}

/// Changes that are durable.
#[derive(Debug, Default)]
pub struct TakenChanges {
    /// What is to be carried to back ends now, if nobody else does it.
    pub accepted: Vec<AcceptedChanges>,
    /// What can be said of them already.
    pub(super) lines: Vec<Line>,
    /// What is to be looked up when they were carried out.
    pub(super) waiting: Vec<(DocumentId, Vec<ChangeName>)>,
}

/// What became of changes that were handed in.
struct HandedIn {
    said: Vec<Said>,
    /// The client's offset.
    offset: u64,
    /// Whether others waited before.
    waited: bool,
    accepted: Option<AcceptedChanges>,
}

impl TakenChanges {
    /// Whether there is nothing that the device could see.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl<P: Ports> Engine<P> {
    /// Takes a device's changes in. They are durable then: whatever happens, each gets a verdict. One that was sent before is not
    /// taken in again.
    ///
    /// # Errors
    /// A session that has ended, a name that is none, [`SyncError::QueueFull`], and the store's. What is wrong with one change is
    /// its verdict.
    pub async fn take_device_changes(
        &self,
        session: &DeviceSession,
        sent: SentChanges<'_>,
    ) -> Result<TakenChanges, SyncError> {
        let SentChanges {
            changes,
            pending,
            settled,
            have,
            parameters,
            base_url,
            trace,
        } = sent;
        check_stated(parameters)?;
        let from = Sender {
            session,
            parameters,
            base_url,
            trace,
        };
        let mut taken = TakenChanges::default();
        let count = |ids: &BTreeMap<String, Vec<String>>| ids.values().map(Vec::len).sum::<usize>();
        let most = changes.len().max(count(&pending)).max(count(&settled));
        if most > MAX_CHANGES {
            return Err(SyncError::TooManyChanges { limit: MAX_CHANGES });
        }
        if most == 0 {
            return Ok(taken);
        }
        let settled: BTreeMap<_, _> = settled
            .into_iter()
            .map(|(source, ids)| Ok((source, all_named(&ids)?)))
            .collect::<Result<_, SyncError>>()?;
        self.accounts.check_device(session).await?;
        self.settle_refusals(session, settled, parameters).await?;
        let mut by_source: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        for change in changes {
            named(&change.id)?;
            let of_source = by_source.entry(change.source.clone()).or_default();
            of_source.push(change);
        }
        for (name, changes) in by_source {
            let cursor = have.get(&name).and_then(Option::as_deref);
            self.take_source_changes(from, &name, changes, cursor, &mut taken)
                .await?;
        }
        for (name, ids) in pending {
            let names = all_named(&ids)?;
            if let Ok(found) = self.source(&name).await {
                let user = session.user();
                let part = self.part_read(found.as_source(), user, parameters).await?;
                taken.waiting.push((part.document, names));
            }
        }
        Ok(taken)
    }

    async fn take_source_changes(
        &self,
        from: Sender<'_>,
        name: &str,
        changes: Vec<Change>,
        cursor: Option<&str>,
        taken: &mut TakenChanges,
    ) -> Result<(), SyncError> {
        let Sender {
            session,
            parameters,
            base_url,
            trace,
        } = from;
        let (user, client) = (session.user(), session.client());
        let named = self.named_source(&session.session, client.as_str(), name, trace);
        let found = match named.await {
            Ok(NamedSource::Known(found)) => found,
            Err(SyncError::UnknownSource { .. }) | Ok(NamedSource::Unknown { .. }) => {
                let message = format!("there is no source {name:?}");
                let lines = changes.into_iter();
                let lines = lines.map(|change| refused(change.id, "unknown_source", &message));
                taken.lines.extend(lines);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let source = found.as_source().traced(trace);
        let Part { document, .. } = self.part_read(source, user, parameters).await?;
        let place = ReadingPlace::of(client, &document);
        let mut operations = Vec::new();
        for change in changes {
            let id = change.id.clone();
            let base = change.base.clone();
            let seen = self.seen(&place, base.as_deref().or(cursor));
            match self.to_operation(session, change, seen) {
                Ok(operation) => operations.push(operation),
                Err(error) => {
                    let message = error.to_string();
                    taken.lines.push(refused(id, "invalid_value", &message));
                }
            }
        }
        let without_files = self.attach_blobs(session, &document, &mut operations, base_url);
        taken.lines.extend(without_files.await?);
        if operations.is_empty() {
            return Ok(());
        }
        let kinds = operations.iter().map(|operation| operation.kind.as_str());
        self.metrics.meter().changes(source.name.as_str(), kinds);
        let began = self.ports.clock().monotonic();
        let handed = self.hand_in(session, source, &document, cursor, &operations);
        let answered = handed.await;
        let (number, failed) = (operations.len(), answered.as_ref().err());
        self.note_push(client, source.name, number, began, failed);
        let HandedIn {
            said,
            offset,
            waited,
            accepted,
        } = answered?;
        let (mut waiting, mut known) = (Vec::new(), Vec::new());
        for (mut operation, said) in operations.into_iter().zip(said) {
            let Some(name) = operation.sent_as.clone() else {
                continue;
            };
            match said {
                Said::Full => return Err(SyncError::QueueFull),
                Said::NameReused => taken.lines.push(refused(
                    name.as_str().to_owned(),
                    "change_id_reused",
                    "the id was used for another change",
                )),
                Said::ObjectTaken => taken.lines.push(refused(
                    name.as_str().to_owned(),
                    "object_id_taken",
                    "another change has made an object by this id",
                )),
                Said::TakenIn(number) => {
                    operation.offset = offset;
                    known.push((number, operation));
                    waiting.push(name);
                }
                Said::Waits | Said::Decided(_) | Said::Elsewhere(_) | Said::Unknown => {
                    waiting.push(name);
                }
            }
        }
        if waited {
            // Others come before them.
            known.clear();
        }
        let accepted = accepted.map(|accepted| AcceptedChanges { known, ..accepted });
        taken.accepted.extend(accepted);
        taken.waiting.push((document, waiting));
        Ok(())
    }

    /// Hands operations in where the client has its place, which it gets if it has none.
    async fn hand_in(
        &self,
        session: &DeviceSession,
        source: Source<'_>,
        id: &DocumentId,
        cursor: Option<&str>,
        operations: &[Operation],
    ) -> Result<HandedIn, SyncError> {
        let (user, client) = (session.user(), session.client());
        let queue = source.settings.cud_queue.as_ref();
        let lease = queue.is_none().then(|| self.ports.random().hex::<8>());
        let document = self.document(id);
        for _ in 0..2 {
            let now = self.ports.clock().now();
            // Sent together on one connection, the job is there first.
            let (insurance, taken) = join!(
                self.insure_work(changes_queue(source), id, user, client),
                document.take_in(client, user, lease.as_deref(), operations, now)
            );
            let insurance = insurance?;
            match taken? {
                TakeInOutcome::Unbound => {
                    if let Some(job) = &insurance {
                        self.withdraw_insurance(job).await?;
                    }
                    self.find_place(session, id, cursor).await?;
                }
                TakeInOutcome::Done {
                    leased,
                    waited,
                    offset,
                    said,
                } => {
                    if let Some(queue) = queue {
                        let waiting = WaitingChanges::new(self.ports.redis());
                        let numbers = said.iter().filter_map(|said| match said {
                            Said::TakenIn(number) => Some(*number),
                            _ => None,
                        });
                        let (asked, noted) = join!(
                            self.work_soon(queue, id, user, client),
                            waiting.begin(client, id, now, numbers)
                        );
                        asked?;
                        noted?;
                    }
                    let accepted = lease.filter(|_| leased).map(|lease| AcceptedChanges {
                        client: client.clone(),
                        document: id.clone(),
                        lease,
                        backlog: if waited { Backlog::Old } else { Backlog::New },
                        insurance: insurance.clone(),
                        trace: source.trace.cloned(),
                        wait: Duration::from_millis(source.settings.push_wait_ms),
                        known: Vec::new(),
                    });
                    let waits = |said: &Said| matches!(said, Said::Waits | Said::TakenIn(_));
                    if let (None, Some(job), false) = (&accepted, &insurance, waited)
                        && !said.iter().any(waits)
                    {
                        self.withdraw_insurance(job).await?;
                    }
                    return Ok(HandedIn {
                        said,
                        offset,
                        waited,
                        accepted,
                    });
                }
            }
        }
        Err(SyncError::Busy)
    }

    /// Gives a client its place in a document: where it is by its cursor, or else at the begin.
    async fn find_place(
        &self,
        session: &DeviceSession,
        id: &DocumentId,
        cursor: Option<&str>,
    ) -> Result<(), SyncError> {
        self.bind_device(session, id).await?;
        let sessions = self.accounts.sessions();
        let place = ReadingPlace::of(session.client(), id);
        let cursor = cursor.and_then(|text| sessions.open::<DeviceCursor>(CURSOR, text));
        if let Some(cursor) = cursor.filter(|cursor| cursor.place == place) {
            // One that will not do is found out when the device asks for news.
            self.follow(session, id, Some(&cursor)).await?;
        } else {
            self.follow(session, id, None).await?;
        }
        Ok(())
    }

    /// The version that a device had seen, by a cursor.
    fn seen(&self, place: &ReadingPlace, cursor: Option<&str>) -> Version {
        let sessions = self.accounts.sessions();
        let cursor = cursor.and_then(|text| sessions.open::<DeviceCursor>(CURSOR, text));
        let cursor = cursor.filter(|cursor| cursor.place == *place);
        cursor.map_or(Version::ZERO, |cursor| cursor.version)
    }

    fn to_operation(
        &self,
        session: &DeviceSession,
        change: Change,
        seen: Version,
    ) -> Result<Operation, SyncError> {
        let Change {
            id,
            source: _,
            op,
            object,
            mut set,
            unset,
            base: _,
        } = change;
        // Back ends know no attribute that has no value: it gets an empty one.
        let unset = unset.into_iter();
        set.extend(unset.map(|name| (name, serde_json::Value::Null)));
        let attributes = to_attributes(set).map_err(|reason| SyncError::InvalidAttributes {
            id: object.clone(),
            reason,
        })?;
        Ok(Operation {
            kind: match op {
                ChangeOp::Create => OperationKind::Create,
                ChangeOp::Update => OperationKind::Update,
                ChangeOp::Delete => OperationKind::Delete,
            },
            id: ObjectId::parse(object)?,
            attributes,
            nonce: String::new(),
            sent_as: Some(named(&id)?),
            user: session.user().clone(),
            offset: 0,
            cursor: seen,
            lacks_link: false,
            may_be_set_back: false,
            base: seen,
            since: Version::ZERO,
            sent_at: self.ports.clock().now(),
            error: None,
            attempts: 0,
            not_before: Millis(0),
        })
    }
}

pub(super) fn refused(id: String, code: &str, message: &str) -> Line {
    Line::Verdict {
        verdict: Verdict {
            id,
            status: VerdictStatus::Refused,
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            ..Verdict::default()
        },
    }
}

fn all_named<C: FromIterator<ChangeName>>(ids: &[String]) -> Result<C, SyncError> {
    ids.iter().map(|id| named(id)).collect()
}

fn named(id: &str) -> Result<ChangeName, SyncError> {
    ChangeName::parse(id).ok_or(SyncError::InvalidChangeName)
}
