//! What can be seen of jobs.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join_all};
use serde::Deserialize;
use sync_redis::{Millis, Order, RedisConn, Reply, StoreError, args, store_time};

use super::{Jobs, job_id};
use crate::{JobId, JobState, QueueName, keys};

/// What is read of a job, in this order.
const FIELDS: [&str; 16] = [
    "state", "name", "queue", "payload", "turn", "attempts", "max", "created", "started", "ended",
    "unique", "worker", "errors", "progress", "result", "reason",
];

/// A job as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetails {
    /// Which.
    pub id: JobId,
    /// Where it is.
    pub state: JobState,
    /// What is to be done.
    pub name: String,
    /// Of which queue.
    pub queue: QueueName,
    /// With what (JSON).
    pub payload: String,
    /// In whose turn it runs.
    pub turn: Option<String>,
    /// How often it was tried.
    pub attempts: u64,
    /// How often it is tried at most.
    pub max_attempts: u64,
    /// When it was taken in.
    pub created: Millis,
    /// When the last attempt began.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Option<Millis>,
    /// What no two jobs that wait or run have in common.
    pub unique: Option<String>,
    /// Who works on it.
    pub worker: Option<String>,
    /// Its last errors, the oldest first.
    pub errors: Vec<StoredError>,
    /// How far it is.
    pub progress: Option<String>,
    /// What came out of it; `cancelled` if it was.
    pub result: Option<String>,
    /// Why it is dead.
    pub reason: Option<String>,
}

/// What went wrong with an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredError {
    /// When.
    pub at: Millis,
    /// Which attempt.
    pub attempt: u64,
    /// What has happened.
    pub error: String,
}

/// How many jobs a queue has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCounts {
    /// Which queue.
    pub queue: QueueName,
    /// Nothing is claimed from it.
    pub paused: bool,
    /// Jobs by state.
    pub jobs: BTreeMap<JobState, u64>,
    /// Dead jobs that nobody has retried or discarded, and that had to make room, since the queue has begun.
    pub forgotten: u64,
    /// What happened in the last whole minutes, by what: `enqueued`, `claimed`, `completed`, `failed`, `died`, `crashed`, `lost`.
    pub lately: BTreeMap<String, u64>,
}

/// What happened in a queue in a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMinute {
    /// When it began.
    pub at: Millis,
    /// Jobs that were taken in.
    pub enqueued: u64,
    /// Jobs that were done.
    pub completed: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Jobs that were given up.
    pub died: u64,
}

/// What is read of a minute, in this order.
const COUNTED: [&str; 5] = ["enqueued", "completed", "failed", "crashed", "died"];

/// Which jobs are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobFilter<'a> {
    /// Those of this name.
    pub name: Option<&'a str>,
    /// Those that run in this turn.
    pub turn: Option<&'a str>,
    /// In this order of what the state goes by: end, time, turn.
    pub order: Option<Order>,
}

/// Jobs that are looked at together when some are looked for.
const SCAN: usize = 500;

/// How many times that is done for one part of a list.
const SCANS: usize = 4;

