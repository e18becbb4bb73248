//! Devices' changes as administrators find them, part by part.
//!
//! First those that wait, then those that were given up, then those that were refused. Each request does a bounded amount of
//! work, so that a part may have fewer changes than were asked for.

use std::collections::BTreeSet;

use sync_jobs::{JobState, Jobs, QueueName};
use sync_proto::api::{ChangeInfo, ChangeState};

use crate::engine::binding::known_form;
use crate::engine::by_jobs::CHANGES_QUEUE;
use crate::engine::client_list::invalid_cursor;
use crate::engine::client_sources::refusal;
use crate::engine::clients::documents_of;
use crate::engine::device_changes::{kept, owner_of, to_kept, to_refused, to_waiting};
use crate::engine::{Engine, SyncError};
use crate::jobs::Deliver;
use crate::model::{ClientId, DocumentId, Version};
use crate::ports::{Clock as _, Ports};
use crate::store::{Operations, ScoredCursor, ScoredPage, WaitingChanges, waiting_of_entry};

/// Clients' copies that one request looks into.
const PLACES_AT_ONCE: usize = 50;

/// Changes of a client that were given up and are told.
const MOST_GIVEN_UP: usize = 1_000;

/// Which changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeQuery<'a> {
    /// Those that are so.
    pub state: Option<ChangeState>,
    /// Those of this source.
    pub source: Option<&'a str>,
    /// Those of this user.
    pub user: Option<&'a str>,
    /// Those of this client.
    pub client: Option<&'a str>,
    /// Where the part begins.
    pub cursor: Option<&'a str>,
    /// Most changes of the part.
    pub limit: usize,
}

/// Part of a list of changes.
#[derive(Debug)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<ChangeInfo>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<String>,
}

/// The states in the order in which changes are told, each with what its cursors begin with.
const STATES: [(&str, ChangeState); 3] = [
    ("w", ChangeState::Waiting),
    ("d", ChangeState::Dead),
    ("r", ChangeState::Refused),
];

/// Copies in which clients have changes.
struct Places {
    places: Vec<(ClientId, DocumentId)>,
    /// The cursor before each, and that after the last.
    cursors: Vec<Option<String>>,
}

impl ChangeQuery<'_> {
    fn matches(&self, change: &ChangeInfo) -> bool {
        self.source.is_none_or(|source| source == change.source)
            && self.user.is_none_or(|user| user == change.user)
    }
}

impl<P: Ports> Engine<P> {
    /// Lists changes.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`], [`SyncError::InvalidSetting`] for a cursor that was not given out, and the store's.
    pub async fn find_changes(&self, query: ChangeQuery<'_>) -> Result<ChangePage, SyncError> {
        let states = STATES.iter();
        let mut states =
            states.filter(|(_, state)| query.state.is_none_or(|asked| asked == *state));
        let mut rest = None;
        let mut next = match query.cursor {
            None => states.next(),
            Some(cursor) => {
                let (name, place) = cursor.split_once(':').ok_or_else(invalid_cursor)?;
                rest = Some(place).filter(|place| !place.is_empty());
                Some(
                    states
                        .find(|(known, _)| *known == name)
                        .ok_or_else(invalid_cursor)?,
                )
            }
        };
        let mut changes = Vec::new();
        while let Some((name, state)) = next {
            let go_on = match state {
                ChangeState::Dead => self.list_dead(&query, rest, &mut changes).await?,
                ChangeState::Waiting | ChangeState::Refused => {
                    self.list_in_copies(*state, &query, rest, &mut changes)
                        .await?
                }
            };
            rest = None;
            if let Some(place) = go_on {
                let next = Some(format!("{name}:{place}"));
                return Ok(ChangePage { changes, next });
            }
            next = states.next();
            if let Some((name, _)) = next.filter(|_| changes.len() >= query.limit) {
                let next = Some(format!("{name}:"));
                return Ok(ChangePage { changes, next });
            }
        }
        Ok(ChangePage {
            changes,
            next: None,
        })
    }

    /// The queues in which changes are kept that were given up.
    pub(super) async fn changes_queues(&self) -> Result<Vec<QueueName>, SyncError> {
        let sources = self.sources(None).await?;
        let named = sources
            .into_iter()
            .filter_map(|source| source.settings.cud_queue);
        let queues: BTreeSet<QueueName> = named.chain([CHANGES_QUEUE.clone()]).collect();
        Ok(queues.into_iter().collect())
    }

    async fn list_dead(
        &self,
        query: &ChangeQuery<'_>,
        rest: Option<&str>,
        changes: &mut Vec<ChangeInfo>,
    ) -> Result<Option<String>, SyncError> {
        if let Some(client) = query.client {
            let client = known_form(client)?;
            let kept = self.given_up_changes(&client, MOST_GIVEN_UP).await?;
            let dead = kept.into_iter().filter(|kept| kept.state == JobState::Dead);
            changes.extend(dead.map(to_kept).filter(|change| query.matches(change)));
            return Ok(None);
        }
        let (mut place, mut from) = match rest {
            None => (0, 0),
            Some(rest) => parse_numbers(rest)?,
        };
        let queues = self.changes_queues().await?;
        let jobs = Jobs::new(self.ports.redis());
        while let Some(queue) = queues.get(place) {
            let room = query.limit.saturating_sub(changes.len());
            if room == 0 {
                return Ok(Some(format!("{place}.{from}")));
            }
            let found = jobs.dead_of(queue, Deliver::NAME, from, room).await?;
            let count = found.len();
            let dead = found.into_iter().filter_map(kept).map(to_kept);
            changes.extend(dead.filter(|change| query.matches(change)));
            if count == room {
                return Ok(Some(format!("{place}.{}", from + room)));
            }
            (place, from) = (place + 1, 0);
        }
        Ok(None)
    }

