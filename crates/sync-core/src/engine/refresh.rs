//! Asking the back end what it has, and committing the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::join;
use sha2::{Digest as _, Sha256};

use crate::adapter::{AdapterError, QueryEnd, Stash, StashError, logged_in};
use crate::engine::describe::describe_by_adapter;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{Attributes, DocumentId, ObjectChange, ObjectId, Record, UserId, Version};
use crate::ports::{Clock as _, Ports, Random as _, RedisConn, hex};
use crate::store::{
    CHUNK, Commit, CommitMode, CommitOutcome, Document, NarrowedCopies, RefreshEnd, RefreshStart,
    SourceError, StoreError,
};

/// How long a refresh may go without a sign of life, in milliseconds. Longer than any call to a back end.
const LEASE_MS: u64 = 30_000;

/// How long a device that syncs a partition for the first time waits for somebody else's first refresh.
const FIRST_REFRESH_WAIT: Duration = Duration::from_secs(5);

/// How often it looks.
const FIRST_REFRESH_STEP: Duration = Duration::from_millis(50);

/// Tombstones that are worth a collection.
const WORTH_COLLECTING: u64 = 1_000;

/// What became of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RefreshOutcome {
    /// The document is as the back end's answer.
    Yes,
    /// It is not time to ask, or somebody else is at it.
    NotDue,
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
    /// What is wrong with the back end is kept with the document for its devices to see; only the store's errors end
    /// the request.
    pub(super) async fn refresh(
        &self,
        user: &UserId,
        source: Source<'_>,
        parameters: &[(String, String)],
        id: &DocumentId,
        max_age_ms: u64,
    ) -> Result<RefreshOutcome, SyncError> {
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
            } => {
                if id.partition.is_narrowed() {
                    let copies = NarrowedCopies::new(self.ports.redis());
                    copies.add(id, began).await?;
                }
                let call = self.question(source, user, parameters);
                let mut snapshot = Snapshot::new(&document, &lease, version);
                let asked = logged_in(source.adapter, &call, async {
                    let described =
                        describe_by_adapter(source, &call, &document, &lease, described).await;
                    let query = source.adapter.query(&call, etag.as_deref(), &mut snapshot);
                    Ok((described, query.await))
                });
                let (described, asked, left) = match asked.await {
                    Ok(((described, asked), left)) => (described, asked, left),
                    Err(error) => (Ok(()), Err(error), None),
                };
                let ended = match asked {
                    Ok(QueryEnd::NotModified) => Ok((true, etag, digest)),
                    Ok(QueryEnd::Complete { etag }) => {
                        let finished = snapshot.finish(digest.as_deref()).await;
                        finished
                            .map(|(complete, digest)| (complete, etag, Some(digest)))
                            .map_err(AdapterError::from)
                    }
                    Err(error) => Err(error),
                };
                let deleted = snapshot.deleted;
                // What fills an empty document is news to nobody but the device that asked.
                let changed = snapshot.changed > 0 && version > Version::ZERO;
                match ended.and_then(|ended| described.map(|()| ended)) {
                    Ok((complete, etag, digest)) => {
                        let left = left.as_ref().map(logoff_error);
                        let end = match &left {
                            // The objects are there; the next refresh compares them in full.
                            Some(error) => RefreshEnd::Failed(error),
                            None => RefreshEnd::Done {
                                complete,
                                etag: etag.as_deref().unwrap_or_default(),
                                digest: digest.as_deref().unwrap_or_default(),
                            },
                        };
                        let ended = document.end_refresh(&lease, began, clock.now(), version, end);
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
                    Err(AdapterError::Stash(StashError::Fenced)) => {
                        tracing::warn!(source.name = %source.name, "a refresh took so long that another took over");
                        Ok(RefreshOutcome::NotDue)
                    }
                    Err(error) => {
                        tracing::warn!(source.name = %source.name, %error, "the back end could not be asked");
                        let end = source_error(&error);
                        document
                            .end_refresh(
                                &lease,
                                began,
                                clock.now(),
                                version,
                                RefreshEnd::Failed(&end),
                            )
                            .await?;
                        Ok(RefreshOutcome::Failed {
                            message: error.to_string(),
                        })
                    }
                }
            }
        }
    }

    /// Waits a little for data that somebody else is fetching for the first time: an empty answer would end this
    /// device's first sync.
    async fn await_first_refresh(
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

    /// Collects what deleted objects have left in a user's copy of a source, as far as every client has seen it. Says how
    /// much went. The engine does so by itself where there is much of it.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`] and [`SyncError::InvalidId`], beside the store's.
    pub async fn collect_tombstones(&self, source: &str, user: &str) -> Result<u64, SyncError> {
        let found = self.source(source).await?;
        let id = found.as_source().document_for(&UserId::parse(user)?);
        let (now, retention) = (self.ports.clock().now(), self.settings.retention_days);
        Ok(self.document(&id).collect(&id, now, retention).await?)
    }

    /// Collects tombstones where there are many.
    pub(super) async fn collect_if_worth_it(&self, id: &DocumentId) -> Result<(), SyncError> {
        let document = self.document(id);
        if document.tombstones().await? >= WORTH_COLLECTING {
            document
                .collect(id, self.ports.clock().now(), self.settings.retention_days)
                .await?;
        }
        Ok(())
    }
}

