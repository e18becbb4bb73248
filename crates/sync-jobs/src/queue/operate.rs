//! What administrators do with jobs.

use sync_redis::{RedisConn, StoreError, args};

use super::{Jobs, job_id};
use crate::{JobId, QueueName, scripts};

/// Why nothing was done with a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no such job.
    Missing,
    /// It is not in a state in which this can be done.
    State,
    /// This job has its unique key.
    Taken(JobId),
}

/// How a job was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It has ended.
    Now,
    /// It runs; its worker learns of it with the next heartbeat.
    Soon,
}

impl<R: RedisConn> Jobs<'_, R> {
    /// Ends a job before it is done.
    pub async fn cancel(&self, id: &JobId) -> Result<Result<Cancelled, Refused>, StoreError> {
        let mut reply = self.run(&scripts::CANCEL, args![id.as_str()]).await?;
        Ok(match reply.required_text()?.as_str() {
            "cancelled" => Ok(Cancelled::Now),
            "asked" => Ok(Cancelled::Soon),
            "missing" => Err(Refused::Missing),
            "over" => Err(Refused::State),
            other => return Err(reply.unknown_outcome(other)),
        })
    }

    /// Lets a dead job be tried again from the start, with another payload if one is given.
    pub async fn retry(
        &self,
        id: &JobId,
        payload: Option<&str>,
    ) -> Result<Result<(), Refused>, StoreError> {
        let args = args![
            id.as_str(),
            if payload.is_some() { "1" } else { "0" },
            payload.unwrap_or_default(),
        ];
        let mut reply = self.run(&scripts::RETRY, args).await?;
        Ok(match reply.required_text()?.as_str() {
            "ok" => Ok(()),
            "missing" => Err(Refused::Missing),
            "alive" => Err(Refused::State),
            "taken" => Err(Refused::Taken(job_id(&reply.required_text()?)?)),
            other => return Err(reply.unknown_outcome(other)),
        })
    }

    /// Lets the oldest dead jobs of a queue be tried again, but for those whose unique key another job has. Says how
    /// many there were.
    pub async fn retry_all(&self, queue: &QueueName, most: usize) -> Result<u64, StoreError> {
        let args = args!["", queue.as_str(), most];
        let mut reply = self.run(&scripts::RETRY, args).await?;
        reply.required_text()?;
        reply.number()
    }

    /// Lets a job that waits for its time run now.
    pub async fn hasten(&self, id: &JobId) -> Result<Result<(), Refused>, StoreError> {
        let mut reply = self.run(&scripts::HASTEN, args![id.as_str()]).await?;
        Ok(match reply.required_text()?.as_str() {
            "ok" => Ok(()),
            "missing" => Err(Refused::Missing),
            "state" => Err(Refused::State),
            other => return Err(reply.unknown_outcome(other)),
        })
    }

    /// Forgets a dead job.
    pub async fn discard(&self, id: &JobId) -> Result<Result<(), Refused>, StoreError> {
        let mut reply = self.run(&scripts::DISCARD, args![id.as_str()]).await?;
        Ok(match reply.required_text()?.as_str() {
            "ok" => Ok(()),
            "missing" => Err(Refused::Missing),
            "alive" => Err(Refused::State),
            other => return Err(reply.unknown_outcome(other)),
        })
    }
}
