//! Documents, as administrators read and set them.

use futures_util::join;
use sync_proto::Commands;
use sync_proto::api::{ObjectVersions, VersionedValue};

use crate::account::AccountError;
use crate::engine::binding::{Wanted, known_form};
use crate::engine::copies::CopyOf;
use crate::engine::{Engine, SyncError};
use crate::model::{
    Attributes, ClientId, DocumentId, Millis, ObjectId, OutboxItem, PageBuilder, Partition, Reader,
    Record, SourceName, Token, UserId, Version, bytes_of,
};
use crate::ports::{Order, Ports};
use crate::store::{Aspect, CHUNK, Position, SourceError, Summary};

/// Bytes of objects after which a part of a document ends.
const MAX_LISTED_BYTES: usize = 2 * 1024 * 1024;

/// Items of an outbox that are read at once for people to look at: each may be large, and so may its object.
const OUTBOX_ITEMS: i64 = 8;

/// Objects that one request looks at, whether it tells of them or not.
const MAX_LOOKED_AT: usize = 10_000;

/// Part of a document's objects.
#[derive(Debug, Clone, Default)]
pub struct ObjectPage {
    /// The objects, in the order in which they last changed.
    pub objects: Vec<(ObjectId, Attributes)>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<Version>,
}

/// A place in a document's log, and which way it is read from there.
#[derive(Debug, Clone, Copy)]
pub struct LogPlace {
    /// Which way.
    pub order: Order,
    /// The version behind which it begins; `None` at the beginning.
    pub cursor: Option<Version>,
}

impl LogPlace {
    /// What changed after a version.
    pub(super) fn after(version: Version) -> Self {
        Self {
            order: Order::Ascending,
            cursor: Some(version),
        }
    }
}

/// A user's document of a source as a whole.
#[derive(Debug, Clone, Default)]
pub struct DocumentDetails {
    /// Version of its last change.
    pub version: Version,
    /// Objects there are.
    pub objects: u64,
    /// When the back end was last asked.
    pub refreshed_at: Option<Millis>,
    /// What is wrong with the source: kind (`query-error` for instance) and message.
    pub error: Option<(String, String)>,
}

/// How far a client is with a source.
#[derive(Debug, Clone)]
pub struct ClientState {
    /// What it acknowledged last.
    pub token: Token,
    /// The version that stands for.
    pub version: Version,
    /// Version of the document's last change.
    pub latest: Version,
    /// Its operations that wait for the back end.
    pub waiting: u64,
    /// What it will be told besides objects: links, errors, rollbacks. The first of it, where it is much.
    pub outbox: Commands,
}

impl<P: Ports> Engine<P> {
    /// Sums up a user's document of a source.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`AccountError::UnknownUser`] and the store's.
    pub async fn document_details(
        &self,
        source: &str,
        user: &str,
    ) -> Result<DocumentDetails, SyncError> {
        let id = self.document_of(source, user).await?;
        let Summary {
            version,
            live,
            refreshed_at,
            source_error,
            took: _,
            due: _,
        } = self.document(&id).summary().await?;
        Ok(DocumentDetails {
            version,
            objects: live,
            refreshed_at,
            error: source_error.map(
                |SourceError {
                     kind,
                     message,
                     is_partial: _,
                 }| (kind, message),
            ),
        })
    }

    /// The text of a source's metadata as devices get it.
    ///
    /// # Errors
    /// As [`Engine::document_details`].
    pub async fn metadata(&self, source: &str, user: &str) -> Result<Option<String>, SyncError> {
        let id = self.document_of(source, user).await?;
        Ok(self.document(&id).description(Aspect::Metadata).await?)
    }

    /// The text of a source's schema.
    ///
    /// # Errors
    /// As [`Engine::document_details`].
    pub async fn schema(&self, source: &str, user: &str) -> Result<Option<String>, SyncError> {
        let id = self.document_of(source, user).await?;
        Ok(self.document(&id).description(Aspect::Schema).await?)
    }

    /// Lists objects of a user's document that changed after a version, in that order and at most `limit`.
    ///
    /// An object that changes while the document is read part by part is met again at its new place, and none is
    /// passed over.
    ///
    /// # Errors
    /// As [`Engine::document_details`].
    pub async fn objects(
        &self,
        source: &str,
        user: &str,
        after: Version,
        limit: usize,
    ) -> Result<ObjectPage, SyncError> {
        let id = self.document_of(source, user).await?;
        let place = LogPlace::after(after);
        self.walk(&id, place, limit, |_, record, _| record.attributes)
            .await
    }

