//! Sessions of devices that speak `/sync/v1`, and which have ended so lately that their access tokens are still about.

use std::collections::BTreeSet;

use crate::model::{ClientId, Millis, UserId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::clients::{stored_client, stored_user};
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// How long a session lasts after its last refresh, in seconds: a device that syncs once a year stays signed in.
const LIFETIME_SECONDS: u64 = 366 * 86_400;

/// How long it is kept who was shut out, in milliseconds: twice as long as access tokens are good.
const SHUT_OUT_MS: u64 = 1_200_000;

/// Sessions of devices.
pub(crate) struct DeviceSessions<'a, R> {
    redis: &'a R,
}

/// What became of a refresh token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// The session is over, or never was.
    Unknown,
    /// It was used before, by another attempt: the session is gone.
    Repeated { user: UserId },
    /// The next has this number.
    Done {
        number: u64,
        user: UserId,
        client: ClientId,
        generation: String,
        device_type: String,
    },
}

impl<'a, R: RedisConn> DeviceSessions<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Begins a session.
    pub(crate) async fn begin(
        &self,
        id: &str,
        user: &UserId,
        client: &ClientId,
        generation: &str,
        device_type: &str,
    ) -> Result<(), StoreError> {
        let key = keys::device_session(id);
        let (user, client) = (user.as_str(), client.as_str());
        let mut fields = args![
            "HSET", &key, "n", "1", "user", user, "client", client, "gen", generation
        ];
        if !device_type.is_empty() {
            fields.extend(args!["type", device_type]);
        }
        let (put, kept) = futures_util::join!(
            self.redis.run(fields),
            self.redis.run(args!["EXPIRE", &key, LIFETIME_SECONDS])
        );
        put?;
        kept?;
        Ok(())
    }

    /// Uses the refresh token of this number.
    pub(crate) async fn rotate(
        &self,
        id: &str,
        number: u64,
        attempt: &str,
    ) -> Result<Rotation, StoreError> {
        let keys = [keys::device_session(id)];
        let args = args![number, attempt, LIFETIME_SECONDS];
        let mut reply = script::ROTATE.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "unknown" => Ok(Rotation::Unknown),
            "repeated" => Ok(Rotation::Repeated {
                user: stored_user(reply.required_text()?)?,
            }),
            "ok" => Ok(Rotation::Done {
                number: reply.number()?,
                user: stored_user(reply.required_text()?)?,
                client: stored_client(reply.required_text()?)?,
                generation: reply.required_text()?,
                device_type: reply.required_text()?,
            }),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Ends a session, if it is a device's.
    pub(crate) async fn end(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        self.shut_out(id, now).await?;
        self.redis
            .run(args!["UNLINK", keys::device_session(id)])
            .await?;
        Ok(())
    }

    /// Says that access tokens of a session, or of a generation of a user's sessions, are none from now on.
    pub(crate) async fn shut_out(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        let key = keys::shut_out();
        let over = now.0.saturating_sub(SHUT_OUT_MS);
        let added = self.redis.run(args!["ZADD", &key, now.0, id]);
        let removed = self
            .redis
            .run(args!["ZREMRANGEBYSCORE", &key, "-inf", over]);
        let kept = self.redis.run(args!["PEXPIRE", &key, SHUT_OUT_MS]);
        let (added, removed, kept) = futures_util::join!(added, removed, kept);
        added?;
        removed?;
        kept?;
        Ok(())
    }

    /// Who was shut out since then.
    pub(crate) async fn shut_out_since(
        &self,
        since: Millis,
    ) -> Result<BTreeSet<String>, StoreError> {
        let command = args!["ZRANGEBYSCORE", keys::shut_out(), since.0, "+inf"];
        let mut reply = Reply::new("ZRANGEBYSCORE", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }
}
