//! Clients as administrators find them: all, by the beginning of a name, or by how they are.

use futures_util::future::try_join_all;
use futures_util::join;
use sync_jobs::Jobs;
use sync_proto::api::{ClientHealth, ClientSummary, SyncEvent};

use crate::engine::binding::known_form;
use crate::engine::clients::documents_of;
use crate::engine::{Engine, SyncError};
use crate::model::{ADMINISTRATOR, ClientEvent, ClientId, DocumentId, Millis, UserId};
use crate::ports::{Clock as _, Order, Ports};
use crate::store::{
    ClientEvents, ClientIndex, ClientRecord, Clients, ScoredCursor, Waiting, WaitingChanges,
    client_of_entry,
};

/// How long changes wait until somebody should look, in milliseconds.
pub(super) const STUCK_AFTER_MS: u64 = 10 * 60_000;

/// After how long a client is silent, in milliseconds.
const SILENT_AFTER_MS: u64 = 7 * 86_400_000;

/// Users whose clients one request lists.
const USERS_AT_ONCE: usize = 20;

/// Which clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientQuery<'a> {
    /// Those whose id, or whose user's name, begins with this.
    pub beginning: Option<&'a str>,
    /// Those of this user.
    pub user: Option<&'a str>,
    /// Those that are so.
    pub state: Option<ClientHealth>,
    /// By id, in place of the order that goes with the rest.
    pub by_id: bool,
    /// Where the part begins.
    pub cursor: Option<&'a str>,
    /// Most clients of the part.
    pub limit: usize,
}

/// Part of a list of clients. It may have fewer than were asked for, also where there are more.
#[derive(Debug)]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<ClientSummary>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<String>,
}

/// Clients that may be what is asked for.
struct Candidates {
    ids: Vec<ClientId>,
    next: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// Lists clients: who was heard of last comes first, unless something else goes with the question.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::AccountError::UnknownUser), [`SyncError::InvalidSetting`] for a cursor that was
    /// not given out, and the store's.
    pub async fn find_clients(&self, query: ClientQuery<'_>) -> Result<ClientPage, SyncError> {
        let Candidates { ids, next } = self.candidates(&query).await?;
        let mut clients = self.summaries(&ids).await?;
        clients.retain(|client| query.state.is_none_or(|state| client.state == state));
        Ok(ClientPage { clients, next })
    }

    /// The last events of a client, the newest first, after so many.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`] and the store's.
    pub async fn client_events(
        &self,
        client: &str,
        from: usize,
        limit: usize,
    ) -> Result<Vec<SyncEvent>, SyncError> {
        let client = known_form(client)?;
        self.client_record(&client).await?;
        let events = ClientEvents::new(self.ports.redis());
        let events = events.list(&client, from, limit).await?;
        Ok(events.into_iter().map(to_event).collect())
    }

