//! A device says what it has and what it has done, and is told what became of that and what is new.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Response};
use sync_core::{AcceptedChanges, Engine, NewsRequest, Ports, SentChanges, Sharing, TakenChanges};
use sync_proto::sync::{Line, SyncRequest, VerdictStatus};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// Most sources of one request.
const MAX_SOURCES: usize = 200;

const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// A sync whose changes are durable.
pub(crate) struct BegunSync {
    have: BTreeMap<String, Option<String>>,
    max_bytes: Option<usize>,
    taken: TakenChanges,
}

impl BegunSync {
    /// What is to be carried out before the sync goes on.
    pub(crate) fn accepted(&mut self) -> Vec<AcceptedChanges> {
        std::mem::take(&mut self.taken.accepted)
    }
}

/// `POST /sync/v1/sync`: takes the changes in.
pub(crate) async fn begin<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<BegunSync, HttpError> {
    request.require_json()?;
    let session = request.device_session(engine)?;
    let SyncRequest {
        have,
        changes,
        pending,
        max_bytes,
    } = request.body()?;
    check_sources(&have)?;
    let trace = request.trace();
    let sent = SentChanges {
        changes,
        pending,
        have: &have,
        trace: trace.as_ref(),
    };
    let taken = engine.take_device_changes(session, sent).await?;
    Ok(BegunSync {
        have,
        max_bytes,
        taken,
    })
}

/// Says what became of the changes by now, and what is new.
pub(crate) async fn end<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    begun: BegunSync,
) -> Result<Response<Bytes>, HttpError> {
    let BegunSync {
        have,
        max_bytes,
        taken,
    } = begun;
    let session = request.device_session(engine)?;
    let trace = request.trace();
    let sharing = match taken.is_empty() {
        true => Sharing::Shared,
        false => Sharing::Fresh,
    };
    let mut lines = engine.device_verdicts(session, taken).await?;
    let waits = |line: &Line| matches!(line, Line::Verdict { verdict } if verdict.status == VerdictStatus::Accepted);
    let news = NewsRequest {
        have: &have,
        max_bytes,
        sharing,
        is_waiting: lines.iter().any(waits),
        trace: trace.as_ref(),
    };
    lines.extend(engine.device_news(session, news).await?);
    to_answer(&lines)
}

fn check_sources(have: &BTreeMap<String, Option<String>>) -> Result<(), HttpError> {
    if have.len() > MAX_SOURCES {
        return Err(HttpError::InvalidValue(format!(
            "have names {} sources; at most {MAX_SOURCES} are answered at once",
            have.len()
        )));
    }
    Ok(())
}

/// One line of JSON after another.
pub(super) fn to_answer(lines: &[Line]) -> Result<Response<Bytes>, HttpError> {
    let mut body = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut body, line)
            .map_err(|error| HttpError::InvalidValue(error.to_string()))?;
        body.push(b'\n');
    }
    Ok(respond::plain(LINES, body))
}
