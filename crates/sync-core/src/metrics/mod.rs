//! Metrics: what the server does, counted.
//!
//! Instances live for seconds, so the counters are in the store. A request only adds to what its instance has counted
//! lately; a moment later all of that goes to the store at once, when the answers are long out. What an instance has
//! counted in its last moment is lost if its host is killed. The store adds it up for good, and by minutes and hours.

mod families;
mod gathering;
mod series;
mod stats;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{ClientEvent, ClientId, DocumentId, SourceName};
use crate::store::{DevicePlace, Heard, MinuteTotals, Refreshed, Timing};
pub(crate) use families::Bucket;
use families::{
    ADAPTER_CALLS, ADAPTER_SECONDS, CHANGE_REQUESTS, CHANGES, LOGINS, PINGS, PULLS,
    REFUSED_OBJECTS, REQUEST_SECONDS, REQUESTS,
};
pub use families::{BUCKETS, FAMILIES, Family, Kind, Sample, Value};
pub use gathering::{Measurements, Metrics};
pub use series::{Measure, Period, Series, SeriesError, StepLength, Steps, measures, quantile};
pub use stats::StatsError;
pub(crate) use stats::{adapter_stat, request_stat};

/// Most events of clients that an instance keeps until they go to the store; of what else happens in that second, only when
/// clients were heard of is kept.
const MOST_EVENTS: usize = 2_000;

/// A request that is answered with this status or a higher one has failed.
const FAILED: u16 = 500;

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct RequestOutcome {
    /// Its method.
    pub method: &'static str,
    /// The path as the table of routes writes it.
    pub route: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// Who asked.
    pub asked_by: AskedBy,
}

/// How a client's request for a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// Well.
    Done,
    /// It got something wrong, or nothing.
    Failed,
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// A device: how long it waits is what users feel.
    Device,
    /// Anybody else.
    Other,
}

/// Counts what one instance does, until it goes to the store.
#[derive(Debug, Default)]
pub struct Meter {
    has_stats: bool,
    pending: RefCell<Pending>,
    is_flush_planned: Cell<bool>,
}

/// What has been counted since the last time. Bounded: its names are made of routes, statuses, and sources that exist.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By the fields of the store.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Requests, by method, route and status: apart, since every request is counted, and names take their time.
    requests: BTreeMap<(&'static str, &'static str, u16), Requests>,
    /// What was heard of clients.
    pub(crate) clients: BTreeMap<ClientId, Heard>,
    /// Copies that have changed, or of which the back end was asked.
    pub(crate) copies: BTreeMap<DocumentId, Option<Refreshed>>,
    /// How many events the clients have.
    events: usize,
    /// What the minute is summed up by.
    pub(crate) totals: MinuteTotals,
    /// By the names of the old stats; empty where they are off.
    pub(crate) stats: BTreeMap<String, Timing>,
}

/// Requests of one kind.
#[derive(Debug, Default)]
struct Requests {
    count: u64,
    by_time: [u64; BUCKETS.len() + 1],
    micros: u64,
}

impl Pending {
    /// Gives the requests the names they have in the store.
    fn name_requests(&mut self) {
        for ((method, route, status), requests) in std::mem::take(&mut self.requests) {
            let Requests {
                count,
                by_time,
                micros,
            } = requests;
            self.add(REQUESTS.field(&[method, route, &status.to_string()]), count);
            let timed = |bucket| REQUEST_SECONDS.bucket_field(&[method, route], bucket);
            for (place, count) in by_time
                .into_iter()
                .enumerate()
                .filter(|(_, count)| *count > 0)
            {
                self.add(timed(Bucket::Count(place)), count);
            }
            self.add(timed(Bucket::Micros), micros);
        }
    }

    fn add(&mut self, field: String, amount: u64) {
        let count = self.counts.entry(field).or_default();
        *count = count.saturating_add(amount);
    }
}

impl Meter {
    pub(crate) fn new(has_stats: bool) -> Self {
        Self {
            has_stats,
            ..Self::default()
        }
    }

    /// Counts a request.
    pub fn request(&self, outcome: RequestOutcome) {
        let RequestOutcome {
            method,
            route,
            status,
            took,
            asked_by,
        } = outcome;
        {
            let mut pending = self.pending.borrow_mut();
            let totals = &mut pending.totals;
            totals.requests += 1;
            totals.failed += u64::from(status >= FAILED);
            if asked_by == AskedBy::Device
                && let Some(count) = totals.by_time.get_mut(Bucket::place_of(took))
            {
                *count += 1;
            }
            let requests = pending.requests.entry((method, route, status)).or_default();
            requests.count += 1;
            requests.micros = requests.micros.saturating_add(micros(took));
            if let Some(count) = requests.by_time.get_mut(Bucket::place_of(took)) {
                *count += 1;
            }
        }
        self.stat(took, || request_stat(method, route));
    }

