//! Whatever devices and a back end do, and whatever the network loses, delays or repeats: once it is quiet, every
//! device has what the back end has.
//!
//! The engine is the real one, on a real Redis; so are the devices' copies. Only the network between them is played
//! here, since it has to fail on command. `PROPTEST_CASES` runs that many cases that nobody has seen yet.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use serde_json::{Map, Value, json};
use sync_client::{Page, Push, Replica};
use sync_core::{
    ChangesRequest, ClientId, Files, PullRequest, Session, StorePorts as _, SyncError, Token,
};
use test_support::{Fault, TestRedis, World};

/// A source that everybody shares and that asks the back end with every sync.
const SOURCE: &str = "Shared";

/// Devices of two users.
const DEVICES: usize = 4;

/// Cases of a normal run.
const CASES: u32 = 1_000;

/// Where the random histories of a normal run start.
const SEED: u64 = 2_026;

/// Histories after which a run of many says how far it is.
const PROGRESS: u32 = 500;

/// The seeds of histories that have failed, which every run plays first.
const FAILURES: &str = "tests/it/convergence.proptest-regressions";

/// Syncs of all devices that find nothing more to wait for, after which nothing is expected to move.
const STABLE_ROUNDS: usize = 5;

/// Syncs of all devices after which everything must have settled.
const QUIET_ROUNDS: usize = 30;

#[derive(Debug, Clone)]
enum Step {
    Create {
        device: usize,
    },
    Update {
        device: usize,
        object: usize,
        attribute: u8,
        value: u8,
    },
    Delete {
        device: usize,
        object: usize,
    },
    BackEndPut {
        object: u8,
        attribute: u8,
        value: u8,
    },
    BackEndDrop {
        object: u8,
        attribute: u8,
    },
    BackEndRemove {
        object: usize,
    },
    BackEndFails(Vec<Fault>),
    Sync {
        device: usize,
        page_size: usize,
        losses: Vec<Loss>,
    },
    SyncTogether {
        devices: [usize; 2],
        page_size: usize,
        /// Whose command is carried out, each time that both wait for the store.
        turns: Vec<u8>,
    },
    /// Jobs are done.
    Work,
    /// The same while a device syncs.
    SyncBesideWork {
        device: usize,
        page_size: usize,
        turns: Vec<u8>,
    },
    /// A request that seemed lost arrives after all.
    Late(usize),
    Wait(u64),
    Reset {
        device: usize,
    },
    Collect,
    Metadata(u8),
    /// The source has another schema now: devices are told to start over.
    Schema,
}

/// What happens to one exchange of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    None,
    /// The request does not arrive now; it may later.
    Request,
    /// The answer is lost.
    Answer,
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![4 => Just(Loss::None), 1 => Just(Loss::Request), 2 => Just(Loss::Answer)]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::Unreachable),
        2 => Just(Fault::LostAnswer),
        1 => Just(Fault::Rejected),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let device = || 0..DEVICES;
    prop_oneof![
        4 => device().prop_map(|device| Step::Create { device }),
        6 => (device(), 0..20_usize, 0..3_u8, any::<u8>())
            .prop_map(|(device, object, attribute, value)| Step::Update { device, object, attribute, value }),
        3 => (device(), 0..20_usize).prop_map(|(device, object)| Step::Delete { device, object }),
        3 => (0..6_u8, 0..3_u8, any::<u8>())
            .prop_map(|(object, attribute, value)| Step::BackEndPut { object, attribute, value }),
        1 => (0..6_u8, 0..3_u8).prop_map(|(object, attribute)| Step::BackEndDrop { object, attribute }),
        2 => (0..20_usize).prop_map(|object| Step::BackEndRemove { object }),
        3 => vec(fault(), 1..6).prop_map(Step::BackEndFails),
        9 => (device(), 1..5_usize, vec(loss(), 0..6))
            .prop_map(|(device, page_size, losses)| Step::Sync { device, page_size, losses }),
        3 => (device(), 1..DEVICES, 1..5_usize, vec(any::<u8>(), 0..80))
            .prop_map(|(one, further, page_size, turns)| Step::SyncTogether {
                devices: [one, (one + further) % DEVICES],
                page_size,
                turns,
            }),
        2 => Just(Step::Work),
        2 => (device(), 1..5_usize, vec(any::<u8>(), 0..80))
            .prop_map(|(device, page_size, turns)| Step::SyncBesideWork { device, page_size, turns }),
        3 => any::<usize>().prop_map(Step::Late),
        2 => (1..400_u64).prop_map(Step::Wait),
        1 => device().prop_map(|device| Step::Reset { device }),
        1 => Just(Step::Collect),
        1 => (0..3_u8).prop_map(Step::Metadata),
        1 => Just(Step::Schema),
    ]
}

