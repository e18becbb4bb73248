//! Metadata and schema: from the settings with the next pull, from the adapter with every refresh.

use futures_util::join;

use crate::adapter::{AdapterError, Call, StashError};
use crate::engine::{Engine, Source, SyncError};
use crate::model::{Description, DocumentId, InvalidDescription};
use crate::ports::{Ports, RedisConn};
use crate::store::{Aspect, Document, Marks};

impl<P: Ports> Engine<P> {
    /// Makes what the settings say of the source the document's own. Answers whether something was new.
    pub(super) async fn describe_by_settings(
        &self,
        source: Source<'_>,
        id: &DocumentId,
        known: Marks,
    ) -> Result<bool, SyncError> {
        let mut is_new = false;
        for (aspect, wanted) in [
            (Aspect::Schema, &source.settings.schema),
            (Aspect::Metadata, &source.settings.metadata),
        ] {
            let Some(wanted) = wanted else { continue };
            if !known.of(aspect).is_some_and(|mark| mark.stands_for(wanted)) {
                self.document(id)
                    .describe(None, aspect, Some(wanted))
                    .await?;
                is_new = true;
            }
        }
        Ok(is_new)
    }
}

/// Asks the adapter for what the settings do not say, and keeps it. Answers whether the metadata is known by that: if not, the answer
/// to the query may have some ([`describe_by_answer`]).
///
/// This comes before the query: a device must know of another schema before it gets objects in the new shape.
pub(super) async fn describe_by_adapter<R: RedisConn>(
    source: Source<'_>,
    call: &Call<'_>,
    document: &Document<'_, R>,
    lease: &str,
    known: Marks,
) -> Result<bool, AdapterError> {
    let schema = async {
        if source.settings.schema.is_some() {
            return Ok(());
        }
        let said = source.adapter.schema(call).await?;
        let said = said.map(Description::schema).transpose().map_err(bad)?;
        keep(document, lease, known, Aspect::Schema, said).await
    };
    let metadata = async {
        if source.settings.metadata.is_some() {
            return Ok(true);
        }
        let said = source.adapter.metadata(call).await?;
        let said = Description::metadata(said.unwrap_or_default()).map_err(bad)?;
        let is_said = said.is_some();
        if is_said {
            keep(document, lease, known, Aspect::Metadata, said).await?;
        }
        Ok(is_said)
    };
    let (schema, metadata) = join!(schema, metadata);
    schema.and(metadata)
}

/// Keeps the metadata that the answer to a query has brought. A whole answer without any means that there is none.
pub(super) async fn describe_by_answer<R: RedisConn>(
    document: &Document<'_, R>,
    lease: &str,
    known: Marks,
    said: Option<String>,
) -> Result<(), AdapterError> {
    let said = Description::metadata(said.unwrap_or_default()).map_err(bad)?;
    keep(document, lease, known, Aspect::Metadata, said).await
}

async fn keep<R: RedisConn>(
    document: &Document<'_, R>,
    lease: &str,
    known: Marks,
    aspect: Aspect,
    said: Option<Description>,
) -> Result<(), AdapterError> {
    let is_known = match (known.of(aspect), &said) {
        (None, None) => true,
        (Some(mark), Some(said)) => mark.stands_for(said),
        _ => false,
    };
    if is_known {
        return Ok(());
    }
    let is_ours = document
        .describe(Some(lease), aspect, said.as_ref())
        .await
        .map_err(StashError::from)?;
    if is_ours {
        Ok(())
    } else {
        Err(StashError::Fenced.into())
    }
}

fn bad(error: InvalidDescription) -> AdapterError {
    AdapterError::BadAnswer {
        message: error.to_string(),
    }
}
