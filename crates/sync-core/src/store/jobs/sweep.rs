//! What happens when nobody does anything: times come, leases run out.

use super::{History, Jobs};
use crate::ids::{Millis, QueueName};
use crate::ports::{RedisConn, RedisValue};
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, args};

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
        let command = args!["SET", keys::jobs_swept(), "", "NX", "PX", every_ms];
        let reply = self.redis.run(command).await?;
        Ok(!matches!(reply.first(), Some(RedisValue::Nil)))
    }

    /// Makes jobs ready whose time has come or whose lease has run out.
    pub async fn sweep(&self, now: Millis, history: History) -> Result<Swept, StoreError> {
        let args = args![now.0, history.retention_ms, history.max_jobs];
        let mut reply = self.run(&script::SWEEP_JOBS, args).await?;
        reply.required_text()?;
        let more = reply.number()? == 1;
        let mut ready = Vec::with_capacity(reply.len());
        while reply.len() > 0 {
            ready.push(super::show::queue_name(&reply.required_text()?)?);
        }
        Ok(Swept { ready, more })
    }
}
