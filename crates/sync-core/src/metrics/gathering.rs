//! Brings what was counted to the store, and reads it back.

use std::rc::Rc;
use std::time::Duration;

use futures_util::join;
use sync_jobs::{Jobs, QueueCounts};

use crate::metrics::families::by_family;
use crate::metrics::{Family, Meter, Sample, StatsError};
use crate::ports::{Clock as _, Ports};
use crate::store::{CircuitStore, ClientIndex, Figures, MetricsStore, SourceCopies, StoreError};

/// How long an instance gathers what it counts before it goes to the store. A busy one sends some eighty requests at
/// once then: each call would cost a fifth of an idle poll. The host keeps an idle instance for as long anyway.
const GATHERING: Duration = Duration::from_secs(1);

/// Minutes that the old stats keep.
const STATS_MINUTES: u64 = 7 * 24 * 60;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// Everything that is measured.
#[derive(Debug)]
pub struct Measurements {
    /// What was counted, by families.
    pub families: Vec<(&'static Family, Vec<Sample>)>,
    /// How things stand.
    pub figures: Figures,
    /// How many jobs there are.
    pub queues: Vec<QueueCounts>,
    /// Sources whose back ends have not answered lately, and whether they are left alone for a while.
    pub circuits: Vec<(String, bool)>,
}

/// Counts what an instance does, and knows what all of them have counted.
pub struct Metrics<P> {
    pub(super) ports: Rc<P>,
    meter: Rc<Meter>,
}

impl<P: Ports> Metrics<P> {
    /// The metrics of this server. `has_stats`: the old stats are kept too.
    pub fn new(ports: Rc<P>, has_stats: bool) -> Self {
        let meter = Rc::new(Meter::new(has_stats));
        Self { ports, meter }
    }

    /// Counts.
    pub fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// Whether the caller must run [`Metrics::flush_soon`]: something was counted, and nobody else is about to.
    pub fn must_flush(&self) -> bool {
        self.meter.plan_flush()
    }

    /// Waits for more to be counted, and brings all of it to the store. Nobody should wait for this.
    pub async fn flush_soon(&self) {
        self.ports.clock().sleep(GATHERING).await;
        self.flush().await;
    }

    /// Brings all that was counted to the store now.
    pub async fn flush(&self) {
        let pending = self.meter.take();
        let store = MetricsStore::new(self.ports.redis());
        let minute = self.ports.clock().now().0 / MINUTE_MS * 60;
        let oldest = minute.saturating_sub(STATS_MINUTES * 60);
        let stats = async {
            if pending.stats.is_empty() {
                Ok(())
            } else {
                store.add_stats(&pending.stats, minute, oldest).await
            }
        };
        let clients = ClientIndex::new(self.ports.redis());
        let copies = SourceCopies::new(self.ports.redis());
        let (counted, kept, noted, summed) = join!(
            store.add(&pending.counts, &pending.totals),
            stats,
            clients.note(&pending.clients, self.ports.clock().now()),
            copies.note(&pending.copies)
        );
        if let Err(error) = counted.and(kept).and(noted).and(summed) {
            // It may be there or not; counting it again would be worse.
            tracing::warn!(%error, "what an instance has counted is lost");
        }
    }

    /// Everything that is measured, as the store has it: without what instances have not brought there yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn measured(&self) -> Result<Measurements, StoreError> {
        let store = MetricsStore::new(self.ports.redis());
        let jobs = Jobs::new(self.ports.redis());
        let circuits = CircuitStore::new(self.ports.redis());
        let (fields, figures, queues, circuits) = join!(
            store.read(),
            store.figures(),
            jobs.all_counts(0),
            circuits.all()
        );
        Ok(Measurements {
            families: by_family(fields?),
            figures: figures?,
            queues: queues?,
            circuits: circuits?,
        })
    }

    /// The names of the old stats that match a pattern, in order.
    ///
    /// # Errors
    /// [`StatsError`].
    pub async fn stats_names(&self, pattern: &str) -> Result<Vec<String>, StatsError> {
        self.require_stats()?;
        let store = MetricsStore::new(self.ports.redis());
        Ok(store.stats_names(pattern).await?)
    }

    /// What was counted under a name of the old stats, minute by minute, from one place to another; negative ones count
    /// from the end. An entry is `<count>,<seconds>:<minute>`, or `<value>:<minute>`, with the minute in Unix seconds.
    ///
    /// # Errors
    /// [`StatsError`].
    pub async fn stats(
        &self,
        name: &str,
        first: i64,
        last: i64,
    ) -> Result<Vec<String>, StatsError> {
        self.require_stats()?;
        let store = MetricsStore::new(self.ports.redis());
        store
            .stats(name, first, last)
            .await?
            .ok_or(StatsError::UnknownMetric)
    }

    fn require_stats(&self) -> Result<(), StatsError> {
        if self.meter.has_stats {
            Ok(())
        } else {
            Err(StatsError::Off)
        }
    }
}
