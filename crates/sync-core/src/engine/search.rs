//! A device searches in back ends.

use futures_util::future::join_all;
use futures_util::join;
use sync_proto::{Fields, SearchPage};

use crate::account::Session;
use crate::adapter::{AdapterError, AnswerCollector, StashError, logged_in};
use crate::engine::binding::{Wanted, known_form};
use crate::engine::parameters::check_parameters;
use crate::engine::partitions::{Asked, NO_PARTITION};
use crate::engine::pull::PAGE_COST;
use crate::engine::refresh::refusal_error;
use crate::engine::unknown_source::{NamedSource, unknown_source_error};
use crate::engine::{Engine, Source, SyncError};
use crate::model::{ClientEventKind, ClientId, DocumentId, Token, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{Clients, FoundPage, FoundPosition, PageLimit};
use crate::trace::TraceContext;

/// Most objects a search may find in one source.
pub(super) const MAX_FOUND: usize = 10_000;

/// Most bytes it may find.
pub(super) const MAX_FOUND_BYTES: usize = 8 * 1024 * 1024;

/// Most sources of one search.
const MAX_SOURCES: usize = 50;

/// What devices have always been told where a token is not of their last search.
const INVALID_TOKEN: &str = "Search error - invalid token";

/// What a device searches for, and where.
#[derive(Debug, Clone, Copy)]
pub struct SearchRequest<'a> {
    /// The client id as it was sent.
    pub client: &'a str,
    /// Sources and the tokens of their pages before, as they were sent. No token begins a search.
    pub sources: &'a [(String, String)],
    /// What is searched for, names and values.
    pub parameters: &'a [(String, String)],
    /// Most objects of each source.
    pub page_size: usize,
    /// Whether the device lost the last answer and wants it again, whatever the tokens are.
    pub is_repeated: bool,
    /// What ties it to the calls of back ends it leads to.
    pub trace: Option<&'a TraceContext>,
}

/// One client's search in one source.
struct SourceSearch<'a> {
    user: &'a UserId,
    client: &'a ClientId,
    source: Source<'a>,
    token: &'a str,
    limit: PageLimit,
    is_repeated: bool,
    parameters: &'a [(String, String)],
}

impl<P: Ports> Engine<P> {
    /// Searches, or answers the next page of what was found; one element for each source, empty ones last, since
    /// devices stop reading at the first.
    ///
    /// What is found is this client's alone, until the next query of the back end. It is kept for an hour, so that a request
    /// that is repeated finds the same page.
    ///
    /// # Errors
    /// A session, client or source that is not valid: nothing was searched then. [`SyncError::SearchTooWide`], [`SyncError::TooManyParameters`] and the
    /// store's. What is wrong with a back end or a token stands in the answer.
    pub async fn search(
        &self,
        session: &Session,
        request: SearchRequest<'_>,
    ) -> Result<Vec<SearchPage>, SyncError> {
        let SearchRequest {
            client,
            sources,
            parameters,
            page_size,
            is_repeated,
            trace,
        } = request;
        if sources.len() > MAX_SOURCES {
            return Err(SyncError::SearchTooWide { limit: MAX_SOURCES });
        }
        check_parameters(parameters)?;
        let client = known_form(client)?;
        let user = &session.user;
        let (checked, owner) = join!(self.accounts.check_session(session), self.owner(&client));
        checked?;
        let owner = owner?;
        let mut found = Vec::with_capacity(sources.len());
        for (name, token) in sources {
            let named = self.named_source(session, request.client, name, trace);
            let source = match named.await? {
                NamedSource::Known(source) => source,
                NamedSource::Unknown { error } => return Err(unknown_source_error(name, error)),
            };
            found.push((source, token));
        }
        let most = found.iter();
        let most = most.map(|(source, _)| source.as_source().settings.max_page_bytes);
        let room = self.memory.share(PAGE_COST * most.sum::<usize>());
        let bytes = room.bytes() / PAGE_COST / found.len().max(1);
        let searches = found.iter().map(|(source, token)| {
            let source = source.as_source().traced(trace);
            SourceSearch {
                user,
                client: &client,
                source,
                token,
                limit: PageLimit {
                    objects: page_size.min(source.settings.max_page_size),
                    bytes,
                },
                is_repeated,
                parameters,
            }
        });
        if owner != *user {
            self.hand_over(&client, &owner, user).await?;
        }
        let began = self.ports.clock().monotonic();
        let pages = join_all(searches.map(|search| self.search_source(search)));
        let mut pages = pages.await.into_iter().collect::<Result<Vec<_>, _>>()?;
        pages.sort_by_key(|page| matches!(page, SearchPage::Nothing));
        for (source, _) in &found {
            let name = source.as_source().name;
            self.note_event(&client, ClientEventKind::Search, Some(name), began);
        }
        Ok(pages)
    }

