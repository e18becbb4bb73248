//! What a client did lately, for those who look into its troubles.

use serde::{Deserialize, Serialize};

use crate::model::{Millis, SourceName};

/// Most characters of what went wrong that are kept.
const MAX_ERROR_CHARS: usize = 300;

/// Something a client did, or that was done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct ClientEvent {
    pub(crate) at: Millis,
    pub(crate) kind: ClientEventKind,
    pub(crate) source: Option<SourceName>,
    /// Status of the answer.
    pub(crate) status: u16,
    /// Changes or acknowledgements that it sent.
    pub(crate) sent: u64,
    /// Objects that it got.
    pub(crate) received: u64,
    pub(crate) took_ms: u64,
    pub(crate) error: Option<String>,
}

/// An event without the names of its parts: each device has some fifty.
type Stored = (
    Millis,
    ClientEventKind,
    Option<SourceName>,
    u16,
    u64,
    u64,
    u64,
    Option<String>,
);

impl From<Stored> for ClientEvent {
    fn from((at, kind, source, status, sent, received, took_ms, error): Stored) -> Self {
        Self {
            at,
            kind,
            source,
            status,
            sent,
            received,
            took_ms,
            error,
        }
    }
}

impl From<ClientEvent> for Stored {
    fn from(event: ClientEvent) -> Self {
        let ClientEvent {
            at,
            kind,
            source,
            status,
            sent,
            received,
            took_ms,
            error,
        } = event;
        (at, kind, source, status, sent, received, took_ms, error)
    }
}

impl ClientEvent {
    /// One of which no more is known.
    pub(crate) fn new(at: Millis, kind: ClientEventKind) -> Self {
        Self {
            at,
            kind,
            source: None,
            status: 200,
            sent: 0,
            received: 0,
            took_ms: 0,
            error: None,
        }
    }
}

/// What a client did, or what was done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientEventKind {
    Pull,
    Push,
    Search,
    BulkData,
    Register,
    Reset,
    Ping,
}

impl ClientEventKind {
    /// What administrators call it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Search => "search",
            Self::BulkData => "bulk-data",
            Self::Register => "register",
            Self::Reset => "reset",
            Self::Ping => "ping",
        }
    }
}

/// As much of what went wrong as is kept of it for people.
pub(crate) fn short(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARS).collect()
}
