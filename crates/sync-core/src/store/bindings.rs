//! Where a client is in a source: which document its cursor is in, and what goes with it from one to the next.

use crate::model::{ClientId, Millis, Partition, SourceName, Token, UserId, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::clients::{BEGINNING, Clients, bound_partition, stored_client, stored_user};
use crate::store::collecting::parse_cursor;
use crate::store::document::{CREATES_LIFETIME_SECONDS, Document};
use crate::store::listed_changes::ListedChanges;
use crate::store::narrowed::NarrowedCopies;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, arg, args};
use crate::store::waiting_changes::WaitingChanges;

/// A client as far as one source goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) user: UserId,
    /// The partition the client's cursor is in.
    pub(crate) partition: Option<Partition>,
    /// Whether it is about to get that cursor.
    pub(crate) is_beginning: bool,
    /// Where it goes on in the next.
    pub(crate) next: Continuation,
}

/// What outlives a client's cursor, and goes with it to the next document of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Continuation {
    /// Where the tokens of its next binding start.
    pub(crate) offset: u64,
    /// Sequence number of the last push that was taken in; 0 where the client numbers none. One that arrives late, after the client has
    /// moved to another document, is known by it.
    pub(crate) last_push: u64,
}

impl Continuation {
    fn to_stored(self) -> String {
        format!("{},{}", self.offset, self.last_push)
    }

    fn from_stored(stored: &str) -> Self {
        let (offset, last_push) = stored.split_once(',').unwrap_or((stored, ""));
        Self {
            offset: offset.parse().unwrap_or_default(),
            last_push: last_push.parse().unwrap_or_default(),
        }
    }
}

