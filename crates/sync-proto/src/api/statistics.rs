//! Figures over time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A metric over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Statistics {
    /// Name of the metric.
    pub metric: String,
    /// What its numbers count: `requests`, `calls`, `ms`, ….
    pub unit: String,
    /// When the first step begins.
    pub from: u64,
    /// How long a step is.
    pub step_seconds: u64,
    /// One for each value of the label asked for, the largest first.
    pub series: Vec<Series>,
}

/// A metric over time, for one value of a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Series {
    /// What tells it from the others.
    pub labels: BTreeMap<String, String>,
    /// One number for each step; missing where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// A metric that is kept over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MetricInfo {
    /// Name.
    pub name: String,
    /// What it is, in a sentence.
    pub help: String,
    /// What its numbers count.
    pub unit: String,
    /// What it can be told apart `by`.
    pub labels: Vec<String>,
}

/// What happened in a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct QueueHistory {
    /// Minutes, the oldest first.
    pub points: Vec<QueuePoint>,
}

/// What happened in a queue in one minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct QueuePoint {
    /// When the minute began.
    pub at: u64,
    /// Jobs that were enqueued.
    pub enqueued: u64,
    /// Jobs that were done.
    pub completed: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Jobs that were given up.
    pub died: u64,
}
