//! A system that is used for years: what it keeps does not grow with time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{
    ClientId, CollectBlobs, Engine, PingContext, PingMessage, PingTargets, RedisConn as _,
    RedisValue, Session, SettingsFile, SyncError, UserChange, adapter_handlers, ping_handlers,
};
use sync_jobs::{Budget, JobHandlers, NewJob, Priority, QueueName, Worker};
use sync_proto::DeviceDescription;
use test_support::{NativeRedis, SeededRandom, TestPorts, World, local};

const SETTINGS: &str = r#"
    retention_days = 30

    [jobs]
    dead_jobs = 20

    [blobs]
    public_url = "https://files.example/"

    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0

    [sources.Own]
    adapter = "rust"
    rust = "back-end"
    partition = "user"
    poll_interval = 0

    [sources.Pushed]
    adapter = "push-only"
    partition = "app"

    [sources.Both]
    adapter = "push-only"
    partition = ["region/{{ user.region }}", "user"]
"#;

/// What passes between two looks.
const STEP: Duration = Duration::from_secs(7 * 86_400);

/// A year and a half of steps: by then everything has been kept for as long as anything is.
const FIRST: usize = 80;

/// The steps of another half year.
const SECOND: usize = 26;

struct Year {
    world: World,
    pings: PingContext<TestPorts>,
    session: Session,
    device: ClientId,
    step: usize,
}

impl Year {
    async fn begin() -> Self {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let ports = world.engine.ports();
        let ports = TestPorts {
            redis: NativeRedis::connect(&world.redis.url())
                .await
                .with_time(&ports.clock),
            http: test_support::NoHttp,
            clock: ports.clock.clone(),
            random: SeededRandom::new(3),
        };
        let settings = SettingsFile::parse("rhosync.toml", SETTINGS).unwrap();
        let pings = PingContext::new(Rc::new(ports), settings.resolve(|_| None).unwrap());
        let session = world.sign_in("anna").await;
        let device = world.client(&session).await;
        Self {
            world,
            pings,
            session,
            device,
            step: 0,
        }
    }

    fn engine(&self) -> &Engine<TestPorts> {
        &self.world.engine
    }

    /// What happens between two looks.
    async fn step(&mut self) {
        self.step += 1;
        let (world, session) = (&self.world, &self.session);
        for source in ["Shared", "Pushed", "Both", "Own"] {
            let news = world.sync(session, &self.device, source).await;
            if source == "Own" {
                self.delete(source, ids_in(&news, "insert", |id, _| Some(id)))
                    .await;
            }
        }
        self.change().await;
        self.feed().await;
        self.install_anew().await;
        self.delete_a_client().await;
        self.ping().await;
        self.let_jobs_die().await;
        // A day each: what is looked at a day later is looked at.
        for _ in 0..7 {
            self.pass(STEP / 7).await;
        }
    }

    /// A device makes objects, one with a file, gets their ids, and deletes them again.
    async fn change(&self) {
        let (world, session, step) = (&self.world, &self.session, self.step);
        let first = format!("t{step}");
        let changes = json!({"create": {first: {"name": "a"}}});
        world
            .push(session, &self.device, "Own", changes)
            .await
            .unwrap();
        let with_file = format!("f{step}");
        let changes = json!({
            "create": {&with_file: {"name": "b", "photo": "p.png"}},
            "blob_fields": ["photo"]
        });
        let file = format!("content {step}");
        world
            .push_with_files(
                session,
                &self.device,
                "Pushed",
                changes,
                &[(&format!("photo-{with_file}"), file.as_bytes())],
            )
            .await
            .unwrap();
        for source in ["Own", "Pushed"] {
            let news = world.sync(session, &self.device, source).await;
            let ids = ids_in(&news, "links", |_, link| link["l"].as_str());
            assert!(!ids.is_empty(), "{news:?}");
            self.delete(source, ids).await;
        }
    }