impl<R: RedisConn> Clients<'_, R> {
    /// Whose client it is and where its cursor for the source is.
    pub(crate) async fn binding(
        &self,
        client: &ClientId,
        source: &SourceName,
    ) -> Result<Option<Binding>, StoreError> {
        let command = args![
            "HMGET",
            keys::client(client),
            "user",
            keys::binding_field(source),
            keys::continuation_field(source),
        ];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let Some(user) = reply.text()? else {
            return Ok(None);
        };
        let bound = reply.text()?;
        let is_beginning = bound
            .as_ref()
            .is_some_and(|text| text.starts_with(BEGINNING));
        let partition = bound.and_then(|text| bound_partition(&text));
        let next = reply.text()?;
        let next = next.map(|stored| Continuation::from_stored(&stored));
        Ok(Some(Binding {
            user: stored_user(user)?,
            partition,
            is_beginning,
            next: next.unwrap_or_default(),
        }))
    }

    /// Records where the client is about to get its first cursor for the source.
    pub(crate) async fn begin_binding(
        &self,
        client: &ClientId,
        source: &SourceName,
        partition: &Partition,
    ) -> Result<(), StoreError> {
        let bound = format!("{BEGINNING}{}", partition.to_stored());
        let field = keys::binding_field(source);
        let command = args!["HSET", keys::client(client), field, bound];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Records where the client's cursor for the source is.
    pub(crate) async fn set_binding(
        &self,
        client: &ClientId,
        source: &SourceName,
        partition: &Partition,
    ) -> Result<(), StoreError> {
        let command = args![
            "HSET",
            keys::client(client),
            keys::binding_field(source),
            partition.to_stored()
        ];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Records that the client has no cursor for the source, and where it goes on.
    pub(crate) async fn clear_binding(
        &self,
        client: &ClientId,
        source: &SourceName,
        next: Continuation,
    ) -> Result<(), StoreError> {
        let key = keys::client(client);
        self.set_continuation(client, source, next).await?;
        self.redis
            .run(args!["HDEL", key, keys::binding_field(source)])
            .await?;
        Ok(())
    }

    /// Records where the client goes on.
    pub(crate) async fn set_continuation(
        &self,
        client: &ClientId,
        source: &SourceName,
        next: Continuation,
    ) -> Result<(), StoreError> {
        let command = args![
            "HSET",
            keys::client(client),
            keys::continuation_field(source),
            next.to_stored()
        ];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Notes that something could not be told to the client in any copy of the source.
    pub(crate) async fn note_untold(
        &self,
        client: &ClientId,
        source: &SourceName,
    ) -> Result<(), StoreError> {
        let args = args!["user", keys::untold_field(source), "1"];
        let keys = [keys::client(client)];
        let reply = script::SET_FIELD_IF.run(self.redis, &keys, args).await;
        reply.map(drop)
    }

    /// Takes that note back; says whether there was one.
    pub(crate) async fn take_untold(
        &self,
        client: &ClientId,
        source: &SourceName,
    ) -> Result<bool, StoreError> {
        let command = args!["HDEL", keys::client(client), keys::untold_field(source)];
        let reply = self.redis.run(command).await?;
        Ok(Reply::new("HDEL", reply).number()? > 0)
    }
}

impl<R: RedisConn> Document<'_, R> {
    /// Gives the client a cursor at the start, unless it has one here. A document without a life gets the new one.
    pub(crate) async fn bind(
        &self,
        client: &ClientId,
        user: &UserId,
        next: Continuation,
        now: Millis,
        lost: bool,
        new_life: &str,
    ) -> Result<(), StoreError> {
        let keys = self.client_keys(client);
        let state = if lost { "restart" } else { "" };
        let args = args![
            client.as_str(),
            user.as_str(),
            next.offset,
            now.day(),
            state,
            new_life,
            next.last_push,
            CREATES_LIFETIME_SECONDS
        ];
        script::BIND.run(self.redis, &keys, args).await.map(drop)
    }

    /// Takes the client's cursor away; says where it goes on.
    pub(crate) async fn unbind(&self, client: &ClientId) -> Result<Continuation, StoreError> {
        let next = self.unbind_where(client, "").await?;
        Ok(next.unwrap_or_default())
    }

    /// As [`unbind`](Self::unbind), unless something is still to be told to the client here.
    pub(crate) async fn unbind_if_told(
        &self,
        client: &ClientId,
    ) -> Result<Option<Continuation>, StoreError> {
        self.unbind_where(client, "told").await
    }

    async fn unbind_where(
        &self,
        client: &ClientId,
        condition: &str,
    ) -> Result<Option<Continuation>, StoreError> {
        let keys = self.client_keys(client);
        let args = args![client.as_str(), condition];
        let mut reply = script::UNBIND.run(self.redis, &keys, args).await?;
        let answer = reply.required_text()?;
        if answer == "untold" {
            return Ok(None);
        }
        let offset = answer.parse().map_err(|_| reply.unknown_outcome(&answer))?;
        let last_push = reply.number()?;
        if self.id.partition.ends_with_its_clients() {
            self.end_if_abandoned().await?;
        }
        Ok(Some(Continuation { offset, last_push }))
    }

    /// Removes a copy that is there only for its clients, unless one follows it.
    async fn end_if_abandoned(&self) -> Result<(), StoreError> {
        let mut reply = script::END_ABANDONED
            .run(self.redis, &self.own_keys(), args![])
            .await?;
        match reply.required_text()?.as_str() {
            "kept" => Ok(()),
            "removed" => NarrowedCopies::new(self.redis).remove(self.id).await,
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Takes the client's cursor away with all that waits for it or of it here, also from the lists of what waits.
    pub(crate) async fn forget_client(&self, client: &ClientId) -> Result<(), StoreError> {
        let numbers = self.waiting_numbers(client).await?;
        self.unbind(client).await?;
        let command = args![
            "UNLINK",
            self.keys.operations(client),
            self.keys.operations_lease(client),
            self.keys.found(client),
            self.keys.held(client),
            self.keys.sent(client),
            self.keys.sent_by_time(client),
        ];
        self.redis.run(command).await?;
        let changes = WaitingChanges::new(self.redis);
        let listed = ListedChanges::new(self.redis);
        let (cleared, unlisted) = futures_util::join!(
            changes.clear(client, self.id),
            listed.remove_waiting(client, self.id, &numbers)
        );
        cleared?;
        unlisted
    }

    /// Takes all clients' cursors away. Whoever comes back is told to start over.
    pub(crate) async fn forget_clients(&self) -> Result<(), StoreError> {
        let Version(version) = self.version().await?;
        let mut position = "0".to_owned();
        loop {
            let command = args![
                "HSCAN",
                self.keys.clients(),
                &position,
                "COUNT",
                super::document::CHUNK
            ];
            let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
            position = reply.required_text()?;
            while !reply.is_empty() {
                let client = stored_client(reply.required_text()?)?;
                let cursor = parse_cursor(&reply.required_text()?)?;
                // Where its tokens go on is written first: without the cursor nobody would know.
                let next = Continuation {
                    offset: cursor.offset + version.max(1),
                    last_push: 0,
                };
                let clients = Clients::new(self.redis);
                clients
                    .set_continuation(&client, &self.id.source, next)
                    .await?;
                self.forget_client(&client).await?;
            }
            if position == "0" {
                return Ok(());
            }
        }
    }

    /// Removes the document as a whole; says whether there was one. Keys of single clients are not among it: see
    /// [`Document::forget_client`].
    pub(crate) async fn remove(&self) -> Result<bool, StoreError> {
        let mut command = args!["UNLINK"];
        command.extend(self.own_keys().map(arg));
        let reply = self.redis.run(command).await?;
        Ok(Reply::new("UNLINK", reply).number()? > 0)
    }

    /// Every key of the document but those of single clients, the clients' cursors first.
    fn own_keys(&self) -> [String; 10] {
        [
            self.keys.clients(),
            self.keys.head(),
            self.keys.log(),
            self.keys.records(),
            self.keys.tombstones(),
            self.keys.refresh_lease(),
            self.keys.progress(),
            self.keys.seen(),
            self.keys.blobs(),
            self.keys.held_names(),
        ]
    }

    /// Sets the client's cursor back to the start.
    pub(crate) async fn restart(&self, client: &ClientId, user: &UserId) -> Result<(), StoreError> {
        self.restart_as(client, user, "", None).await.map(drop)
    }

    /// Makes the client start over on behalf of an administrator, once it has been told to. One that keeps its cursor itself is told
    /// by [`Clients::mark_reset`]: nothing is changed here if it has sent changes.
    pub(crate) async fn reset_client(
        &self,
        client: &ClientId,
        user: &UserId,
    ) -> Result<(), StoreError> {
        let reset = self.restart_as(client, user, "requested", None);
        reset.await.map(drop)
    }

    /// Makes the client start over, once it has been told to; behind a token of this document that the store does not know
    /// of, where there is one.
    pub(crate) async fn start_over(
        &self,
        client: &ClientId,
        user: &UserId,
        ahead: Option<Token>,
    ) -> Result<(), StoreError> {
        let restarted = self.restart_as(client, user, "restart", ahead);
        restarted.await.map(drop)
    }

    /// Begins to take back what the client has of this partition. `false` if it has to be told to start over anyway.
    pub(crate) async fn begin_leaving(
        &self,
        client: &ClientId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        let mut reply = self.restart_as(client, user, "leave", None).await?;
        Ok(reply.required_text()? != "restart")
    }

    async fn restart_as(
        &self,
        client: &ClientId,
        user: &UserId,
        state: &str,
        ahead: Option<Token>,
    ) -> Result<Reply, StoreError> {
        let keys = self.client_keys(client);
        let ahead = ahead.map_or_else(String::new, |token| token.number().to_string());
        let args = args![client.as_str(), user.as_str(), state, ahead];
        script::RESTART.run(self.redis, &keys, args).await
    }

    fn client_keys(&self, client: &ClientId) -> [String; 8] {
        [
            self.keys.head(),
            self.keys.clients(),
            self.keys.outbox(client),
            self.keys.creates(client),
            self.keys.found(client),
            self.keys.held(client),
            self.keys.creates_by_time(client),
            self.keys.sent(client),
        ]
    }
}
