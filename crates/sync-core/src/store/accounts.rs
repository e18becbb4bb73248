//! Users, and the secret that signs their sessions.

use std::collections::BTreeMap;

use crate::model::{Millis, Revision, SourceName, UserId};
use crate::ports::{Random, RedisConn};
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// The field with what a user has signed in with.
const CREDENTIALS: &str = "cred";

/// Whose record it is. A user and an administrator may have the same name, and are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account<'a> {
    /// A user of devices.
    User(&'a UserId),
    /// An administrator.
    Administrator(&'a UserId),
}

impl Account<'_> {
    /// The name.
    pub(crate) fn login(&self) -> &UserId {
        match self {
            Self::User(login) | Self::Administrator(login) => login,
        }
    }

    fn record(&self) -> String {
        match self {
            Self::User(login) => keys::user(login),
            Self::Administrator(login) => keys::administrator(login),
        }
    }

    fn remembered_password(&self) -> String {
        match self {
            Self::User(login) => keys::remembered_password(login),
            Self::Administrator(login) => keys::remembered_administrator_password(login),
        }
    }
}

/// Users.
pub(crate) struct AccountStore<'a, R> {
    redis: &'a R,
}

/// What is kept of a user beside how it signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserProfile {
    pub(crate) created_at: Millis,
    pub(crate) email: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The last edit, if there was any.
    pub(crate) edit: Option<String>,
}

impl UserProfile {
    /// The state that administrators have brought the user into.
    pub(crate) fn revision(&self) -> Revision {
        Revision::new(&self.created_at.0.to_string(), self.edit.as_deref())
    }
}

/// What an administrator edits.
#[derive(Debug, Clone)]
pub(crate) struct Edit<'a> {
    /// What this edit is called: nothing else is.
    pub(super) name: String,
    /// The edit that it has to follow; `None` if that does not matter.
    pub(super) after: Option<&'a str>,
}

impl<'a> Edit<'a> {
    pub(crate) fn new(random: &impl Random, after: Option<&'a str>) -> Self {
        let name = random.hex::<8>();
        Self { name, after }
    }
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EditOutcome {
    /// It is done.
    Done,
    /// There is no such thing.
    Unknown,
    /// Another edit came before it.
    Moved,
}

impl EditOutcome {
    pub(crate) fn read(mut reply: Reply) -> Result<Self, StoreError> {
        match reply.required_text()?.as_str() {
            "ok" => Ok(Self::Done),
            "unknown" => Ok(Self::Unknown),
            "moved" => Ok(Self::Moved),
            other => Err(reply.unknown_outcome(other)),
        }
    }
}

/// How a user signs in.
#[derive(Debug, Clone)]
pub(crate) struct UserRecord {
    /// Argon2id, in the PHC string format.
    pub(crate) password_hash: String,
    /// Sessions of another generation are revoked.
    pub(crate) generation: String,
}

impl<'a, R: RedisConn> AccountStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Reads how somebody signs in.
    pub(crate) async fn get(&self, account: Account<'_>) -> Result<Option<UserRecord>, StoreError> {
        let command = args!["HMGET", account.record(), "pw", "gen"];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (Some(password_hash), Some(generation)) = (reply.text()?, reply.text()?) else {
            return Ok(None);
        };
        Ok(Some(UserRecord {
            password_hash,
            generation,
        }))
    }

    /// What a password, which was right lately, is known again by.
    pub(crate) async fn remembered_password(
        &self,
        account: Account<'_>,
    ) -> Result<Option<String>, StoreError> {
        let command = args!["GET", account.remembered_password()];
        Reply::new("GET", self.redis.run(command).await?).text()
    }

    /// Remembers it for so long.
    pub(crate) async fn remember_password(
        &self,
        account: Account<'_>,
        digest: &str,
        seconds: u64,
    ) -> Result<(), StoreError> {
        let command = args!["SET", account.remembered_password(), digest, "EX", seconds];
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }

