//! Asking the back end what it has, and committing the differences.

pub(super) mod snapshot;

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::join;

use crate::adapter::{AdapterError, Refusals, StashError, logged_in};
use crate::engine::describe::{describe_by_adapter, describe_by_answer};
use crate::engine::partitions::Asked;
use crate::engine::refresh::snapshot::{LastRefresh, Snapshot, SnapshotEnd};
use crate::engine::{Engine, Source, SyncError};
use crate::model::{DocumentId, Millis, SourceName, UserId, Version, short};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{
    Document, LOGIN_ERROR, NarrowedCopies, RefreshEnd, RefreshStart, Refreshed, SourceError,
};

/// How long a refresh may go without a sign of life, in milliseconds: then another may begin. A call to the back end may take
/// longer; signs of life are given during it.
pub(super) const LEASE_MS: u64 = 30_000;

/// How often whoever refreshes says so.
const HEARTBEAT: Duration = Duration::from_millis(LEASE_MS / 3);

/// How long a pull waits for the very first answer of a back end, before which there is nothing to give.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// How long a device that syncs a partition for the first time waits for somebody else's first refresh.
const FIRST_REFRESH_WAIT: Duration = Duration::from_secs(5);

/// How often it looks.
const FIRST_REFRESH_STEP: Duration = Duration::from_millis(50);

/// How long a refresh may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// A device waits: after so long it is stopped wherever it is.
    Wait(Duration),
    /// Nobody waits: after so long it is stopped where the next can go on.
    Step(Duration),
}

impl Patience {
    /// That of a device, for a document that was last refreshed then.
    pub(super) fn while_waited(source: Source<'_>, refreshed_at: Option<Millis>) -> Self {
        Self::Wait(match refreshed_at {
            Some(_) => Duration::from_millis(source.settings.pull_wait_ms),
            None => FIRST_WAIT,
        })
    }
}

/// What became of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RefreshOutcome {
    /// The document is as the back end's answer.
    Yes,
    /// It is not time to ask, or somebody else is at it.
    NotDue,
    /// Time was up. The next refresh goes on where this one was.
    Unfinished,
    /// The back end could not be asked; devices are told.
    Failed {
        /// What it said.
        message: String,
    },
}

