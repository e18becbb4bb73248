//! One history.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use sync_client::{Attributes, Ended, Operation, SyncOptions, SyncReport, Value};
use sync_core::{Clock as _, StorePorts as _};
use test_support::{Fault, TestRedis, World};

use crate::device::{Device, SOURCE};
use crate::files;

/// The users of the devices.
const USERS: [&str; 3] = ["one", "one", "two"];

/// Rounds of syncs after which everything must have settled.
const ROUNDS: usize = 40;

struct History {
    world: World,
    devices: Vec<Device>,
    random: fastrand::Rng,
    made: BTreeSet<String>,
    /// Names of objects that somebody has deleted, or that were refused.
    gone: BTreeSet<String>,
    last: u32,
    /// How many files there were.
    files: u64,
}

/// Plays the history of a number, and looks whether it ends well.
///
/// # Panics
///
/// When it does not.
pub async fn play(redis: &Rc<TestRedis>, seed: u64) {
    let world = World::on(Rc::clone(redis), 1).await;
    world.flush().await;
    let mut devices = Vec::new();
    for (number, user) in USERS.into_iter().enumerate() {
        devices.push(Device::new(&world, user, seed ^ (number as u64) << 32).await);
    }
    let mut history = History {
        world,
        devices,
        random: fastrand::Rng::with_seed(seed),
        made: BTreeSet::new(),
        gone: BTreeSet::new(),
        last: 0,
        files: 0,
    };
    for _ in 0..history.random.u8(5..60) {
        history.step().await;
    }
    history.settle().await;
}

impl History {
    async fn step(&mut self) {
        let at = self.random.usize(..self.devices.len());
        self.set_clocks();
        self.devices[at].revive();
        match self.random.u8(0..42) {
            0..=3 => self.create(at, None),
            4..=8 => self.update(at),
            9 | 10 => self.delete(at),
            11..=13 => {
                let id = format!("x{}", self.random.u8(0..5));
                let name = format!("of the back end {id}");
                let value = self.random.u8(..).to_string();
                let attributes = [("name", name.as_str()), ("a", &value)];
                self.world.back_end.put(&id, &attributes);
            }
            14 => {
                let ids: Vec<_> = self.world.back_end.objects().into_iter().collect();
                if let Some((id, attributes)) = self.random.choice(ids) {
                    self.gone.extend(attributes.get("name").cloned());
                    self.world.back_end.remove(id.as_str());
                }
            }
            15 | 16 => {
                let faults = [
                    Fault::None,
                    Fault::Unreachable,
                    Fault::LostAnswer,
                    Fault::Rejected,
                    Fault::Unauthorized,
                ];
                let some: Vec<_> = (0..self.random.u8(1..5))
                    .map(|_| faults[self.random.usize(..faults.len())])
                    .collect();
                self.world.back_end.fail(some);
            }
            17 => self.world.work().await,
            18 => {
                let seconds = self.random.u64(1..900);
                let clock = self.world.engine.ports().clock();
                clock.advance(Duration::from_secs(seconds));
            }
            19 => self.devices[at].deliver_late(&self.world).await,
            20 => self.devices[at].crash(),
            30..=32 => self.devices[at].crash_soon(&mut self.random),
            33..=36 => self.add_file(at),
            37 | 38 => self.narrow(at),
            39..=41 => self.search(at).await,
            21 => {
                // The device's clock is wrong for a while.
                let wrong = self.random.u64(..4_000_000_000_000);
                self.devices[at].set_clock(wrong);
                self.sync(at).await;
            }
            22 => {
                self.devices[at].call(|database| database.sign_out());
            }
            _ => self.sync(at).await,
        }
    }

    /// Devices' clocks are as the server's, but for seconds.
    fn set_clocks(&self) {
        let now = self.world.engine.ports().clock().now().0;
        for (number, device) in self.devices.iter().enumerate() {
            device.set_clock(now + 1_000 * number as u64);
        }
    }

