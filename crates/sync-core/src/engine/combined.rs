//! Copies of users who are in several partitions of a source at once: each is made of its members, the partitions' own copies.
//!
//! No back end is asked for such a copy. What has changed in the logs of its members since a mark is committed to it, as the answer of a
//! back end would be, when a device looks: so to write to a member costs nothing more, however many copies are made of it. Of an object
//! in several members, the first that has it counts.

use std::rc::Rc;

use futures_util::future::try_join_all;
use futures_util::join;
use serde::{Deserialize, Serialize};

use crate::adapter::{QueryEnd, Stash as _, StashError};
use crate::engine::by_jobs::query_queue;
use crate::engine::device_sync::Sharing;
use crate::engine::pull::Freshness;
use crate::engine::refresh::snapshot::{LastRefresh, Snapshot};
use crate::engine::refresh::{LEASE_MS, Patience};
use crate::engine::{Engine, RefreshOutcome, Source, SyncError};
use crate::model::{
    Attributes, Description, DocumentId, Millis, ObjectId, OperationKind, Partition, UserId,
    Version, digest_of,
};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::settings::MemberRule;
use crate::store::{
    Aspect, CHUNK, Document, Head, Marks, NarrowedCopies, RefreshEnd, RefreshStart, SourceError,
    StoreError,
};

/// After how long a copy is made anew of members that have not changed, in milliseconds: copies that nobody asks for are removed.
const ANEW_MS: u64 = 86_400_000;

/// What a combined copy was made of last, and how its members are now.
pub(super) struct Makeup {
    seen: Option<Vec<Seen>>,
    members: Vec<(DocumentId, Rc<Head>)>,
}

/// How a member was when the copy was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    #[serde(rename = "l")]
    life: String,
    #[serde(rename = "v")]
    version: Version,
    /// A digest of what was wrong with the source.
    #[serde(rename = "e")]
    error: Option<String>,
}

/// What was read of the members.
struct MembersRead {
    end: QueryEnd,
    /// Whether all of it is what the members had at some moment. If not, the next time begins where this one did.
    is_whole: bool,
    error: Option<SourceError>,
}

impl Makeup {
    /// Whether a member is another than the one of which the copy was made.
    pub(super) fn has_moved_on(&self) -> bool {
        let now: Vec<Seen> = self
            .members
            .iter()
            .map(|(_, head)| Seen::of(head))
            .collect();
        self.seen.as_ref() != Some(&now)
    }
}

impl Seen {
    fn of(head: &Head) -> Self {
        let error = head.source_error.as_ref();
        Self {
            life: head.life.clone().unwrap_or_default(),
            version: head.version,
            error: error.map(|error| digest_of([error.kind.as_str(), error.message.as_str()])),
        }
    }

    /// Whether the log says all that has changed since.
    fn goes_on_to(&self, head: &Head) -> bool {
        let is_same = head.life.as_ref() == Some(&self.life);
        is_same && (head.floor..=head.version).contains(&self.version)
    }
}

impl<P: Ports> Engine<P> {
    /// What a copy is made of; nothing where it is the back end's own.
    pub(super) async fn makeup(
        &self,
        id: &DocumentId,
        sharing: Sharing,
    ) -> Result<Option<Makeup>, SyncError> {
        let members = id.members();
        if members.is_empty() {
            return Ok(None);
        }
        let document = self.document(id);
        let heads = members.into_iter().map(async |member| {
            let head = self.head(&member, sharing).await?.head;
            Ok::<_, SyncError>((member, head))
        });
        let (mark, members) = join!(document.mark(), try_join_all(heads));
        Ok(Some(Makeup {
            seen: mark?.and_then(|mark| serde_json::from_str(&mark).ok()),
            members: members?,
        }))
    }

    /// Asks the back end for the members that are due, as long as the device waits, and makes the copy anew if one has changed. Says
    /// whether it has. `freshness` is the copy's own.
    pub(super) async fn catch_up_members(
        &self,
        user: &UserId,
        source: Source<'_>,
        id: &DocumentId,
        makeup: Makeup,
        freshness: Freshness,
    ) -> Result<bool, SyncError> {
        let asked = makeup.members.iter().map(async |(member, head)| {
            let freshness = Freshness::of(head, freshness.is_begin);
            let Some(max_age_ms) = self.due(source, freshness).await? else {
                return Ok(false);
            };
            self.ask_back_end(user, source, &[], member, max_age_ms, freshness)
                .await?;
            Ok::<_, SyncError>(true)
        });
        let was_asked = try_join_all(asked).await?.contains(&true);
        let makeup = match was_asked {
            true => self.makeup(id, Sharing::Fresh).await?.unwrap_or(makeup),
            false => makeup,
        };
        let Millis(now) = self.ports.clock().now();
        let made_at = freshness.refreshed_at.unwrap_or_default();
        if !makeup.has_moved_on() && now.saturating_sub(made_at.0) < ANEW_MS {
            return Ok(false);
        }
        let wait = Patience::while_waited(source, freshness.refreshed_at);
        if self.combine(source, id, wait).await? == RefreshOutcome::Unfinished {
            self.query_soon(query_queue(source.settings), id, user, &[])
                .await?;
        }
        Ok(true)
    }

