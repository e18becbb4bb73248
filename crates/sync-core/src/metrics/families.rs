//! The metrics there are, and how the store writes them.

use std::time::Duration;

pub use crate::store::BUCKETS;
use crate::store::CLIENTS_COUNTER;

/// Metrics of one name.
#[derive(Debug)]
pub struct Family {
    /// Name, as Prometheus knows it.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// What its numbers mean.
    pub kind: Kind,
    /// What tells its samples apart.
    pub labels: &'static [&'static str],
}

/// What the numbers of a metric mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Durations, counted by how long they were.
    Histogram,
}

/// One sample of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The values of the family's labels, in their order.
    pub labels: Vec<String>,
    /// The number, or numbers.
    pub value: Value,
}

/// The value of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a counter or gauge.
    Number(u64),
    /// Of a histogram.
    Durations {
        /// How many there were in each of [`BUCKETS`], and beyond the last.
        counts: [u64; BUCKETS.len() + 1],
        /// All together, in microseconds.
        micros: u64,
    },
}

macro_rules! families {
    ($($constant:ident $kind:ident $name:expr, [$($label:literal)*] $help:literal;)*) => {
        $(
            pub(crate) static $constant: Family = Family {
                name: $name,
                help: $help,
                kind: Kind::$kind,
                labels: &[$($label),*],
            };
        )*

        /// Everything that is counted.
        pub static FAMILIES: &[&Family] = &[$(&$constant),*];
    };
}

families! {
    REQUESTS Counter "rhosync_http_requests_total", ["method" "route" "status"] "Requests that were answered.";
    REQUEST_SECONDS Histogram "rhosync_http_request_duration_seconds", ["method" "route"] "How long answers took, without sending them.";
    ADAPTER_CALLS Counter "rhosync_adapter_calls_total", ["source" "operation" "outcome"] "Calls of adapters.";
    ADAPTER_SECONDS Histogram "rhosync_adapter_call_duration_seconds", ["source" "operation"] "How long calls of adapters took, with keeping what they found.";
    REFUSED_OBJECTS Counter "rhosync_refused_objects_total", ["source"] "Objects of back ends' answers that could not be kept.";
    LOGINS Counter "rhosync_logins_total", ["who" "outcome"] "Attempts to log in.";
    PULLS Counter "rhosync_pulls_total", ["source"] "Pages that devices asked for.";
    CHANGE_REQUESTS Counter "rhosync_change_requests_total", ["source"] "Requests of devices with changes that were taken in.";
    CHANGES Counter "rhosync_changes_total", ["source" "operation"] "Creates, updates and deletes that devices sent.";
    PINGS Counter "rhosync_pings_total", ["service" "outcome"] "Pings that push services have answered.";
    CLIENTS Gauge CLIENTS_COUNTER, [] "Clients that are registered.";
}

/// What a histogram's field of the store counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// Durations of one bucket, by its place.
    Count(usize),
    /// Microseconds of all.
    Micros,
}

impl Bucket {
    pub(super) fn of(took: Duration) -> Self {
        Self::Count(Self::place_of(took))
    }

    /// The place of the bucket a duration is in.
    pub(super) fn place_of(took: Duration) -> usize {
        let fits = |bound: &u64| took <= Duration::from_millis(*bound);
        BUCKETS.iter().position(fits).unwrap_or(BUCKETS.len())
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "us" => Some(Self::Micros),
            place => place
                .parse()
                .ok()
                .filter(|place| *place <= BUCKETS.len())
                .map(Self::Count),
        }
    }
}

impl Family {
    /// The store's field of a sample: name and labels, none of which has a space.
    pub(crate) fn field(&self, labels: &[&str]) -> String {
        debug_assert_eq!(labels.len(), self.labels.len());
        let mut field = self.name.to_owned();
        for label in labels {
            field.push(' ');
            field.push_str(label);
        }
        field
    }

