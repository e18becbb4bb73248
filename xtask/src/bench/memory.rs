//! What an idle device takes of the store's memory.

use std::collections::HashMap;

use anyhow::{Context as _, Result};

use super::device::{Device, USER};
use super::rows::Bench;
use super::stage::OWN;
use super::wire::Wire;

/// Devices of one user.
const DEVICES: usize = 2_000;
/// Users with one device each. Fewer: each of them logs in, which the server limits for one address.
const USERS: usize = 150;
/// Objects that each device has.
const OBJECTS: usize = 20;

/// Bytes of one more device.
pub(super) struct PerDevice {
    /// All the devices are one user's, and read one document.
    pub(super) of_one_user: f64,
    /// Each is another user's, who was there before, and reads a document of its own that was there before.
    pub(super) of_many_users: f64,
}

impl Bench {
    /// Registers devices, lets each sync until there is nothing new, and looks at what the store's data grew by.
    pub(super) async fn memory(&mut self) -> Result<PerDevice> {
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
        let before = self.data_size().await?;
        for session in sessions {
            let device = session.register(&mut wire).await?;
            device.catch_up(&mut wire, source).await?;
        }
        let after = self.data_size().await?;
        Ok(after.saturating_sub(before) as f64 / sessions.len() as f64)
    }

    /// Bytes of keys and values and of the table of keys, without connections and scripts.
    async fn data_size(&mut self) -> Result<u64> {
        let mut memory = redis::cmd("MEMORY");
        let mut stats: HashMap<String, redis::Value> =
            memory.arg("STATS").query_async(&mut self.store).await?;
        let mut take = |name: &str| stats.remove(name).with_context(|| format!("no {name}"));
        let data: u64 = redis::from_redis_value(take("dataset.bytes")?)?;
        let database: HashMap<String, redis::Value> = redis::from_redis_value(take("db.0")?)?;
        let table = database.get("overhead.hashtable.main").cloned();
        Ok(data + redis::from_redis_value::<u64>(table.context("no size of the table of keys")?)?)
    }
}
