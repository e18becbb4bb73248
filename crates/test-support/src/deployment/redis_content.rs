//! What is in the store's Redis, read past RhoSync.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Commands as _, Connection};

/// Everything in a Redis that a request could change, to be compared with what is there later.
///
/// Left out are metrics, how copies of sources are, the audit log, the counters of tried logins, and when clients were heard of, which refused requests
/// change too; hints of changes; that somebody has looked after jobs, the day a client was last heard of, and when an API token was last used.
#[derive(Debug, Clone, PartialEq)]
pub struct RedisContent(BTreeMap<String, Content>);

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Map(BTreeMap<String, Vec<u8>>),
    Scored(Vec<(Vec<u8>, f64)>),
}

/// Parts of keys that any request may change.
const UNNOTICED: [&str; 13] = [
    "{audit}",
    ":changed-documents",
    ":clients-seen",
    ":clients-failing",
    ":client-events:",
    ":login-failures:",
    ":remembered-password:",
    "{metrics}",
    "{copies}",
    "{jobs}:swept",
    "{jobs}:alarm",
    "{jobs}:ticks",
    "{jobs}:ticked",
];

/// Place of the day in a client's entry of a partition.
const DAY: usize = 5;

impl RedisContent {
    /// Reads it.
    ///
    /// # Panics
    ///
    /// When Redis does not answer, or holds a type that RhoSync does not use.
    pub fn read(redis: &mut Connection) -> Self {
        let keys: Vec<String> = redis.keys("*").expect("the keys");
        let read = |key: String| {
            let content = Content::read(redis, &key);
            (key, content)
        };
        Self(
            keys.into_iter()
                .filter(|key| !UNNOTICED.iter().any(|part| key.contains(part)))
                .map(read)
                .collect(),
        )
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The keys whose content differs.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .filter(|key| self.0.get(*key) != other.0.get(*key))
            .cloned()
            .collect()
    }
}

impl Content {
    fn read(redis: &mut Connection, key: &str) -> Self {
        let kind: String = redis::cmd("TYPE").arg(key).query(redis).expect("a type");
        let content = match kind.as_str() {
            "string" => redis.get(key).map(Self::Text),
            "list" => redis.lrange(key, 0, -1).map(Self::List),
            "set" => redis.smembers(key).map(Self::Set),
            "zset" => redis.zrange_withscores(key, 0, -1).map(Self::Scored),
            "hash" => redis.hgetall(key).map(Self::Map),
            other => panic!("{key} is a {other}"),
        };
        let mut content = content.expect("a key's content");
        if let Self::Map(map) = &mut content
            && key.ends_with("}:clients")
        {
            map.values_mut().for_each(forget_day);
        }
        if let Self::Map(map) = &mut content
            && key.contains(":api-token:")
        {
            map.remove("used");
        }
        content
    }
}

fn forget_day(entry: &mut Vec<u8>) {
    let mut fields: Vec<&[u8]> = entry.split(|byte| *byte == b',').collect();
    fields[DAY] = b"";
    *entry = fields.join(&b',');
}
