//! Users who are in several partitions of a source at once.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

mod changes;
mod membership;
mod reading;
mod trouble;

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::{ClientId, DeviceSession, Session, UserChange};
use test_support::World;

use crate::device_sync::{Copy, a_moment, device, sync};

const SETTINGS: &str = r#"
    retention_days = 30
    [sources.Visit]
    adapter = "rust"
    rust = "back-end"
    partition = ["region/{{ user.region }}", "user"]
    create_in = "user"
    poll_interval = 0
    [sources.Note]
    adapter = "push-only"
    partition = ["app", "user"]
    [sources.Own]
    adapter = "push-only"
    partition = "user"
    [sources.Slow]
    adapter = "rust"
    rust = "back-end"
    partition = ["region/{{ user.region }}", "user"]
    query_queue = "adapter"
    poll_interval = 60
"#;

/// Users who get their region's objects and their own.
struct Regions {
    world: World,
}

impl Regions {
    async fn start() -> Self {
        let world = World::start().await;
        let engine = world.another(Some(SETTINGS), 1).await;
        let world = world.with_engine(engine);
        world.back_end.put("n", &[("region", "north")]);
        world.back_end.put("s", &[("region", "south")]);
        world.back_end.put("a", &[("owner", "anna")]);
        world.back_end.put("b", &[("owner", "ben")]);
        Self { world }
    }

    /// A device of the old protocols, of a user who is in this region, if any.
    async fn device(&self, user: &str, region: Option<&str>) -> (Session, ClientId) {
        let session = self.world.sign_in(user).await;
        let client = self.world.client(&session).await;
        self.put(user, region).await;
        (session, client)
    }

    /// A device that keeps its cursors itself.
    async fn own_device(&self, user: &str, region: Option<&str>) -> DeviceSession {
        let device = device(&self.world, user).await;
        self.put(user, region).await;
        device
    }

    async fn put(&self, user: &str, region: Option<&str>) {
        let region = region.map(|region| ("region".to_owned(), region.to_owned()));
        let change = UserChange {
            attributes: Some(BTreeMap::from_iter(region)),
            ..UserChange::default()
        };
        let accounts = self.world.engine.accounts();
        accounts.update_user(user, change).await.unwrap();
    }

    async fn sync(&self, (session, client): &(Session, ClientId)) -> Vec<Value> {
        self.world.sync(session, client, "Visit").await
    }

    async fn push(&self, (session, client): &(Session, ClientId), changes: Value) {
        let pushed = self.world.push(session, client, "Visit", changes).await;
        pushed.unwrap();
    }

    async fn feed(&self, source: &str, user: &str, objects: Value) {
        let objects = serde_json::from_value(objects).unwrap();
        let fed = self.world.engine.feed_objects(source, user, objects).await;
        fed.unwrap();
        a_moment(&self.world);
    }

    /// Syncs a device that keeps its cursors itself, after what others have read is too old for it.
    async fn follow(&self, device: &DeviceSession, copy: &mut Copy) -> Vec<Value> {
        a_moment(&self.world);
        sync(&self.world, device, copy).await
    }
}

fn ids(copy: &Copy, source: &str) -> Vec<String> {
    copy.objects[source].keys().cloned().collect()
}