impl<R: RedisConn> Jobs<'_, R> {
    /// All queues there ever were, by name.
    pub async fn queues(&self) -> Result<Vec<QueueName>, StoreError> {
        let mut reply = self
            .read("SMEMBERS", args!["SMEMBERS", keys::queues()])
            .await?;
        let mut queues = Vec::with_capacity(reply.len());
        while !reply.is_empty() {
            queues.push(queue_name(&reply.required_text()?)?);
        }
        queues.sort();
        Ok(queues)
    }

    /// Counts a queue's jobs, and what happened in the minutes before this one.
    pub async fn counts(&self, queue: QueueName, minutes: u64) -> Result<QueueCounts, StoreError> {
        self.counts_at(store_time(self.redis).await?, queue, minutes)
            .await
    }

    async fn counts_at(
        &self,
        now: Millis,
        queue: QueueName,
        minutes: u64,
    ) -> Result<QueueCounts, StoreError> {
        let this = now.0 / 60_000;
        let states = try_join_all(JobState::ALL.map(async |state| {
            let command = args!["ZCARD", keys::in_state(state, &queue)];
            Ok::<_, StoreError>((state, self.read("ZCARD", command).await?.number()?))
        }));
        let by_minute = try_join_all((1..=minutes).map(|ago| {
            let key = keys::minute(&queue, this.saturating_sub(ago));
            self.read("HGETALL", args!["HGETALL", key])
        }));
        let of_queue = args!["HMGET", keys::queue(&queue), "paused", "forgotten"];
        let of_queue = self.read("HMGET", of_queue);
        let ((states, by_minute), mut of_queue) =
            try_join(try_join(states, by_minute), of_queue).await?;
        let mut lately = BTreeMap::new();
        for mut reply in by_minute {
            while !reply.is_empty() {
                let (what, times) = (reply.required_text()?, reply.number()?);
                *lately.entry(what).or_default() += times;
            }
        }
        Ok(QueueCounts {
            paused: of_queue.text()?.is_some(),
            forgotten: of_queue
                .text()?
                .and_then(|count| count.parse().ok())
                .unwrap_or(0),
            queue,
            jobs: states.into_iter().collect(),
            lately,
        })
    }

    /// What happened in a queue, minute by minute, in the minutes before this one; the oldest first. Two hours are kept.
    pub async fn minutes(
        &self,
        queue: &QueueName,
        minutes: u64,
    ) -> Result<Vec<QueueMinute>, StoreError> {
        let this = store_time(self.redis).await?.0 / 60_000;
        try_join_all((1..=minutes).rev().map(async |ago| {
            let minute = this.saturating_sub(ago);
            let mut command = args!["HMGET", keys::minute(queue, minute)];
            command.extend(COUNTED.map(|what| what.as_bytes().to_vec()));
            let mut reply = self.read("HMGET", command).await?;
            let mut count = || {
                let text = reply.text()?;
                Ok::<_, StoreError>(text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0))
            };
            Ok(QueueMinute {
                at: Millis(minute.saturating_mul(60_000)),
                enqueued: count()?,
                completed: count()?,
                // Whose worker crashed has failed as well.
                failed: count()?.saturating_add(count()?),
                died: count()?,
            })
        }))
        .await
    }

    /// Counts the jobs of every queue, by name; see [`Jobs::counts`].
    pub async fn all_counts(&self, minutes: u64) -> Result<Vec<QueueCounts>, StoreError> {
        let (queues, now) = try_join(self.queues(), store_time(self.redis)).await?;
        let queues = queues.into_iter();
        try_join_all(queues.map(|queue| self.counts_at(now, queue, minutes))).await
    }

    /// Lists a queue's jobs in a state: those that wait or run in the order in which that ends, those that have ended the
    /// last first.
    pub async fn list(
        &self,
        queue: &QueueName,
        state: JobState,
        from: usize,
        most: usize,
    ) -> Result<Vec<JobDetails>, StoreError> {
        let ids = self.ids(queue, state, None, from, most).await?;
        self.show_all(&ids).await
    }

    /// The same in another order, and with those that fit only; answers the position to go on at, too, if there may be more. A part may be short
    /// though there is more.
    pub async fn find(
        &self,
        queue: &QueueName,
        state: JobState,
        filter: JobFilter<'_>,
        from: usize,
        most: usize,
    ) -> Result<(Vec<JobDetails>, Option<usize>), StoreError> {
        if filter.name.is_none() && filter.turn.is_none() {
            let ids = self.ids(queue, state, filter.order, from, most).await?;
            let next = (ids.len() == most).then(|| from.saturating_add(most));
            return Ok((self.show_all(&ids).await?, next));
        }
        let mut found = Vec::new();
        let mut at = from;
        for _ in 0..SCANS {
            let ids = self.ids(queue, state, filter.order, at, SCAN).await?;
            let is_last = ids.len() < SCAN;
            let fits = try_join_all(ids.iter().map(|id| self.fits(id, filter))).await?;
            for (id, fits) in ids.into_iter().zip(fits) {
                at += 1;
                if fits {
                    found.push(id);
                }
                if found.len() == most {
                    return Ok((self.show_all(&found).await?, Some(at)));
                }
            }
            if is_last {
                return Ok((self.show_all(&found).await?, None));
            }
        }
        Ok((self.show_all(&found).await?, Some(at)))
    }

    async fn fits(&self, id: &JobId, filter: JobFilter<'_>) -> Result<bool, StoreError> {
        let command = args!["HMGET", keys::job(id), "name", "turn"];
        let mut reply = self.read("HMGET", command).await?;
        let (name, turn) = (reply.text()?, reply.text()?);
        let fits = |wanted: Option<&str>, has: Option<String>| {
            wanted.is_none_or(|wanted| has.as_deref() == Some(wanted))
        };
        Ok(fits(filter.name, name) && fits(filter.turn, turn))
    }

    async fn ids(
        &self,
        queue: &QueueName,
        state: JobState,
        order: Option<Order>,
        from: usize,
        most: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let own = match state {
            JobState::Ready | JobState::Delayed | JobState::Leased => Order::Ascending,
            JobState::Dead | JobState::Done => Order::Descending,
        };
        let range = order.unwrap_or(own).pick("ZRANGE", "ZREVRANGE");
        let key = keys::in_state(state, queue);
        self.listed(range, key, from, most).await
    }

    /// Lists the dead jobs of a name in a queue, the last first.
    pub async fn dead_of(
        &self,
        queue: &QueueName,
        name: &str,
        from: usize,
        most: usize,
    ) -> Result<Vec<JobDetails>, StoreError> {
        let key = keys::dead_of(queue, name);
        let ids = self.listed("ZREVRANGE", key, from, most).await?;
        self.show_all(&ids).await
    }

    /// Counts the dead jobs of a name in a queue.
    pub async fn count_dead_of(&self, queue: &QueueName, name: &str) -> Result<u64, StoreError> {
        let command = args!["ZCARD", keys::dead_of(queue, name)];
        self.read("ZCARD", command).await?.number()
    }

    async fn listed(
        &self,
        range: &'static str,
        key: String,
        from: usize,
        most: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let to = from.saturating_add(most).saturating_sub(1);
        let mut reply = self.read(range, args![range, key, from, to]).await?;
        let mut ids = Vec::with_capacity(reply.len());
        while !reply.is_empty() {
            ids.push(job_id(&reply.required_text()?)?);
        }
        Ok(ids)
    }

    async fn show_all(&self, ids: &[JobId]) -> Result<Vec<JobDetails>, StoreError> {
        let found = try_join_all(ids.iter().map(|id| self.show(id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Shows a job.
    pub async fn show(&self, id: &JobId) -> Result<Option<JobDetails>, StoreError> {
        let mut command = args!["HMGET", keys::job(id)];
        command.extend(FIELDS.map(|field| field.as_bytes().to_vec()));
        let mut reply = self.read("HMGET", command).await?;
        let Some(state) = reply.text()? else {
            return Ok(None);
        };
        Ok(Some(JobDetails {
            id: id.clone(),
            state: JobState::parse(&state).ok_or_else(|| reply.unknown_outcome(&state))?,
            name: reply.required_text()?,
            queue: queue_name(&reply.required_text()?)?,
            payload: reply.required_text()?,
            turn: Some(reply.required_text()?).filter(|turn| !turn.is_empty()),
            attempts: reply.number()?,
            max_attempts: reply.number()?,
            created: Millis(reply.number()?),
            started: time(&mut reply)?,
            ended: time(&mut reply)?,
            unique: reply.text()?,
            worker: reply.text()?,
            errors: errors(&reply.text()?.unwrap_or_default())?,
            progress: reply.text()?,
            result: reply.text()?,
            reason: reply.text()?,
        }))
    }

    /// When schedules are due, by field.
    pub async fn ticks(&self) -> Result<BTreeMap<String, Millis>, StoreError> {
        let mut reply = self
            .read("HGETALL", args!["HGETALL", keys::ticks()])
            .await?;
        let mut ticks = BTreeMap::new();
        while !reply.is_empty() {
            ticks.insert(reply.required_text()?, Millis(reply.number()?));
        }
        Ok(ticks)
    }

    /// The last jobs of schedules, by field; those that are kept.
    pub async fn ticked(&self) -> Result<BTreeMap<String, JobDetails>, StoreError> {
        let command = args!["HGETALL", keys::ticked()];
        let mut reply = self.read("HGETALL", command).await?;
        let mut last = Vec::new();
        while !reply.is_empty() {
            last.push((reply.required_text()?, job_id(&reply.required_text()?)?));
        }
        let jobs = try_join_all(last.iter().map(|(_, id)| self.show(id))).await?;
        let fields = last.into_iter().map(|(field, _)| field);
        let known = fields.zip(jobs);
        Ok(known
            .filter_map(|(field, job)| Some((field, job?)))
            .collect())
    }

    /// Forgets when schedules are due.
    pub(crate) async fn forget_ticks(&self, fields: &[&str]) -> Result<(), StoreError> {
        if fields.is_empty() {
            return Ok(());
        }
        let fields = fields.iter().map(|field| field.as_bytes().to_vec());
        for key in [keys::ticks(), keys::ticked()] {
            let mut command = args!["HDEL", key];
            command.extend(fields.clone());
            self.read("HDEL", command).await?;
        }
        Ok(())
    }

    async fn read(&self, what: &'static str, command: Vec<Vec<u8>>) -> Result<Reply, StoreError> {
        Ok(Reply::new(what, self.redis.run(command).await?))
    }
}

pub(super) fn queue_name(text: &str) -> Result<QueueName, StoreError> {
    QueueName::parse(text).map_err(|error| StoreError::Damaged {
        what: "queue name",
        reason: error.to_string(),
    })
}

fn time(reply: &mut Reply) -> Result<Option<Millis>, StoreError> {
    let Some(text) = reply.text()? else {
        return Ok(None);
    };
    let millis = text.parse().map_err(|_| reply.unknown_outcome(&text))?;
    Ok(Some(Millis(millis)))
}

fn errors(lines: &str) -> Result<Vec<StoredError>, StoreError> {
    lines
        .lines()
        .map(|line| {
            serde_json::from_str(line).map_err(|error| StoreError::Damaged {
                what: "error of a job",
                reason: error.to_string(),
            })
        })
        .collect()
}