    /// The generation of a user's valid sessions; `None` for a user that does not exist.
    pub(crate) async fn generation(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        Reply::new(
            "HGET",
            self.redis
                .run(args!["HGET", keys::user(user), "gen"])
                .await?,
        )
        .text()
    }

    /// The generation of a user's valid sessions, unless this one has ended.
    pub(crate) async fn generation_for(
        &self,
        user: &UserId,
        session: &str,
    ) -> Result<Option<String>, StoreError> {
        let ended = keys::ended_session_field(session);
        let command = args!["HMGET", keys::user(user), "gen", ended];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (generation, ended) = (reply.text()?, reply.text()?);
        Ok(generation.filter(|_| ended.is_none()))
    }

    /// Ends one session of a user, as sessions last so long.
    pub(crate) async fn revoke_session(
        &self,
        user: &UserId,
        session: &str,
        now: Millis,
        lifetime_ms: u64,
    ) -> Result<(), StoreError> {
        let args = args![keys::ended_session_field(session), now.0, lifetime_ms];
        script::END_SESSION
            .run(self.redis, &[keys::user(user)], args)
            .await
            .map(drop)
    }

    /// What else is kept of a user; `None` for one that does not exist.
    pub(crate) async fn profile(&self, user: &UserId) -> Result<Option<UserProfile>, StoreError> {
        let command = args![
            "HMGET",
            keys::user(user),
            "gen",
            "at",
            "email",
            "attrs",
            "rev"
        ];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (exists, at, email) = (reply.text()?.is_some(), reply.text()?, reply.text()?);
        let created_at = Millis(at.and_then(|at| at.parse().ok()).unwrap_or(0));
        Ok(exists.then_some(UserProfile {
            created_at,
            email,
            attributes: stored_attributes(reply.text()?)?,
            edit: reply.text()?,
        }))
    }

    /// A user's attributes as administrators have set them, and as the identity provider says.
    pub(crate) async fn attributes(
        &self,
        user: &UserId,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>), StoreError> {
        let command = args!["HMGET", keys::user(user), "attrs", "claims"];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let set = stored_attributes(reply.text()?)?;
        Ok((set, stored_attributes(reply.text()?)?))
    }

    /// Keeps what a token of the identity provider says of a user, unless one that is good for longer has said something.
    pub(crate) async fn set_claims(
        &self,
        user: &UserId,
        attributes: &BTreeMap<String, String>,
        until: Millis,
    ) -> Result<(), StoreError> {
        let args = args![written(attributes), until.0];
        let keys = [keys::user(user)];
        let set = script::SET_CLAIMS.run(self.redis, &keys, args);
        set.await.map(drop)
    }

    /// Changes a user.
    pub(crate) async fn change(
        &self,
        user: &UserId,
        edit: Edit<'_>,
        record: Option<&UserRecord>,
        email: Option<&str>,
        attributes: Option<&BTreeMap<String, String>>,
    ) -> Result<EditOutcome, StoreError> {
        let is_another = if record.is_some() { "1" } else { "0" };
        let mut args = args![is_another, edit.name, edit.after.unwrap_or_default()];
        if let Some(record) = record {
            args.extend(args![
                "pw",
                &record.password_hash,
                "gen",
                &record.generation
            ]);
        }
        if let Some(email) = email {
            args.extend(args!["email", email]);
        }
        if let Some(attributes) = attributes {
            args.extend(args!["attrs", written(attributes)]);
        }
        let keys = [keys::user(user)];
        let changed = script::CHANGE_USER.run(self.redis, &keys, args);
        EditOutcome::read(changed.await?)
    }

    /// What a user has signed in with, sealed.
    pub(crate) async fn credentials(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        let command = args!["HGET", keys::user(user), CREDENTIALS];
        Reply::new("HGET", self.redis.run(command).await?).text()
    }

    /// Keeps that, unless there is no such user.
    pub(crate) async fn set_credentials(
        &self,
        user: &UserId,
        sealed: &str,
    ) -> Result<(), StoreError> {
        let args = args!["0", "", "", CREDENTIALS, sealed];
        let keys = [keys::user(user)];
        let set = script::CHANGE_USER.run(self.redis, &keys, args);
        set.await.map(drop)
    }