    /// The same of any copy and in either order, of those whose id, or one of whose values, has a text in it, in capitals or not. It
    /// looks through a bounded part of the document: there may be fewer than `limit`, even none, and more behind.
    ///
    /// From the last change on, an object that changes meanwhile is not met again.
    ///
    /// # Errors
    /// As [`Engine::document_details`], and [`SyncError::UnknownCopy`].
    pub async fn find_objects(
        &self,
        source: &str,
        copy: CopyOf<'_>,
        text: &str,
        place: LogPlace,
        limit: usize,
    ) -> Result<ObjectPage, SyncError> {
        let id = self.document_at(source, copy).await?;
        let text = text.to_lowercase();
        let has = |value: &str| value.to_lowercase().contains(&text);
        let found = |id: &ObjectId, record: Record, _| {
            let is_found = has(id.as_str()) || record.attributes.values().any(|value| has(value));
            if is_found {
                record.attributes
            } else {
                Attributes::new()
            }
        };
        self.walk(&id, place, limit, found).await
    }

    /// Reads one object of a copy with the versions in which its attributes became what they are; also one that
    /// was deleted, as long as that is known.
    ///
    /// # Errors
    /// As [`Engine::object`], and [`SyncError::UnknownCopy`].
    pub async fn object_versions(
        &self,
        source: &str,
        copy: CopyOf<'_>,
        object: &str,
    ) -> Result<Option<ObjectVersions>, SyncError> {
        let id = ObjectId::parse(object)?;
        let document = self.document_at(source, copy).await?;
        let mut records = self
            .document(&document)
            .records(std::slice::from_ref(&id))
            .await?;
        Ok(records.pop().flatten().map(|(record, version)| {
            let Record {
                attributes,
                older,
                removed,
                origin,
                origin_since: _,
            } = record;
            let attributes = attributes.into_iter().map(|(name, value)| {
                let version = older.get(&name).unwrap_or(&version).0;
                (name, VersionedValue { value, version })
            });
            let at = |at: Version| if at == Version::ZERO { version } else { at };
            ObjectVersions {
                id: id.into_string(),
                version: version.0,
                changed_by: origin.map(ClientId::into_string),
                attributes: attributes.collect(),
                removed: removed
                    .into_iter()
                    .map(|(name, version)| (name, at(version).0))
                    .collect(),
            }
        }))
    }

    /// Reads one object of a user's document.
    ///
    /// # Errors
    /// As [`Engine::document_details`], and an id that cannot be one.
    pub async fn object(
        &self,
        source: &str,
        user: &str,
        object: &str,
    ) -> Result<Option<Attributes>, SyncError> {
        let object = ObjectId::parse(object)?;
        let id = self.document_of(source, user).await?;
        let mut records = self.document(&id).records(&[object]).await?;
        let record = records.pop().flatten().map(|(record, _)| record);
        Ok(record
            .filter(Record::is_alive)
            .map(|record| record.attributes))
    }

    /// Lists what a client has of a source's objects, as [`Engine::objects`] does.
    ///
    /// That is derived from its cursor. Where an attribute has changed since, its old value is kept nowhere: the client
    /// has one that is not listed.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`], [`SyncError::UnknownSource`] and the store's.
    pub async fn client_objects(
        &self,
        client: &str,
        source: &str,
        after: Version,
        limit: usize,
    ) -> Result<ObjectPage, SyncError> {
        let (client, id) = self.bound_document(client, source).await?;
        let Some(id) = id else {
            return Ok(ObjectPage::default());
        };
        let Some(position) = self.document(&id).position(&client).await? else {
            return Ok(ObjectPage::default());
        };
        let Position {
            cursor,
            base,
            since,
            ..
        } = position;
        let reader = Reader {
            client: &client,
            base,
            since,
        };
        let held = |_: &ObjectId, record: Record, version| {
            if version <= cursor {
                record.attributes
            } else {
                record.held_by(reader, version)
            }
        };
        self.walk(&id, LogPlace::after(after), limit, held).await
    }

    /// Says how far a client is with a source; `None` if it does not sync it.
    ///
    /// # Errors
    /// As [`Engine::client_objects`].
    pub async fn client_state(
        &self,
        client: &str,
        source: &str,
    ) -> Result<Option<ClientState>, SyncError> {
        let (client, id) = self.bound_document(client, source).await?;
        let Some(id) = id else {
            return Ok(None);
        };
        let document = self.document(&id);
        let (position, summary) = join!(document.position(&client), document.summary());
        let (Some(position), summary) = (position?, summary?) else {
            return Ok(None);
        };
        let Position {
            cursor,
            base,
            sent: _,
            token,
            since,
            user: _,
            state: _,
            waiting,
        } = position;
        let mut builder = PageBuilder::new(Reader {
            client: &client,
            base,
            since,
        });
        let (mut read, mut bytes) = (0, 0);
        let all = (cursor, summary.version);
        while bytes < MAX_LISTED_BYTES {
            let part = document.outbox_part(&client, all, read, OUTBOX_ITEMS);
            let items = part.await?;
            if items.is_empty() {
                break;
            }
            read += items.len();
            bytes += items.iter().map(OutboxItem::bytes).sum::<usize>();
            bytes += self.add_outbox(&mut builder, &id, &client, items).await?;
        }
        Ok(Some(ClientState {
            token,
            version: cursor,
            latest: summary.version,
            waiting,
            outbox: builder.finish(),
        }))
    }

