//! Metrics: what instances have counted, added up.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use futures_util::join;

use crate::model::Millis;
use crate::ports::RedisConn;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, arg, args};
use crate::store::{StoreError, store_time};

/// The names of the old stats that are looked at at once.
const NAMES_CHUNK: usize = 1_000;

/// Steps of a series that are read at once.
const STEPS_CHUNK: usize = 200;

/// Fields of a step that are looked at at once.
const FIELDS_CHUNK: usize = 10_000;

/// The old stats' names of what is not counted but looked up.
const VALUES: [&str; 2] = ["clients", "users"];

/// The counter of registered clients, which is counted where they are registered.
pub(crate) const CLIENTS_COUNTER: &str = "rhosync_clients";

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Users, with the administrator.
    pub users: u64,
    /// Keys in the store's database, whoever's they are.
    pub store_keys: u64,
    /// Bytes the store uses.
    pub store_bytes: u64,
    /// Bytes the store may use, if that is limited.
    pub most_store_bytes: Option<u64>,
}

/// Calls of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How many.
    pub(crate) count: u64,
    /// How long all of them took.
    pub(crate) micros: u64,
}

/// Upper bounds of durations, in milliseconds. They are so close that what half of the answers took can be told from them.
pub const BUCKETS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// How long a step of a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepLength {
    /// A minute; kept for three hours.
    Minute,
    /// An hour; kept for ninety days.
    Hour,
}

impl StepLength {
    /// How many seconds a step has.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }

    /// How many steps are kept.
    pub const fn kept(self) -> u64 {
        match self {
            Self::Minute => 3 * 60,
            Self::Hour => 90 * 24,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }
}

/// What a minute is summed up by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinuteTotals {
    /// Requests of any kind.
    pub requests: u64,
    /// Those that were answered with a status of 500 or more.
    pub failed: u64,
    /// Pages that devices asked for, and pushes.
    pub syncs: u64,
    /// Answers to devices, by how long they took: one number for each of [`BUCKETS`], and one beyond the last.
    pub by_time: [u64; BUCKETS.len() + 1],
}

impl MinuteTotals {
    const REQUESTS: &str = "requests";
    const FAILED: &str = "failed";
    const SYNCS: &str = "syncs";

    /// The store's fields, in their order.
    fn fields() -> Vec<String> {
        let named = [Self::REQUESTS, Self::FAILED, Self::SYNCS].map(str::to_owned);
        let by_time = (0..=BUCKETS.len()).map(|place| format!("took {place}"));
        named.into_iter().chain(by_time).collect()
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let Self {
            requests,
            failed,
            syncs,
            by_time,
        } = self;
        [*requests, *failed, *syncs].into_iter().chain(*by_time)
    }
}

