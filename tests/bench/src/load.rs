//! Load: some clients, each with a connection of its own and one request under way.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use hdrhistogram::Histogram;
use http::Request;
use http_body_util::Full;
use uuid::Uuid;

use crate::device::{Device, page_head, product};
use crate::native::{self, NativeDevice};
use crate::stage::BARE_PATH;
use crate::wire::{Call, Wire};

/// Objects of a page of a first sync.
const FIRST_SYNC_PAGE: usize = 500;

/// What a client does all the time.
pub(crate) enum Task {
    /// Asks for the bare component's value.
    Bare(Call),
    /// Pulls the same page, which has to have so many objects, and never acknowledges it.
    Pull {
        /// The request.
        call: Call,
        /// How many objects its page has.
        objects: usize,
    },
    /// Becomes a new device and pulls all there is.
    FirstSync {
        /// Its user's session.
        device: Device,
        /// The source.
        source: &'static str,
        /// How many objects the source has.
        objects: usize,
    },
    /// Syncs with the same cursors all the time, by the protocol of our own library.
    Sync {
        /// The request.
        call: Call,
        /// What its answer has to have.
        has: &'static str,
    },
    /// Sends a new object up by that protocol.
    NativeCreate {
        /// Who sends it.
        device: NativeDevice,
        /// The source it is for.
        source: &'static str,
    },
    /// Sends a new object up.
    Create {
        /// Who sends it.
        device: Device,
        /// The source it is for.
        source: &'static str,
    },
}

impl Task {
    /// The measure of all others.
    pub(crate) fn bare() -> Result<Self> {
        Ok(Self::Bare(Request::get(BARE_PATH).body(Full::default())?))
    }

    async fn once(&self, wire: &mut Wire) -> Result<()> {
        match self {
            Self::Bare(call) => {
                let answer = wire.send(call.clone()).await?;
                ensure!(!answer.body().is_empty(), "the bare component has no value");
            }
            Self::Pull { call, objects } => {
                let answer = wire.send(call.clone()).await?;
                let page = page_head(&answer)?;
                ensure!(
                    page.objects == *objects,
                    "a page of {objects} objects had {}",
                    page.objects
                );
            }
            Self::FirstSync {
                device,
                source,
                objects,
            } => {
                let device = device.register(wire).await?;
                let came = device.sync(wire, source, FIRST_SYNC_PAGE).await?;
                ensure!(came == *objects, "{came} of {objects} objects came");
            }
            Self::Sync { call, has } => {
                let answer = wire.send(call.clone()).await?;
                native::check(answer.body(), has)?;
            }
            Self::NativeCreate { device, source } => {
                let answer = wire.send(device.create(source)?).await?;
                native::check(answer.body(), "\"status\":\"applied\"")?;
            }
            Self::Create { device, source } => {
                let id = Uuid::new_v4().simple().to_string();
                wire.send(device.create(source, &id, &product(0, 0))?)
                    .await?;
            }
        }
        Ok(())
    }
}

/// A connection and what is done on it.
pub(crate) struct Client {
    wire: Wire,
    task: Task,
}

/// What a while of load showed.
pub(crate) struct Sample {
    /// How long each took, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// How many per second.
    pub(crate) rate: f64,
}

impl Client {
    /// Connects.
    pub(crate) async fn new(address: &str, task: Task) -> Result<Self> {
        Ok(Self {
            wire: Wire::open(address).await?,
            task,
        })
    }

    /// Does it so many times, one after the other; says how many bytes each sent and received.
    pub(crate) async fn repeat(&mut self, times: u32) -> Result<(f64, f64)> {
        let (sent_before, received_before) = self.wire.traffic();
        for _ in 0..times {
            self.task.once(&mut self.wire).await?;
        }
        let (sent, received) = self.wire.traffic();
        let each = |bytes: u64| bytes as f64 / f64::from(times);
        Ok((each(sent - sent_before), each(received - received_before)))
    }

    async fn run(&mut self, until: Instant) -> Result<Histogram<u64>> {
        let mut latency = histogram()?;
        let mut start = Instant::now();
        while start < until {
            self.task.once(&mut self.wire).await?;
            let end = Instant::now();
            latency.saturating_record(micros(end - start));
            start = end;
        }
        Ok(latency)
    }
}

/// Lets all clients work for a while.
pub(crate) async fn run(clients: &mut [Client], time: Duration) -> Result<Sample> {
    let start = Instant::now();
    let until = start + time;
    let latency = clients
        .iter_mut()
        .map(|client| client.run(until))
        .collect::<FuturesUnordered<_>>()
        .try_fold(histogram()?, async |mut all, one| {
            all.add(one)?;
            Ok(all)
        })
        .await
        .context("the load was broken off")?;
    Ok(Sample {
        rate: latency.len() as f64 / start.elapsed().as_secs_f64(),
        latency,
    })
}

/// From a microsecond to a minute, with three digits.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
