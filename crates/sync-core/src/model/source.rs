//! Rules that hold for a source: who shares a copy of it, and how often its back end is asked.

use serde::{Deserialize, Serialize};

use crate::model::{DocumentId, Partition, SourceName, UserId};

/// Which partition of a source a user belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionRule {
    /// One copy for everybody.
    App,
    /// One copy per user.
    #[default]
    User,
    /// One copy for all users for whom the same name is computed.
    Computed,
}

impl PartitionRule {
    /// The rule as the settings file calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::User => "user",
            Self::Computed => "computed",
        }
    }

    /// Reads what [`PartitionRule::as_str`] wrote of a rule that needs no template.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "app" => Some(Self::App),
            "user" => Some(Self::User),
            _ => None,
        }
    }

    /// The document that holds the user's copy of the source. Where it is computed: the one of a user for whom nothing comes
    /// out, which nobody else has and no back end is asked for.
    pub fn document(self, source: &SourceName, user: &UserId) -> DocumentId {
        let partition = match self {
            Self::App => Partition::App,
            Self::User | Self::Computed => Partition::User(user.clone()),
        };
        DocumentId {
            source: source.clone(),
            partition,
        }
    }
}

/// What it means that a device narrows a source down by parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParametersRule {
    /// Its user's devices that send the same parameters share a copy.
    #[default]
    OwnCopy,
    /// Nothing: it gets what everybody gets.
    Ignore,
}

/// What becomes of a device's change to what others have changed since the device had seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictRule {
    /// It goes to the back end, whose word counts.
    #[default]
    ClientWins,
    /// It is refused.
    ServerWins,
    /// What others have changed stays as it is, and the rest of the change goes to the back end.
    FieldMerge,
}

/// How often the back end is asked for what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollInterval {
    /// Never.
    Never,
    /// At the begin of every sync.
    EverySync,
    /// When the last answer is older than this.
    Seconds(u64),
}

impl PollInterval {
    /// Reads a number of seconds, 0 (every sync) or -1 (never).
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        match seconds {
            -1 => Some(Self::Never),
            0 => Some(Self::EverySync),
            _ => u64::try_from(seconds).ok().map(Self::Seconds),
        }
    }

    /// What [`PollInterval::from_seconds`] reads.
    pub fn to_seconds(self) -> i64 {
        match self {
            Self::Never => -1,
            Self::EverySync => 0,
            Self::Seconds(seconds) => i64::try_from(seconds).unwrap_or(i64::MAX),
        }
    }
}
