//! Users, and the secret that signs their sessions.

use crate::ids::{Millis, UserId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// Users.
pub(crate) struct Accounts<'a, R> {
    redis: &'a R,
}

/// What is kept of a user.
#[derive(Debug, Clone)]
pub(crate) struct UserRecord {
    /// Argon2id, in the PHC string format.
    pub(crate) password_hash: String,
    /// Sessions of another generation are revoked.
    pub(crate) generation: String,
}

impl<'a, R: RedisConn> Accounts<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Reads a user.
    pub(crate) async fn get(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
        let command = args!["HMGET", keys::user(user), "pw", "gen"];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (Some(password_hash), Some(generation)) = (reply.text()?, reply.text()?) else {
            return Ok(None);
        };
        Ok(Some(UserRecord {
            password_hash,
            generation,
        }))
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