    /// Lists what is with the documents: operations, or refusals.
    async fn list_in_copies(
        &self,
        state: ChangeState,
        query: &ChangeQuery<'_>,
        rest: Option<&str>,
        changes: &mut Vec<ChangeInfo>,
    ) -> Result<Option<String>, SyncError> {
        let (cursor, mut after) = match rest {
            None => (None, 0),
            Some(rest) => {
                let (cursor, after) = rest.rsplit_once('.').ok_or_else(invalid_cursor)?;
                let after = after.parse().map_err(|_| invalid_cursor())?;
                (Some(cursor).filter(|cursor| !cursor.is_empty()), after)
            }
        };
        let Places { places, cursors } = self.places(state, query, cursor).await?;
        for ((client, document), before) in places.iter().zip(&cursors) {
            let mut is_stale = after == 0;
            loop {
                let found = match state {
                    ChangeState::Waiting => self.waiting_in(client, document, after).await?,
                    ChangeState::Dead | ChangeState::Refused => {
                        self.refused_in(client, document, after).await?
                    }
                };
                let Some((last, _)) = found.last() else {
                    break;
                };
                is_stale = false;
                let last = *last;
                for (number, change) in found {
                    if changes.len() >= query.limit {
                        let before = before.as_deref().unwrap_or_default();
                        return Ok(Some(format!("{before}.{after}")));
                    }
                    after = number;
                    changes.extend(Some(change).filter(|change| query.matches(change)));
                }
                after = last;
            }
            after = 0;
            if is_stale && query.client.is_none() {
                match state {
                    ChangeState::Waiting => self.forget_backlog(client, document).await?,
                    _ => self.forget_refusals(client, document).await?,
                }
            }
        }
        let end = cursors.get(places.len()).cloned().flatten();
        Ok(end.map(|end| format!("{end}.0")))
    }

    async fn places(
        &self,
        state: ChangeState,
        query: &ChangeQuery<'_>,
        cursor: Option<&str>,
    ) -> Result<Places, SyncError> {
        if let Some(client) = query.client {
            let client = known_form(client)?;
            let record = self.client_record(&client).await?;
            let skip = cursor.map_or(Ok(0), str::parse);
            let skip: usize = skip.map_err(|_| invalid_cursor())?;
            let documents = documents_of(&record).into_iter().skip(skip);
            let places: Vec<_> = documents
                .map(|document| (client.clone(), document))
                .collect();
            let cursors = (skip..skip + places.len()).map(|place| Some(place.to_string()));
            let cursors = cursors.chain([None]).collect();
            return Ok(Places { places, cursors });
        }
        let cursor = cursor.map(|cursor| ScoredCursor::parse(cursor).ok_or_else(invalid_cursor));
        let cursor = cursor.transpose()?;
        let index = WaitingChanges::new(self.ports.redis());
        let page: ScoredPage = match state {
            ChangeState::Waiting => index.list(None, cursor, PLACES_AT_ONCE).await?,
            ChangeState::Dead | ChangeState::Refused => {
                index.list_refused(cursor, PLACES_AT_ONCE).await?
            }
        };
        let mut places = Vec::with_capacity(page.items.len());
        let mut cursors = Vec::with_capacity(page.items.len() + 1);
        for (number, (entry, _)) in page.items.iter().enumerate() {
            if let Some(place) = waiting_of_entry(entry) {
                places.push(place);
                cursors.push(page.before(number).map(|before| before.to_string()));
            }
        }
        cursors.push(page.next.map(|next| next.to_string()));
        Ok(Places { places, cursors })
    }

    /// Operations of a client that wait, as many as are not too large together, after a number.
    async fn waiting_in(
        &self,
        client: &ClientId,
        document: &DocumentId,
        after: u64,
    ) -> Result<Vec<(u64, ChangeInfo)>, SyncError> {
        let store = self.document(document);
        let waiting = Operations::new(&store, client).waiting_after(after).await?;
        let waiting = waiting.into_iter().map(|(number, operation)| {
            let change = to_waiting(client, document, number, operation);
            (number, change)
        });
        Ok(waiting.collect())
    }

    /// What a client has yet to be told is refused, after a version.
    async fn refused_in(
        &self,
        client: &ClientId,
        document: &DocumentId,
        after: u64,
    ) -> Result<Vec<(u64, ChangeInfo)>, SyncError> {
        let store = self.document(document);
        let items = store.outbox_by_version(client, (Version(after), Version::LIMIT), 0, -1);
        let user = owner_of(document);
        let items = items.await?.into_iter().filter_map(|(version, item)| {
            let (kind, refusal) = item.open_refusal()?;
            let change = to_refused(client, document, version, user.clone(), kind, refusal);
            Some((version.0, change))
        });
        Ok(items.collect())
    }

    /// Takes a client off the list of those that have yet to be told, unless something was refused meanwhile.
    async fn forget_refusals(
        &self,
        client: &ClientId,
        document: &DocumentId,
    ) -> Result<(), SyncError> {
        let index = WaitingChanges::new(self.ports.redis());
        index.told(client, document).await?;
        let store = self.document(document);
        let items = store.outbox(client, Version::ZERO, Version::LIMIT).await?;
        if items.iter().any(|item| refusal(item).is_some()) {
            let now = self.ports.clock().now();
            index.refused(client, document, now).await?;
        }
        Ok(())
    }
}

fn parse_numbers(text: &str) -> Result<(usize, usize), SyncError> {
    let numbers = text.split_once('.');
    let numbers = numbers.and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    numbers.ok_or_else(invalid_cursor)
}