    async fn search_source(&self, search: SourceSearch<'_>) -> Result<SearchPage, SyncError> {
        let id = self.found_in(&search).await?;
        let position = match Token::parse(search.token) {
            _ if search.is_repeated => FoundPosition::Last,
            Ok(None) => return self.begin_search(&search, &id).await,
            Ok(Some(token)) => FoundPosition::Token(token.number()),
            Err(_) => return Ok(search.failed(INVALID_TOKEN)),
        };
        let document = self.document(&id);
        let page = document
            .page_found(search.client, position, search.limit)
            .await?;
        match (page, position) {
            (Some(page), _) => Ok(search.found(page)),
            (None, FoundPosition::Token(_)) => Ok(search.failed(INVALID_TOKEN)),
            // The request was lost, not the answer.
            (None, FoundPosition::Last) => self.begin_search(&search, &id).await,
        }
    }

    /// The document that knows what the client has found: the one it follows.
    async fn found_in(&self, search: &SourceSearch<'_>) -> Result<DocumentId, SyncError> {
        let binding = Clients::new(self.ports.redis())
            .binding(search.client, search.source.name)
            .await?
            .ok_or(SyncError::UnknownClient)?;
        let mut id = self.document_for(search.source, search.user).await?;
        match binding.partition {
            Some(partition) if partition == id.partition => {}
            Some(partition) if partition.is_narrowed() => id.partition = partition,
            // The client must be known to the document before it has objects of it, or else nobody would tell it when they
            // go.
            _ => {
                id = self
                    .find_document(search.user, search.client, search.source, Wanted::Followed)
                    .await?;
            }
        }
        Ok(id)
    }

    async fn begin_search(
        &self,
        search: &SourceSearch<'_>,
        id: &DocumentId,
    ) -> Result<SearchPage, SyncError> {
        let SourceSearch {
            user,
            client,
            source,
            parameters,
            ..
        } = *search;
        let mut found = AnswerCollector::new(MAX_FOUND, MAX_FOUND_BYTES);
        // Of an object that is found in several, the first counts: it comes last.
        for copy in id.of_back_end().iter().rev() {
            let Asked::For(partition) = self.asked_for(source, user, copy).await? else {
                return Ok(search.failed(NO_PARTITION));
            };
            let call = self.question(source, user, partition.as_ref(), parameters);
            let searched = source.adapter.search(&call, &mut found);
            match logged_in(source.adapter, &call, searched).await {
                Ok(_) => {}
                Err(AdapterError::Stash(StashError::Store(error))) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(source.name = %source.name, %error, "a search failed");
                    return Ok(search.failed(&error.to_string()));
                }
            }
        }
        // An answer has either objects or an error: of a search only the log tells.
        let _ = refusal_error(source.name, &found.refused);
        let objects = found.objects;
        if !source.settings.pass_through {
            self.hold_found(client, user, id, &objects, MAX_FOUND)
                .await?;
        }
        let document = self.document(id);
        let token = document
            .keep_found(client, self.ports.clock().now(), &objects)
            .await?;
        let page = document
            .page_found(client, FoundPosition::Token(token), search.limit)
            .await?;
        Ok(page.map_or(SearchPage::Nothing, |page| search.found(page)))
    }
}

impl SourceSearch<'_> {
    fn found(&self, page: FoundPage) -> SearchPage {
        let FoundPage { token, objects } = page;
        if objects.is_empty() {
            return SearchPage::Nothing;
        }
        SearchPage::Found {
            token,
            source: self.source.name.to_string(),
            objects: objects
                .into_iter()
                .map(|(id, attributes)| (id.into_string(), Fields::Raw(attributes)))
                .collect(),
        }
    }

    fn failed(&self, message: &str) -> SearchPage {
        SearchPage::Failed {
            source: self.source.name.to_string(),
            message: message.to_owned(),
        }
    }
}
