//! A device asks what is new.

use futures_util::join;
use sync_proto::Page;

use crate::account::Session;
use crate::engine::binding::{Wanted, known_form};
use crate::engine::by_jobs::{changes_queue, query_queue};
use crate::engine::combined::Makeup;
use crate::engine::device_sync::Sharing;
use crate::engine::held::LetGo;
use crate::engine::page::start_over;
use crate::engine::parameters::check_parameters;
use crate::engine::refresh::Patience;
use crate::engine::unknown_source::{NamedSource, unknown_source_page};
use crate::engine::{Engine, RefreshOutcome, Source, SyncError};
use crate::model::{
    ClientId, DocumentId, Millis, ParametersRule, PollInterval, Token, UserId, Version,
};
use crate::ports::{Clock as _, Ports};
use crate::store::{Acknowledged, CursorState, Head, PageLimit, PullState, PullStep};
use crate::trace::TraceContext;

/// Objects of a page where the device does not say.
pub const DEFAULT_PAGE_SIZE: usize = 500;

/// How many times a page's records are held while it is made: as they come, as values, as JSON, and as they are sent.
pub(super) const PAGE_COST: usize = 5;

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
    /// What ties it to the calls of back ends it leads to.
    pub trace: Option<&'a TraceContext>,
}

/// One client and the document it reads.
#[derive(Clone, Copy)]
pub(super) struct Pull<'a> {
    pub(super) user: &'a UserId,
    pub(super) client: &'a ClientId,
    pub(super) source: Source<'a>,
    pub(super) limit: PageLimit,
    /// Where its cursor is most likely.
    pub(super) expected: &'a DocumentId,
    /// Where it is to be.
    pub(super) wanted: Wanted<'a>,
    pub(super) parameters: &'a [(String, String)],
}

/// What decides about whether the back end is asked while a device waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    pub(super) refreshed_at: Option<Millis>,
    /// When it is to be asked next, where that was set.
    pub(super) refresh_due: Option<Millis>,
    /// How long the last refresh took, in milliseconds.
    pub(super) refresh_took: u64,
    /// Whether a device's sync begins here.
    pub(super) is_begin: bool,
}

