//! The rows of the table: who asks for what, and what it is compared with.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use redis::aio::MultiplexedConnection;

use crate::cost::{self, Cost};
use crate::device::{BackEnd, Device, USER};
use crate::load::{self, Client, Task, histogram};
use crate::machine::Cpu;
use crate::native::NativeDevice;
use crate::stage::{NATIVE, Stage};
use crate::wire::Wire;

/// How often the two sides of a comparison take turns.
const ROUNDS: usize = 15;
/// Before anything is measured, each side works so long.
const WARM_UP: Duration = Duration::from_secs(1);
/// Objects of a source, unless its row says otherwise.
const OBJECTS: usize = 1_000;
/// Objects of the large source.
const MANY_OBJECTS: usize = 100_000;
/// Changes that the pull of a row finds.
const CHANGES: usize = 20;
/// Changes in the small and in the large source.
const MORE_CHANGES: usize = 100;
/// Most objects of a page, as devices ask where nobody told them otherwise.
const PAGE: usize = 500;

/// Who measures, and with how much.
pub(crate) struct Bench {
    pub(crate) stage: Stage,
    pub(crate) store: MultiplexedConnection,
    pub(crate) back_end: BackEnd,
    /// The session of [`USER`].
    pub(crate) session: Device,
    pub(crate) wire: Wire,
    /// How many clients work at once.
    pub(crate) clients: usize,
    /// How long one side of a comparison works before it is the other's turn.
    pub(crate) turn: Duration,
}

/// One side of a comparison.
pub(crate) struct Side {
    /// How long each took, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// How many per second: the median of the rounds.
    pub(crate) rate: f64,
    /// Processor time of each.
    pub(crate) cpu: Cpu,
}

/// Two kinds of load that took turns.
pub(crate) struct Comparison {
    /// What is measured.
    pub(crate) measured: Side,
    /// What it is compared with.
    pub(crate) base: Side,
    /// Rate of what is measured by rate of the base: the median over the rounds of each round's.
    pub(crate) ratio: f64,
    /// What one of the measured costs.
    pub(crate) cost: Cost,
}

/// By whose addresses devices ask.
#[derive(Debug, Clone, Copy)]
enum Addresses {
    /// RhoConnect's.
    New,
    /// RhoSync's.
    Old,
}

impl Bench {
    /// Logs in and loads nothing yet.
    pub(crate) async fn new(stage: Stage, clients: usize, turn: Duration) -> Result<Self> {
        let store = stage.prepare_store().await?;
        let mut back_end = BackEnd::log_in(&stage.address, &stage.admin_password).await?;
        back_end.create_user(USER).await?;
        let mut wire = Wire::open(&stage.address).await?;
        let session = Device::log_in(&mut wire, USER).await?;
        Ok(Self {
            stage,
            store,
            back_end,
            session,
            wire,
            clients,
            turn,
        })
    }

    /// A poll that finds nothing new.
    pub(crate) async fn idle_poll(&mut self) -> Result<Comparison> {
        let tasks = self.pulls("Idle", OBJECTS, 0, Addresses::New).await?;
        self.against_bare(tasks).await
    }

    /// The same by the address of RhoSync.
    pub(crate) async fn old_idle_poll(&mut self) -> Result<Comparison> {
        let tasks = self.pulls("OldIdle", OBJECTS, 0, Addresses::Old).await?;
        self.against_bare(tasks).await
    }

    /// A pull that finds some changes.
    pub(crate) async fn pull(&mut self) -> Result<Comparison> {
        let tasks = self.pulls("Pull", OBJECTS, CHANGES, Addresses::New).await?;
        self.against_bare(tasks).await
    }

    /// The same by the address of RhoSync.
    pub(crate) async fn old_pull(&mut self) -> Result<Comparison> {
        let tasks = self
            .pulls("OldPull", OBJECTS, CHANGES, Addresses::Old)
            .await?;
        self.against_bare(tasks).await
    }

    /// A new device that pulls everything.
    pub(crate) async fn first_sync(&mut self) -> Result<Comparison> {
        self.back_end.write("First", USER, 0..OBJECTS, 1).await?;
        let task = || Task::FirstSync {
            device: self.session.clone(),
            source: "First",
            objects: OBJECTS,
        };
        let tasks = (0..self.clients).map(|_| task()).collect();
        self.against_bare(tasks).await
    }

    /// A push of one new object.
    pub(crate) async fn push(&mut self) -> Result<Comparison> {
        let mut tasks = Vec::new();
        for device in self.devices().await? {
            device.catch_up(&mut self.wire, "Push").await?;
            tasks.push(Task::Create {
                device,
                source: "Push",
            });
        }
        self.against_bare(tasks).await
    }

    /// A sync of our own library that finds nothing new in so many sources.
    pub(crate) async fn native_idle(&mut self, sources: usize) -> Result<Comparison> {
        let names: Vec<&str> = NATIVE.into_iter().take(sources).collect();
        for name in &names {
            self.back_end.write(name, USER, 0..OBJECTS, 1).await?;
        }
        let mut tasks = Vec::new();
        for device in self.native_devices().await? {
            let have = device.catch_up(&mut self.wire, &names).await?;
            tasks.push(Task::Sync {
                call: device.sync(&have)?,
                has: "\"idle\"",
            });
        }
        self.against_bare(tasks).await
    }