    async fn delete(&self, source: &str, ids: Vec<String>) {
        let gone = ids.into_iter().map(|id| (id, json!({})));
        let gone: serde_json::Map<_, _> = gone.collect();
        let changes = json!({"delete": gone});
        let pushed = self
            .world
            .push(&self.session, &self.device, source, changes);
        pushed.await.unwrap();
        self.world.sync(&self.session, &self.device, source).await;
    }

    /// A back end brings many objects, and takes them away again.
    async fn feed(&self) {
        let step = self.step;
        let ids: Vec<String> = (0..300).map(|number| format!("{step}-{number}")).collect();
        let objects = ids.iter().map(|id| (id.clone(), json!({"name": "n"})));
        let objects: serde_json::Map<_, _> = objects.collect();
        let objects = serde_json::from_value(objects.into()).unwrap();
        let engine = self.engine();
        engine
            .feed_objects("Pushed", "anna", objects)
            .await
            .unwrap();
        engine.feed_deletes("Pushed", "anna", ids).await.unwrap();
        self.move_and_feed().await;
    }

    /// The user goes from one region to the other, where something changes before and after the device has seen it.
    async fn move_and_feed(&self) {
        let (engine, step) = (self.engine(), self.step);
        let region = ("region".to_owned(), format!("r{}", step % 2));
        let change = UserChange {
            attributes: Some(BTreeMap::from([region])),
            ..UserChange::default()
        };
        engine.accounts().update_user("anna", change).await.unwrap();
        for part in ["a", "b"] {
            let id = format!("{step}{part}");
            let objects = serde_json::from_value(json!({&id: {"name": "n"}})).unwrap();
            engine.feed_objects("Both", "anna", objects).await.unwrap();
            self.world.sync(&self.session, &self.device, "Both").await;
            engine.feed_deletes("Both", "anna", vec![id]).await.unwrap();
        }
    }

    /// The application is installed anew: another client, and nobody hears of the old one again.
    async fn install_anew(&self) {
        let client = self.world.client(&self.session).await;
        for source in ["Shared", "Own", "Pushed", "Both"] {
            self.world.sync(&self.session, &client, source).await;
        }
        let change = json!({"create": {"t1": {"name": "c"}}});
        let pushed = self.world.push(&self.session, &client, "Own", change).await;
        pushed.unwrap();
    }

    async fn delete_a_client(&self) {
        let session = self.world.session("ben").await;
        let client = self.world.client(&session).await;
        self.world.sync(&session, &client, "Shared").await;
        let deleted = self.engine().delete_client(Some("ben"), client.as_str());
        deleted.await.unwrap();
    }

    /// Devices without a service are pinged.
    async fn ping(&self) {
        let phone = DeviceDescription {
            device_type: Some("Android".to_owned()),
            device_pin: Some("pin".to_owned()),
            ..DeviceDescription::default()
        };
        let device = self.device.as_str();
        let registered = self.engine().register_client(&self.session, device, &phone);
        registered.await.unwrap();
        let message = PingMessage {
            message: Some(format!("step {}", self.step)),
            ..PingMessage::default()
        };
        let to = PingTargets {
            users: vec!["anna".to_owned()],
            clients: Vec::new(),
        };
        self.engine().ping(&to, &message, "rhoadmin").await.unwrap();
    }

    async fn let_jobs_die(&self) {
        for name in ["deliver", "query"] {
            let job = NewJob {
                name: name.to_owned(),
                queue: QueueName::parse("adapter").unwrap(),
                payload: "no payload".to_owned(),
                turn: None,
                priority: Priority::Normal,
                max_attempts: 1,
                delay: Duration::ZERO,
                unique: None,
            };
            self.engine().enqueue(&job).await.unwrap();
        }
    }