impl Freshness {
    /// How fresh a document is by its head.
    pub(super) fn of(head: &Head, is_begin: bool) -> Self {
        Self {
            refreshed_at: head.refreshed_at,
            refresh_due: head.refresh_due,
            refresh_took: head.refresh_took,
            is_begin,
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Acknowledges the token and answers the next page.
    ///
    /// # Errors
    /// A session, client or source that is not valid, and the store's. What is wrong with the back end stands in
    /// the page.
    pub async fn pull(
        &self,
        session: &Session,
        request: PullRequest<'_>,
    ) -> Result<Page, SyncError> {
        let PullRequest {
            client,
            source,
            trace,
            ..
        } = request;
        check_parameters(request.parameters)?;
        let found = match self.named_source(session, client, source, trace).await? {
            NamedSource::Known(found) => found,
            NamedSource::Unknown { error } => return Ok(unknown_source_page(&error)),
        };
        let source = found.as_source().traced(trace);
        self.metrics.meter().pull(source.name.as_str());
        let client = known_form(client)?;
        let began = self.ports.clock().monotonic();
        let answered = self.answer_pull(session, &client, source, request).await;
        self.note_pull(
            &client,
            source.name,
            request.token.is_some(),
            began,
            &answered,
        );
        answered
    }

    async fn answer_pull(
        &self,
        session: &Session,
        client: &ClientId,
        source: Source<'_>,
        request: PullRequest<'_>,
    ) -> Result<Page, SyncError> {
        let PullRequest {
            client: _,
            source: _,
            token,
            page_size,
            parameters,
            trace: _,
        } = request;
        let room = self
            .memory
            .share(PAGE_COST * source.settings.max_page_bytes);
        let limit = PageLimit {
            objects: page_size.min(source.settings.max_page_size),
            bytes: room.bytes() / PAGE_COST,
        };
        let parameters = match source.settings.parameters {
            ParametersRule::OwnCopy => parameters,
            ParametersRule::Ignore => &[],
        };
        let asked_for = self
            .copy_asked_for(source, &session.user, parameters)
            .await?;
        // A token acknowledges a page of the copy that the client follows, also where the parameters are not sent again.
        let goes_on = token.is_some() && parameters.is_empty() && !source.settings.pass_through;
        let pull = Pull {
            user: &session.user,
            client,
            source,
            limit,
            expected: &asked_for,
            wanted: match goes_on {
                true => Wanted::Followed,
                false => Wanted::Copy(&asked_for),
            },
            parameters,
        };

        if source.settings.pass_through {
            return self.pass_through(session, &pull).await;
        }
        let acknowledged = token.into();
        // Most polls find the cursor where it should be and nothing new, so both are asked for in one round trip. A
        // revoked session learns nothing: the answer is thrown away. It can acknowledge no more than what was given out
        // to this very client while the session was good. The registry was read a moment ago, mostly: it costs nothing.
        let (checked, step, registry, makeup) = join!(
            self.accounts.check_session(session),
            self.step(&pull, pull.expected, acknowledged),
            self.registry(),
            self.makeup(pull.expected, Sharing::Fresh)
        );
        checked?;
        registry?;
        let mut makeup = makeup?;
        let (document, mut state) = match step? {
            PullStep::State(state) if state.state == CursorState::Following => {
                (pull.expected.clone(), *state)
            }
            PullStep::State(_) | PullStep::Unbound | PullStep::Ahead(_) => {
                let located = self.locate(&pull, acknowledged).await?;
                if located.0 != *pull.expected {
                    makeup = self.makeup(&located.0, Sharing::Fresh).await?;
                }
                located
            }
        };
        if state.state == CursorState::Following {
            state = self
                .catch_up(&pull, &document, makeup, state, token.is_none())
                .await?;
        }
        if state.state == CursorState::Following && state.has_outdated_finds() {
            self.let_go(pull.client, pull.user, &document, LetGo::Outdated)
                .await?;
            state = self.again(&pull, &document).await?;
        }
        if state.is_outdated() {
            let store = self.document(&document);
            store.start_over(pull.client, pull.user, None).await?;
            state = self.again(&pull, &document).await?;
        }
        match state.state {
            CursorState::Restart => Ok(start_over(&state)),
            CursorState::Leaving => self.take_back(&pull, &document, &state).await,
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
        mut acknowledged: Acknowledged,
    ) -> Result<(DocumentId, PullState), SyncError> {
        let mut document = pull.expected.clone();
        for _ in 0..MAX_MOVES {
            match self.step(pull, &document, acknowledged).await? {
                PullStep::Ahead(token) => {
                    // What the client has that the store does not know of, nobody could take back.
                    tracing::warn!(
                        client.id = %pull.client, source.name = %pull.source.name,
                        "a client starts over: it has a token of the future, so the store was set back"
                    );
                    let store = self.document(&document);
                    store
                        .start_over(pull.client, pull.user, Some(token))
                        .await?;
                    acknowledged = Acknowledged::Nothing;
                }
                PullStep::Unbound => {
                    document = self
                        .find_document(pull.user, pull.client, pull.source, pull.wanted)
                        .await?;
                }
                PullStep::State(state) => match state.state {
                    CursorState::Leaving
                        // What became of its changes is told as long as the client is here.
                        if pull.source.settings.pass_through
                            || state.cursor >= state.version && !state.has_outbox =>
                    {
                        if state.waiting > 0 {
                            self.work_soon(
                                changes_queue(pull.source),
                                &document,
                                pull.user,
                                pull.client,
                            )
                            .await?;
                        }
                        // Something may have become of a change in this very moment.
                        if pull.source.settings.pass_through {
                            self.detach(pull.client, &document).await?;
                        } else if !self.detach_if_told(pull.client, &document).await? {
                            continue;
                        }
                        document = pull.expected.clone();
                    }
                    _ => return Ok((document, *state)),
                },
            }
        }
        Err(SyncError::Busy)
    }

    /// Asks the back end if it is time to, and sees to it that somebody finishes what waits.
    async fn catch_up(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
        makeup: Option<Makeup>,
        state: PullState,
        is_first_of_sync: bool,
    ) -> Result<PullState, SyncError> {
        let freshness = Freshness {
            refreshed_at: state.refreshed_at,
            refresh_due: state.refresh_due,
            refresh_took: state.refresh_took,
            // Where a client has come to another copy, that one's sync begins now.
            is_begin: is_first_of_sync || state.cursor < Version::FIRST,
        };
        // Without its parameters a part of the source cannot be asked for.
        let can_ask = !(document.partition.is_narrowed() && pull.parameters.is_empty());
        let has_members = makeup.is_some();
        let is_made_anew = match makeup {
            Some(makeup) => {
                self.catch_up_members(pull.user, pull.source, document, makeup, freshness)
                    .await?
            }
            None => false,
        };
        let due = match can_ask && !has_members {
            true => self.due(pull.source, freshness).await?,
            false => None,
        };
        let is_described_anew = self
            .describe_by_settings(pull.source, document, state.described)
            .await?;
        if state.waiting == 0 && due.is_none() && !is_described_anew && !is_made_anew {
            return Ok(state);
        }
        let Pull {
            user,
            client,
            source,
            parameters,
            ..
        } = *pull;
        if state.waiting > 0 {
            self.work_soon(changes_queue(source), document, user, client)
                .await?;
        }
        if let Some(max_age_ms) = due {
            self.ask_back_end(user, source, parameters, document, max_age_ms, freshness)
                .await?;
        }
        self.again(pull, document).await
    }

    /// How old the last answer of the back end may be, in milliseconds, if it is older than that.
    pub(super) async fn due(
        &self,
        source: Source<'_>,
        freshness: Freshness,
    ) -> Result<Option<u64>, SyncError> {
        let max_age_ms = match self.poll_interval(source).await? {
            PollInterval::Never => None,
            PollInterval::EverySync => freshness.is_begin.then_some(0),
            PollInterval::Seconds(seconds) => Some(seconds.saturating_mul(1_000)),
        };
        let now = self.ports.clock().now();
        let is_due = |max_age_ms: &u64| match (freshness.refresh_due, freshness.refreshed_at) {
            (Some(due), _) if *max_age_ms > 0 => now >= due,
            (_, Some(at)) => now.0.saturating_sub(at.0) >= *max_age_ms,
            (_, None) => true,
        };
        Ok(max_age_ms.filter(is_due))
    }

    /// Asks a back end that is due, as long as the device waits; or lets a job do it.
    pub(super) async fn ask_back_end(
        &self,
        user: &UserId,
        source: Source<'_>,
        parameters: &[(String, String)],
        document: &DocumentId,
        max_age_ms: u64,
        freshness: Freshness,
    ) -> Result<(), SyncError> {
        let settings = source.settings;
        // A back end that was slow the last time is asked by a job, until it is quick again.
        let is_slow =
            freshness.refreshed_at.is_some() && freshness.refresh_took >= settings.pull_wait_ms;
        let mut by_job = settings.query_queue.is_some() || is_slow;
        if !by_job {
            let wait = Patience::while_waited(source, freshness.refreshed_at);
            let refreshed = self.refresh(user, source, parameters, document, max_age_ms, wait);
            by_job = refreshed.await? == RefreshOutcome::Unfinished;
        }
        if by_job {
            self.query_soon(query_queue(settings), document, user, parameters)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn again(
        &self,
        pull: &Pull<'_>,
        document: &DocumentId,
    ) -> Result<PullState, SyncError> {
        match self.step(pull, document, Acknowledged::Nothing).await? {
            PullStep::State(state) => Ok(*state),
            // The client was reset or taken over in this very moment.
            PullStep::Unbound | PullStep::Ahead(_) => Err(SyncError::Busy),
        }
    }
}
