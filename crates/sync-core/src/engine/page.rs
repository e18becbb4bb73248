//! The pages a pull is answered with.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::join;
use sync_proto::{Commands, ErrorMessage, Page};

use crate::engine::pull::Pull;
use crate::engine::{Engine, SyncError};
use crate::model::{
    ClientId, DocumentId, ObjectId, OutboxItem, PageBuilder, Reader, Token, Version,
};
use crate::ports::Ports;
use crate::store::{Aspect, CursorState, PullState, SourceError};

/// Items of an outbox whose objects are read together.
const OUTBOX_PART: usize = 16;

/// Rounds within one request past changes the device needs not be told of, before it is asked to come again.
const MAX_SILENT_ROUNDS: usize = 20;

impl<P: Ports> Engine<P> {
    /// Makes the page, past changes that are no news to this client.
    pub(super) async fn page(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        mut state: PullState,
    ) -> Result<Page, SyncError> {
        let progress = state.progress;
        for _ in 0..MAX_SILENT_ROUNDS {
            let has_more = state.reached > state.cursor;
            let mut commands = if has_more {
                self.commands(pull, document, &mut state).await?
            } else {
                Commands::default()
            };
            let token = (!commands.is_empty()).then(|| state.token(state.reached));
            if token.is_none() && has_more {
                self.document(document)
                    .move_cursor(
                        pull.client,
                        pull.user,
                        state.reached,
                        state.reached == state.version,
                    )
                    .await?;
                if state.reached < state.version {
                    state = self.again(pull, document).await?;
                    if state.state != CursorState::Following {
                        return Err(SyncError::Busy);
                    }
                    continue;
                }
            }
            // rhoconnect.js passes over the objects of a page with an error and acknowledges them all the same: an error that came
            // with objects waits for the page after them.
            let is_due = |error: &&SourceError| token.is_none() || !error.is_partial;
            if let Some(error) = state.source_error.as_ref().filter(is_due) {
                let message = ErrorMessage {
                    message: error.message.clone(),
                };
                commands.source_error.insert(error.kind.clone(), message);
            }
            return Ok(page(token, progress, state.live, commands));
        }
        // Far more of this client's own changes than a request should skip: it comes again with this token.
        let token = Some(state.token(state.cursor)).filter(|token| token.number() > 1);
        Ok(page(token, progress, state.live, Commands::default()))
    }

    async fn commands(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        state: &mut PullState,
    ) -> Result<Commands, SyncError> {
        let store = self.document(document);
        let records_at_hand = state.records.take();
        let state = &*state;
        let records = async {
            match records_at_hand {
                Some(records) => Ok(records),
                None => {
                    let ids = state.changed.iter().map(|(id, _)| id);
                    store.raw_records(ids).await
                }
            }
        };
        let outbox = async {
            if state.has_outbox {
                store.outbox(pull.client, state.cursor, state.reached).await
            } else {
                Ok(Vec::new())
            }
        };
        let metadata = async {
            if state.tells_metadata() {
                store.description(Aspect::Metadata).await
            } else {
                Ok(None)
            }
        };
        let (records, outbox, metadata) = join!(records, outbox, metadata);
        let (records, outbox, metadata) = (records?, outbox?, metadata?);

        let reader = Reader {
            client: pull.client,
            base: state.base,
            since: state.since,
        };
        let mut builder = PageBuilder::new(reader);
        for ((id, version), record) in state.changed.iter().zip(records) {
            // A record that is gone was deleted and collected meanwhile: every cursor had passed it.
            if let Some(record) = record {
                builder.add_changed(id, *version, &record)?;
            }
        }
        self.add_outbox(&mut builder, document, pull.client, outbox)
            .await?;
        let mut commands = builder.finish();
        commands.metadata = metadata;
        Ok(commands)
    }

    /// Adds what a client is told beside objects, a few items at a time: with each may go what the object is now, of
    /// which the page needs little. Says how many bytes those have.
    pub(super) async fn add_outbox(
        &self,
        builder: &mut PageBuilder<'_>,
        document: &DocumentId,
        client: &ClientId,
        items: Vec<OutboxItem>,
    ) -> Result<usize, SyncError> {
        let mut items = items.into_iter();
        let mut bytes = 0;
        loop {
            let part: Vec<_> = items.by_ref().take(OUTBOX_PART).collect();
            if part.is_empty() {
                return Ok(bytes);
            }
            let current = self
                .current_of(document, client, part.iter().filter_map(OutboxItem::object))
                .await?;
            bytes += current.values().map(Vec::len).sum::<usize>();
            for item in part {
                builder.add_outbox_item(item, &current)?;
            }
        }
    }

    /// The records of objects as the client has or gets them: from the document, or of what the client has found.
    async fn current_of(
        &self,
        document: &DocumentId,
        client: &ClientId,
        ids: impl Iterator<Item = &ObjectId>,
    ) -> Result<BTreeMap<ObjectId, Vec<u8>>, SyncError> {
        let ids: Vec<&ObjectId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        let document = self.document(document);
        let records = document.raw_records(ids.iter().copied()).await?;
        let (known, unknown): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .zip(records)
            .partition(|(_, record)| record.is_some());
        let unknown: Vec<_> = unknown.into_iter().map(|(id, _)| id).collect();
        let held = document.held_of(client, &unknown).await?;
        let held = held
            .into_iter()
            .map(|(id, attributes)| (id, [b"{\"a\":", &attributes[..], b"}"].concat()));
        Ok(known
            .into_iter()
            .filter_map(|(id, record)| Some((id.clone(), record?)))
            .chain(held)
            .collect())
    }

    /// A page of removals: the client belongs to another partition now.
    pub(super) async fn take_back(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        state: &PullState,
    ) -> Result<Page, SyncError> {
        let store = self.document(document);
        let records = store
            .raw_records(state.changed.iter().map(|(id, _)| id))
            .await?;
        let reader = Reader {
            client: pull.client,
            base: Version::ZERO,
            since: Version::ZERO,
        };
        let mut builder = PageBuilder::new(reader);
        for ((id, _), record) in state.changed.iter().zip(records) {
            if let Some(record) = record {
                builder.add_taken_back(id, &record)?;
            }
        }
        if state.has_outbox {
            let outbox = store
                .outbox(pull.client, state.cursor, state.reached)
                .await?;
            self.add_outbox(&mut builder, document, pull.client, outbox)
                .await?;
        }
        let token = Some(state.token(state.reached)).filter(|token| token.number() > 1);
        Ok(page(token, state.progress, state.live, builder.finish()))
    }
}

/// Puts a page together.
pub(super) fn page(token: Option<Token>, progress: u64, live: u64, commands: Commands) -> Page {
    Page {
        token: token.map(Token::number),
        count: commands.insert.len() + commands.delete.len(),
        progress_count: progress,
        total_count: live,
        commands,
    }
}

/// The client was silent for so long that nobody knows what it would have to remove, or its objects have another shape
/// now.
pub(super) fn start_over(state: &PullState) -> Page {
    let commands = Commands {
        schema_changed: Some("true"),
        ..Commands::default()
    };
    // The first number after the offset is nobody's version.
    page(Some(state.token(Version(1))), 0, state.live, commands)
}
