//! A device asks what is new.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::join;
use sync_proto::{Commands, ErrorMessage, Page};

use crate::account::Session;
use crate::document::page::{PageBuilder, object_of};
use crate::document::record::Reader;
use crate::engine::binding::known_form;
use crate::engine::{Engine, Source, SyncError};
use crate::ids::{ClientId, DocumentId, ObjectId, SourceName, Token, UserId, Version};
use crate::ports::{Clock as _, Ports};
use crate::settings::PollInterval;
use crate::store::{Acknowledged, Aspect, CursorState, PullState, PullStep};

/// Objects of a page where the device does not say.
pub const DEFAULT_PAGE_SIZE: usize = 500;

/// Rounds within one request past changes the device needs not be told of, before it is asked to come again.
const MAX_SILENT_ROUNDS: usize = 20;

/// Changes of place (bind, leave, start over) within one request.
const MAX_MOVES: usize = 4;

/// What a device asks for.
#[derive(Debug, Clone, Copy)]
pub struct PullRequest<'a> {
    /// The client id as it was sent.
    pub client: &'a str,
    /// The source's name as it was sent.
    pub source: &'a str,
    /// What the device acknowledges.
    pub token: Option<Token>,
    /// Most objects it wants.
    pub page_size: usize,
    /// What it narrows the adapter's query down by, names and values.
    pub parameters: &'a [(String, String)],
}

/// One client and the document it reads.
#[derive(Clone, Copy)]
pub(super) struct Pull<'a> {
    pub(super) user: &'a UserId,
    pub(super) client: &'a ClientId,
    pub(super) source: Source<'a>,
    pub(super) limit: usize,
    pub(super) parameters: &'a [(String, String)],
}

impl<P: Ports> Engine<P> {
    /// Acknowledges the token and answers the next page.
    ///
    /// # Errors
    /// A session, client, source or token that is not valid, and the store's. What is wrong with the back end stands in
    /// the page.
    pub async fn pull(
        &self,
        session: &Session,
        request: PullRequest<'_>,
    ) -> Result<Page, SyncError> {
        let PullRequest {
            client,
            source,
            token,
            page_size,
            parameters,
        } = request;
        let found = match self.source(source).await {
            Err(SyncError::UnknownSource { name }) if SourceName::parse(&name).is_ok() => {
                return self.unknown_source_page(session, client, &name).await;
            }
            found => found?,
        };
        let source = found.as_source();
        let client = known_form(client)?;
        let limit = page_size.min(source.settings.max_page_size);
        let pull = Pull {
            user: &session.user,
            client: &client,
            source,
            limit,
            parameters,
        };

        if source.settings.pass_through {
            return self.pass_through(session, &pull).await;
        }
        let acknowledged = token.into();
        // Most polls find the cursor where it should be and nothing new, so both are asked for in one round trip. A
        // revoked session learns nothing: the answer is thrown away. It can acknowledge no more than what was given out
        // to this very client while the session was good. The registry was read a moment ago, mostly: it costs nothing.
        let wanted = source.document_for(&session.user);
        let (checked, step, registry) = join!(
            self.check_session(session),
            self.step(&pull, &wanted, acknowledged),
            self.registry()
        );
        checked?;
        registry?;
        let (document, mut state) = match step? {
            PullStep::State(state) if state.state == CursorState::Following => (wanted, *state),
            PullStep::FutureToken => return Err(SyncError::FutureToken),
            PullStep::State(_) | PullStep::Unbound => self.locate(&pull, acknowledged).await?,
        };
        if state.state == CursorState::Following {
            state = self
                .catch_up(&pull, &document, state, token.is_none())
                .await?;
        }
        if state.is_outdated() {
            let store = self.document(&document);
            store.start_over(pull.client, pull.user).await?;
            state = self.again(&pull, &document).await?;
        }
        match state.state {
            CursorState::Restart => Ok(start_over(&state)),
            CursorState::Leaving(_) => self.take_back(&pull, &document, &state).await,
            CursorState::Following => self.page(&pull, &document, state).await,
        }
    }

    async fn step(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        acknowledged: Acknowledged,
    ) -> Result<PullStep, SyncError> {
        let now = self.ports.clock().now();
        Ok(self
            .document(document)
            .pull(pull.client, pull.user, acknowledged, pull.limit, now)
            .await?)
    }

