//! The text format of Prometheus, version 0.0.4.

use std::fmt::{self, Write as _};
use std::time::Duration;

use sync_core::{BUCKETS, Figures, Kind, Measurements, Sample, Value};

/// Writes everything that is measured.
pub(super) fn write(measured: &Measurements) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_to(&mut text, measured);
    text
}

fn write_to(text: &mut String, measured: &Measurements) -> fmt::Result {
    let Measurements {
        families,
        figures,
        queues,
        circuits,
    } = measured;
    let Figures {
        users,
        store_keys,
        store_bytes,
        most_store_bytes: _,
    } = *figures;
    for (family, samples) in families {
        head(text, family.name, family.help, family.kind)?;
        for sample in samples {
            write_sample(text, family.name, family.labels, sample)?;
        }
    }
    for (name, help, value) in [
        ("rhosync_users", "Users, with the administrator.", users),
        (
            "rhosync_redis_keys",
            "Keys in the Redis database, of RhoSync and of others.",
            store_keys,
        ),
        (
            "rhosync_redis_used_memory_bytes",
            "Memory Redis uses.",
            store_bytes,
        ),
    ] {
        head(text, name, help, Kind::Gauge)?;
        writeln!(text, "{name} {value}")?;
    }
    let name = "rhosync_jobs";
    head(text, name, "Jobs, by queue and state.", Kind::Gauge)?;
    for queue in queues {
        for (state, count) in &queue.jobs {
            let labels = [("queue", queue.queue.as_str()), ("state", state.as_str())];
            writeln!(text, "{name}{} {count}", Labels(&labels))?;
        }
    }
    let name = "rhosync_jobs_forgotten_total";
    let help = "Dead jobs that had to make room, or were too old, by queue.";
    head(text, name, help, Kind::Counter)?;
    for queue in queues {
        let labels = [("queue", queue.queue.as_str())];
        writeln!(text, "{name}{} {}", Labels(&labels), queue.forgotten)?;
    }
    let name = "rhosync_queue_paused";
    head(
        text,
        name,
        "Whether nothing is begun from a queue.",
        Kind::Gauge,
    )?;
    for queue in queues {
        let labels = [("queue", queue.queue.as_str())];
        let paused = u8::from(queue.paused);
        writeln!(text, "{name}{} {paused}", Labels(&labels))?;
    }
    let name = "rhosync_circuit_open";
    let help = "Whether a back end that did not answer is left alone.";
    head(text, name, help, Kind::Gauge)?;
    for (source, is_open) in circuits {
        let labels = [("source", source.as_str())];
        writeln!(text, "{name}{} {}", Labels(&labels), u8::from(*is_open))?;
    }
    let name = "rhosync_build_info";
    head(text, name, "The version that runs.", Kind::Gauge)?;
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    writeln!(text, "{name}{} 1", Labels(&version))
}

