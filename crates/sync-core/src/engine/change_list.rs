//! Devices' changes as administrators find them, by when they were sent.
//!
//! Each request does a bounded amount of work, so that a part may have fewer changes than were asked for.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use sync_jobs::QueueName;
use sync_proto::api::{ChangeInfo, ChangeState};

use crate::engine::binding::known_form;
use crate::engine::by_jobs::CHANGES_QUEUE;
use crate::engine::client_list::invalid_cursor;
use crate::engine::device_changes::{owner_of, to_kept, to_refused, to_waiting};
use crate::engine::{Engine, SyncError};
use crate::ports::{Order, Ports};
use crate::store::{
    ChangeList, ListedChange, ListedChanges, Operations, ScoredCursor, ScoredPage, TimeOrder,
};

/// Changes of a client that were given up and are looked through.
pub(super) const MOST_GIVEN_UP: usize = 1_000;

/// Changes that one request passes over at most where only those of a source are wanted.
const LOOKED_THROUGH: usize = 500;

/// Which changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeQuery<'a> {
    /// Those that are so.
    pub state: Option<ChangeState>,
    /// Those of this source.
    pub source: Option<&'a str>,
    /// Those of this user.
    pub user: Option<&'a str>,
    /// Those of this client. They come by source, and as they were sent, whatever the order.
    pub client: Option<&'a str>,
    /// By when they were sent; the newest first where nothing is said.
    pub order: Option<Order>,
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

/// The lists that are told as one, each with the state that its changes have, and how cursors call it.
const LISTS: [(char, ChangeState, ChangeList); 3] = [
    ('w', ChangeState::Waiting, ChangeList::Waiting),
    ('d', ChangeState::Dead, ChangeList::GivenUp),
    ('r', ChangeState::Refused, ChangeList::Refused),
];

/// How far one of the lists is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Beginning,
    Place(ScoredCursor),
    End,
}

/// One of the lists while a part is made.
struct Told {
    name: char,
    list: ChangeList,
    page: ScoredPage,
    /// How many members of the page the part has, or passes over.
    taken: usize,
    /// Which of them stand for nothing any more.
    gone: Vec<usize>,
}

impl ChangeQuery<'_> {
    pub(super) fn matches(&self, change: &ChangeInfo) -> bool {
        self.source.is_none_or(|source| source == change.source)
            && self.user.is_none_or(|user| user == change.user)
            && self.state.is_none_or(|state| state == change.state)
    }
}

