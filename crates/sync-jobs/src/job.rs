//! What a job is while it waits.

use std::fmt;
use std::time::Duration;

use crate::QueueName;

/// Which jobs of a queue come first. Those of a priority run only when none of a higher one is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Before all others: somebody waits for it.
    High,
    /// As most jobs.
    #[default]
    Normal,
    /// When nothing else is to be done.
    Low,
}

impl Priority {
    /// Which lane of the ready set it is.
    pub(crate) const fn lane(self) -> u64 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It waits for its turn.
    Ready,
    /// It waits for its time.
    Delayed,
    /// Somebody works on it.
    Leased,
    /// It will not be tried again unless somebody says so.
    Dead,
    /// It is over: done or cancelled.
    Done,
}

impl JobState {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Ready,
        Self::Delayed,
        Self::Leased,
        Self::Dead,
        Self::Done,
    ];

    /// The state as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Delayed => "delayed",
            Self::Leased => "leased",
            Self::Dead => "dead",
            Self::Done => "done",
        }
    }

    /// Reads what [`JobState::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A job to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be done.
    pub name: String,
    /// Where it waits.
    pub queue: QueueName,
    /// With what: JSON that its handler understands. Ids rather than data, since it may run late, and twice.
    pub payload: String,
    /// In whose turn it runs, a user's for instance: they take turns however many jobs each has. Nobody's jobs share one.
    pub turn: Option<String>,
    /// Which jobs come before it.
    pub priority: Priority,
    /// How often it is tried.
    pub max_attempts: u32,
    /// How long it waits at least.
    pub delay: Duration,
    /// While a job with the same key waits, it stands for this one too; while one runs, it runs once more afterwards.
    /// So no two of them ever run at once.
    pub unique: Option<String>,
}