    pub(super) fn bucket_field(&self, labels: &[&str], bucket: Bucket) -> String {
        let mut field = self.field(labels);
        match bucket {
            Bucket::Count(place) => {
                field.push(' ');
                field.push_str(&place.to_string());
            }
            Bucket::Micros => field.push_str(" us"),
        }
        field
    }

    /// Adds what a field of the store says to the samples. A field that is no family's is another version's.
    fn add(&self, samples: &mut Vec<Sample>, mut labels: Vec<String>, number: u64) {
        let bucket = match self.kind {
            Kind::Counter | Kind::Gauge => None,
            Kind::Histogram => {
                let last = labels.pop();
                let Some(bucket) = last.as_deref().and_then(Bucket::parse) else {
                    return;
                };
                Some(bucket)
            }
        };
        if labels.len() != self.labels.len() {
            return;
        }
        let Some(bucket) = bucket else {
            let value = Value::Number(number);
            samples.push(Sample { labels, value });
            return;
        };
        // Fields come in order, so those of one sample come together.
        if samples.last().is_none_or(|last| last.labels != labels) {
            let value = Value::Durations {
                counts: [0; BUCKETS.len() + 1],
                micros: 0,
            };
            samples.push(Sample { labels, value });
        }
        if let Some(Sample {
            value: Value::Durations { counts, micros },
            ..
        }) = samples.last_mut()
        {
            match bucket {
                Bucket::Micros => *micros = number,
                Bucket::Count(place) => {
                    if let Some(count) = counts.get_mut(place) {
                        *count = number;
                    }
                }
            }
        }
    }
}

/// The samples of a family among what the store has.
pub(super) fn samples_of(family: &Family, mut fields: Vec<(String, u64)>) -> Vec<Sample> {
    fields.sort_unstable();
    sorted_samples_of(family, &fields)
}

/// Sorts what the store has by families, which come in the order of the table.
pub(super) fn by_family(mut fields: Vec<(String, u64)>) -> Vec<(&'static Family, Vec<Sample>)> {
    fields.sort_unstable();
    FAMILIES
        .iter()
        .map(|family| (*family, sorted_samples_of(family, &fields)))
        .collect()
}

fn sorted_samples_of(family: &Family, fields: &[(String, u64)]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (field, number) in fields {
        let mut parts = field.split(' ');
        if parts.next() == Some(family.name) {
            let labels = parts.map(str::to_owned).collect();
            family.add(&mut samples, labels, *number);
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_understood_is_passed_over() {
        let fields = [
            (REQUESTS.field(&["GET", "/app/v1/{source}", "200"]), 7),
            (
                REQUEST_SECONDS
                    .bucket_field(&["GET", "/health"], Bucket::of(Duration::from_millis(25))),
                3,
            ),
            (
                REQUEST_SECONDS.bucket_field(&["GET", "/health"], Bucket::Micros),
                40_000,
            ),
            (
                REQUEST_SECONDS
                    .bucket_field(&["PUT", "/health"], Bucket::of(Duration::from_secs(11))),
                1,
            ),
            ("rhosync_http_requests_total GET".to_owned(), 1),
            (
                "rhosync_http_request_duration_seconds GET /x 99".to_owned(),
                1,
            ),
            ("rhosync_of_tomorrow a b".to_owned(), 1),
        ];
        let read: Vec<_> = by_family(fields.into())
            .into_iter()
            .filter(|(_, samples)| !samples.is_empty())
            .collect();
        assert_eq!(read.len(), 2);
        assert_eq!(
            read[0].1,
            [Sample {
                labels: ["GET", "/app/v1/{source}", "200"].map(str::to_owned).into(),
                value: Value::Number(7)
            }]
        );
        let durations = |method: &str, counts, micros| Sample {
            labels: [method, "/health"].map(str::to_owned).into(),
            value: Value::Durations { counts, micros },
        };
        assert_eq!(
            read[1].1,
            [
                durations("GET", [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0], 40_000),
                durations("PUT", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0)
            ]
        );
    }
}
