//! One history: what happens in it, and what has to be true in the end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sync_client::rhoconnect::Replica;
use sync_core::{EVERYBODY, Engine, StorePorts as _};
use test_support::{Backup, TestPorts, TestRedis, World};

use super::device::{Device, Request};
use super::steps::Step;
use super::{DEVICES, QUIET_ROUNDS, SOURCE, STABLE_ROUNDS};

/// How far the clock of the other host is ahead.
const AHEAD: Duration = Duration::from_secs(90);

/// A user's copy is made of two: what everybody has, and what is the user's own.
const HALVES: &str = r#"
    retention_days = 30
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = ["app", "user"]
    poll_interval = 0
"#;

/// What copies of the source there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copies {
    /// One, which everybody shares.
    Shared,
    /// One of each user, made of everybody's and the user's own.
    Combined,
}

/// The users whose devices there are.
const USERS: [&str; 2] = ["even", "odd"];

/// One case: a store that was just emptied, a back end, devices.
pub(super) struct Case {
    world: World,
    devices: Vec<Device>,
    created: u32,
    metadata: String,
    schema: u32,
    /// The host that answers when hosts change.
    other: Engine<TestPorts>,
    backup: Option<Backup>,
}

impl Case {
    pub(super) async fn start(
        redis: &Rc<TestRedis>,
        page_bytes: Option<usize>,
        copies: Copies,
    ) -> Self {
        let mut world = World::on(Rc::clone(redis), 1).await;
        let halves = match page_bytes {
            Some(bytes) => format!("{HALVES}max_page_bytes = {bytes}"),
            None => HALVES.to_owned(),
        };
        let settings = (copies == Copies::Combined).then_some(halves.as_str());
        if settings.is_some() {
            let engine = world.another(settings, 1).await;
            world = world.with_engine(engine);
            world.back_end.halve();
        } else if let Some(bytes) = page_bytes {
            world = world.with_pages_of_bytes(bytes).await;
        }
        world.flush().await;
        let mut devices = Vec::new();
        for number in 0..DEVICES {
            let session = world.session(USERS[number % 2]).await;
            let client = world.client(&session).await;
            devices.push(Device {
                session,
                client,
                replica: Replica::new(SOURCE),
                under_way: Vec::new(),
                narrowed: None,
            });
        }
        let other = world.another_ahead(settings, 2, AHEAD).await;
        Self {
            world,
            devices,
            created: 0,
            metadata: String::new(),
            schema: 0,
            other,
            backup: None,
        }
    }

    pub(super) async fn run(&mut self, step: Step) {
        let Self {
            world,
            devices,
            created,
            metadata,
            schema,
            other,
            backup,
        } = self;
        let name = |attribute: u8| format!("a{attribute}");
        match step {
            Step::Create { device } => {
                *created += 1;
                // The name tells every create from every other, so that one that is done twice shows.
                let object = [
                    ("name", format!("made {created}")),
                    ("a0", "new".to_owned()),
                ];
                devices[device]
                    .replica
                    .create_as(format!("temporary-{device}-{created}"), object);
            }
            Step::Update {
                device,
                object,
                attribute,
                value,
            } => {
                if let Some(id) = devices[device].pick(object) {
                    devices[device]
                        .replica
                        .update(&id, [(name(attribute), value.to_string())]);
                }
            }
            Step::Delete { device, object } => {
                if let Some(id) = devices[device].pick(object) {
                    devices[device].replica.delete(&id);
                }
            }
            Step::BackEndPut {
                object,
                attribute,
                value,
            } => {
                let id = format!("x{object}");
                let mut attributes = world.back_end.get(&id).unwrap_or_default();
                attributes.insert(name(attribute), value.to_string());
                world.back_end.set(&id, attributes);
            }
            Step::BackEndDrop { object, attribute } => {
                let id = format!("x{object}");
                if let Some(mut attributes) = world.back_end.get(&id) {
                    attributes.remove(&name(attribute));
                    world.back_end.set(&id, attributes);
                }
            }
            Step::BackEndRemove { object } => {
                let ids: Vec<_> = world.back_end.objects().into_keys().collect();
                if !ids.is_empty() {
                    world.back_end.remove(ids[object % ids.len()].as_str());
                }
            }
            Step::BackEndFails(faults) => world.back_end.fail(faults),
            Step::Sync {
                device,
                page_size,
                losses,
            } => devices[device].sync(world, page_size, &losses).await,
            Step::SyncTogether {
                devices: [one, two],
                page_size,
                turns,
            } => {
                let [one, two] = devices.get_disjoint_mut([one, two]).expect("two devices");
                let both = async {
                    futures_util::join!(
                        one.sync(world, page_size, &[]),
                        two.sync(world, page_size, &[])
                    );
                };
                world.engine.ports().redis.in_turns(&turns, both).await;
            }
            Step::Work => world.work().await,
            Step::SyncBesideWork {
                device,
                page_size,
                turns,
            } => {
                let both = async {
                    futures_util::join!(devices[device].sync(world, page_size, &[]), world.work());
                };
                world.engine.ports().redis.in_turns(&turns, both).await;
            }
            Step::Late(which) => {
                let device = &mut devices[which % DEVICES];
                if device.under_way.is_empty() {
                    return;
                }
                let request = device.under_way.remove(which % device.under_way.len());
                match request {
                    Request::Push(push) => device.push(world, &push).await.expect("to push"),
                    Request::Pull { token, page_size } => {
                        device
                            .pull(world, token, page_size)
                            .await
                            .map(drop)
                            .expect("to pull");
                    }
                }
            }
            Step::Wait(seconds) => world
                .engine
                .ports()
                .clock()
                .advance(Duration::from_secs(seconds)),
            Step::Reset { device } => {
                let device = &mut devices[device];
                let all = world
                    .engine
                    .reset_client(&device.session, device.client.as_str(), None);
                all.await.expect("to reset");
                device.replica.clear();
                device.begin_another_life();
            }
            Step::Metadata(text) => {
                *metadata = format!("metadata {text}");
                world.back_end.set_metadata(Some(metadata));
            }
            Step::Schema => {
                *schema += 1;
                let text = json!({"version": schema}).to_string();
                world.back_end.set_schema(Some(&text));
            }
            Step::Collect => {
                for user in [EVERYBODY].into_iter().chain(USERS) {
                    let collected = world.engine.collect_tombstones(SOURCE, user).await;
                    collected.expect("to collect");
                }
            }
            Step::SyncNarrowed {
                device,
                value,
                page_size,
            } => {
                let device = &mut devices[device];
                device.narrowed = Some(value.to_string());
                device.sync(world, page_size, &[]).await;
                device.narrowed = None;
            }
            Step::SyncWhileItHangs {
                device,
                page_size,
                seconds,
            } => hang(world, &mut devices[device], page_size, seconds).await,
            Step::HandOver { device } => {
                let device = &mut devices[device];
                let at = USERS
                    .iter()
                    .position(|user| device.session.user().as_str() == *user);
                let user = USERS[at.map_or(0, |at| 1 - at)];
                device.session = world.session(user).await;
                device.replica.clear();
                device.under_way.clear();
                // The server learns of it by the first sync: it is not told otherwise that the device has nothing now.
                device.sync(world, 5, &[]).await;
            }
            Step::ChangeHosts => std::mem::swap(&mut world.engine, other),
            Step::Backup => *backup = Some(world.backup().await),
            Step::Restore => {
                let Some(backup) = backup else {
                    return;
                };
                world.restore(backup).await;
                for device in devices {
                    let client = device.client.as_str();
                    let known = world.engine.client(client).await.expect("a client");
                    if known.user != *device.session.user() {
                        // It has gone over to another user since, which it does with nothing on it.
                        device.replica.clear();
                    }
                    let told = world.engine.start_client_over(client, SOURCE).await;
                    told.expect("to let a client start over");
                    device.begin_another_life();
                }
            }
        }
    }

