//! The event streams of an instance: who waits for what, and what each is told when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::account::DeviceSession;
use crate::model::SourceName;

/// How long a stream says nothing at most: proxies close what is silent for a minute, and a device that is gone is found out.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// A comment, which devices pass over.
const BEAT: &[u8] = b":\n\n";

/// Names a stream among those of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u64);

/// What a stream is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub stream: StreamId,
    /// What to write; nothing: it is over.
    pub text: Option<Bytes>,
}

/// A device that waits.
pub(super) struct Stream {
    pub(super) session: DeviceSession,
    /// The documents that it follows, by their names.
    pub(super) follows: BTreeMap<String, SourceName>,
    /// When it is over.
    pub(super) ends_at: Duration,
}

struct Open {
    stream: Stream,
    told_at: Duration,
}

/// See the module.
#[derive(Default)]
pub(super) struct Streams {
    next: u64,
    open: BTreeMap<StreamId, Open>,
}

#[derive(Serialize)]
struct News<'a> {
    sources: BTreeSet<&'a SourceName>,
}

impl Streams {
    pub(super) fn open(&mut self, stream: Stream, now: Duration) -> StreamId {
        let id = StreamId(self.next);
        self.next += 1;
        self.open.insert(
            id,
            Open {
                stream,
                told_at: now,
            },
        );
        id
    }

    pub(super) fn close(&mut self, id: StreamId) {
        self.open.remove(&id);
    }

    /// A stream's device follows these documents now.
    pub(super) fn follow(&mut self, id: StreamId, follows: BTreeMap<String, SourceName>) {
        if let Some(open) = self.open.get_mut(&id) {
            open.stream.follows = follows;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn sessions(&self) -> Vec<(StreamId, DeviceSession)> {
        let open = self.open.iter();
        open.map(|(id, open)| (*id, open.stream.session.clone()))
            .collect()
    }

    /// What is to be said now: which of their documents have changed, signs of life, and ends. `shut_out` have no business here any
    /// more.
    pub(super) fn tell(
        &mut self,
        changed: &BTreeSet<String>,
        shut_out: &BTreeSet<StreamId>,
        now: Duration,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        for (id, open) in &mut self.open {
            let Stream {
                follows, ends_at, ..
            } = &open.stream;
            let is_over = shut_out.contains(id) || now >= *ends_at;
            let follows = follows.iter();
            let sources: BTreeSet<_> = follows
                .filter(|(document, _)| changed.contains(*document))
                .map(|(_, source)| source)
                .collect();
            let text = match (is_over, sources.is_empty()) {
                (true, _) => None,
                (false, false) => Some(event(&News { sources })),
                (false, true) if now.saturating_sub(open.told_at) >= HEARTBEAT => {
                    Some(Bytes::from_static(BEAT))
                }
                (false, true) => continue,
            };
            open.told_at = now;
            told.push(Told { stream: *id, text });
        }
        for over in told.iter().filter(|told| told.text.is_none()) {
            self.open.remove(&over.stream);
        }
        told
    }
}

/// One event (HTML, section 9.2). JSON has no line breaks here.
fn event(news: &News<'_>) -> Bytes {
    // Names can be written.
    let data = serde_json::to_string(news).unwrap_or_default();
    Bytes::from(format!("data: {data}\n\n"))
}