    /// Counts a login; `who` and `outcome` are words of a small set.
    pub fn login(&self, who: &str, outcome: &str) {
        self.add(LOGINS.field(&[who, outcome]), 1);
    }

    /// Counts a call of an adapter.
    pub(crate) fn adapter_call(
        &self,
        source: &str,
        operation: &str,
        outcome: &str,
        took: Duration,
    ) {
        self.add(ADAPTER_CALLS.field(&[source, operation, outcome]), 1);
        self.time(&ADAPTER_SECONDS, &[source, operation], took);
        self.stat(took, || adapter_stat(source, operation));
    }

    /// Counts an object of a back end's answer that could not be kept.
    pub(crate) fn refused_object(&self, source: &str) {
        self.add(REFUSED_OBJECTS.field(&[source]), 1);
    }

    pub(crate) fn pull(&self, source: &str) {
        self.add(PULLS.field(&[source]), 1);
        self.pending.borrow_mut().totals.syncs += 1;
    }

    /// Counts changes that a device sent at once, and the operations they were.
    pub(crate) fn changes<'a>(&self, source: &str, operations: impl Iterator<Item = &'a str>) {
        self.add(CHANGE_REQUESTS.field(&[source]), 1);
        self.pending.borrow_mut().totals.syncs += 1;
        for operation in operations {
            self.add(CHANGES.field(&[source, operation]), 1);
        }
    }

    /// Notes a request of a client that was let in: whether it failed for a source, and what is worth to be told of it.
    pub(crate) fn heard_of(
        &self,
        client: &ClientId,
        source: Option<(&SourceName, RequestEnd)>,
        event: Option<ClientEvent>,
    ) {
        let mut pending = self.pending.borrow_mut();
        if !pending.clients.contains_key(client) {
            pending.clients.insert(client.clone(), Heard::default());
        }
        let has_room = pending.events < MOST_EVENTS;
        pending.events += usize::from(event.is_some());
        if let Some(heard) = pending.clients.get_mut(client) {
            if let Some((source, end)) = source {
                let failed = end == RequestEnd::Failed;
                heard.failed.insert(source.clone(), failed);
            }
            heard.events.extend(event.filter(|_| has_room));
        }
    }

    /// Notes how far a client is in a document that keeps its cursor itself: what it came with, and what it was sent.
    pub(crate) fn place(&self, client: &ClientId, document: &DocumentId, place: DevicePlace) {
        let mut pending = self.pending.borrow_mut();
        let heard = pending.clients.entry(client.clone()).or_default();
        heard.places.insert(document.clone(), place);
    }

    /// Notes that a copy may have another number of objects, or that its back end was asked. Copies that
    /// end with their clients come and go with what devices ask for, and are not noted.
    pub(crate) fn copy(&self, id: &DocumentId, refreshed: Option<Refreshed>) {
        if id.partition.ends_with_its_clients() {
            return;
        }
        let copies = &mut self.pending.borrow_mut().copies;
        match copies.get_mut(id) {
            Some(known) => *known = refreshed.or(known.take()),
            None => drop(copies.insert(id.clone(), refreshed)),
        }
    }

    fn time(&self, family: &Family, labels: &[&str], took: Duration) {
        let field = |bucket: Bucket| family.bucket_field(labels, bucket);
        self.add(field(Bucket::of(took)), 1);
        self.add(field(Bucket::Micros), micros(took));
    }

    fn stat(&self, took: Duration, name: impl Fn() -> String) {
        if self.has_stats {
            let mut pending = self.pending.borrow_mut();
            let timing = pending.stats.entry(name()).or_default();
            timing.count += 1;
            timing.micros = timing.micros.saturating_add(micros(took));
        }
    }

    fn add(&self, field: String, amount: u64) {
        self.pending.borrow_mut().add(field, amount);
    }

    fn take(&self) -> Pending {
        self.is_flush_planned.set(false);
        let mut pending = self.pending.take();
        pending.name_requests();
        pending
    }

    /// Whether somebody has to see to it that what was counted goes to the store. The one who asks is the one then.
    fn plan_flush(&self) -> bool {
        let pending = self.pending.borrow();
        let is_empty = pending.counts.is_empty() && pending.requests.is_empty();
        !is_empty && !self.is_flush_planned.replace(true)
    }
}

/// The count of a ping that a push service has answered: whoever pings has no meter.
pub(crate) fn ping_count(service: &str, outcome: &str) -> BTreeMap<String, u64> {
    BTreeMap::from([(PINGS.field(&[service, outcome]), 1)])
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