    /// Lets time pass, after which everybody works who has something to do.
    async fn pass(&self, time: Duration) {
        let engine = self.engine();
        engine.ports().clock.advance(time);
        engine.ports().redis.let_keys_expire(time).await;
        if engine.metrics().must_flush() {
            engine.metrics().flush_soon().await;
        }
        engine.sweeper().sweep().await.unwrap();
        let adapter = adapter_handlers();
        engine
            .worker(&adapter, "adapter")
            .run(Budget::RING)
            .await
            .unwrap();
        let bulk = JobHandlers::new().with(CollectBlobs::NAME, CollectBlobs);
        engine
            .worker(&bulk, "bulk")
            .run(Budget::RING)
            .await
            .unwrap();
        let (push, jobs) = (ping_handlers(), &self.pings.settings().jobs);
        let worker = Worker::new(self.pings.ports(), jobs, "push", &push, &self.pings);
        worker.run(Budget::RING).await.unwrap();
    }

    /// How many entries there are of each kind of key; a key is one, and all that is in it.
    async fn sizes(&self) -> BTreeMap<String, usize> {
        let redis = &self.engine().ports().redis;
        let run = async |command: &[&str]| {
            let command = command.iter().map(|part| part.as_bytes().to_vec());
            redis.run(command.collect()).await.unwrap()
        };
        let text = |value: &RedisValue| match value {
            RedisValue::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            RedisValue::Status(text) => text.clone(),
            other => panic!("no text: {other:?}"),
        };
        let mut sizes = BTreeMap::new();
        for key in run(&["KEYS", "*"]).await.iter().map(text) {
            let length = match text(&run(&["TYPE", &key]).await[0]).as_str() {
                "hash" => "HLEN",
                "zset" => "ZCARD",
                "set" => "SCARD",
                "list" => "LLEN",
                _ => "EXISTS",
            };
            let RedisValue::Int(length) = run(&[length, &key]).await[0] else {
                panic!("no length of {key}")
            };
            let is_id =
                |part: &&str| part.len() >= 5 && part.chars().all(|c| c.is_ascii_hexdigit());
            let kind: Vec<&str> = key.split(':').filter(|part| !is_id(part)).collect();
            *sizes.entry(kind.join(":")).or_default() += 1 + usize::try_from(length).unwrap();
        }
        sizes
    }

    /// The most there was of each kind at the end of so many steps.
    async fn most_in(&mut self, steps: usize) -> BTreeMap<String, usize> {
        let mut most = BTreeMap::<String, usize>::new();
        for _ in 0..steps {
            self.step().await;
            for (kind, size) in self.sizes().await {
                let known = most.entry(kind).or_default();
                *known = size.max(*known);
            }
        }
        most
    }
}

/// The ids that pages have under a name.
fn ids_in<'a>(
    pages: &'a [Value],
    name: &str,
    id: impl Fn(&'a str, &'a Value) -> Option<&'a str>,
) -> Vec<String> {
    let named = pages.iter().filter_map(|page| page[name].as_object());
    named
        .flatten()
        .filter_map(|(key, value)| id(key, value).map(str::to_owned))
        .collect()
}

#[test]
fn what_is_kept_does_not_grow_with_the_years() {
    local(async {
        let mut year = Year::begin().await;
        let first = year.most_in(FIRST).await;
        let second = year.most_in(SECOND).await;
        let grown: Vec<String> = second
            .iter()
            .map(|(kind, most)| (kind, first.get(kind).copied().unwrap_or(0), *most))
            .filter(|(_, before, most)| most > before)
            .map(|(kind, before, most)| format!("{kind}: {before}, then {most}"))
            .collect();
        assert!(grown.is_empty(), "{grown:#?}");
        // The device that was there all the time still is.
        let state = year.engine().client(year.device.as_str()).await;
        assert_eq!(state.unwrap().user.as_str(), "anna");
        let clients = year.engine().list_clients("anna", None, 1_000).await;
        assert!(clients.unwrap().len() < 12, "those of the last two months");
        let stray = year.engine().client("0123456789abcdef").await;
        assert_eq!(stray.unwrap_err(), SyncError::UnknownClient);
    });
}