/// What devices are told where the back end could not be left.
pub(super) fn logoff_error(error: &AdapterError) -> SourceError {
    SourceError {
        kind: "logoff-error".to_owned(),
        message: error.to_string(),
    }
}

pub(super) fn source_error(error: &AdapterError) -> SourceError {
    let kind = match error {
        AdapterError::Login { .. } => "login-error",
        AdapterError::Rejected { .. }
        | AdapterError::Conflict { .. }
        | AdapterError::NotFound { .. }
        | AdapterError::Unavailable { .. }
        | AdapterError::BadAnswer { .. }
        | AdapterError::Stash(_) => "query-error",
    };
    SourceError {
        kind: kind.to_owned(),
        message: error.to_string(),
    }
}

/// The back end's answer on its way into the document.
///
/// The answer describes the back end at some moment after `began_at`, so it is compared only with what was there then:
/// an object that has changed since is passed over, and the next refresh will see to it.
struct Snapshot<'a, R> {
    document: &'a Document<'a, R>,
    lease: &'a str,
    began_at: Version,
    /// The first part, kept until it is known whether there is another: if not, the digest may spare all the work.
    held: Option<Vec<(ObjectId, Attributes)>>,
    digest: Sha256,
    parts: usize,
    seen: BTreeSet<ObjectId>,
    passed_over: u64,
    deleted: usize,
    changed: usize,
}

#[async_trait(?Send)]
impl<R: RedisConn> Stash for Snapshot<'_, R> {
    async fn stash(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        if !self.document.extend_refresh(self.lease, LEASE_MS).await? {
            return Err(StashError::Fenced);
        }
        for (id, attributes) in &part {
            digest_object(&mut self.digest, id, attributes);
            self.seen.insert(id.clone());
        }
        self.parts += 1;
        if let Some(held) = self.held.take() {
            self.commit(held).await?;
        }
        if self.parts == 1 {
            self.held = Some(part);
            Ok(())
        } else {
            self.commit(part).await
        }
    }
}

impl<'a, R: RedisConn> Snapshot<'a, R> {
    fn new(document: &'a Document<'a, R>, lease: &'a str, began_at: Version) -> Self {
        Self {
            document,
            lease,
            began_at,
            held: None,
            digest: Sha256::new(),
            parts: 0,
            seen: BTreeSet::new(),
            passed_over: 0,
            deleted: 0,
            changed: 0,
        }
    }

    /// Commits what is left and deletes what was not mentioned. Answers whether the document holds the whole answer
    /// now, and the answer's digest.
    async fn finish(&mut self, last_digest: Option<&str>) -> Result<(bool, String), StashError> {
        let digest = hex(&std::mem::take(&mut self.digest).finalize());
        if last_digest == Some(digest.as_str()) && self.parts <= 1 {
            return Ok((true, digest));
        }
        if let Some(held) = self.held.take() {
            self.commit(held).await?;
        }
        self.sweep().await?;
        Ok((self.passed_over == 0, digest))
    }

