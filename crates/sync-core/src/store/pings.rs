//! Pings that somebody sent, and what push services did with them.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use crate::model::Millis;
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// Most pings that are kept.
const MAX_PINGS: u64 = 1_000;

/// How long a ping is kept.
const KEPT_MS: u64 = 30 * 86_400_000;

const HOUR_MS: u64 = 3_600_000;

/// How many hours the figures of push services go back, with the one that has begun.
const HOURS: u64 = 24;

/// What is read of a ping, in this order.
const FIELDS: [&str; 9] = [
    "at",
    "by",
    "message",
    "users",
    "clients",
    "delivered",
    "failed",
    "unreachable",
    "error",
];

/// A ping that somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingRecord {
    /// Id.
    pub id: String,
    /// When it was sent.
    pub at: Millis,
    /// Who sent it: an administrator, or an API token.
    pub by: String,
    /// Its message; silent without.
    pub message: Option<String>,
    /// Number of users.
    pub users: u64,
    /// Number of clients that it was sent to by themselves.
    pub clients: u64,
    /// Devices whose push service has taken it.
    pub delivered: u64,
    /// Devices whose push service has refused it.
    pub failed: u64,
    /// Devices that have no address, or whose push service is not set up.
    pub unreachable: u64,
    /// What went wrong last.
    pub error: Option<String>,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushFate {
    /// The service took it.
    Delivered,
    /// The service refused it.
    Failed,
    /// There is no service to ask.
    Unreachable,
}

impl PushFate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Pushes that had the same fate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PushCount<'a> {
    /// The ping they belong to, if somebody sent it.
    pub(crate) ping: Option<&'a str>,
    /// The service, where one was asked.
    pub(crate) service: Option<&'a str>,
    pub(crate) fate: PushFate,
    pub(crate) pushes: u64,
    /// What went wrong.
    pub(crate) error: Option<&'a str>,
}

/// What a push service did in the last 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushFigures {
    /// Pushes it has taken.
    pub delivered: u64,
    /// Pushes it has refused.
    pub failed: u64,
    /// What went wrong with the last one, if something did.
    pub error: Option<String>,
}

/// Pings that somebody sent.
pub(crate) struct Pings<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Pings<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Keeps a new one.
    pub(crate) async fn add(&self, record: &PingRecord) -> Result<(), StoreError> {
        let PingRecord {
            id,
            at,
            by,
            message,
            users,
            clients,
            delivered: _,
            failed: _,
            unreachable: _,
            error: _,
        } = record;
        let mut args = args![
            id, at.0, KEPT_MS, MAX_PINGS, "at", at.0, "by", by, "users", *users, "clients",
            *clients
        ];
        if let Some(message) = message {
            args.extend(args!["message", message]);
        }
        let mut old = script::ADD_PING
            .run(self.redis, &[keys::pings(), keys::ping(id)], args)
            .await?;
        let mut unlink = args!["UNLINK"];
        while !old.is_empty() {
            unlink.push(keys::ping(&old.required_text()?).into_bytes());
        }
        if unlink.len() > 1 {
            self.redis.run(unlink).await?;
        }
        Ok(())
    }

    /// Counts what became of pushes.
    pub(crate) async fn count(&self, now: Millis, count: PushCount<'_>) -> Result<(), StoreError> {
        let PushCount {
            ping,
            service,
            fate,
            pushes,
            error,
        } = count;
        let keys = [
            keys::push_services(now.0 / HOUR_MS),
            keys::push_services_said(),
            keys::ping(ping.unwrap_or_default()),
        ];
        let (service, error) = (service.unwrap_or_default(), error.unwrap_or_default());
        let kept_seconds = (HOURS + 1) * HOUR_MS / 1_000;
        let args = args![service, fate.as_str(), pushes, error, kept_seconds];
        script::COUNT_PUSH
            .run(self.redis, &keys, args)
            .await
            .map(drop)
    }

    /// Lists pings, the newest first, from a position and at most so many.
    pub(crate) async fn list(
        &self,
        from: usize,
        most: usize,
    ) -> Result<Vec<PingRecord>, StoreError> {
        let to = from.saturating_add(most).saturating_sub(1);
        let command = args!["ZREVRANGE", keys::pings(), from, to];
        let mut reply = Reply::new("ZREVRANGE", self.redis.run(command).await?);
        let ids: Result<Vec<_>, _> = (0..reply.len()).map(|_| reply.required_text()).collect();
        let found = try_join_all(ids?.into_iter().map(|id| self.get(id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get(&self, id: String) -> Result<Option<PingRecord>, StoreError> {
        let mut command = args!["HMGET", keys::ping(&id)];
        command.extend(FIELDS.map(|field| field.as_bytes().to_vec()));
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let mut text = || reply.text();
        let (at, by, message) = (text()?, text()?, text()?);
        let mut number = || Ok::<_, StoreError>(parse(text()?));
        let (users, clients) = (number()?, number()?);
        let (delivered, failed, unreachable) = (number()?, number()?, number()?);
        let Some(by) = by else {
            return Ok(None);
        };
        Ok(Some(PingRecord {
            id,
            at: Millis(parse(at)),
            by,
            message,
            users,
            clients,
            delivered,
            failed,
            unreachable,
            error: text()?,
        }))
    }

    /// What each push service did in the last 24 hours, by name; services that did nothing are not there.
    pub(crate) async fn services(
        &self,
        now: Millis,
    ) -> Result<BTreeMap<String, PushFigures>, StoreError> {
        let this = now.0 / HOUR_MS;
        let hours = try_join_all((0..HOURS).map(async |ago| {
            let command = args!["HGETALL", keys::push_services(this.saturating_sub(ago))];
            Ok::<_, StoreError>(Reply::new("HGETALL", self.redis.run(command).await?))
        }));
        let said = self.redis.run(args!["HGETALL", keys::push_services_said()]);
        let (hours, said) = futures_util::join!(hours, said);
        let mut figures: BTreeMap<String, PushFigures> = BTreeMap::new();
        for mut hour in hours? {
            while !hour.is_empty() {
                let (field, number) = (hour.required_text()?, hour.number()?);
                let Some((service, fate)) = field.split_once(' ') else {
                    continue;
                };
                let figures = figures.entry(service.to_owned()).or_default();
                match fate {
                    "delivered" => figures.delivered += number,
                    "failed" => figures.failed += number,
                    _ => {}
                }
            }
        }
        let mut said = Reply::new("HGETALL", said?);
        while !said.is_empty() {
            let service = said.required_text()?;
            figures.entry(service).or_default().error = said.text()?;
        }
        Ok(figures)
    }
}

fn parse(text: Option<String>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}
