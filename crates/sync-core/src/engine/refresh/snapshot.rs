//! The back end's answer on its way into the document.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::adapter::{QueryEnd, Refusals, Stash, StashError};
use crate::engine::refresh::LEASE_MS;
use crate::memory::{Memory, Reservation};
use crate::model::{Attributes, ObjectChange, ObjectId, Record, Version, bytes_of};
use crate::ports::{RedisConn, hex};
use crate::store::{
    CHUNK, Commit, CommitMode, CommitOutcome, Document, RefreshProgress, StoreError,
    write_attributes,
};

/// What the refresh before this one has left.
#[derive(Debug)]
pub(in crate::engine) struct LastRefresh {
    /// Where its query broke off: this one goes on there.
    pub(in crate::engine) goes_on_at: Option<String>,
    /// Up to where it has brought the document.
    pub(in crate::engine) mark: Option<String>,
}

/// What a refresh leaves.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) struct SnapshotEnd {
    /// Whether the document holds the whole answer.
    pub(in crate::engine) is_complete: bool,
    pub(in crate::engine) etag: Option<String>,
    pub(in crate::engine) digest: Option<String>,
    /// Up to where the document has been brought; nothing where the mark before this one stays.
    pub(in crate::engine) mark: Option<String>,
}

/// The back end's answer on its way into the document.
///
/// The answer describes the back end at some moment after `began_at`, so it is compared only with what was there then:
/// an object that has changed since is passed over, and the next refresh will see to it.
pub(in crate::engine) struct Snapshot<'a, R> {
    document: &'a Document<'a, R>,
    lease: &'a str,
    began_at: Version,
    last: LastRefresh,
    /// Whether time is up.
    is_late: &'a dyn Fn() -> bool,
    /// The first part, kept until it is known whether there is another: if not, its digest may spare all the work.
    held: Option<HeldPart>,
    memory: &'a Memory,
    digest: Sha256,
    written: Written,
    parts: usize,
    seen: BTreeSet<ObjectId>,
    /// Those that the store does not know of yet.
    seen_lately: Vec<ObjectId>,
    pub(super) refused: Refusals,
    /// What the answer says of the source beside its objects.
    metadata: Option<String>,
    passed_over: u64,
    pub(in crate::engine) deleted: usize,
    pub(super) changed: usize,
}

/// A part that is kept, and the memory that it takes.
struct HeldPart {
    objects: Vec<(ObjectId, Attributes)>,
    _room: Reservation,
}

#[async_trait(?Send)]
impl<R: RedisConn> Stash for Snapshot<'_, R> {
    async fn stash(&mut self, mut part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        if !self.document.extend_refresh(self.lease, LEASE_MS).await? {
            return Err(StashError::Fenced);
        }
        if self.parts > 0 {
            // An object of two parts stands as it came first: what was written is newer than the answer. Which is right, the next
            // query may tell.
            let before = part.len();
            part.retain(|(id, _)| !self.seen.contains(id));
            self.passed_over += (before - part.len()) as u64;
        }
        for (id, attributes) in &part {
            if self.parts == 0 {
                self.written.write(attributes)?;
                digest_text(&mut self.digest, id.as_str().as_bytes());
                digest_text(&mut self.digest, &self.written.0);
            }
            if self.seen.insert(id.clone()) {
                self.seen_lately.push(id.clone());
            }
        }
        self.parts += 1;
        if let Some(held) = self.held.take() {
            self.commit(held.objects).await?;
        }
        if self.parts == 1 {
            // Whoever hands it over counts it no longer.
            let bytes = part.iter().map(|(id, attributes)| bytes_of(id, attributes));
            self.held = Some(HeldPart {
                _room: self.memory.hold(bytes.sum()),
                objects: part,
            });
            Ok(())
        } else {
            self.commit(part).await
        }
    }

    fn refuse(&mut self, id: &str, reason: &str) {
        // An answer without the object would be another: then it is deleted.
        digest_text(&mut self.digest, id.as_bytes());
        digest_text(&mut self.digest, reason.as_bytes());
        if let Ok(id) = ObjectId::parse(id)
            && self.seen.insert(id.clone())
        {
            self.seen_lately.push(id);
        }
        self.refused.note(id, reason);
    }

    fn describe(&mut self, metadata: String) {
        self.metadata = Some(metadata);
    }

    fn goes_on_at(&self) -> Option<&str> {
        self.last.goes_on_at.as_deref()
    }

    fn mark(&self) -> Option<&str> {
        self.last.mark.as_deref()
    }

    async fn remove(&mut self, ids: Vec<ObjectId>) -> Result<(), StashError> {
        // An object that is named twice is deleted once.
        let ids: BTreeSet<ObjectId> = ids.into_iter().collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let mut left = &ids[..];
        while !left.is_empty() {
            let deleted = self.delete(left).await?;
            left = left.get(deleted..).unwrap_or_default();
        }
        Ok(())
    }

    async fn reached(&mut self, position: &str) -> Result<(), StashError> {
        // There will be another part, so the first is not the whole answer.
        if let Some(held) = self.held.take() {
            self.commit(held.objects).await?;
        }
        let progress = RefreshProgress {
            position,
            began_at: self.began_at,
            seen: &std::mem::take(&mut self.seen_lately),
        };
        if !self.document.keep_progress(self.lease, progress).await? {
            return Err(StashError::Fenced);
        }
        if (self.is_late)() {
            return Err(StashError::OutOfTime);
        }
        Ok(())
    }
}

