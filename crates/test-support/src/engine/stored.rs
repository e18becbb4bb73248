//! What the store has, seen and changed past the engine.

use sync_core::{ClientId, RedisConn as _, RedisValue};

use super::World;

impl World {
    /// Lets the lease of a shared source's refresh run out.
    pub async fn drop_refresh_lease(&self, source: &str) {
        self.forget(&format!("*{{{source}/app}}:lease")).await;
    }

    /// Leaves the lease of a shared source's refresh no more than so many milliseconds.
    pub async fn shorten_refresh_lease(&self, source: &str, millis: u64) {
        for key in self.keys_like(&format!("*{{{source}/app}}:lease")).await {
            self.run(&["PEXPIRE", &key, &millis.to_string()]).await;
        }
    }

    /// How many milliseconds the lease of a shared source's refresh is good for.
    pub async fn refresh_lease_left(&self, source: &str) -> i64 {
        let mut left = 0;
        for key in self.keys_like(&format!("*{{{source}/app}}:lease")).await {
            let command = ["PTTL", &key].map(|part| part.as_bytes().to_vec());
            let reply = self.engine.ports().redis.run(command.into()).await;
            if let Some(RedisValue::Int(millis)) = reply.expect("a reply").pop() {
                left = millis;
            }
        }
        left
    }

    /// Lets the time run out in which writes of the API that have begun are theirs who began them.
    pub async fn drop_write_leases(&self) {
        self.forget("*:idempotency:*").await;
    }

    /// Lets the lease on a client's operations in a shared source run out.
    pub async fn drop_operations_lease(&self, source: &str, client: &ClientId) {
        let key = format!("*{{{source}/app}}:cudlease:{client}");
        self.forget(&key).await;
    }

    /// Forgets which bulk data files there are, as if their time had come.
    pub async fn forget_bulk_data(&self) {
        self.forget("*:bulk-data:*").await;
    }

    /// How many bytes the store has answered so far.
    pub async fn bytes_from_store(&self) -> u64 {
        let info = self.run(&["INFO", "stats"]).await;
        info.lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"))
            .and_then(|count| count.trim().parse().ok())
            .expect("the count of bytes")
    }

    /// How many bytes the keys take that are not of jobs and metrics, in the store's own reckoning.
    pub async fn bytes_of_keys(&self) -> i64 {
        let mut bytes = 0;
        for key in self.keys().await {
            if key.contains("{metrics}") || key.contains("{jobs}") {
                continue;
            }
            let command = ["MEMORY", "USAGE", &key, "SAMPLES", "0"];
            let command = command.map(|part| part.as_bytes().to_vec());
            let reply = self.engine.ports().redis.run(command.into()).await;
            if let Some(RedisValue::Int(size)) = reply.expect("a reply").pop() {
                bytes += size;
            }
        }
        bytes
    }

    /// How often the store has run a command (`hgetall`) so far.
    pub async fn calls_of(&self, command: &str) -> u64 {
        let info = self.run(&["INFO", "commandstats"]).await;
        let found = info
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        found.map_or(0, |line| {
            let count = line.split(',').next();
            count.and_then(|count| count.parse().ok()).expect("a count")
        })
    }

    /// The keys that the store has, in their order, but for what the queue of jobs has of itself.
    pub async fn keys(&self) -> Vec<String> {
        let is_of_queue = |key: &String| key.contains("{jobs}:") && !key.contains(":job:");
        let mut keys = self.keys_like("*").await;
        keys.retain(|key| !is_of_queue(key));
        keys.sort();
        keys
    }

    async fn forget(&self, pattern: &str) {
        for key in self.keys_like(pattern).await {
            self.run(&["DEL", &key]).await;
        }
    }

    /// Has the store carry out a command, past the engine. Answers a text or a number.
    ///
    /// # Panics
    ///
    /// When the store refuses it.
    pub async fn run(&self, command: &[&str]) -> String {
        let command = command
            .iter()
            .map(|part| part.as_bytes().to_vec())
            .collect();
        match self
            .engine
            .ports()
            .redis
            .run(command)
            .await
            .expect("a reply")
            .pop()
        {
            Some(RedisValue::Bytes(bytes)) => String::from_utf8(bytes).expect("text"),
            _ => String::new(),
        }
    }

    /// How many contents of blobs are in the store.
    pub async fn blob_contents(&self) -> usize {
        self.keys_like("*blob-content:*").await.len()
    }

    /// The keys of all that is in the store about blobs.
    pub async fn blob_keys(&self) -> Vec<String> {
        let mut keys = self.keys_like("*blob*").await;
        // These go by themselves, in real time.
        keys.retain(|key| !key.contains(":spool:"));
        keys
    }

    pub(super) async fn keys_like(&self, pattern: &str) -> Vec<String> {
        let command = ["KEYS", pattern].map(|part| part.as_bytes().to_vec());
        let keys = self.engine.ports().redis.run(command.into()).await;
        let keys = keys.expect("keys").into_iter();
        keys.filter_map(|key| match key {
            RedisValue::Bytes(key) => String::from_utf8(key).ok(),
            _ => None,
        })
        .collect()
    }

    /// Loses a piece of the contents of all blobs.
    pub async fn drop_blob_piece(&self, number: u64) {
        for key in self.keys_like("*blob-content:*").await {
            self.run(&["HDEL", &key, &number.to_string()]).await;
        }
    }
}