    async fn sync(&mut self, at: usize) {
        if self.random.bool() {
            self.want_files(at);
        }
        let report = self.devices[at].sync(&self.world, &mut self.random).await;
        if report.is_some_and(|report| self.look_at(&report) == Ended::SignedOut) {
            self.devices[at].sign_in(&self.world).await;
        }
    }

    fn look_at(&mut self, report: &SyncReport) -> Ended {
        assert_eq!(
            report.mended, 0,
            "a copy was not as it should be: {report:?}"
        );
        report.ended.clone()
    }

    /// Makes an object, with a file or without.
    fn create(&mut self, at: usize, file: Option<String>) {
        self.last += 1;
        let name = format!("number {}", self.last);
        let mut attributes: Attributes = [
            ("name".to_owned(), name.as_str().into()),
            ("a".to_owned(), self.random.u8(..).to_string().into()),
        ]
        .into();
        attributes.extend(file.map(|address| (files::FILE.to_owned(), address.into())));
        let made = self.devices[at].call(|database| database.create(SOURCE, attributes));
        if made.is_none() {
            // Nobody was promised it.
            self.gone.insert(name.clone());
        }
        self.made.insert(name);
    }

    fn update(&mut self, at: usize) {
        let attribute = if self.random.bool() { "a" } else { "b" };
        let value = self.random.u8(..).to_string();
        let unset = match self.random.u8(0..4) {
            0 => vec!["c".to_owned()],
            _ => Vec::new(),
        };
        self.set(at, attribute, value, unset);
    }

    /// Changes an object, if there is one.
    fn set(&mut self, at: usize, attribute: &str, value: String, unset: Vec<String>) {
        let Some((id, _)) = self.devices[at].pick(&mut self.random) else {
            return;
        };
        let operation = Operation::Update {
            source: SOURCE.to_owned(),
            id,
            set: [(attribute.to_owned(), value.into())].into(),
            unset,
        };
        self.devices[at].call(|database| database.transaction(vec![operation]));
    }

    /// A new object gets a file, or one that there is.
    fn add_file(&mut self, at: usize) {
        self.files += 1;
        let (name, content) = (files::name(self.files), files::content(self.files));
        let added =
            self.devices[at].call(|database| database.add_file(&name, "image/png", &content));
        match added {
            // It ended before anybody was told the address.
            None => {}
            Some(address) if self.random.bool() => self.create(at, Some(address)),
            Some(address) => self.set(at, files::FILE, address, Vec::new()),
        }
    }

    /// A device follows a part of the source from now on, or the whole again.
    fn narrow(&mut self, at: usize) {
        let parameters: Attributes = match self.random.u8(0..3) {
            0 => Attributes::new(),
            of => [("a".to_owned(), i64::from(of).into())].into(),
        };
        self.devices[at].call(|database| database.set_parameters(SOURCE, &parameters));
    }

    /// A device searches at the back end, which finds what it has now, or forgets what it has found.
    async fn search(&mut self, at: usize) {
        if self.random.u8(0..4) == 0 {
            self.devices[at].call(|database| database.forget_found(SOURCE));
            return;
        }
        for (id, attributes) in self.world.back_end.objects() {
            let attributes = attributes.iter();
            let attributes: Vec<_> = attributes
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            self.world.back_end.put_findable(id.as_str(), &attributes);
        }
        // Whether it was found does not matter: what is in the file has to go on well.
        let _ = self.devices[at].search(&self.world, &mut self.random).await;
    }

    /// The app wants to show its objects' files. Those that are here are what they were.
    fn want_files(&mut self, at: usize) {
        let device = &mut self.devices[at];
        for address in device.files() {
            device.call(|database| database.want_file(&address));
            let read = device.call(|database| database.read_file(&address));
            if let Some(Some(content)) = read {
                let is_right = content == files::content_at(&address);
                assert!(is_right, "{address} has another content");
            }
        }
    }