    /// Makes everything of a source news to a client again, on behalf of an administrator.
    ///
    /// # Errors
    /// As [`Engine::client_objects`].
    pub async fn restart_client(&self, client: &str, source: &str) -> Result<(), SyncError> {
        let (client, id) = self.bound_document(client, source).await?;
        if let Some(id) = id {
            let user = self.client_record(&client).await?.user;
            self.document(&id).restart(&client, &user).await?;
        }
        Ok(())
    }

    /// Lets a client throw a source's objects away and start over, on behalf of an administrator: what it has that the store does
    /// not know of goes too. So may one that does not sync the source, as far as the store knows.
    ///
    /// # Errors
    /// As [`Engine::client_objects`].
    pub async fn start_client_over(&self, client: &str, source: &str) -> Result<(), SyncError> {
        let client = known_form(client)?;
        let user = self.client_record(&client).await?.user;
        let found = self.source(source).await?;
        let source = found.as_source();
        let id = self
            .find_document(&user, &client, source, Wanted::Followed)
            .await?;
        self.document(&id).reset_client(&client, &user).await?;
        // A device that keeps its cursor itself is told by a mark.
        Ok(self.accounts.reset_device(&client, &id.source).await?)
    }

    /// The document that holds a user's copy of a source. Where everybody shares one, whoever is named leads to it; a copy of
    /// somebody's own may wait for one who has never logged in.
    pub(super) async fn document_of(
        &self,
        source: &str,
        user: &str,
    ) -> Result<DocumentId, SyncError> {
        let unknown = || AccountError::UnknownUser {
            login: user.to_owned(),
        };
        let id = UserId::parse(user).map_err(|_| unknown())?;
        let found = self.source(source).await?;
        let document = self.document_for(found.as_source(), &id).await?;
        let is_known = document.partition == Partition::App
            || self.accounts.exists(&id).await?
            || self.document(&document).version().await? > Version::ZERO;
        if !is_known {
            return Err(unknown().into());
        }
        Ok(document)
    }

    /// The document a client's cursor for a source is in.
    pub(super) async fn bound_document(
        &self,
        client: &str,
        source: &str,
    ) -> Result<(ClientId, Option<DocumentId>), SyncError> {
        let client = known_form(client)?;
        let record = self.client_record(&client).await?;
        let name: SourceName = self.source(source).await?.as_source().name.clone();
        let bound = record.bound_documents().find(|id| id.source == name);
        Ok((client, bound))
    }

    /// Reads objects in the order of the log, each as `seen` says; those of which nothing is seen are left out.
    async fn walk(
        &self,
        id: &DocumentId,
        place: LogPlace,
        limit: usize,
        seen: impl Fn(&ObjectId, Record, Version) -> Attributes,
    ) -> Result<ObjectPage, SyncError> {
        let seen = |id: &ObjectId, record, version| {
            let attributes = seen(id, record, version);
            (!attributes.is_empty()).then(|| (bytes_of(id, &attributes), (id.clone(), attributes)))
        };
        let (objects, next) = self.walk_log(id, place, limit, seen).await?;
        Ok(ObjectPage { objects, next })
    }

    /// The same of whatever is made of an object, with its bytes; and the version behind which the next part begins. It looks at
    /// a bounded number of objects.
    pub(super) async fn walk_log<T>(
        &self,
        id: &DocumentId,
        place: LogPlace,
        limit: usize,
        seen: impl Fn(&ObjectId, Record, Version) -> Option<(usize, T)>,
    ) -> Result<(Vec<T>, Option<Version>), SyncError> {
        let document = self.document(id);
        let mut found = Vec::new();
        let LogPlace { order, cursor } = place;
        let begin = order.pick(Version::ZERO, Version::LIMIT);
        let (mut at, mut bytes, mut looked_at) = (cursor.unwrap_or(begin), 0, 0);
        loop {
            let log = match order {
                Order::Ascending => document.log_after(at).await?,
                Order::Descending => document.log_before(at).await?,
            };
            if log.is_empty() {
                return Ok((found, None));
            }
            let mut left = &log[..];
            while !left.is_empty() {
                let ids = left.iter().take(CHUNK).map(|(id, _)| id.clone());
                let ids: Vec<ObjectId> = ids.collect();
                let records = document.records(&ids).await?;
                let (read, rest) = left.split_at(records.len().min(left.len()));
                left = rest;
                for ((id, version), record) in read.iter().zip(records) {
                    let is_full = found.len() == limit || bytes >= MAX_LISTED_BYTES;
                    if is_full || looked_at == MAX_LOOKED_AT {
                        return Ok((found, Some(at)));
                    }
                    looked_at += 1;
                    at = *version;
                    let Some((record, version)) = record else {
                        continue;
                    };
                    if let Some((size, item)) = seen(id, record, version) {
                        bytes += size;
                        found.push(item);
                    }
                }
            }
        }
    }
}