impl<P: Ports> Engine<P> {
    /// Brings the document up to date with the back end, unless somebody else is at it, or the last answer is younger
    /// than `max_age_ms`, or a time was set for the next one that has not come.
    ///
    /// It does so as far as the patience goes.
    ///
    /// What is wrong with the back end is kept with the document for its devices to see; only the store's errors end
    /// the request.
    pub(super) async fn refresh(
        &self,
        user: &UserId,
        source: Source<'_>,
        parameters: &[(String, String)],
        id: &DocumentId,
        max_age_ms: u64,
        patience: Patience,
    ) -> Result<RefreshOutcome, SyncError> {
        let Asked::For(partition) = self.asked_for(source, user, id).await? else {
            return Ok(RefreshOutcome::NotDue);
        };
        let document = self.document(id);
        let lease = self.ports.random().hex::<8>();
        let clock = self.ports.clock();
        let began = clock.now();
        match document
            .begin_refresh(began, max_age_ms, &lease, LEASE_MS)
            .await?
        {
            RefreshStart::Fresh
            | RefreshStart::Busy {
                ever_refreshed: true,
            } => Ok(RefreshOutcome::NotDue),
            RefreshStart::Busy {
                ever_refreshed: false,
            } => {
                self.await_first_refresh(&document).await?;
                Ok(RefreshOutcome::NotDue)
            }
            RefreshStart::Granted {
                version,
                etag,
                digest,
                described,
                goes_on_at,
                mark,
            } => {
                if id.partition.ends_with_its_clients() {
                    let copies = NarrowedCopies::new(self.ports.redis());
                    copies.add(id, began).await?;
                }
                let call = self.question(source, user, partition.as_ref(), parameters);
                let (Patience::Step(limit) | Patience::Wait(limit)) = patience;
                let ends_at = clock.monotonic() + limit;
                let is_late = || clock.monotonic() >= ends_at;
                let mut snapshot = Snapshot::new(
                    &document,
                    &lease,
                    version,
                    LastRefresh { goes_on_at, mark },
                    &is_late,
                    &self.memory,
                );
                let work = async {
                    let asked = logged_in(source.adapter, &call, async {
                        let has_metadata =
                            describe_by_adapter(source, &call, &document, &lease, described).await;
                        let query = source.adapter.query(&call, etag.as_deref(), &mut snapshot);
                        Ok((has_metadata, query.await))
                    });
                    let ((has_metadata, asked), left) = asked.await?;
                    let asked = asked?;
                    let said = snapshot.said(&asked);
                    let ended = snapshot.end(asked, etag, digest).await?;
                    if let (false, Some(said)) = (has_metadata?, said) {
                        describe_by_answer(&document, &lease, described, said).await?;
                    }
                    Ok((ended, left))
                };
                let ended = self.under_lease(&document, &lease, patience, work).await;
                let deleted = snapshot.deleted;
                let refused = refusal_error(source.name, &snapshot.refused);
                // What fills an empty document is news to nobody but the device that asked.
                let changed = snapshot.changed > 0 && version > Version::ZERO;
                let end = async |end: RefreshEnd<'_>| {
                    self.note_refresh(id, began, &end);
                    document
                        .end_refresh(&lease, began, clock.now(), version, end)
                        .await
                };
                match ended {
                    Ok((ended, left)) => {
                        let SnapshotEnd {
                            is_complete,
                            etag,
                            digest,
                            mark,
                        } = ended;
                        let left = left.as_ref().map(logoff_error);
                        let ended = end(match &left {
                            // The objects are there; the next refresh compares them in full.
                            Some(error) => RefreshEnd::Failed(error),
                            None => RefreshEnd::Done {
                                complete: is_complete,
                                etag: etag.as_deref().unwrap_or_default(),
                                digest: digest.as_deref().unwrap_or_default(),
                                mark: mark.as_deref().unwrap_or_default(),
                                refused: refused.as_ref(),
                            },
                        });
                        let (ended, forgotten) = join!(ended, self.forget_unused_copies());
                        ended?;
                        forgotten?;
                        self.notify_if(changed, id).await?;
                        if deleted > 0 {
                            self.collect_if_worth_it(id).await?;
                        }
                        Ok(RefreshOutcome::Yes)
                    }
                    Err(AdapterError::Stash(StashError::Store(error))) => Err(error.into()),
                    Err(AdapterError::Stash(StashError::OutOfTime)) => {
                        end(RefreshEnd::Unfinished).await?;
                        Ok(RefreshOutcome::Unfinished)
                    }
                    Err(AdapterError::Stash(StashError::Fenced)) => {
                        tracing::warn!(source.name = %source.name, "another took a refresh over");
                        let error = SourceError {
                            kind: "query-error".to_owned(),
                            message: "the query gave no sign of life".to_owned(),
                            is_partial: false,
                        };
                        end(RefreshEnd::Failed(&error)).await?;
                        Ok(RefreshOutcome::NotDue)
                    }
                    Err(error) => {
                        tracing::warn!(source.name = %source.name, %error, "the back end could not be asked");
                        end(RefreshEnd::Failed(&source_error(&error))).await?;
                        Ok(RefreshOutcome::Failed {
                            message: error.to_string(),
                        })
                    }
                }
            }
        }
    }

    /// Works on a document as long as the lease on it is ours, and says meanwhile that it is; and no longer than the patience goes.
    pub(super) async fn under_lease<T, E: From<StashError>>(
        &self,
        document: &Document<'_, P::Redis>,
        lease: &str,
        patience: Patience,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let clock = self.ports.clock();
        let until_lost = async {
            loop {
                clock.timer(HEARTBEAT).await;
                match document.extend_refresh(lease, LEASE_MS).await {
                    Ok(true) => {}
                    Ok(false) => return StashError::Fenced,
                    Err(error) => return error.into(),
                }
            }
        };
        let until_late = async {
            match patience {
                Patience::Step(_) => pending().await,
                Patience::Wait(limit) => clock.timer(limit).await,
            }
            StashError::OutOfTime
        };
        let (until_lost, until_late) = (pin!(until_lost), pin!(until_late));
        let stopped = select(until_lost, until_late);
        match select(pin!(work), stopped).await {
            Either::Left((ended, _)) => ended,
            Either::Right((stopped, _)) => Err(stopped.factor_first().0.into()),
        }
    }

    /// Notes for administrators how a refresh ended.
    fn note_refresh(&self, id: &DocumentId, began: Millis, end: &RefreshEnd<'_>) {
        let error = match end {
            RefreshEnd::Done { refused, .. } => *refused,
            RefreshEnd::Failed(error) => Some(*error),
            RefreshEnd::Unfinished => return,
        };
        let now = self.ports.clock().now();
        let error = error.map(|SourceError { kind, message, .. }| (kind.clone(), short(message)));
        let refreshed = Refreshed {
            at: now,
            took: now.0.saturating_sub(began.0),
            error,
        };
        self.metrics.meter().copy(id, Some(refreshed));
    }

    /// Waits a little for data that somebody else is fetching for the first time: an empty answer would end this
    /// device's first sync.
    pub(super) async fn await_first_refresh(
        &self,
        document: &Document<'_, P::Redis>,
    ) -> Result<(), SyncError> {
        let clock = self.ports.clock();
        let until = clock
            .now()
            .plus(u64::try_from(FIRST_REFRESH_WAIT.as_millis()).unwrap_or(u64::MAX));
        while clock.now() < until {
            clock.sleep(FIRST_REFRESH_STEP).await;
            if document.was_refreshed().await? {
                break;
            }
        }
        Ok(())
    }
}

/// What devices are told where the back end could not be left.
pub(super) fn logoff_error(error: &AdapterError) -> SourceError {
    SourceError {
        kind: "logoff-error".to_owned(),
        message: error.to_string(),
        is_partial: false,
    }
}

/// What devices are told of objects that could not be kept; the log has it too.
pub(super) fn refusal_error(source: &SourceName, refused: &Refusals) -> Option<SourceError> {
    if refused.is_empty() {
        return None;
    }
    tracing::warn!(source.name = %source, error = %refused, "objects of the back end cannot be kept");
    Some(SourceError {
        kind: "query-error".to_owned(),
        message: refused.to_string(),
        is_partial: true,
    })
}

pub(super) fn source_error(error: &AdapterError) -> SourceError {
    let kind = match error {
        AdapterError::Login { .. } | AdapterError::Unauthorized { .. } => LOGIN_ERROR,
        AdapterError::Rejected { .. }
        | AdapterError::Conflict { .. }
        | AdapterError::NotFound { .. }
        | AdapterError::Unavailable { .. }
        | AdapterError::Throttled { .. }
        | AdapterError::CircuitOpen { .. }
        | AdapterError::BadAnswer { .. }
        | AdapterError::Misfit { .. }
        | AdapterError::Stash(_) => "query-error",
    };
    SourceError {
        kind: kind.to_owned(),
        message: error.to_string(),
        is_partial: false,
    }
}