    /// Makes a copy of what its members have now, unless somebody else does.
    pub(super) async fn combine(
        &self,
        source: Source<'_>,
        id: &DocumentId,
        patience: Patience,
    ) -> Result<RefreshOutcome, SyncError> {
        let (document, clock) = (self.document(id), self.ports.clock());
        let (lease, began) = (self.ports.random().hex::<8>(), clock.now());
        let begun = document.begin_refresh(began, 0, &lease, LEASE_MS).await?;
        let (version, digest, described, mark) = match begun {
            RefreshStart::Granted {
                version,
                digest,
                described,
                mark,
                ..
            } => (version, digest, described, mark),
            RefreshStart::Busy {
                ever_refreshed: false,
            } => {
                self.await_first_refresh(&document).await?;
                return Ok(RefreshOutcome::NotDue);
            }
            RefreshStart::Fresh | RefreshStart::Busy { .. } => return Ok(RefreshOutcome::NotDue),
        };
        let (Patience::Step(limit) | Patience::Wait(limit)) = patience;
        let ends_at = clock.monotonic() + limit;
        let is_late = || clock.monotonic() >= ends_at;
        let last = LastRefresh {
            goes_on_at: None,
            mark: None,
        };
        let mut snapshot = Snapshot::new(&document, &lease, version, last, &is_late, &self.memory);
        let seen = mark.and_then(|mark| serde_json::from_str(&mark).ok());
        let work = async {
            let members = id.members();
            // The list comes before there is anything of the copy.
            let copies = NarrowedCopies::new(self.ports.redis());
            let (added, heads) = join!(copies.add(id, began), self.living_heads(&members));
            added?;
            let heads = heads?;
            if let (Some(first), Some(head)) = (members.first(), heads.first()) {
                let (said, known) = (head.described, described);
                self.describe_as(source, first, said, &document, &lease, known)
                    .await?;
            }
            let read = self
                .read_members((&members, heads), seen, &mut snapshot, &is_late)
                .await?;
            let end = snapshot.end(read.end, None, digest).await?;
            Ok::<_, StashError>((end, read.is_whole, read.error))
        };
        let ended = self.under_lease(&document, &lease, patience, work).await;
        let deleted = snapshot.deleted;
        let end = async |end: RefreshEnd<'_>| {
            document
                .end_refresh(&lease, began, clock.now(), version, end)
                .await
        };
        match ended {
            Ok((ended, is_whole, error)) => {
                let ended = end(RefreshEnd::Done {
                    complete: ended.is_complete && is_whole,
                    etag: "",
                    digest: ended.digest.as_deref().unwrap_or_default(),
                    mark: ended.mark.as_deref().unwrap_or_default(),
                    refused: error.as_ref(),
                });
                let (ended, forgotten) = join!(ended, self.forget_unused_copies());
                ended?;
                forgotten?;
                if deleted > 0 {
                    self.collect_if_worth_it(id).await?;
                }
                Ok(RefreshOutcome::Yes)
            }
            Err(StashError::Store(error)) => Err(error.into()),
            Err(StashError::OutOfTime | StashError::TooMuch { .. }) => {
                end(RefreshEnd::Unfinished).await?;
                Ok(RefreshOutcome::Unfinished)
            }
            // Whoever has the lease now makes it.
            Err(StashError::Fenced) => Ok(RefreshOutcome::NotDue),
        }
    }

    /// Describes the source as a member does, where the settings say nothing of it. This comes before the objects.
    async fn describe_as(
        &self,
        source: Source<'_>,
        member: &DocumentId,
        marks: Marks,
        document: &Document<'_, P::Redis>,
        lease: &str,
        known: Marks,
    ) -> Result<(), StoreError> {
        for (aspect, is_set) in [
            (Aspect::Schema, source.settings.schema.is_some()),
            (Aspect::Metadata, source.settings.metadata.is_some()),
        ] {
            let is_known = match (known.of(aspect), marks.of(aspect)) {
                (Some(known), Some(said)) => known.is_like(said),
                (known, said) => known.is_none() && said.is_none(),
            };
            if is_set || is_known {
                continue;
            }
            let said = self.document(member).description(aspect).await?;
            // It was one when the member got it.
            let said = said.and_then(|said| match aspect {
                Aspect::Schema => Description::schema(said).ok(),
                Aspect::Metadata => Description::metadata(said).ok().flatten(),
            });
            document
                .describe(Some(lease), aspect, said.as_ref())
                .await?;
        }
        Ok(())
    }

    /// Hands over what has changed in the members since they were seen last, or everything if nobody can tell.
    async fn read_members(
        &self,
        (members, heads): (&[DocumentId], Vec<Head>),
        seen: Option<Vec<Seen>>,
        snapshot: &mut Snapshot<'_, P::Redis>,
        is_late: &dyn Fn() -> bool,
    ) -> Result<MembersRead, StashError> {
        let seen = seen.filter(|seen| {
            let mut pairs = seen.iter().zip(&heads);
            seen.len() == heads.len() && pairs.all(|(seen, head)| seen.goes_on_to(head))
        });
        let since = |at: usize| seen.as_ref().and_then(|seen| seen.get(at));
        for (at, (member, head)) in members.iter().zip(&heads).enumerate() {
            let mut after = since(at).map_or(Version::ZERO, |seen| seen.version);
            // Where everything is read, a member is read as far as none before it has the object.
            let asked = match seen {
                Some(_) => members,
                None => members.get(..=at).unwrap_or(members),
            };
            while after < head.version {
                let log = self.document(member).log_part(after, CHUNK).await?;
                let Some((_, reached)) = log.last() else {
                    break;
                };
                after = *reached;
                let ids: Vec<ObjectId> = log.into_iter().map(|(id, _)| id).collect();
                let mut left = &ids[..];
                while !left.is_empty() {
                    if is_late() {
                        return Err(StashError::OutOfTime);
                    }
                    let found = self.first_of(asked, left).await?;
                    let number = found.len();
                    let (mut there, mut gone) = (Vec::new(), Vec::new());
                    for (id, found) in left.iter().zip(found) {
                        match found {
                            Some(attributes) => there.push((id.clone(), attributes)),
                            None => gone.push(id.clone()),
                        }
                    }
                    snapshot.stash(there).await?;
                    if seen.is_some() {
                        snapshot.remove(gone).await?;
                    }
                    left = left.get(number.max(1)..).unwrap_or_default();
                }
                self.pause().await;
            }
        }
        let now = self.living_heads(members).await?;
        let is_whole = now.iter().zip(&heads).enumerate().all(|(at, (now, head))| {
            // Tombstones that were to be read may be gone.
            let has_all = since(at).is_none_or(|seen| seen.goes_on_to(now));
            has_all && now.life == head.life
        });
        let now: Vec<Seen> = heads.iter().map(Seen::of).collect();
        let mark = serde_json::to_string(&now).unwrap_or_default();
        let failed = heads.into_iter().find_map(|head| head.source_error);
        Ok(MembersRead {
            end: match seen {
                Some(_) => QueryEnd::Changes { mark },
                None => QueryEnd::CompleteUpTo { mark },
            },
            is_whole,
            // What the other members have is there.
            error: failed.map(|error| SourceError {
                is_partial: true,
                ..error
            }),
        })
    }

    /// The members' heads, each with what tells the member from one that is removed and comes again.
    async fn living_heads(&self, members: &[DocumentId]) -> Result<Vec<Head>, StoreError> {
        let heads = members.iter().map(async |member| {
            let document = self.document(member);
            let head = document.head().await?;
            if head.life.is_some() {
                return Ok(head);
            }
            document.begin_life(&self.ports.random().hex::<8>()).await?;
            document.head().await
        });
        try_join_all(heads).await
    }

    /// What the first members that have these objects have of them: of as many, from the first, as are not too large together.
    async fn first_of(
        &self,
        members: &[DocumentId],
        ids: &[ObjectId],
    ) -> Result<Vec<Option<Attributes>>, StoreError> {
        let documents: Vec<_> = members.iter().map(|member| self.document(member)).collect();
        let records = documents.iter().map(|document| document.records(ids));
        let mut records = try_join_all(records).await?;
        let number = records.iter().map(Vec::len).min().unwrap_or_default();
        let found = (0..number).map(|at| {
            records.iter_mut().find_map(|of_member| {
                let (record, _) = of_member.get_mut(at)?.take()?;
                record.is_alive().then_some(record.attributes)
            })
        });
        Ok(found.collect())
    }

    /// Whether a document has an object.
    pub(super) async fn has(
        &self,
        document: &DocumentId,
        object: &ObjectId,
    ) -> Result<bool, SyncError> {
        let document = self.document(document);
        let known = document.records(std::slice::from_ref(object)).await?.pop();
        Ok(known.flatten().is_some_and(|(record, _)| record.is_alive()))
    }

    /// The member that a change of an object belongs to: the first that has it, or else the one in which new objects are made. Nothing
    /// where the copy has no members.
    pub(super) async fn member_of_change(
        &self,
        source: Source<'_>,
        id: &DocumentId,
        kind: OperationKind,
        object: &ObjectId,
    ) -> Result<Option<DocumentId>, SyncError> {
        let members = id.members();
        if kind != OperationKind::Create {
            for member in &members {
                if self.has(member, object).await? {
                    return Ok(Some(member.clone()));
                }
            }
        }
        let naming = &source.settings.naming;
        let is_for_new =
            |member: &DocumentId| match (naming.members.get(naming.create_in), &member.partition) {
                (Some(MemberRule::App), Partition::App)
                | (Some(MemberRule::User), Partition::User(_)) => true,
                (Some(MemberRule::Named { key, .. }), Partition::Named(name)) => {
                    let named = name.as_str().split_once('/');
                    named.is_some_and(|(named, _)| named == key)
                }
                _ => false,
            };
        let for_new = members.iter().find(|member| is_for_new(member));
        Ok(for_new.or(members.first()).cloned())
    }
}