    async fn commit(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        // An id that is there twice counts once, as it stands last.
        let objects: BTreeMap<ObjectId, Attributes> = part.into_iter().collect();
        let objects: Vec<_> = objects.into_iter().collect();
        let mut left = &objects[..];
        while !left.is_empty() {
            let committed = self.commit_chunk(left).await?;
            left = left.get(committed..).unwrap_or_default();
        }
        Ok(())
    }

    /// Commits the first of the objects, and says how many.
    async fn commit_chunk(
        &mut self,
        objects: &[(ObjectId, Attributes)],
    ) -> Result<usize, StashError> {
        let ids = objects.iter().take(CHUNK).map(|(id, _)| id.clone());
        let ids: Vec<ObjectId> = ids.collect();
        let known = self.document.records(&ids).await?;
        let mut changes = Vec::new();
        for ((id, attributes), known) in objects.iter().zip(&known) {
            let before = known.as_ref().map(|(record, version)| (record, *version));
            let expected = before.map_or(Version::ZERO, |(_, version)| version);
            if expected > self.began_at {
                self.passed_over += 1;
            } else if let Some(record) = Record::next(before, attributes.clone(), None) {
                changes.push(ObjectChange {
                    id: id.clone(),
                    expected,
                    record,
                });
            }
        }
        self.write(&changes).await?;
        Ok(known.len())
    }

    /// Deletes the objects the answer did not mention. Only after its last part.
    async fn sweep(&mut self) -> Result<(), StashError> {
        let mut after = Version::ZERO;
        loop {
            let log = self.document.log_after(after).await?;
            let Some((_, last)) = log.last() else {
                return Ok(());
            };
            after = *last;
            let missing: Vec<ObjectId> = log
                .into_iter()
                .filter(|(id, version)| *version <= self.began_at && !self.seen.contains(id))
                .map(|(id, _)| id)
                .collect();
            let mut left = &missing[..];
            while !left.is_empty() {
                let deleted = self.delete(left).await?;
                left = left.get(deleted..).unwrap_or_default();
            }
            if after >= self.began_at {
                return Ok(());
            }
        }
    }

    /// Deletes the first of the objects, and says how many it looked at.
    async fn delete(&mut self, ids: &[ObjectId]) -> Result<usize, StashError> {
        let ids = ids.get(..CHUNK).unwrap_or(ids);
        let known = self.document.records(ids).await?;
        let looked_at = known.len();
        let changes: Vec<ObjectChange> = ids
            .iter()
            .zip(known)
            .filter_map(|(id, known)| {
                let (record, expected) = known.filter(|(_, version)| *version <= self.began_at)?;
                let record = Record::next(Some((&record, expected)), Attributes::new(), None)?;
                Some(ObjectChange {
                    id: id.clone(),
                    expected,
                    record,
                })
            })
            .collect();
        self.deleted += changes.len();
        self.write(&changes).await?;
        Ok(looked_at)
    }

    async fn write(&mut self, changes: &[ObjectChange]) -> Result<(), StashError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mode = CommitMode::Refresh { lease: self.lease };
        match self
            .document
            .commit(Commit {
                mode,
                changes,
                client: None,
                told: None,
                ends: None,
            })
            .await?
        {
            CommitOutcome::Done { passed_over, .. } => {
                self.passed_over += passed_over;
                self.changed += changes.len();
                Ok(())
            }
            CommitOutcome::Fenced => Err(StashError::Fenced),
            CommitOutcome::Conflict | CommitOutcome::Gone | CommitOutcome::Orphaned => {
                Err(StashError::Store(StoreError::UnexpectedReply {
                    command: "commit",
                    found: "a write's outcome for a refresh".to_owned(),
                }))
            }
        }
    }
}

/// Digests an object so that no two different answers give the same bytes.
fn digest_object(digest: &mut Sha256, id: &ObjectId, attributes: &Attributes) {
    let mut text = |text: &str| {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    };
    text(id.as_str());
    text(&attributes.len().to_string());
    for (name, value) in attributes {
        text(name);
        text(value);
    }
}
