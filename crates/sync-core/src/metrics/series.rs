//! Metrics over time: numbers of minutes and hours.

use std::collections::BTreeMap;

use crate::metrics::families::{
    ADAPTER_CALLS, ADAPTER_SECONDS, BUCKETS, CHANGE_REQUESTS, CHANGES, Family, LOGINS, PINGS,
    PULLS, REQUEST_SECONDS, REQUESTS, Sample, Value, samples_of,
};
use crate::metrics::{FAILED, Metrics};
use crate::model::Millis;
use crate::ports::Ports;
pub use crate::store::StepLength;
use crate::store::{MetricsStore, MinuteTotals, StoreError, store_time};

/// Most series of an answer: of more, the largest.
const MOST_SERIES: usize = 50;

/// Something that is measured over time.
#[derive(Debug)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// What its numbers count.
    pub unit: &'static str,
    family: &'static Family,
    takes: Takes,
}

/// What a measure takes of a family's samples.
#[derive(Debug, Clone, Copy)]
enum Takes {
    /// How many.
    All,
    /// How many with a status that says that the server failed.
    Failed,
    /// So many of a hundred took at most so long.
    Percentile(u8),
}

macro_rules! measures {
    ($($name:literal $unit:literal $family:ident $takes:ident $(($percent:literal))?, $help:literal;)*) => {
        static MEASURES: &[Measure] = &[$(Measure {
            name: $name,
            help: $help,
            unit: $unit,
            family: &$family,
            takes: Takes::$takes $(($percent))?,
        },)*];
    };
}

measures! {
    "requests" "requests" REQUESTS All, "Requests that were answered.";
    "failed-requests" "requests" REQUESTS Failed, "Requests that were answered with a status of 500 or more.";
    "latency-p50" "ms" REQUEST_SECONDS Percentile(50), "Half of the answers took at most so long.";
    "latency-p95" "ms" REQUEST_SECONDS Percentile(95), "95 of 100 answers took at most so long.";
    "adapter-calls" "calls" ADAPTER_CALLS All, "Calls of adapters.";
    "adapter-latency-p50" "ms" ADAPTER_SECONDS Percentile(50), "Half of the calls of adapters took at most so long.";
    "adapter-latency-p95" "ms" ADAPTER_SECONDS Percentile(95), "95 of 100 calls of adapters took at most so long.";
    "pulls" "pages" PULLS All, "Pages that devices asked for.";
    "change-requests" "requests" CHANGE_REQUESTS All, "Requests of devices with changes that were taken in.";
    "changes" "changes" CHANGES All, "Creates, updates and deletes that devices sent.";
    "logins" "logins" LOGINS All, "Attempts to log in.";
    "pings" "pings" PINGS All, "Pings that push services have answered.";
}

/// All that is measured over time.
pub fn measures() -> &'static [Measure] {
    MEASURES
}

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// How long a step is.
    pub step: StepLength,
    /// How many there are, the last of which has not ended.
    pub steps: u64,
}

/// A measure over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// When the first step begins.
    pub from: Millis,
    /// One for each value of the label asked for, the largest first.
    pub series: Vec<Series>,
}

/// A measure over time, for one value of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The value of the label; nothing where none was asked for.
    pub label: Option<String>,
    /// One number for each step; none where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// Nothing of this name is measured over time.
    #[error("metric is one of {known}")]
    UnknownMeasure {
        /// The names there are.
        known: String,
    },
    /// The measure cannot be told apart by this.
    #[error("by is one of {known}")]
    UnknownLabel {
        /// The labels there are.
        known: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Measure {
    /// What it can be told apart by.
    pub fn labels(&self) -> &'static [&'static str] {
        self.family.labels
    }

    fn takes(&self, sample: &Sample) -> bool {
        let status = self
            .family
            .labels
            .iter()
            .position(|label| *label == "status");
        let status = status.and_then(|place| sample.labels.get(place)?.parse::<u16>().ok());
        !matches!(self.takes, Takes::Failed) || status.is_some_and(|status| status >= FAILED)
    }

    /// The number of a step, of samples that are one together; and how much there was of it.
    fn number(&self, samples: &[Value]) -> (Option<f64>, u64) {
        let (mut number, mut by_time) = (0, [0; BUCKETS.len() + 1]);
        for value in samples {
            match value {
                Value::Number(more) => number += more,
                Value::Durations { counts, .. } => {
                    for (sum, more) in by_time.iter_mut().zip(counts) {
                        *sum += more;
                    }
                }
            }
        }
        match self.takes {
            // A server counts below 2^53 of anything.
            #[expect(clippy::cast_precision_loss, reason = "for people to look at")]
            Takes::All | Takes::Failed => (Some(number as f64), number),
            Takes::Percentile(percent) => (quantile(&by_time, percent), by_time.iter().sum()),
        }
    }
}