impl Told {
    fn reached(&self) -> Reached {
        if self.taken == self.page.items.len() && self.page.next.is_none() {
            return Reached::End;
        }
        match self.page.before_without(self.taken, &self.gone) {
            Some(cursor) => Reached::Place(cursor),
            None => Reached::Beginning,
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Lists changes.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`], [`SyncError::InvalidSetting`] for a cursor that was not given out, and the store's.
    pub async fn find_changes(&self, query: ChangeQuery<'_>) -> Result<ChangePage, SyncError> {
        match query.client {
            Some(client) => self.changes_of_client(&known_form(client)?, &query).await,
            None => self.changes_by_time(&query).await,
        }
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

    async fn changes_by_time(&self, query: &ChangeQuery<'_>) -> Result<ChangePage, SyncError> {
        let order = match query.order {
            Some(Order::Ascending) => TimeOrder::OldestFirst,
            Some(Order::Descending) | None => TimeOrder::NewestFirst,
        };
        let most = match query.source {
            Some(_) => LOOKED_THROUGH.max(query.limit),
            None => query.limit,
        };
        let mut lists = self.begin_lists(query, order, most).await?;
        let mut found: Vec<(usize, usize, ListedChange)> = Vec::new();
        for _ in 0..most {
            let Some(at) = first_of(&lists, order) else {
                break;
            };
            let Some(told) = lists.get_mut(at).filter(|_| found.len() < query.limit) else {
                break;
            };
            let place = told.taken;
            told.taken += 1;
            let member = told
                .page
                .items
                .get(place)
                .map(|(member, _)| member.as_str());
            let Some(change) = member.and_then(|member| told.list.parse(member)) else {
                told.gone.push(place);
                continue;
            };
            let is_wanted = match (change.source(), query.source) {
                (Some(source), Some(wanted)) => source.as_str() == wanted,
                _ => true,
            };
            if is_wanted {
                found.push((at, place, change));
            }
        }
        let shown = try_join_all(found.iter().map(|(_, _, change)| self.listed(change))).await?;
        let mut changes = Vec::with_capacity(shown.len());
        for ((at, place, change), shown) in found.iter().zip(shown) {
            match (shown, lists.get_mut(*at)) {
                (Some(shown), _) => changes.extend(Some(shown).filter(|it| query.matches(it))),
                (None, told) => {
                    told.into_iter().for_each(|told| told.gone.push(*place));
                    self.forget_place(change).await?;
                }
            }
        }
        let index = ListedChanges::new(self.ports.redis());
        for Told {
            list, page, gone, ..
        } in &lists
        {
            let gone = gone.iter().filter_map(|place| page.items.get(*place));
            let gone = gone.map(|(member, _)| member.clone());
            index.remove(*list, gone).await?;
        }
        let reached: Vec<_> = lists
            .iter()
            .map(|told| (told.name, told.reached()))
            .collect();
        let is_end = reached.iter().all(|(_, reached)| *reached == Reached::End);
        let next = (!is_end).then(|| to_cursor(&reached));
        Ok(ChangePage { changes, next })
    }

    /// Reads of each list that is wanted as much as a part may need.
    async fn begin_lists(
        &self,
        query: &ChangeQuery<'_>,
        order: TimeOrder,
        most: usize,
    ) -> Result<Vec<Told>, SyncError> {
        let reached = query.cursor.map(parse_cursor).transpose()?;
        let index = ListedChanges::new(self.ports.redis());
        let lists = LISTS
            .into_iter()
            .filter(|(_, state, _)| query.state.is_none_or(|asked| asked == *state));
        let begun = lists.filter_map(|(name, _, list)| {
            let place = match &reached {
                None => Reached::Beginning,
                Some(reached) => reached
                    .iter()
                    .find(|(of, _)| *of == name)
                    .map_or(Reached::End, |(_, reached)| *reached),
            };
            let cursor = match place {
                Reached::Beginning => None,
                Reached::Place(cursor) => Some(cursor),
                Reached::End => return None,
            };
            let page = index.part(list, order, cursor, most);
            Some(async move {
                Ok::<_, SyncError>(Told {
                    name,
                    list,
                    page: page.await?,
                    taken: 0,
                    gone: Vec::new(),
                })
            })
        });
        try_join_all(begun).await
    }

    /// What a list says is there; `None` if it is no longer.
    async fn listed(&self, change: &ListedChange) -> Result<Option<ChangeInfo>, SyncError> {
        Ok(match change {
            ListedChange::Waiting(client, document, number) => {
                let store = self.document(document);
                let operation = Operations::new(&store, client).get(*number).await?;
                operation.map(|operation| to_waiting(client, document, *number, operation))
            }
            ListedChange::GivenUp(job) => self.kept_change(job).await?.map(to_kept),
            ListedChange::Refused(client, document, version) => {
                let open = self.document(document).refusal(client, *version).await?;
                open.map(|open| {
                    let user = owner_of(document);
                    to_refused(client, document, *version, user, open.kind, &open.refusal)
                })
            }
        })
    }

    /// Takes a client off those whose changes wait, if an operation that was listed is done and no other waits: who has taken it in may
    /// have said so only after it was done.
    async fn forget_place(&self, change: &ListedChange) -> Result<(), SyncError> {
        if let ListedChange::Waiting(client, document, _) = change
            && self.document(document).waiting(client).await? == 0
        {
            self.forget_backlog(client, document).await?;
        }
        Ok(())
    }
}

/// The list whose next member comes first.
fn first_of(lists: &[Told], order: TimeOrder) -> Option<usize> {
    let next = lists.iter().enumerate().filter_map(|(at, told)| {
        let (_, time) = told.page.items.get(told.taken)?;
        Some((time.0, at))
    });
    match order {
        TimeOrder::OldestFirst => next.min(),
        TimeOrder::NewestFirst => next.min_by_key(|(time, at)| (u64::MAX - time, *at)),
    }
    .map(|(_, at)| at)
}

/// How far each list is told, as it stands in an address. Those that are told to their end are left out.
fn to_cursor(reached: &[(char, Reached)]) -> String {
    let parts = reached.iter().filter_map(|(name, reached)| match reached {
        Reached::Beginning => Some(name.to_string()),
        Reached::Place(cursor) => Some(format!("{name}{cursor}")),
        Reached::End => None,
    });
    parts.collect::<Vec<_>>().join(".")
}

fn parse_cursor(text: &str) -> Result<Vec<(char, Reached)>, SyncError> {
    let parts = text.split('.').map(|part| {
        let (name, _, _) = LISTS.iter().find(|(name, _, _)| part.starts_with(*name))?;
        Some(match part.get(1..)? {
            "" => (*name, Reached::Beginning),
            place => (*name, Reached::Place(ScoredCursor::parse(place)?)),
        })
    });
    parts.collect::<Option<_>>().ok_or_else(invalid_cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_of_each_list_how_far_it_is_told() {
        let place = ScoredCursor::parse("1700-3").unwrap();
        let reached = [
            ('w', Reached::Beginning),
            ('d', Reached::End),
            ('r', Reached::Place(place)),
        ];
        let text = to_cursor(&reached);
        assert_eq!(text, "w.r1700-3");
        let [first, _, last] = reached;
        assert_eq!(parse_cursor(&text).unwrap(), [first, last]);
        for wrong in ["", "x", "w.", "w1", "w1-", "w1-2.x", "1700-3", "ż"] {
            assert!(parse_cursor(wrong).is_err(), "{wrong}");
        }
    }
}
