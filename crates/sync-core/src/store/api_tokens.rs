//! API tokens: only their digests are kept.

use crate::model::Millis;
use crate::ports::{Order, RedisConn};
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// API tokens.
pub(crate) struct ApiTokenStore<'a, R> {
    redis: &'a R,
}

/// What is kept of an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiTokenRecord {
    pub(crate) name: String,
    /// Scopes, with spaces between.
    pub(crate) scopes: String,
    /// SHA-256 of the secret, in hexadecimal digits.
    pub(crate) hash: String,
    /// The administrator who has made it, where that is known.
    pub(crate) made_by: Option<String>,
    pub(crate) created_at: Millis,
    pub(crate) used_at: Option<Millis>,
    pub(crate) ends_at: Option<Millis>,
}

impl<'a, R: RedisConn> ApiTokenStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Keeps a new token, which is in a list already. Redis forgets it when it ends.
    pub(crate) async fn put(&self, id: &str, record: &ApiTokenRecord) -> Result<(), StoreError> {
        let ApiTokenRecord {
            name,
            scopes,
            hash,
            made_by,
            created_at,
            used_at: _,
            ends_at,
        } = record;
        let key = keys::api_token(id);
        let mut command = args![
            "HSET",
            &key,
            "name",
            name,
            "scopes",
            scopes,
            "hash",
            hash,
            "at",
            created_at.0
        ];
        if let Some(made_by) = made_by {
            command.extend(args!["by", made_by]);
        }
        if let Some(ends_at) = ends_at {
            command.extend(args!["ends", ends_at.0]);
        }
        self.redis.run(command).await?;
        if let Some(ends_at) = ends_at {
            // Relative, so that Redis' own clock does not matter.
            let lifetime = ends_at.0.saturating_sub(created_at.0);
            self.redis.run(args!["PEXPIRE", &key, lifetime]).await?;
        }
        Ok(())
    }

    /// Reads a token.
    pub(crate) async fn get(&self, id: &str) -> Result<Option<ApiTokenRecord>, StoreError> {
        let fields = ["name", "scopes", "hash", "by", "at", "used", "ends"];
        let mut command = args!["HMGET", keys::api_token(id)];
        command.extend(fields.iter().map(|field| field.as_bytes().to_vec()));
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (name, scopes, hash) = (reply.text()?, reply.text()?, reply.text()?);
        let made_by = reply.text()?;
        let mut time = || {
            let text = reply.text()?;
            Ok::<_, StoreError>(text.and_then(|text| text.parse().ok()).map(Millis))
        };
        let (created_at, used_at, ends_at) = (time()?, time()?, time()?);
        let (Some(name), Some(scopes), Some(hash)) = (name, scopes, hash) else {
            return Ok(None);
        };
        Ok(Some(ApiTokenRecord {
            name,
            scopes,
            hash,
            made_by,
            created_at: created_at.unwrap_or_default(),
            used_at,
            ends_at,
        }))
    }

    /// Writes down that a token was used. One that is gone stays gone.
    pub(crate) async fn used(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        script::SET_FIELD_IF
            .run(
                self.redis,
                &[keys::api_token(id)],
                args!["hash", "used", now.0],
            )
            .await
            .map(drop)
    }

    /// How many of scripts' tokens are listed; some may have ended.
    pub(crate) async fn count(&self) -> Result<usize, StoreError> {
        let command = args!["ZCARD", keys::api_tokens()];
        let count = Reply::new("ZCARD", self.redis.run(command).await?).number()?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Lists a script's token.
    pub(crate) async fn list_script(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        let command = args!["ZADD", keys::api_tokens(), now.0, id];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Ids of scripts' tokens by when they were made, from a position and at most `limit`; some may have ended.
    pub(crate) async fn list(
        &self,
        from: usize,
        limit: usize,
        order: Order,
    ) -> Result<Vec<String>, StoreError> {
        let last = from.saturating_add(limit).saturating_sub(1);
        let range = order.pick("ZRANGE", "ZREVRANGE");
        let command = args![range, keys::api_tokens(), from, last];
        let mut reply = Reply::new(range, self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }

    /// Lists a token among those of its administrator's logins.
    pub(crate) async fn list_login(
        &self,
        login: &str,
        id: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        let command = args!["ZADD", keys::administrator_logins(login), now.0, id];
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }

    /// The tokens of an administrator's logins, from the oldest on; some may have ended.
    pub(crate) async fn logins(&self, login: &str) -> Result<Vec<String>, StoreError> {
        let command = args!["ZRANGE", keys::administrator_logins(login), "0", "-1"];
        let mut reply = Reply::new("ZRANGE", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }

    /// Removes the token of an administrator's login.
    pub(crate) async fn remove_login(&self, login: &str, id: &str) -> Result<bool, StoreError> {
        // Taken off its list last: as long as it is there, it is found again.
        let was_there = self.remove(id).await?;
        self.redis
            .run(args!["ZREM", keys::administrator_logins(login), id])
            .await?;
        Ok(was_there)
    }

    /// Removes a token. `false` if there is none.
    pub(crate) async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let record = self.redis.run(args!["DEL", keys::api_token(id)]).await?;
        self.redis
            .run(args!["ZREM", keys::api_tokens(), id])
            .await?;
        Ok(Reply::new("DEL", record).number()? == 1)
    }
}
