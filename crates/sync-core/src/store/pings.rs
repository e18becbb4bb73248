//! The smallest job there is: a ping that a job component answers.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// How long an answer can be read, in seconds.
const PONG_LIFETIME_SECONDS: u64 = 60;

/// Most pings answered for one ring of the doorbell.
const MAX_PER_RING: usize = 1_000;

/// Pings to the job components.
pub struct Pings<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Pings<'a, R> {
    /// Pings kept in this store.
    pub fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Leaves a ping and rings the doorbell on `channel`.
    ///
    /// # Errors
    /// When the store fails; the ping may have been left then.
    pub async fn send(&self, id: &str, channel: &str) -> Result<(), StoreError> {
        self.redis.run(args!["RPUSH", keys::pings(), id]).await?;
        self.redis.run(args!["PUBLISH", channel, "ping"]).await?;
        Ok(())
    }

    /// Whether the ping was answered lately.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_answered(&self, id: &str) -> Result<bool, StoreError> {
        Ok(Reply::new(
            "EXISTS",
            self.redis.run(args!["EXISTS", keys::pong(id)]).await?,
        )
        .number()?
            == 1)
    }

    /// Answers the pings that wait; says how many there were.
    ///
    /// A ping is taken off the list only after its answer was written: one that is answered twice does no harm, a lost
    /// one would.
    ///
    /// # Errors
    /// When the store fails; what was not answered still waits.
    pub async fn answer(&self) -> Result<usize, StoreError> {
        for answered in 0..MAX_PER_RING {
            let command = args!["LINDEX", keys::pings(), "0"];
            let Some(id) = Reply::new("LINDEX", self.redis.run(command).await?).text()? else {
                return Ok(answered);
            };
            self.redis
                .run(args![
                    "SET",
                    keys::pong(&id),
                    "1",
                    "EX",
                    PONG_LIFETIME_SECONDS
                ])
                .await?;
            self.redis
                .run(args!["LREM", keys::pings(), "1", id])
                .await?;
        }
        Ok(MAX_PER_RING)
    }
}