    /// A sync of our own library that finds some changes.
    pub(crate) async fn native_pull(&mut self) -> Result<Comparison> {
        self.back_end.write("NPull", USER, 0..OBJECTS, 1).await?;
        let mut tasks = Vec::new();
        for device in self.native_devices().await? {
            let have = device.catch_up(&mut self.wire, &["NPull"]).await?;
            tasks.push(Task::Sync {
                call: device.sync(&have)?,
                has: "edition 2",
            });
        }
        self.back_end.write("NPull", USER, 0..CHANGES, 2).await?;
        self.against_bare(tasks).await
    }

    /// A sync of our own library with one new object.
    pub(crate) async fn native_create(&mut self) -> Result<Comparison> {
        let mut tasks = Vec::new();
        for device in self.native_devices().await? {
            device.catch_up(&mut self.wire, &["NPush"]).await?;
            tasks.push(Task::NativeCreate {
                device,
                source: "NPush",
            });
        }
        self.against_bare(tasks).await
    }

    async fn native_devices(&mut self) -> Result<Vec<NativeDevice>> {
        let mut devices = Vec::new();
        for _ in 0..self.clients {
            devices.push(NativeDevice::sign_in(&mut self.wire).await?);
        }
        Ok(devices)
    }

    /// The same changes in a large source, compared with a small one.
    pub(crate) async fn size(&mut self) -> Result<Comparison> {
        let large = self
            .pulls("Large", MANY_OBJECTS, MORE_CHANGES, Addresses::New)
            .await?;
        let small = self
            .pulls("Small", OBJECTS, MORE_CHANGES, Addresses::New)
            .await?;
        self.compare(large, small).await
    }

    /// The store's version.
    pub(crate) async fn redis_version(&mut self) -> Result<String> {
        cost::info(&mut self.store, "server", "redis_version").await
    }

    async fn devices(&mut self) -> Result<Vec<Device>> {
        let mut devices = Vec::new();
        for _ in 0..self.clients {
            devices.push(self.session.register(&mut self.wire).await?);
        }
        Ok(devices)
    }

    /// Clients that have all objects of a source but for the latest `changes`, and ask for those.
    async fn pulls(
        &mut self,
        source: &'static str,
        objects: usize,
        changes: usize,
        addresses: Addresses,
    ) -> Result<Vec<Task>> {
        self.back_end.write(source, USER, 0..objects, 1).await?;
        let devices = self.devices().await?;
        for device in &devices {
            device.catch_up(&mut self.wire, source).await?;
        }
        self.back_end.write(source, USER, 0..changes, 2).await?;
        devices
            .iter()
            .map(|device| {
                Ok(Task::Pull {
                    call: match addresses {
                        Addresses::New => device.pull(source, None, PAGE)?,
                        Addresses::Old => device.old_pull(source, PAGE)?,
                    },
                    objects: changes,
                })
            })
            .collect()
    }

    async fn against_bare(&mut self, tasks: Vec<Task>) -> Result<Comparison> {
        let bare = (0..self.clients).map(|_| Task::bare());
        let bare = bare.collect::<Result<_>>()?;
        self.compare(tasks, bare).await
    }

    async fn compare(&mut self, measured: Vec<Task>, base: Vec<Task>) -> Result<Comparison> {
        let mut measured = self.connect(measured).await?;
        let mut base = self.connect(base).await?;
        load::run(&mut base, WARM_UP).await?;
        load::run(&mut measured, WARM_UP).await?;

        let (mut of_measured, mut of_base) = (Rounds::new()?, Rounds::new()?);
        let (stage, turn) = (&self.stage, self.turn);
        for round in 0..ROUNDS {
            // Every other round the other way round, so that a machine that gets slower is unfair to neither.
            if round % 2 == 0 {
                of_measured.add(stage, &mut measured, turn).await?;
                of_base.add(stage, &mut base, turn).await?;
            } else {
                of_base.add(stage, &mut base, turn).await?;
                of_measured.add(stage, &mut measured, turn).await?;
            }
        }
        let ratios = std::iter::zip(&of_measured.rates, &of_base.rates)
            .map(|(measured, base)| measured / base)
            .collect();
        let mut cost = Cost::default();
        if let Some(client) = measured.first_mut() {
            cost = cost::count(&self.stage.store()?, &mut self.store, client).await?;
        }
        Ok(Comparison {
            measured: of_measured.finish(),
            base: of_base.finish(),
            ratio: median(ratios),
            cost,
        })
    }

    async fn connect(&self, tasks: Vec<Task>) -> Result<Vec<Client>> {
        let mut clients = Vec::new();
        for task in tasks {
            clients.push(Client::new(&self.stage.address, task).await?);
        }
        Ok(clients)
    }
}

/// What the rounds of one side showed so far.
struct Rounds {
    latency: Histogram<u64>,
    rates: Vec<f64>,
    cpu: Cpu,
}

impl Rounds {
    fn new() -> Result<Self> {
        Ok(Self {
            latency: histogram()?,
            rates: Vec::new(),
            cpu: Cpu::default(),
        })
    }

    async fn add(&mut self, stage: &Stage, clients: &mut [Client], turn: Duration) -> Result<()> {
        let before = stage.cpu()?;
        let sample = load::run(clients, turn).await?;
        self.cpu = self.cpu + (stage.cpu()? - before);
        self.latency.add(sample.latency)?;
        self.rates.push(sample.rate);
        Ok(())
    }

    fn finish(self) -> Side {
        Side {
            rate: median(self.rates),
            cpu: self.cpu.each(self.latency.len()),
            latency: self.latency,
        }
    }
}

/// The middle of them; of an even number, the upper one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_round_does_not_count() {
        assert_eq!(median(vec![0.61, 9.0, 0.6, 0.62, 0.1]), 0.61);
        assert!(median(Vec::new()).is_nan());
    }
}
