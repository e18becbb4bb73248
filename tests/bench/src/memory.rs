//! What an idle device takes of the store's memory.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use redis::Value;

use crate::device::{Device, USER};
use crate::rows::Bench;
use crate::stage::OWN;
use crate::wire::Wire;

/// Devices of one user.
const DEVICES: usize = 2_000;
/// Users with one device each. Fewer: each of them logs in, which the server limits for one address.
const USERS: usize = 150;
/// Objects that each device has.
const OBJECTS: usize = 20;

/// Bytes of one more device.
pub(crate) struct PerDevice {
    /// All the devices are one user's, and read one document.
    pub(crate) of_one_user: f64,
    /// Each is another user's, who was there before, and reads a document of its own that was there before.
    pub(crate) of_many_users: f64,
}

impl Bench {
    /// Registers devices, lets each sync until there is nothing new, and looks at what the store's data grew by.
    pub(crate) async fn memory(&mut self) -> Result<PerDevice> {
        self.back_end.write("Crowd", USER, 0..OBJECTS, 1).await?;
        let sessions = vec![self.session.clone(); DEVICES];
        let of_one_user = self.growth("Crowd", &sessions).await?;

        let mut sessions = Vec::new();
        for number in 0..USERS {
            let user = format!("user{number:04}");
            self.back_end.create_user(&user).await?;
            self.back_end.write(OWN, &user, 0..OBJECTS, 1).await?;
            sessions.push(Device::log_in(&mut self.wire, &user).await?);
        }
        let of_many_users = self.growth(OWN, &sessions).await?;
        Ok(PerDevice {
            of_one_user,
            of_many_users,
        })
    }

    async fn growth(&mut self, source: &str, sessions: &[Device]) -> Result<f64> {
        // Of a connection of their own, so that nothing of the measured ones is under way.
        let mut wire = Wire::open(&self.stage.address).await?;
        let before = self.data().await?;
        for session in sessions {
            let device = session.register(&mut wire).await?;
            device.catch_up(&mut wire, source).await?;
        }
        let after = self.data().await?;
        // The table of keys doubles now and then; each key is charged with its share of it.
        let table = after.table * (after.keys - before.keys) / after.keys;
        Ok((after.content - before.content + table) / sessions.len() as f64)
    }

    /// What the data takes, without connections and scripts.
    async fn data(&mut self) -> Result<Data> {
        let mut memory = redis::cmd("MEMORY");
        let stats: HashMap<String, Value> =
            memory.arg("STATS").query_async(&mut self.store).await?;
        let database: HashMap<String, Value> = redis::from_redis_value(field(&stats, "db.0")?)?;
        let number = |value: Value| Ok::<_, anyhow::Error>(redis::from_redis_value::<f64>(value)?);
        Ok(Data {
            content: number(field(&stats, "dataset.bytes")?)?,
            table: number(field(&database, "overhead.hashtable.main")?)?,
            keys: number(field(&stats, "keys.count")?)?,
        })
    }
}

/// What the data takes.
struct Data {
    /// Bytes of keys and values.
    content: f64,
    /// Bytes of the table of keys.
    table: f64,
    /// How many keys there are.
    keys: f64,
}

fn field(stats: &HashMap<String, Value>, name: &str) -> Result<Value> {
    let value = stats.get(name);
    value
        .cloned()
        .with_context(|| format!("the store does not tell its {name}"))
}