impl<P: Ports> Metrics<P> {
    /// A measure over time, told apart by a label if one is given. The last step is the one that has not ended.
    ///
    /// # Errors
    /// [`SeriesError`].
    pub async fn series(
        &self,
        name: &str,
        by: Option<&str>,
        period: Period,
    ) -> Result<(&'static Measure, Steps), SeriesError> {
        let names = || MEASURES.iter().map(|measure| measure.name);
        let measure = MEASURES.iter().find(|measure| measure.name == name);
        let measure = measure.ok_or_else(|| SeriesError::UnknownMeasure {
            known: names().collect::<Vec<_>>().join(", "),
        })?;
        let labels = measure.labels();
        let by = by.map(|by| {
            let place = labels.iter().position(|label| *label == by);
            place.ok_or_else(|| SeriesError::UnknownLabel {
                known: labels.join(", "),
            })
        });
        let by = by.transpose()?;
        let Period { step, steps } = period;
        let store = MetricsStore::new(self.ports.redis());
        let last = store_time(self.ports.redis()).await?.0 / 1_000 / step.seconds();
        let first = last.saturating_sub(steps.saturating_sub(1));
        let counted = store.steps(step, first..=last, measure.family.name).await?;
        let series = to_series(measure, by, counted);
        let from = Millis(first * step.seconds() * 1_000);
        Ok((measure, Steps { from, series }))
    }

    /// What whole minutes before this one are summed up by, the oldest first, each with its begin.
    ///
    /// # Errors
    /// The store's.
    pub async fn minutes(&self, count: u64) -> Result<Vec<(Millis, MinuteTotals)>, StoreError> {
        let redis = self.ports.redis();
        let now = store_time(redis).await?;
        MetricsStore::new(redis).minutes(now, count).await
    }
}

/// Sorts what was counted step by step by the values of a label.
fn to_series(
    measure: &Measure,
    by: Option<usize>,
    counted: Vec<Vec<(String, u64)>>,
) -> Vec<Series> {
    let steps = counted.len();
    let mut found: BTreeMap<Option<String>, (u64, Vec<Option<f64>>)> = BTreeMap::new();
    // What did not happen is a number too, but it took no time.
    let nothing = measure.number(&[]).0;
    if by.is_none() {
        found.insert(None, (0, vec![nothing; steps]));
    }
    for (step, fields) in counted.into_iter().enumerate() {
        let mut by_label: BTreeMap<Option<String>, Vec<Value>> = BTreeMap::new();
        for sample in samples_of(measure.family, fields) {
            if measure.takes(&sample) {
                let label = by.and_then(|place| sample.labels.get(place).cloned());
                by_label.entry(label).or_default().push(sample.value);
            }
        }
        for (label, values) in by_label {
            let (number, amount) = measure.number(&values);
            let entry = || (0, vec![nothing; steps]);
            let (sum, values) = found.entry(label).or_insert_with(entry);
            *sum += amount;
            if let Some(value) = values.get_mut(step) {
                *value = number;
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|(_, (one, _)), (_, (other, _))| other.cmp(one));
    found.truncate(MOST_SERIES);
    let series = found.into_iter();
    series
        .map(|(label, (_, values))| Series { label, values })
        .collect()
}

/// What so many of a hundred durations did not exceed, in milliseconds, by how many there were in each of [`BUCKETS`] and
/// beyond the last; nothing where there were none. Within a bucket they are taken to be spread evenly; what is beyond the
/// last is told as that one's bound.
pub fn quantile(counts: &[u64; BUCKETS.len() + 1], percent: u8) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "for people to look at")]
    let number = |count: u64| count as f64;
    let wanted = number(all) * f64::from(percent) / 100.0;
    let (mut below, mut from) = (0.0, 0.0);
    for (bound, count) in BUCKETS.iter().zip(counts) {
        let (bound, count) = (number(*bound), number(*count));
        if count > 0.0 && below + count >= wanted {
            return Some(from + (bound - from) * (wanted - below) / count);
        }
        below += count;
        from = bound;
    }
    Some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_between_the_bounds_of_its_bucket() {
        let of = |filled: &[(usize, u64)], percent| {
            let mut counts = [0; BUCKETS.len() + 1];
            for (place, count) in filled {
                counts[*place] = *count;
            }
            quantile(&counts, percent)
        };
        assert_eq!(of(&[], 50), None);
        // Ten between 2 and 5 ms.
        assert_eq!(of(&[(2, 10)], 50), Some(3.5));
        assert_eq!(of(&[(2, 10)], 100), Some(5.0));
        // 90 up to 1 ms, 10 between 100 and 250.
        assert_eq!(of(&[(0, 90), (7, 10)], 50), Some(50.0 / 90.0));
        assert_eq!(of(&[(0, 90), (7, 10)], 95), Some(175.0));
        assert_eq!(of(&[(BUCKETS.len(), 1)], 50), Some(10_000.0));
    }
}