/// The counters of the whole server.
pub(crate) struct MetricsStore<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> MetricsStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Adds to counters, for good and of this minute and hour, and to what the minute is summed up by.
    pub(crate) async fn add(
        &self,
        counts: &BTreeMap<String, u64>,
        totals: &MinuteTotals,
    ) -> Result<(), StoreError> {
        if counts.is_empty() {
            return Ok(());
        }
        let time = self.redis.time_of_test().map(|time| time.to_string());
        let mut args = args![time.unwrap_or_default(), counts.len()];
        args.extend(
            counts
                .iter()
                .flat_map(|(field, amount)| [arg(field), arg(*amount)]),
        );
        let totals = MinuteTotals::fields().into_iter().zip(totals.numbers());
        for (field, number) in totals.filter(|(_, number)| *number > 0) {
            args.extend([arg(field), arg(number)]);
        }
        script::COUNT
            .run(self.redis, &[keys::metrics()], args)
            .await?;
        Ok(())
    }

    /// The store's time: what minutes and hours go by.
    pub(crate) async fn time(&self) -> Result<Millis, StoreError> {
        store_time(self.redis).await
    }

    /// What was counted of one metric in each of some steps: fields and numbers.
    pub(crate) async fn steps(
        &self,
        length: StepLength,
        steps: impl Iterator<Item = u64>,
        metric: &str,
    ) -> Result<Vec<Vec<(String, u64)>>, StoreError> {
        let steps: Vec<u64> = steps.collect();
        let mut counted = Vec::with_capacity(steps.len());
        for chunk in steps.chunks(STEPS_CHUNK) {
            let chunk = chunk.iter().map(|step| self.step(length, *step, metric));
            counted.extend(try_join_all(chunk).await?);
        }
        Ok(counted)
    }

    async fn step(
        &self,
        length: StepLength,
        step: u64,
        metric: &str,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let key = keys::metrics_step(length.as_str(), step);
        let pattern = format!("{metric} *");
        let mut counted = Vec::new();
        let mut position = "0".to_owned();
        loop {
            // All of a metric's fields at once, mostly: others of the step stay in the store.
            let command = args![
                "HSCAN",
                &key,
                &position,
                "MATCH",
                &pattern,
                "COUNT",
                FIELDS_CHUNK
            ];
            let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
            position = reply.required_text()?;
            while !reply.is_empty() {
                counted.push((reply.required_text()?, reply.number()?));
            }
            if position == "0" {
                return Ok(counted);
            }
        }
    }

    /// What whole minutes are summed up by, the oldest first: `count` of them before this one.
    pub(crate) async fn minutes(
        &self,
        now: Millis,
        count: u64,
    ) -> Result<Vec<(Millis, MinuteTotals)>, StoreError> {
        let first = (now.0 / 60_000).saturating_sub(count);
        let fields = MinuteTotals::fields();
        let steps = self
            .counted(StepLength::Minute, first, count, &fields)
            .await?;
        let minutes = (first..).zip(steps).map(|(minute, numbers)| {
            let mut numbers = numbers.into_iter();
            let mut number = || numbers.next().unwrap_or(0);
            let mut totals = MinuteTotals {
                requests: number(),
                failed: number(),
                syncs: number(),
                ..MinuteTotals::default()
            };
            totals.by_time.fill_with(number);
            (Millis(minute * 60_000), totals)
        });
        Ok(minutes.collect())
    }

    /// What was counted in each of some steps, by fields.
    pub(crate) async fn counted(
        &self,
        length: StepLength,
        first: u64,
        count: u64,
        fields: &[String],
    ) -> Result<Vec<Vec<u64>>, StoreError> {
        let mut args = args![length.as_str(), first, count];
        args.extend(fields.iter().map(arg));
        let mut reply = script::READ_STEPS
            .run(self.redis, &[keys::metrics()], args)
            .await?;
        let mut steps = Vec::with_capacity(reply.len());
        while !reply.is_empty() {
            let text = reply.required_text()?;
            let numbers = text.split(' ').map(|number| number.parse().unwrap_or(0));
            steps.push(numbers.collect());
        }
        Ok(steps)
    }

    /// Reads all counters. They are limited, as routes and sources are.
    pub(crate) async fn read(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let command = args!["HGETALL", keys::metrics()];
        let mut reply = Reply::new("HGETALL", self.redis.run(command).await?);
        let mut counts = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            let (field, number) = (reply.required_text()?, reply.required_text()?);
            // Clients that were removed but never counted would make it negative.
            let number: i64 = number.parse().map_err(|_| StoreError::Damaged {
                what: "a counter",
                reason: format!("{field:?}: {number:?}"),
            })?;
            counts.push((field, number.max(0).unsigned_abs()));
        }
        Ok(counts)
    }

    /// Reads how things stand.
    pub(crate) async fn figures(&self) -> Result<Figures, StoreError> {
        let (users, keys, memory) = join!(
            self.redis.run(args!["ZCARD", keys::users()]),
            self.redis.run(args!["DBSIZE"]),
            self.redis.run(args!["INFO", "memory"]),
        );
        let memory = Reply::new("INFO", memory?).required_text()?;
        let figure = |name: &str| {
            let mut lines = memory.lines();
            lines.find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        let used = figure("used_memory:");
        Ok(Figures {
            users: Reply::new("ZCARD", users?).number()?,
            store_keys: Reply::new("DBSIZE", keys?).number()?,
            most_store_bytes: figure("maxmemory:").filter(|most| *most > 0),
            store_bytes: used.ok_or_else(|| StoreError::UnexpectedReply {
                command: "INFO",
                found: "no used_memory".to_owned(),
            })?,
        })
    }

    /// Adds to the old stats of a minute, and forgets what is older than `oldest`; both in Unix seconds.
    pub(crate) async fn add_stats(
        &self,
        stats: &BTreeMap<String, Timing>,
        minute: u64,
        oldest: u64,
    ) -> Result<(), StoreError> {
        let (clients, users) = join!(
            self.redis
                .run(args!["HGET", keys::metrics(), CLIENTS_COUNTER]),
            self.redis.run(args!["ZCARD", keys::users()]),
        );
        let clients = Reply::new("HGET", clients?).text()?.unwrap_or_default();
        let clients = clients.parse().unwrap_or(0);
        let values = [clients, Reply::new("ZCARD", users?).number()?];
        let mut keys = vec![keys::stats_names()];
        let mut args = args![minute, oldest];
        for (name, value) in VALUES.into_iter().zip(values) {
            keys.push(keys::stats(name));
            args.extend(args![name, value, ""]);
        }
        for (name, Timing { count, micros }) in stats {
            keys.push(keys::stats(name));
            args.extend(args![name, *count, *micros]);
        }
        script::ADD_STATS.run(self.redis, &keys, args).await?;
        Ok(())
    }

    /// The names of the old stats that match a pattern, in order.
    pub(crate) async fn stats_names(&self, pattern: &str) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        let mut position = "0".to_owned();
        loop {
            let key = keys::stats_names();
            let command = args![
                "SSCAN",
                key,
                &position,
                "MATCH",
                pattern,
                "COUNT",
                NAMES_CHUNK
            ];
            let mut reply = Reply::new("SSCAN", self.redis.run(command).await?);
            position = reply.required_text()?;
            while !reply.is_empty() {
                names.push(reply.required_text()?);
            }
            if position == "0" {
                break;
            }
        }
        // What is looked through while it grows may be met twice.
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The entries of an old stat from one place to another; `None` where there is none of that name.
    pub(crate) async fn stats(
        &self,
        name: &str,
        first: i64,
        last: i64,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let range = args![
            "ZRANGE",
            keys::stats(name),
            first.to_string(),
            last.to_string()
        ];
        let (known, entries) = join!(
            self.redis
                .run(args!["SISMEMBER", keys::stats_names(), name]),
            self.redis.run(range),
        );
        if Reply::new("SISMEMBER", known?).number()? == 0 {
            return Ok(None);
        }
        let mut reply = Reply::new("ZRANGE", entries?);
        let entries = (0..reply.len()).map(|_| Ok(entry(&reply.required_text()?)));
        entries.collect::<Result<_, StoreError>>().map(Some)
    }
}

/// An entry as scripts know it: with seconds, as the original's floating-point numbers.
fn entry(stored: &str) -> String {
    let parts = stored.split_once(':').and_then(|(value, minute)| {
        let (count, micros) = value.split_once(',')?;
        let (count, micros): (u32, u64) = (count.parse().ok()?, micros.parse().ok()?);
        let seconds = std::time::Duration::from_micros(micros).as_secs_f64();
        Some(format!("{:?},{seconds:?}:{minute}", f64::from(count)))
    });
    parts.unwrap_or_else(|| stored.to_owned())
}