/// A device: its copy, and what it has sent that may still arrive.
struct Device {
    session: Session,
    client: ClientId,
    replica: Replica,
    under_way: Vec<Request>,
}

#[derive(Clone)]
enum Request {
    Push(Push),
    Pull {
        token: Option<Token>,
        page_size: usize,
    },
}

/// What becomes of an exchange, as the device sees it.
enum Exchange {
    RequestOutcome,
    Failed,
}

impl Device {
    async fn push(&self, world: &World, push: &Push) -> Result<(), SyncError> {
        let Push {
            number,
            create,
            update,
            delete,
        } = push;
        let changes = json!({"create": create, "update": update, "delete": delete});
        let request = ChangesRequest {
            client: self.client.as_str(),
            source: SOURCE,
            sequence: Some(*number),
            files: Files::default(),
            changes: serde_json::from_value(changes).expect("changes"),
            trace: None,
        };
        world.engine.accept_changes(&self.session, request).await
    }

    async fn pull(
        &self,
        world: &World,
        token: Option<Token>,
        page_size: usize,
    ) -> Result<Page, SyncError> {
        let request = PullRequest {
            client: self.client.as_str(),
            source: SOURCE,
            token,
            page_size,
            parameters: &[],
            trace: None,
        };
        let page = world.engine.pull(&self.session, request).await?;
        Ok(
            Page::parse(&serde_json::to_vec(&page).expect("a page is JSON"))
                .expect("a page devices can read"),
        )
    }

    /// Everything up, then everything down, until something is lost.
    async fn sync(&mut self, world: &World, page_size: usize, losses: &[Loss]) {
        let mut losses: VecDeque<Loss> = losses.iter().copied().collect();
        let push = self.replica.take_push();
        if !push.is_empty() {
            let exchange = match losses.pop_front().unwrap_or(Loss::None) {
                Loss::Request => {
                    self.under_way.push(Request::Push(push.clone()));
                    Exchange::Failed
                }
                Loss::Answer => {
                    self.push(world, &push).await.expect("to push");
                    // A network may deliver twice.
                    self.under_way.push(Request::Push(push.clone()));
                    Exchange::Failed
                }
                Loss::None => {
                    self.push(world, &push).await.expect("to push");
                    Exchange::RequestOutcome
                }
            };
            match exchange {
                Exchange::RequestOutcome => self.replica.accepted(&push),
                Exchange::Failed => return,
            }
        }
        let mut token = None;
        loop {
            match losses.pop_front().unwrap_or(Loss::None) {
                Loss::Request => {
                    self.under_way.push(Request::Pull { token, page_size });
                    return;
                }
                Loss::Answer => {
                    self.pull(world, token, page_size).await.expect("to pull");
                    return;
                }
                Loss::None => {}
            }
            let page = self.pull(world, token, page_size).await.expect("to pull");
            token = page
                .token
                .map(|token| token.to_string().parse().map(Token::new).expect("a number"));
            if self.replica.apply(page).schema_changed {
                self.begin_another_life();
            }
            if token.is_none() {
                return;
            }
        }
    }

    /// What was sent before a device started over and arrives after that would be a change of another life of it.
    fn begin_another_life(&mut self) {
        self.under_way
            .retain(|request| matches!(request, Request::Pull { .. }));
    }

    fn objects(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.replica
            .objects()
            .map(|(id, attributes)| (id.to_owned(), attributes.into_owned()))
            .collect()
    }

    fn pick(&self, index: usize) -> Option<String> {
        let ids: Vec<&str> = self.replica.objects().map(|(id, _)| id).collect();
        (!ids.is_empty()).then(|| ids[index % ids.len()].to_owned())
    }
}

/// One case: a store that was just emptied, a back end, devices.
struct Case {
    world: World,
    devices: Vec<Device>,
    created: u32,
    metadata: String,
    schema: u32,
}

impl Case {
    async fn start(redis: &Rc<TestRedis>, page_bytes: Option<usize>) -> Self {
        let mut world = World::on(Rc::clone(redis), 1).await;
        if let Some(bytes) = page_bytes {
            world = world.with_pages_of_bytes(bytes).await;
        }
        world.flush().await;
        let mut devices = Vec::new();
        for number in 0..DEVICES {
            let session = world
                .session(if number % 2 == 0 { "even" } else { "odd" })
                .await;
            let client = world.client(&session).await;
            devices.push(Device {
                session,
                client,
                replica: Replica::new(SOURCE),
                under_way: Vec::new(),
            });
        }
        Self {
            world,
            devices,
            created: 0,
            metadata: String::new(),
            schema: 0,
        }
    }