fn head(text: &mut String, name: &str, help: &str, kind: Kind) -> fmt::Result {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn write_sample(text: &mut String, name: &str, labels: &[&str], sample: &Sample) -> fmt::Result {
    let Sample {
        labels: values,
        value,
    } = sample;
    let labels = labels
        .iter()
        .copied()
        .zip(values.iter().map(String::as_str));
    let mut labels: Vec<_> = labels.collect();
    let (counts, micros) = match value {
        Value::Number(number) => return writeln!(text, "{name}{} {number}", Labels(&labels)),
        Value::Durations { counts, micros } => (counts, *micros),
    };
    let bounds = BUCKETS.map(|millis| seconds(Duration::from_millis(millis)));
    let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
    let mut count = 0;
    for (bound, further) in bounds.zip(counts) {
        count += further;
        labels.push(("le", bound));
        writeln!(text, "{name}_bucket{} {count}", Labels(&labels))?;
        labels.pop();
    }
    let sum = seconds(Duration::from_micros(micros));
    writeln!(text, "{name}_sum{} {sum}", Labels(&labels))?;
    writeln!(text, "{name}_count{} {count}", Labels(&labels))
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

/// Labels in braces, with what would end a value escaped.
struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}=\"", if place == 0 { '{' } else { ',' })?;
            for character in value.chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str("\\n")?,
                    other => f.write_char(other)?,
                }
            }
            f.write_char('"')?;
        }
        if !self.0.is_empty() {
            f.write_char('}')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sync_core::FAMILIES;
    use sync_jobs::{JobState, QueueCounts, QueueName};

    use super::*;

    #[test]
    fn durations_are_cumulative_and_values_escaped() {
        let family = |name: &str| {
            let found = FAMILIES.iter().find(|family| family.name.contains(name));
            *found.unwrap()
        };
        let sample = |labels: &[&str], value| Sample {
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            value,
        };
        let durations = Value::Durations {
            counts: [0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1],
            micros: 11_500_001,
        };
        let measured = Measurements {
            families: vec![
                (
                    family("pulls"),
                    vec![sample(&["a\"b\\c\nd"], Value::Number(7))],
                ),
                (
                    family("call_duration"),
                    vec![sample(&["S", "query"], durations)],
                ),
                (family("clients"), vec![sample(&[], Value::Number(3))]),
            ],
            figures: Figures {
                users: 2,
                store_keys: 9,
                store_bytes: 1_000_000,
                most_store_bytes: None,
            },
            queues: vec![QueueCounts {
                queue: QueueName::parse("adapter").unwrap(),
                paused: true,
                forgotten: 5,
                jobs: [(JobState::Ready, 2), (JobState::Dead, 1)].into(),
                lately: [].into(),
            }],
            circuits: vec![("S".to_owned(), true), ("T".to_owned(), false)],
        };
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            r#"# HELP rhosync_pulls_total Pages that devices asked for.
# TYPE rhosync_pulls_total counter
rhosync_pulls_total{{source="a\"b\\c\nd"}} 7
# HELP rhosync_adapter_call_duration_seconds How long calls of adapters took, with keeping what they found.
# TYPE rhosync_adapter_call_duration_seconds histogram
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.001"}} 0
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.002"}} 0
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.005"}} 1
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.01"}} 1
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.025"}} 1
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.05"}} 1
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.1"}} 3
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.25"}} 3
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="0.5"}} 3
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="1"}} 3
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="2.5"}} 3
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="10"}} 3
rhosync_adapter_call_duration_seconds_bucket{{source="S",operation="query",le="+Inf"}} 4
rhosync_adapter_call_duration_seconds_sum{{source="S",operation="query"}} 11.500001
rhosync_adapter_call_duration_seconds_count{{source="S",operation="query"}} 4
# HELP rhosync_clients Clients that are registered.
# TYPE rhosync_clients gauge
rhosync_clients 3
# HELP rhosync_users Users, with the administrator.
# TYPE rhosync_users gauge
rhosync_users 2
# HELP rhosync_redis_keys Keys in the Redis database, of RhoSync and of others.
# TYPE rhosync_redis_keys gauge
rhosync_redis_keys 9
# HELP rhosync_redis_used_memory_bytes Memory Redis uses.
# TYPE rhosync_redis_used_memory_bytes gauge
rhosync_redis_used_memory_bytes 1000000
# HELP rhosync_jobs Jobs, by queue and state.
# TYPE rhosync_jobs gauge
rhosync_jobs{{queue="adapter",state="ready"}} 2
rhosync_jobs{{queue="adapter",state="dead"}} 1
# HELP rhosync_jobs_forgotten_total Dead jobs that had to make room, or were too old, by queue.
# TYPE rhosync_jobs_forgotten_total counter
rhosync_jobs_forgotten_total{{queue="adapter"}} 5
# HELP rhosync_queue_paused Whether nothing is begun from a queue.
# TYPE rhosync_queue_paused gauge
rhosync_queue_paused{{queue="adapter"}} 1
# HELP rhosync_circuit_open Whether a back end that did not answer is left alone.
# TYPE rhosync_circuit_open gauge
rhosync_circuit_open{{source="S"}} 1
rhosync_circuit_open{{source="T"}} 0
# HELP rhosync_build_info The version that runs.
# TYPE rhosync_build_info gauge
rhosync_build_info{{version="{version}"}} 1
"#
        );
        assert_eq!(write(&measured), expected);
    }
}
