//! One client's changes that are not done: by source, and in each as they were sent.
//!
//! First those that wait, then those that were given up, then those that were refused. Each request does a bounded amount of
//! work, so that a part may have fewer changes than were asked for.

use sync_jobs::JobState;
use sync_proto::api::{ChangeInfo, ChangeState};

use crate::engine::change_list::{ChangePage, ChangeQuery, MOST_GIVEN_UP};
use crate::engine::client_list::invalid_cursor;
use crate::engine::clients::documents_of;
use crate::engine::device_changes::{owner_of, to_kept, to_refused, to_waiting};
use crate::engine::{Engine, SyncError};
use crate::model::{ClientId, DocumentId, Version};
use crate::ports::Ports;
use crate::store::Operations;

/// Copies that one request looks into.
const PLACES_AT_ONCE: usize = 50;

/// The states in the order in which changes are told, each with what its cursors begin with.
const STATES: [(&str, ChangeState); 3] = [
    ("w", ChangeState::Waiting),
    ("d", ChangeState::Dead),
    ("r", ChangeState::Refused),
];

impl<P: Ports> Engine<P> {
    /// Lists a client's changes.
    pub(super) async fn changes_of_client(
        &self,
        client: &ClientId,
        query: &ChangeQuery<'_>,
    ) -> Result<ChangePage, SyncError> {
        let states = STATES.iter();
        let mut states =
            states.filter(|(_, state)| query.state.is_none_or(|asked| asked == *state));
        let mut rest = None;
        let mut next = match query.cursor {
            None => states.next(),
            Some(cursor) => {
                let (name, place) = cursor.split_once(':').ok_or_else(invalid_cursor)?;
                rest = Some(place).filter(|place| !place.is_empty());
                let state = states.find(|(known, _)| *known == name);
                Some(state.ok_or_else(invalid_cursor)?)
            }
        };
        let mut changes = Vec::new();
        while let Some((name, state)) = next {
            let go_on = match state {
                ChangeState::Dead => {
                    let kept = self.given_up_changes(client, MOST_GIVEN_UP).await?;
                    let dead = kept.into_iter().filter(|kept| kept.state == JobState::Dead);
                    changes.extend(dead.map(to_kept).filter(|change| query.matches(change)));
                    None
                }
                ChangeState::Waiting | ChangeState::Refused => {
                    self.list_in_copies(client, *state, query, rest, &mut changes)
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

    /// Lists what is with the documents: operations, or refusals. Says where the next part begins: at a document, by its place among
    /// the client's, after a number.
    async fn list_in_copies(
        &self,
        client: &ClientId,
        state: ChangeState,
        query: &ChangeQuery<'_>,
        rest: Option<&str>,
        changes: &mut Vec<ChangeInfo>,
    ) -> Result<Option<String>, SyncError> {
        let (skip, mut after) = match rest {
            None => (0, 0),
            Some(rest) => parse_numbers(rest)?,
        };
        let record = self.client_record(client).await?;
        let documents = documents_of(&record).into_iter().enumerate().skip(skip);
        for (place, document) in documents {
            if place - skip == PLACES_AT_ONCE {
                return Ok(Some(format!("{place}.0")));
            }
            loop {
                let found = match state {
                    ChangeState::Waiting => self.waiting_in(client, &document, after).await?,
                    ChangeState::Dead | ChangeState::Refused => {
                        self.refused_in(client, &document, after).await?
                    }
                };
                let Some((last, _)) = found.last() else {
                    break;
                };
                let last = *last;
                for (number, change) in found {
                    if changes.len() >= query.limit {
                        return Ok(Some(format!("{place}.{after}")));
                    }
                    after = number;
                    changes.extend(Some(change).filter(|change| query.matches(change)));
                }
                after = last;
            }
            after = 0;
        }
        Ok(None)
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
}

fn parse_numbers(text: &str) -> Result<(usize, u64), SyncError> {
    let numbers = text.split_once('.');
    let numbers = numbers.and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    numbers.ok_or_else(invalid_cursor)
}
