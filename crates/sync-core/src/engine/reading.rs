//! Asks back ends for single objects, where they can be asked for them.

use crate::adapter::{Call, Reading, logged_in};
use crate::engine::feed::check_size;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{Attributes, DocumentId, ObjectChange, ObjectId, Record};
use crate::ports::Ports;
use crate::store::{Commit, CommitMode, CommitOutcome};

/// What came of reading an object into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// The document has what the back end has, and had something else before.
    Changed,
    /// The document has what the back end has, and had it before.
    Unchanged,
    /// The back end could not be asked, or somebody has changed the object meanwhile.
    NotTaken,
}

impl<P: Ports> Engine<P> {
    /// Brings an object of a document to what the back end has now. What is committed while the back end is asked counts more: it
    /// may be later than its answer.
    pub(super) async fn read_object(
        &self,
        source: Source<'_>,
        call: &Call<'_>,
        document: &DocumentId,
        object: &ObjectId,
    ) -> Result<ReadOutcome, SyncError> {
        let store = self.document(document);
        let known = store.records(std::slice::from_ref(object)).await?;
        let known = known.into_iter().next().flatten();
        let asked = source.adapter.read(call, object);
        let attributes = match logged_in(source.adapter, call, asked).await {
            Ok((Reading::Object(attributes), _)) => attributes,
            Ok((Reading::Gone, _)) => Attributes::new(),
            Ok((Reading::Unsupported, _)) => return Ok(ReadOutcome::NotTaken),
            Err(error) => {
                tracing::warn!(source.name = %source.name, object.id = %object, %error, "an object cannot be read");
                return Ok(ReadOutcome::NotTaken);
            }
        };
        check_size(object, &attributes)?;
        let before = known.as_ref().map(|(record, version)| (record, *version));
        let Some(record) = Record::next(before, attributes, None) else {
            return Ok(ReadOutcome::Unchanged);
        };
        let commit = Commit {
            mode: CommitMode::Write,
            changes: &[ObjectChange::new(object, before, record)],
            client: None,
            told: None,
            ends: None,
        };
        if store.commit(commit).await? == CommitOutcome::Conflict {
            return Ok(ReadOutcome::NotTaken);
        }
        self.metrics.meter().copy(document, None);
        Ok(ReadOutcome::Changed)
    }
}
