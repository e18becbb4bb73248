//! A connection to Redis for commands that wait there: everything else on it would wait too.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use spin_sdk::redis::Connection;
use sync_core::READ_WAITS;
use sync_redis::{RedisConn, RedisError, RedisValue};

use crate::SpinRedis;
use crate::redis::{execute, open};

/// The store, over a connection of its own. One command at a time.
pub struct WaitingRedis {
    address: String,
    limit: Duration,
    kept: RefCell<Option<Connection>>,
}

impl WaitingRedis {
    /// A connection to the same server, which is opened when the first command is run.
    pub fn beside(redis: &SpinRedis) -> Self {
        Self {
            address: redis.address.clone(),
            limit: redis.limit + READ_WAITS,
            kept: RefCell::new(None),
        }
    }

    async fn execute(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        let kept = self.kept.take();
        let connection = match kept {
            Some(connection) => connection,
            None => open(&self.address).await?,
        };
        let answer = execute(&connection, command).await;
        // Nothing reconnects one that is broken.
        if !matches!(answer, Err(RedisError::Unreachable(_))) {
            self.kept.replace(Some(connection));
        }
        answer
    }
}

impl RedisConn for WaitingRedis {
    async fn run(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        let limit = spin_sdk::time::sleep(self.limit);
        match select(pin!(self.execute(command)), pin!(limit)).await {
            Either::Left((answer, _)) => answer,
            // The connection goes with the command that is given up.
            Either::Right(((), _)) => {
                let reason = format!("no answer within {} ms", self.limit.as_millis());
                Err(RedisError::Unreachable(reason))
            }
        }
    }
}
