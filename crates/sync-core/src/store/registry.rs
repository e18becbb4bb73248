//! The registry: what administrators change at run time.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{PartitionRule, PollInterval, SourceName};
use crate::ports::RedisConn;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};
use crate::store::{Edit, EditOutcome, StoreError};

/// The registry: one hash for the whole server.
pub(crate) struct Registry<'a, R> {
    redis: &'a R,
}

/// All there is in the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RegistryContent {
    /// Where the app server is.
    pub(crate) app_server: Option<String>,
    /// Sources that are not in the settings, with who shares a copy of them.
    pub(crate) sources: BTreeMap<SourceName, PartitionRule>,
    /// Poll intervals that stand in for those of the settings.
    pub(crate) poll_intervals: BTreeMap<SourceName, PollInterval>,
    /// Sources whose back ends are left alone.
    pub(crate) paused: BTreeSet<SourceName>,
    /// The last edits of sources.
    pub(crate) edits: BTreeMap<SourceName, String>,
}

/// Whether a source was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddOutcome {
    /// It is there, now or since long ago.
    Yes,
    /// There are as many as there may be.
    Full,
}

impl<'a, R: RedisConn> Registry<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Reads everything. It is small: sources are limited, and everything else is per source.
    pub(crate) async fn read(&self) -> Result<RegistryContent, StoreError> {
        let command = args!["HGETALL", keys::registry()];
        let mut reply = Reply::new("HGETALL", self.redis.run(command).await?);
        let mut content = RegistryContent::default();
        while !reply.is_empty() {
            let (field, value) = (reply.required_text()?, reply.required_text()?);
            if field == keys::APP_SERVER_FIELD {
                content.app_server = Some(value);
            } else if let Some(name) = field.strip_prefix(keys::SOURCE_FIELD_PREFIX) {
                content.sources.insert(stored_name(name)?, stored(&value)?);
            } else if let Some(name) = field.strip_prefix(keys::POLL_INTERVAL_FIELD_PREFIX) {
                let interval = value.parse().ok().and_then(PollInterval::from_seconds);
                let interval = interval.ok_or_else(|| damaged("a poll interval", &value))?;
                content.poll_intervals.insert(stored_name(name)?, interval);
            } else if let Some(name) = field.strip_prefix(keys::PAUSED_FIELD_PREFIX) {
                content.paused.insert(stored_name(name)?);
            } else if let Some(name) = field.strip_prefix(keys::EDIT_FIELD_PREFIX) {
                content.edits.insert(stored_name(name)?, value);
            }
            // Any other field is a newer version's.
        }
        Ok(content)
    }

    /// Sets the app server's address, or forgets it.
    pub(crate) async fn set_app_server(&self, url: Option<&str>) -> Result<(), StoreError> {
        let key = keys::registry();
        let command = match url {
            Some(url) => args!["HSET", key, keys::APP_SERVER_FIELD, url],
            None => args!["HDEL", key, keys::APP_SERVER_FIELD],
        };
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }

    /// Sets what is given of a source: its poll interval, and whether its back end is left alone.
    pub(crate) async fn change_source(
        &self,
        source: &SourceName,
        edit: Edit<'_>,
        interval: Option<PollInterval>,
        paused: Option<bool>,
    ) -> Result<EditOutcome, StoreError> {
        let mut args = args![
            keys::edit_field(source),
            edit.after.unwrap_or_default(),
            edit.name
        ];
        if let Some(interval) = interval {
            let seconds = interval.to_seconds().to_string();
            args.extend(args![keys::poll_interval_field(source), seconds]);
        }
        if let Some(paused) = paused {
            args.extend(args![
                keys::paused_field(source),
                if paused { "1" } else { "" }
            ]);
        }
        let keys = [keys::registry()];
        let changed = script::SET_SOURCE.run(self.redis, &keys, args);
        EditOutcome::read(changed.await?)
    }

    /// Whether a source's back end is left alone.
    pub(crate) async fn is_paused(&self, source: &SourceName) -> Result<bool, StoreError> {
        let command = args!["HEXISTS", keys::registry(), keys::paused_field(source)];
        Ok(Reply::new("HEXISTS", self.redis.run(command).await?).number()? == 1)
    }

    /// Adds a source, unless there are `limit` already.
    pub(crate) async fn add_source(
        &self,
        source: &SourceName,
        partition: PartitionRule,
        limit: usize,
    ) -> Result<AddOutcome, StoreError> {
        let args = args![
            keys::source_field(source),
            partition.as_str(),
            keys::SOURCE_FIELD_PREFIX,
            limit
        ];
        let mut reply = script::ADD_SOURCE
            .run(self.redis, &[keys::registry()], args)
            .await?;
        match reply.required_text()?.as_str() {
            "ok" | "known" => Ok(AddOutcome::Yes),
            "full" => Ok(AddOutcome::Full),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Takes a source out, with what was set for it.
    pub(crate) async fn remove_source(&self, source: &SourceName) -> Result<(), StoreError> {
        let fields = [
            keys::source_field(source),
            keys::poll_interval_field(source),
            keys::paused_field(source),
            keys::edit_field(source),
        ];
        let [source, interval, paused, edit] = &fields;
        let command = args!["HDEL", keys::registry(), source, interval, paused, edit];
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }
}

fn stored_name(name: &str) -> Result<SourceName, StoreError> {
    SourceName::parse(name).map_err(|_| damaged("a source's name", name))
}

fn stored(partition: &str) -> Result<PartitionRule, StoreError> {
    PartitionRule::parse(partition).ok_or_else(|| damaged("a partition rule", partition))
}

fn damaged(what: &'static str, found: &str) -> StoreError {
    StoreError::Damaged {
        what,
        reason: found.to_owned(),
    }
}
