//! What happens when nobody does anything: times come, leases run out.

use sync_redis::{RedisConn, RedisValue, StoreError, args};

use super::{Jobs, tell_lost};
use crate::settings::millis;
use crate::{History, QueueName, keys, scripts};

/// What a sweep has found.
#[derive(Debug, PartialEq, Eq)]
pub struct Swept {
    /// Queues in which jobs are ready.
    pub ready: Vec<QueueName>,
    /// Whether there is more to move.
    pub more: bool,
}

impl<R: RedisConn> Jobs<'_, R> {
    /// Whether nobody has swept for a while; if so, nobody else is told so.
    pub async fn may_sweep(&self, every_ms: u64) -> Result<bool, StoreError> {
        let command = args!["SET", keys::swept(), "", "NX", "PX", every_ms];
        let reply = self.redis.run(command).await?;
        Ok(!matches!(reply.first(), Some(RedisValue::Nil)))
    }

    /// Makes jobs ready whose time has come or whose lease has run out.
    pub async fn sweep(&self, done: History, dead: History) -> Result<Swept, StoreError> {
        let args = args![
            millis(done.retention),
            done.max_jobs,
            millis(dead.retention),
            dead.max_jobs,
        ];
        let mut reply = self.run(&scripts::SWEEP, args).await?;
        reply.required_text()?;
        let more = reply.number()? == 1;
        tell_lost(&mut reply)?;
        let mut ready = Vec::with_capacity(reply.len());
        while !reply.is_empty() {
            ready.push(super::show::queue_name(&reply.required_text()?)?);
        }
        Ok(Swept { ready, more })
    }
}