    pub(super) async fn settle(&mut self) -> Result<(), TestCaseError> {
        let Self {
            world,
            devices,
            metadata,
            ..
        } = self;
        world.back_end.heal();
        let mut stable = 0;
        for _ in 0..QUIET_ROUNDS {
            world
                .engine
                .ports()
                .clock()
                .advance(Duration::from_secs(600));
            world.work().await;
            for device in &mut *devices {
                device.sync(world, 100, &[]).await;
            }
            let there = world.back_end.objects();
            let is_settled = |device: &Device| {
                !device.replica.has_changes() && device.objects().len() == there.len()
            };
            stable = if devices.iter().all(is_settled) {
                stable + 1
            } else {
                0
            };
            if stable == STABLE_ROUNDS {
                break;
            }
        }
        let truth: BTreeMap<_, _> = world
            .back_end
            .objects()
            .into_iter()
            .filter(|(_, attributes)| !attributes.is_empty())
            .map(|(id, attributes)| (id.into_string(), attributes))
            .collect();
        let mut names = BTreeMap::new();
        for (id, attributes) in &truth {
            if let Some(name) = attributes.get("name") {
                let twin = names.insert(name, id);
                prop_assert!(
                    twin.is_none(),
                    "{name} was created twice: {id} and {twin:?}"
                );
            }
        }
        for (number, device) in devices.iter().enumerate() {
            prop_assert!(
                !device.replica.has_changes(),
                "device {number} still waits: {:?}",
                device.replica
            );
            prop_assert_eq!(&device.objects(), &truth, "device {}", number);
            let told = device.replica.metadata().unwrap_or_default();
            prop_assert_eq!(told, &*metadata, "device {}", number);
            let page = device.pull(world, None, 100).await.expect("to pull");
            prop_assert!(page.token.is_none(), "device {number} is never done");
        }
        prop_assert_eq!(self.fresh().await, json!(truth), "a new device");
        Ok(())
    }

    /// What a device that has never synced gets.
    async fn fresh(&self) -> Value {
        let session = self.world.session("even").await;
        let client = self.world.client(&session).await;
        let mut objects = Map::new();
        for page in self.world.sync(&session, &client, SOURCE).await {
            if let Some(inserted) = page.get("insert").and_then(Value::as_object) {
                objects.extend(inserted.clone());
            }
        }
        Value::Object(objects)
    }
}

/// Lets a device sync while the back end has the first question or create, and no answer, for a while.
async fn hang(world: &World, device: &mut Device, page_size: usize, seconds: u64) {
    let back_end = &world.back_end;
    back_end.wait_in_query(true);
    back_end.wait_in_write(true);
    let is_over = Cell::new(false);
    let sync = async {
        device.sync(world, page_size, &[]).await;
        is_over.set(true);
    };
    let time = async {
        while !is_over.get() && back_end.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let clock = world.engine.ports().clock();
        clock.advance(Duration::from_secs(seconds));
        // Whoever does not wait so long goes on.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        back_end.wait_in_query(false);
        back_end.wait_in_write(false);
    };
    futures_util::join!(sync, time);
}