    /// Finds the client's cursor where the user's document has none, or one that is not simply followed.
    pub(super) async fn locate(
        &self,
        pull: &Pull<'_>,
        acknowledged: Acknowledged,
    ) -> Result<(DocumentId, PullState), SyncError> {
        let mut document = pull.source.document_for(pull.user);
        for _ in 0..MAX_MOVES {
            match self.step(pull, &document, acknowledged).await? {
                PullStep::FutureToken => return Err(SyncError::FutureToken),
                PullStep::Unbound => {
                    document = self
                        .find_document(pull.user, pull.client, pull.source)
                        .await?;
                }
                PullStep::State(state) => match state.state {
                    CursorState::Leaving(until)
                        if state.cursor >= until || pull.source.settings.pass_through =>
                    {
                        if state.waiting > 0 {
                            // Their verdicts can be told as long as the client is here.
                            self.work_on_waiting(pull.user, pull.client, pull.source, &document)
                                .await?;
                        }
                        self.detach(pull.client, &document).await?;
                        document = pull.source.document_for(pull.user);
                    }
                    _ => return Ok((document, *state)),
                },
            }
        }
        Err(SyncError::Busy)
    }

    /// Finishes what waits, and asks the back end if it is time to.
    async fn catch_up(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        state: PullState,
        is_first_of_sync: bool,
    ) -> Result<PullState, SyncError> {
        let now = self.ports.clock().now();
        let max_age_ms = match self.poll_interval(pull.source).await? {
            PollInterval::Never => None,
            PollInterval::EverySync => is_first_of_sync.then_some(0),
            PollInterval::Seconds(seconds) => Some(seconds.saturating_mul(1_000)),
        };
        let is_due = |max_age_ms: u64| {
            state
                .refreshed_at
                .is_none_or(|at| now.0.saturating_sub(at.0) >= max_age_ms)
        };
        let due = max_age_ms.filter(|max_age_ms| is_due(*max_age_ms));
        let is_described_anew = self
            .describe_by_settings(pull.source, document, state.described)
            .await?;
        if state.waiting == 0 && due.is_none() && !is_described_anew {
            return Ok(state);
        }
        if state.waiting > 0 {
            self.work_on_waiting(pull.user, pull.client, pull.source, document)
                .await?;
        }
        if let Some(max_age_ms) = due {
            self.refresh(
                pull.user,
                pull.source,
                pull.parameters,
                document,
                max_age_ms,
            )
            .await?;
        }
        self.again(pull, document).await
    }

    pub(super) async fn again(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
    ) -> Result<PullState, SyncError> {
        match self.step(pull, document, Acknowledged::Nothing).await? {
            PullStep::State(state) => Ok(*state),
            // The client was reset or taken over in this very moment.
            PullStep::Unbound | PullStep::FutureToken => Err(SyncError::Busy),
        }
    }

    /// Makes the page, past changes that are no news to this client.
    async fn page(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        mut state: PullState,
    ) -> Result<Page, SyncError> {
        let progress = state.progress;
        for _ in 0..MAX_SILENT_ROUNDS {
            let has_more = state.reached > state.cursor;
            let mut commands = if has_more {
                self.commands(pull, document, &state).await?
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
            if let Some(error) = &state.source_error {
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
        state: &PullState,
    ) -> Result<Commands, SyncError> {
        let store = self.document(document);
        let records = store.raw_records(state.changed.iter().map(|(id, _)| id));
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
        let current = self
            .current_of(document, outbox.iter().filter_map(object_of))
            .await?;
        for item in outbox {
            builder.add_outbox_item(item, &current)?;
        }
        let mut commands = builder.finish();
        commands.metadata = metadata;
        Ok(commands)
    }

    async fn current_of(
        &self,
        document: &DocumentId,
        ids: impl Iterator<Item = &ObjectId>,
    ) -> Result<BTreeMap<ObjectId, Vec<u8>>, SyncError> {
        let ids: Vec<&ObjectId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        let records = self
            .document(document)
            .raw_records(ids.iter().copied())
            .await?;
        Ok(ids
            .into_iter()
            .cloned()
            .zip(records)
            .filter_map(|(id, record)| Some((id, record?)))
            .collect())
    }

    /// A page of removals: the client belongs to another partition now.
    async fn take_back(
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
            let current = self
                .current_of(document, outbox.iter().filter_map(object_of))
                .await?;
            for item in outbox {
                builder.add_outbox_item(item, &current)?;
            }
        }
        let token = Some(state.token(state.reached)).filter(|token| token.number() > 1);
        Ok(page(token, state.progress, state.live, builder.finish()))
    }
}

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
fn start_over(state: &PullState) -> Page {
    let commands = Commands {
        schema_changed: Some("true"),
        ..Commands::default()
    };
    // The first number after the offset is nobody's version.
    page(Some(state.token(Version(1))), 0, state.live, commands)
}