    async fn run(&mut self, step: Step) {
        let Self {
            world,
            devices,
            created,
            metadata,
            schema,
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
                world.collect(SOURCE).await;
            }
        }
    }

    async fn settle(&mut self) -> Result<(), TestCaseError> {
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

/// Plays a history and looks whether everybody has the same in the end.
async fn play(
    redis: &Rc<TestRedis>,
    page_bytes: Option<usize>,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let mut case = Case::start(redis, page_bytes).await;
    for step in steps {
        case.run(step).await;
    }
    case.settle().await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

#[expect(clippy::print_stderr, reason = "a run of hours says how far it is")]
fn report(played: u32) {
    eprintln!("{played} histories");
}

#[test]
fn all_devices_converge() {
    let runtime = runtime();
    let redis = Rc::new(TestRedis::start());
    // The normal run is the same every time; one with a number of cases of its own looks for what nobody has seen yet.
    let wanted = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let played = Cell::new(0_u32);
    let config = ProptestConfig {
        cases: wanted.unwrap_or(CASES),
        rng_seed: wanted.map_or(RngSeed::Fixed(SEED), |_| RngSeed::Random),
        max_shrink_iters: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(FAILURES))),
        ..Default::default()
    };
    proptest!(config, |(steps in vec(step(), 1..60), page_bytes in prop::option::weighted(0.25, 1_usize..600))| {
        runtime.block_on(play(&redis, page_bytes, steps))?;
        played.set(played.get() + 1);
        if wanted.is_some() && played.get().is_multiple_of(PROGRESS) {
            report(played.get());
        }
    });
}

/// Histories that random runs have found, and after which devices once stayed wrong for ever.
fn found() -> Vec<(&'static str, Vec<Step>)> {
    use Fault::{LostAnswer, None as Well, Unreachable};
    use Step::{
        BackEndDrop, BackEndFails, BackEndPut, BackEndRemove, Create, Delete, Schema, Sync,
        SyncTogether, Update,
    };
    let sync = |device, losses: &[Loss]| Sync {
        device,
        page_size: 1,
        losses: losses.to_vec(),
    };
    let together = |devices| SyncTogether {
        devices,
        page_size: 1,
        turns: Vec::new(),
    };
    vec![
        (
            "a create sent before the device was told to start over",
            vec![
                Create { device: 3 },
                BackEndFails(vec![Well]),
                BackEndFails(vec![Well, Well, Unreachable]),
                Schema,
                BackEndFails(vec![Unreachable, Unreachable]),
                Create { device: 3 },
                sync(3, &[Loss::None, Loss::None, Loss::Answer]),
                Create { device: 3 },
                sync(3, &[Loss::None]),
            ],
        ),
        (
            "a device deletes, by the id that it has seen, what its own create had made",
            vec![
                sync(1, &[Loss::Answer]),
                sync(2, &[Loss::Answer]),
                BackEndFails(vec![Well, Well, Unreachable]),
                BackEndFails(vec![Unreachable, LostAnswer]),
                sync(0, &[Loss::None]),
                Create { device: 2 },
                sync(0, &[Loss::None]),
                sync(2, &[]),
                Delete {
                    device: 2,
                    object: 0,
                },
                BackEndRemove { object: 0 },
            ],
        ),
        (
            "the same, while other devices sync",
            vec![
                BackEndDrop {
                    object: 0,
                    attribute: 0,
                },
                BackEndFails(vec![Well, Well]),
                BackEndFails(vec![Well, Well]),
                sync(0, &[]),
                BackEndFails(vec![Well, Well, Well, Unreachable]),
                sync(0, &[]),
                sync(0, &[]),
                Create { device: 3 },
                sync(3, &[Loss::Answer]),
                Create { device: 3 },
                sync(0, &[]),
                sync(0, &[Loss::Answer]),
                Update {
                    device: 0,
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                sync(0, &[Loss::None, Loss::Request]),
                BackEndFails(vec![LostAnswer, Unreachable]),
                together([2, 3]),
                together([3, 0]),
                Delete {
                    device: 3,
                    object: 10,
                },
                Delete {
                    device: 0,
                    object: 5,
                },
            ],
        ),
        (
            "another's value comes while the device's newer one waits",
            vec![
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                sync(1, &[Loss::None]),
                together([2, 3]),
                Update {
                    device: 3,
                    object: 0,
                    attribute: 0,
                    value: 1,
                },
                Update {
                    device: 1,
                    object: 0,
                    attribute: 0,
                    value: 2,
                },
                sync(3, &[]),
                BackEndFails(vec![Well, Unreachable, Unreachable, Unreachable]),
                together([2, 1]),
            ],
        ),
    ]
}

#[test]
fn histories_that_once_failed_converge() {
    let runtime = runtime();
    let redis = Rc::new(TestRedis::start());
    for (name, steps) in found() {
        let played = runtime.block_on(play(&redis, None, steps));
        played.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
