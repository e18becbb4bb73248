//! An event stream, as a conversation of one request.

use sync_device::{EventReader, StreamEnd};

use crate::conversation::{Answered, Asked, Outcome, Stop, Topic};
use crate::error::Error;
use crate::platform::random_number;
use crate::shared::Shared;

const EVENTS: &str = "/sync/v1/events";

/// The longest that a stream lasts: the server ends it by itself after ten minutes at the latest.
const LONGEST_MS: u64 = 15 * 60 * 1_000;

/// A stream that is asked for, or open.
pub(super) struct Listening {
    stream: u64,
    access: String,
    is_sent: bool,
    reader: EventReader,
}

impl Listening {
    pub(super) fn new(stream: u64, access: String) -> Self {
        Self {
            stream,
            access,
            is_sent: false,
            reader: EventReader::default(),
        }
    }

    /// The server has not let the device in by this token: the next sync gets another.
    fn forget_access(&self, database: &Shared) -> Result<(), Error> {
        let mut store = database.store();
        let mut session = store.session()?;
        if session.access.as_deref() == Some(&self.access) {
            session.access = None;
            store.set_session(&session)?;
        }
        Ok(())
    }
}

impl Topic for Listening {
    fn next(&mut self, _: &Shared, _: &dyn Fn() -> Option<Stop>) -> Result<Option<Asked>, Error> {
        if std::mem::replace(&mut self.is_sent, true) {
            return Ok(None);
        }
        Ok(Some(Asked {
            method: "GET",
            path: EVENTS.into(),
            access: Some(self.access.clone()),
            headers: vec![("Accept", "text/event-stream".to_owned())],
            body: Vec::new(),
        }))
    }

    fn timeout_ms(&self) -> u64 {
        LONGEST_MS
    }

    fn reads_pieces(&self) -> bool {
        true
    }

    fn take(
        &mut self,
        database: &Shared,
        bytes: &[u8],
        _: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        let events = self.reader.push(bytes);
        let now_ms = database.platform.elapsed_ms();
        database.following.heard(self.stream, events, now_ms);
        Ok(true)
    }

    fn answered(&mut self, database: &Shared, answer: Answered) -> Result<(), Error> {
        let end = match answer {
            Answered::Whole(_) | Answered::Broken(_) => StreamEnd::Broken,
            Answered::Error { status: 401, .. } => {
                self.forget_access(database)?;
                StreamEnd::NotLetIn
            }
            Answered::Error {
                status: 404, code, ..
            } => match code.as_str() {
                "unknown_client" => StreamEnd::NotLetIn,
                _ => StreamEnd::NoStreams,
            },
            Answered::Error {
                retry_after: Some(seconds),
                ..
            } => StreamEnd::Later(database.spread_ms(seconds)),
            Answered::Error { .. } => StreamEnd::Broken,
        };
        let random = random_number(database.platform.as_ref());
        let now_ms = database.platform.elapsed_ms();
        database.following.closed(self.stream, end, now_ms, random);
        Ok(())
    }

    fn stopped(&mut self, _: Stop) {}

    fn end(&mut self) -> Outcome {
        Outcome::Listened
    }
}