    /// Which partition of a source a user belongs to as its back end has said, and when; empty: to none.
    pub(crate) async fn partition(
        &self,
        user: &UserId,
        source: &SourceName,
    ) -> Result<Option<(Millis, String)>, StoreError> {
        let command = args!["HGET", keys::user(user), keys::partition_field(source)];
        let known = Reply::new("HGET", self.redis.run(command).await?).text()?;
        Ok(known.and_then(|known| {
            let (at, name) = known.split_once(' ')?;
            Some((Millis(at.parse().ok()?), name.to_owned()))
        }))
    }

    /// Keeps that, unless there is no such user.
    pub(crate) async fn set_partition(
        &self,
        user: &UserId,
        source: &SourceName,
        now: Millis,
        name: &str,
    ) -> Result<(), StoreError> {
        let known = format!("{} {name}", now.0);
        let args = args!["0", "", "", keys::partition_field(source), known];
        let keys = [keys::user(user)];
        let set = script::CHANGE_USER.run(self.redis, &keys, args);
        set.await.map(drop)
    }

    /// Begins to delete a user: from now on nobody gets in by that name. `false` if there is nothing to delete.
    pub(crate) async fn begin_deletion(&self, user: &UserId) -> Result<bool, StoreError> {
        let key = keys::user(user);
        let exists = self.redis.run(args!["EXISTS", &key]);
        let lock_out = self.redis.run(args!["HDEL", &key, "gen", "pw"]);
        // Sent together on one connection, they run in this order.
        let (exists, lock_out) = futures_util::join!(exists, lock_out);
        lock_out?;
        Ok(Reply::new("EXISTS", exists?).number()? == 1)
    }

    /// Ends the deletion. The record goes last: as long as it is there, the deletion can be begun again.
    pub(crate) async fn end_deletion(&self, user: &UserId) -> Result<(), StoreError> {
        self.redis
            .run(args!["UNLINK", keys::user_clients(user)])
            .await?;
        self.redis
            .run(args!["ZREM", keys::users(), user.as_str()])
            .await?;
        self.redis.run(args!["UNLINK", keys::user(user)]).await?;
        Ok(())
    }

    /// Creates a user. `false` if there is one of that name.
    pub(crate) async fn create(
        &self,
        user: &UserId,
        record: &UserRecord,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // Listed first: a name without a record can be created again, a record without a name would never be seen.
        self.redis
            .run(args!["ZADD", keys::users(), "0", user.as_str()])
            .await?;
        let args = args![&record.password_hash, &record.generation, now.0];
        let mut reply = script::CREATE_USER
            .run(self.redis, &[keys::user(user)], args)
            .await?;
        Ok(reply.required_text()? == "ok")
    }

    /// Lists user names in lexical order, after one name and at most `limit`.
    pub(crate) async fn list(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let start = after.map_or_else(|| "-".to_owned(), |name| format!("({name}"));
        let command = args![
            "ZRANGEBYLEX",
            keys::users(),
            start,
            "+",
            "LIMIT",
            "0",
            limit
        ];
        let mut reply = Reply::new("ZRANGEBYLEX", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }

    /// The secret that signs sessions: `proposed` becomes it if there is none.
    pub(crate) async fn session_secret(&self, proposed: &str) -> Result<String, StoreError> {
        let key = keys::session_secret();
        self.redis.run(args!["SET", &key, proposed, "NX"]).await?;
        Reply::new("GET", self.redis.run(args!["GET", key]).await?).required_text()
    }
}

fn written(attributes: &BTreeMap<String, String>) -> String {
    serde_json::json!(attributes).to_string()
}

fn stored_attributes(text: Option<String>) -> Result<BTreeMap<String, String>, StoreError> {
    let Some(text) = text else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str(&text).map_err(|error| StoreError::Damaged {
        what: "a user's attributes",
        reason: error.to_string(),
    })
}