impl<'a, R: RedisConn> Snapshot<'a, R> {
    pub(in crate::engine) fn new(
        document: &'a Document<'a, R>,
        lease: &'a str,
        began_at: Version,
        last: LastRefresh,
        is_late: &'a dyn Fn() -> bool,
        memory: &'a Memory,
    ) -> Self {
        Self {
            document,
            memory,
            lease,
            began_at,
            last,
            is_late,
            held: None,
            digest: Sha256::new(),
            written: Written::default(),
            parts: 0,
            seen: BTreeSet::new(),
            seen_lately: Vec::new(),
            refused: Refusals::default(),
            metadata: None,
            passed_over: 0,
            deleted: 0,
            changed: 0,
        }
    }

    /// What the answer says of the source beside its objects: nothing where it is not whole, or without a word.
    pub(super) fn said(&mut self, ended: &QueryEnd) -> Option<Option<String>> {
        let is_whole = self.last.goes_on_at.is_none()
            && match ended {
                QueryEnd::Complete { .. } | QueryEnd::CompleteUpTo { .. } => true,
                QueryEnd::NotModified | QueryEnd::Changes { .. } => false,
            };
        let metadata = self.metadata.take();
        (is_whole || metadata.is_some()).then_some(metadata)
    }

    /// Commits what is left of an answer, and says what is to be remembered of it; `etag` and `digest` are those of the last one.
    pub(in crate::engine) async fn end(
        &mut self,
        ended: QueryEnd,
        etag: Option<String>,
        digest: Option<String>,
    ) -> Result<SnapshotEnd, StashError> {
        let (etag_now, mark) = match ended {
            QueryEnd::NotModified => {
                return Ok(SnapshotEnd {
                    is_complete: true,
                    etag,
                    digest,
                    mark: None,
                });
            }
            QueryEnd::Changes { mark } => return self.end_changes(mark, etag, digest).await,
            QueryEnd::Complete { etag } => (etag, None),
            QueryEnd::CompleteUpTo { mark } => (None, Some(mark)),
        };
        // A tag does not stand for an answer with objects that are refused: devices are told of them with every query. Nor
        // does a mark.
        let is_whole = self.refused.is_empty();
        let (is_complete, digest) = self.finish(digest.as_deref()).await?;
        Ok(SnapshotEnd {
            is_complete,
            etag: etag_now.filter(|_| is_whole),
            digest,
            mark: mark.filter(|_| is_whole),
        })
    }

    /// Commits what is left of the changes since the last query. Nothing that they do not mention is deleted.
    async fn end_changes(
        &mut self,
        mark: String,
        etag: Option<String>,
        digest: Option<String>,
    ) -> Result<SnapshotEnd, StashError> {
        if let Some(held) = self.held.take() {
            self.commit(held.objects).await?;
        }
        // Tag and digest are those of an answer with everything, for which the document does not stand any more.
        let is_as_before = self.changed == 0;
        Ok(SnapshotEnd {
            is_complete: self.passed_over == 0,
            etag: etag.filter(|_| is_as_before),
            digest: digest.filter(|_| is_as_before),
            mark: Some(mark).filter(|_| self.refused.is_empty()),
        })
    }

    /// Commits what is left and deletes what was not mentioned. Answers whether the document holds the whole answer
    /// now, and the answer's digest; none of an answer that came in pieces.
    async fn finish(
        &mut self,
        last_digest: Option<&str>,
    ) -> Result<(bool, Option<String>), StashError> {
        let went_on = self.last.goes_on_at.is_some();
        let digest = hex(&std::mem::take(&mut self.digest).finalize());
        // Of several parts only the first is digested.
        let digest = Some(digest).filter(|_| !went_on && self.parts <= 1);
        if digest.is_some() && last_digest == digest.as_deref() {
            return Ok((true, digest));
        }
        if let Some(held) = self.held.take() {
            self.commit(held.objects).await?;
        }
        if went_on {
            self.seen.extend(self.document.seen_before().await?);
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
        let known = self.document.stored(&ids).await?;
        let looked_at = known.len();
        let mut changes = Vec::new();
        for ((id, attributes), known) in objects.iter().zip(known) {
            if let Some((record, version)) = &known {
                if *version > self.began_at {
                    self.passed_over += 1;
                    continue;
                }
                // Most objects are what they were: that is seen without reading the record.
                self.written.write(attributes)?;
                if record.has(&self.written.0) {
                    continue;
                }
            }
            let known = known.map(|(record, version)| Ok((record.read()?, version)));
            let known = known.transpose().map_err(StashError::Store)?;
            let before = known.as_ref().map(|(record, version)| (record, *version));
            if let Some(record) = Record::next(before, attributes.clone(), None) {
                changes.push(ObjectChange::new(id, before, record));
            }
        }
        self.write(&changes).await?;
        Ok(looked_at)
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
                let known = known.filter(|(_, version)| *version <= self.began_at)?;
                let before = Some((&known.0, known.1));
                let record = Record::next(before, Attributes::new(), None)?;
                Some(ObjectChange::new(id, before, record))
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

/// An object's attributes as the store writes them, in memory that is used again.
#[derive(Debug, Default)]
struct Written(Vec<u8>);

impl Written {
    fn write(&mut self, attributes: &Attributes) -> Result<(), StoreError> {
        self.0.clear();
        write_attributes(attributes, &mut self.0)
    }
}

/// Digests a text so that no two different answers give the same bytes.
fn digest_text(digest: &mut Sha256, text: &[u8]) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}