    fn delete(&mut self, at: usize) {
        if let Some((id, attributes)) = self.devices[at].pick(&mut self.random) {
            self.gone.extend(attributes.get("name").map(Value::to_text));
            self.devices[at].call(|database| database.delete(SOURCE, &id));
        }
    }

    async fn settle(&mut self) {
        self.world.back_end.heal();
        for device in &mut self.devices {
            device.crash();
            device.call(|database| database.set_parameters(SOURCE, &Attributes::new()));
            device.call(|database| database.forget_found(SOURCE));
        }
        let mut differs = String::new();
        for _ in 0..ROUNDS {
            let clock = self.world.engine.ports().clock();
            clock.advance(Duration::from_secs(700));
            self.set_clocks();
            self.world.work().await;
            for at in 0..self.devices.len() {
                let device = &mut self.devices[at];
                device.deliver_late(&self.world).await;
                let report = device.sync_well(&self.world, SyncOptions::default()).await;
                if self.look_at(&report) == Ended::SignedOut {
                    self.devices[at].sign_in(&self.world).await;
                }
                self.give_up(at);
            }
            differs = self.differences();
            if differs.is_empty() {
                break;
            }
        }
        assert_eq!(differs, "", "it does not settle");
        for device in &mut self.devices {
            let verify = SyncOptions {
                verify: true,
                ..SyncOptions::default()
            };
            let report = device.sync_well(&self.world, verify).await;
            assert_eq!((report.mended, &report.ended), (0, &Ended::Complete));
        }
        self.compare_files().await;
        let mut names = BTreeMap::new();
        for (id, attributes) in self.world.back_end.objects() {
            if let Some(name) = attributes.get("name")
                && self.made.contains(name)
            {
                let twin = names.insert(name.clone(), id);
                assert_eq!(twin, None, "{name} was made twice");
            }
        }
        for name in self.made.difference(&self.gone) {
            assert!(names.contains_key(name), "{name} is lost");
        }
    }

    /// Each device gets every file, whole, however often that breaks off.
    async fn compare_files(&mut self) {
        for at in 0..self.devices.len() {
            for _ in 0..5 {
                self.devices[at].crash_soon(&mut self.random);
                self.want_files(at);
                self.sync(at).await;
            }
            self.devices[at].crash();
            self.set_clocks();
            self.want_files(at);
            let device = &mut self.devices[at];
            let report = device.sync_well(&self.world, SyncOptions::default()).await;
            assert_eq!(report.ended, Ended::Complete);
            for address in device.files() {
                let read = device.call(|database| database.read_file(&address));
                let state = device.call(|database| database.file(&address));
                let is_right = read.flatten() == Some(files::content_at(&address));
                assert!(is_right, "device {at} has {address} as {state:?}");
            }
        }
    }

    /// The user gives up what was refused.
    fn give_up(&mut self, at: usize) {
        for failed in self.devices[at].failed() {
            if let Operation::Create { attributes, .. } = &failed.operation {
                self.gone.extend(attributes.get("name").map(Value::to_text));
            }
            self.devices[at].call(|database| database.discard(&failed.id));
        }
    }

    /// What is not yet as it should be.
    fn differences(&self) -> String {
        let truth: BTreeMap<String, BTreeMap<String, String>> = self
            .world
            .back_end
            .objects()
            .into_iter()
            .map(|(id, attributes)| {
                let values = attributes.into_iter();
                let values = values.filter(|(_, value)| !value.is_empty());
                (id.to_string(), values.collect())
            })
            .collect();
        for (number, device) in self.devices.iter().enumerate() {
            let pending = device.pending();
            if !pending.is_empty() {
                return format!("device {number} has changes that wait: {pending}");
            }
            let has = device.objects();
            if has != truth {
                return format!("device {number} has {has:?} and the back end {truth:?}");
            }
        }
        String::new()
    }
}