    /// Lists names of users that begin with a text, after one and at most `limit`. The first administrator is none, though the old
    /// protocols know it as one.
    ///
    /// # Errors
    /// The store's.
    pub async fn find_users(
        &self,
        beginning: &str,
        after: Option<&str>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<String>, SyncError> {
        let index = ClientIndex::new(self.ports.redis());
        // One more, in the administrator's place.
        let most = limit.saturating_add(1);
        let mut users = index.users_by_name(beginning, after, most, order).await?;
        users.retain(|user| user != ADMINISTRATOR);
        users.truncate(limit);
        Ok(users)
    }

    /// How many clients a user has.
    ///
    /// # Errors
    /// The store's.
    pub async fn count_clients(&self, user: &UserId) -> Result<u64, SyncError> {
        Ok(Clients::new(self.ports.redis()).count_of(user).await?)
    }

    /// How a client is.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`] and the store's.
    pub async fn client_summary(&self, client: &str) -> Result<ClientSummary, SyncError> {
        let summaries = self.summaries(&[known_form(client)?]).await?;
        summaries.into_iter().next().ok_or(SyncError::UnknownClient)
    }

    /// When a client was last heard of.
    pub(super) async fn seen_at(&self, client: &ClientId) -> Result<Option<Millis>, SyncError> {
        let index = ClientIndex::new(self.ports.redis());
        let seen = index.seen(&[client]).await?;
        Ok(seen.into_iter().next().flatten())
    }

    async fn candidates(&self, query: &ClientQuery<'_>) -> Result<Candidates, SyncError> {
        let ClientQuery {
            beginning,
            user,
            state,
            by_id,
            cursor,
            limit,
        } = *query;
        if let Some(user) = user {
            let ids = self.list_clients(user, cursor, limit).await?;
            let next = ids.last().filter(|_| ids.len() == limit);
            let next = next.map(|last| last.as_str().to_owned());
            return Ok(Candidates { ids, next });
        }
        match (beginning, state) {
            (Some(beginning), _) => self.beginning_with(beginning, cursor, limit).await,
            (None, _) if by_id => {
                let index = ClientIndex::new(self.ports.redis());
                let ids = index.by_id("", cursor, limit).await?;
                let next = ids.last().filter(|_| ids.len() == limit).cloned();
                let ids = ids.into_iter().filter_map(|id| ClientId::parse(id).ok());
                Ok(Candidates {
                    ids: ids.collect(),
                    next,
                })
            }
            (None, Some(ClientHealth::Stuck)) => self.stuck(cursor, limit).await,
            (None, state) => {
                let redis = self.ports.redis();
                let (index, waiting) = (ClientIndex::new(redis), WaitingChanges::new(redis));
                let cursor = cursor.map(parse_cursor).transpose()?;
                let silent = self.ports.clock().now().0.saturating_sub(SILENT_AFTER_MS);
                let page = match state {
                    Some(ClientHealth::Waiting) => waiting.list(None, cursor, limit).await?,
                    Some(ClientHealth::Failing) => index.all_failing(cursor, limit).await?,
                    Some(ClientHealth::Silent) => {
                        index.by_time(Some(Millis(silent)), cursor, limit).await?
                    }
                    _ => index.by_time(None, cursor, limit).await?,
                };
                Ok(Candidates {
                    ids: clients_of(page.items),
                    next: page.next.map(|next| next.to_string()),
                })
            }
        }
    }

    /// Clients by the beginning of their id, then by that of their user's name.
    async fn beginning_with(
        &self,
        beginning: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Candidates, SyncError> {
        let index = ClientIndex::new(self.ports.redis());
        let mut ids = Vec::new();
        let after = match cursor.map(|cursor| cursor.split_at_checked(2)) {
            None => None,
            Some(Some(("i:", after))) => Some(after),
            Some(Some(("u:", after))) => {
                return self.of_users(beginning, Some(after), ids, limit).await;
            }
            Some(_) => return Err(invalid_cursor()),
        };
        let found = index.by_id(beginning, after, limit).await?;
        let last = found.last().filter(|_| found.len() == limit).cloned();
        ids.extend(found.into_iter().filter_map(|id| ClientId::parse(id).ok()));
        match last {
            Some(last) => Ok(Candidates {
                ids,
                next: Some(format!("i:{last}")),
            }),
            None => self.of_users(beginning, None, ids, limit).await,
        }
    }

    /// Adds clients of users whose names begin with a text, after a client of a user.
    async fn of_users(
        &self,
        beginning: &str,
        after: Option<&str>,
        mut ids: Vec<ClientId>,
        limit: usize,
    ) -> Result<Candidates, SyncError> {
        let redis = self.ports.redis();
        let (index, clients) = (ClientIndex::new(redis), Clients::new(redis));
        // Ids have no slash.
        let after = after.map(|after| after.rsplit_once('/').ok_or_else(invalid_cursor));
        let (last_user, mut last_client) = after.transpose()?.unzip();
        let mut users: Vec<String> = last_user.map(str::to_owned).into_iter().collect();
        let found = index.users_by_name(beginning, last_user, USERS_AT_ONCE, Order::Ascending);
        let found = found.await?;
        let has_more = found.len() == USERS_AT_ONCE;
        users.extend(found);
        for name in &users {
            let user = UserId::parse(name.as_str()).map_err(|_| invalid_cursor())?;
            let room = limit - ids.len().min(limit);
            let after = last_client.take().filter(|after| !after.is_empty());
            let found = clients.list(&user, after, room).await?;
            let last = found.last().filter(|_| found.len() == room).cloned();
            // Those were found by their ids.
            ids.extend(
                found
                    .into_iter()
                    .filter(|id| !id.as_str().starts_with(beginning)),
            );
            if room == 0 || last.is_some() {
                let last = last.as_ref().map_or("", ClientId::as_str);
                let next = Some(format!("u:{name}/{last}"));
                return Ok(Candidates { ids, next });
            }
        }
        let next = users.last().filter(|_| has_more);
        // After the last id of the user there is nothing.
        let next = next.map(|name| format!("u:{name}/~"));
        Ok(Candidates { ids, next })
    }

    /// Clients whose changes have waited for long, then those of which some were given up.
    async fn stuck(&self, cursor: Option<&str>, limit: usize) -> Result<Candidates, SyncError> {
        let index = WaitingChanges::new(self.ports.redis());
        let (given_up, cursor) = match cursor.map(|cursor| cursor.split_at_checked(2)) {
            None => (false, None),
            Some(Some(("w:", cursor))) => (false, Some(parse_cursor(cursor)?)),
            Some(Some(("g:", ""))) => (true, None),
            Some(Some(("g:", cursor))) => (true, Some(parse_cursor(cursor)?)),
            Some(_) => return Err(invalid_cursor()),
        };
        if given_up {
            let page = index.list_given_up(cursor, limit).await?;
            return Ok(Candidates {
                ids: clients_of(page.items),
                next: page.next.map(|next| format!("g:{next}")),
            });
        }
        let before = self.ports.clock().now().0.saturating_sub(STUCK_AFTER_MS);
        let page = index.list(Some(Millis(before)), cursor, limit).await?;
        let mut ids = clients_of(page.items);
        if let Some(next) = page.next {
            let next = Some(format!("w:{next}"));
            return Ok(Candidates { ids, next });
        }
        let room = limit.saturating_sub(ids.len());
        if room == 0 {
            let next = Some("g:".to_owned());
            return Ok(Candidates { ids, next });
        }
        let page = index.list_given_up(None, room).await?;
        let more = clients_of(page.items);
        ids.extend(more);
        ids.sort();
        ids.dedup();
        Ok(Candidates {
            ids,
            next: page.next.map(|next| format!("g:{next}")),
        })
    }

    /// How clients are, in their order; without those that are no more.
    pub(super) async fn summaries(
        &self,
        ids: &[ClientId],
    ) -> Result<Vec<ClientSummary>, SyncError> {
        let redis = self.ports.redis();
        let (clients, index) = (Clients::new(redis), ClientIndex::new(redis));
        let waiting = WaitingChanges::new(redis);
        let records = try_join_all(ids.iter().map(|id| clients.get(id))).await?;
        let known: Vec<(&ClientId, ClientRecord)> = ids
            .iter()
            .zip(records)
            .filter_map(|(id, record)| Some((id, record?)))
            .collect();
        let documents: Vec<(&ClientId, DocumentId)> = known
            .iter()
            .flat_map(|(id, record)| {
                documents_of(record)
                    .into_iter()
                    .map(|document| (*id, document))
            })
            .collect();
        let synced = known
            .iter()
            .flat_map(|(id, record)| record.bindings.keys().map(|source| (*id, source)));
        let known_ids: Vec<&ClientId> = known.iter().map(|(id, _)| *id).collect();
        let (seen, fails, waits, given_up) = join!(
            index.seen(&known_ids),
            index.failing(synced.clone()),
            waiting.of(&documents),
            try_join_all(known.iter().map(|(id, _)| waiting.count_given_up(id)))
        );
        let (seen, fails, waits) = (seen?, fails?, waits?);
        let failing: Vec<&ClientId> = synced
            .zip(fails)
            .filter_map(|((id, _), since)| since.map(|_| id))
            .collect();
        let waits: Vec<(&ClientId, &DocumentId, Waiting)> = documents
            .iter()
            .zip(waits)
            .filter_map(|((id, document), waiting)| Some((*id, document, waiting?)))
            .collect();
        let summaries = known.iter().zip(seen).zip(given_up?);
        let summaries = summaries.map(|(((id, record), seen), given_up)| {
            let waits: Vec<_> = waits.iter().filter(|(of, _, _)| of == id).collect();
            let is_failing = failing.contains(id);
            async move {
                let mut waiting = 0;
                for (_, document, _) in &waits {
                    waiting += self.document(document).waiting(id).await?;
                }
                let now = self.ports.clock().now();
                let oldest = waits.iter().map(|(_, _, waiting)| waiting.since).min();
                let is_old = |since: Millis| now.0.saturating_sub(since.0) >= STUCK_AFTER_MS;
                let is_silent = seen.is_none_or(|at| now.0.saturating_sub(at.0) >= SILENT_AFTER_MS);
                let state = if given_up > 0 || oldest.is_some_and(is_old) {
                    ClientHealth::Stuck
                } else if is_failing {
                    ClientHealth::Failing
                } else if oldest.is_some() {
                    ClientHealth::Waiting
                } else if is_silent {
                    ClientHealth::Silent
                } else {
                    ClientHealth::Ok
                };
                let said = waits
                    .iter()
                    .find_map(|(_, _, waiting)| waiting.error.clone());
                let problem = match said {
                    Some(said) => Some(said),
                    None if given_up > 0 => self.why_given_up(id).await?,
                    None if is_failing => self.last_error(id).await?,
                    None => None,
                };
                Ok(ClientSummary {
                    id: id.as_str().to_owned(),
                    user: record.user.as_str().to_owned(),
                    platform: record.description.get("device_type").cloned(),
                    seen_at: seen.map(|at| at.0),
                    state,
                    waiting,
                    failed: given_up,
                    problem,
                })
            }
        });
        try_join_all(summaries).await
    }

    /// Why the last change of a client was given up that is still kept.
    async fn why_given_up(&self, client: &ClientId) -> Result<Option<String>, SyncError> {
        let redis = self.ports.redis();
        let index = WaitingChanges::new(redis);
        for job in index.given_up(client, 1).await? {
            match Jobs::new(redis).show(&job).await? {
                Some(job) => return Ok(job.reason),
                // Discarded as a job, or forgotten as one.
                None => index.take_up(client, &job).await?,
            }
        }
        Ok(None)
    }

    async fn last_error(&self, client: &ClientId) -> Result<Option<String>, SyncError> {
        let events = ClientEvents::new(self.ports.redis());
        let events = events.list(client, 0, 1).await?;
        Ok(events.into_iter().find_map(|event| event.error))
    }
}

fn clients_of(items: Vec<(String, Millis)>) -> Vec<ClientId> {
    let mut ids: Vec<ClientId> = Vec::with_capacity(items.len());
    for id in items.iter().filter_map(|(entry, _)| client_of_entry(entry)) {
        // A client may have an entry for each of its sources.
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn parse_cursor(text: &str) -> Result<ScoredCursor, SyncError> {
    ScoredCursor::parse(text).ok_or_else(invalid_cursor)
}

pub(super) fn invalid_cursor() -> SyncError {
    SyncError::InvalidSetting {
        setting: "cursor",
        reason: "it is not one that was given out".to_owned(),
    }
}

fn to_event(event: ClientEvent) -> SyncEvent {
    let ClientEvent {
        at,
        kind,
        source,
        status,
        sent,
        received,
        took_ms,
        error,
    } = event;
    SyncEvent {
        at: at.0,
        kind: kind.as_str().to_owned(),
        source: source.map(String::from),
        status,
        sent,
        received,
        took_ms,
        error,
    }
}
