//! Metrics: what instances have counted, added up.

use std::collections::BTreeMap;

use futures_util::join;

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, arg, args};

/// The names of the old stats that are looked at at once.
const NAMES_CHUNK: usize = 1_000;

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
}

/// Calls of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How many.
    pub(crate) count: u64,
    /// How long all of them took.
    pub(crate) micros: u64,
}

/// The counters of the whole server.
pub(crate) struct MetricsStore<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> MetricsStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Adds to counters.
    pub(crate) async fn add(&self, counts: &BTreeMap<String, u64>) -> Result<(), StoreError> {
        if counts.is_empty() {
            return Ok(());
        }
        let args = counts
            .iter()
            .flat_map(|(field, amount)| [arg(field), arg(*amount)])
            .collect();
        script::COUNT
            .run(self.redis, &[keys::metrics()], args)
            .await?;
        Ok(())
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
        let used = memory
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok());
        Ok(Figures {
            users: Reply::new("ZCARD", users?).number()?,
            store_keys: Reply::new("DBSIZE", keys?).number()?,
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
