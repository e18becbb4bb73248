//! What a store had at some moment, and how it comes to have it again.

use sync_core::{RedisConn as _, RedisValue};

use super::World;

/// What a store had at some moment: keys, their contents, and for how many milliseconds more they live (0: forever).
#[derive(Debug)]
pub struct Backup(Vec<(String, Vec<u8>, String)>);

/// Time passes: how long keys still live makes no difference.
impl PartialEq for Backup {
    fn eq(&self, other: &Self) -> bool {
        let contents = |backup: &Self| {
            let kept = backup.0.iter();
            kept.map(|(key, dump, _)| (key.clone(), dump.clone()))
                .collect::<Vec<_>>()
        };
        contents(self) == contents(other)
    }
}

impl World {
    /// Everything that the store has now.
    pub async fn backup(&self) -> Backup {
        let mut dumps = Vec::new();
        for key in self.keys_like("*").await {
            let redis = &self.engine.ports().redis;
            let run = async |verb: &[u8]| {
                let command = [verb, key.as_bytes()].map(<[u8]>::to_vec);
                let reply = redis.run(command.into()).await;
                reply.expect("a reply").pop()
            };
            let (dump, life) = (run(b"DUMP").await, run(b"PTTL").await);
            if let (Some(RedisValue::Bytes(dump)), Some(RedisValue::Int(life))) = (dump, life) {
                dumps.push((key, dump, life.max(0).to_string()));
            }
        }
        dumps.sort();
        Backup(dumps)
    }

    /// Sets the store back.
    pub async fn restore(&self, backup: &Backup) {
        self.flush().await;
        for (key, dump, life) in &backup.0 {
            let command = [&b"RESTORE"[..], key.as_bytes(), life.as_bytes(), dump];
            let restored = self
                .engine
                .ports()
                .redis
                .run(command.map(<[u8]>::to_vec).into());
            restored.await.expect("to restore");
        }
    }
}
