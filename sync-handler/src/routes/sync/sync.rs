//! A device says what it has and what it has done, and is told what became of that and what is new.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderValue, Response};
use sync_core::{
    AcceptedChanges, Engine, Insurance, NewsRequest, Ports, SentChanges, TakenChanges,
};
use sync_proto::sync::{Change, Line, SyncRequest};

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
    check_sources(&have, &changes, &pending)?;
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
    done: &[Insurance],
) -> Result<Response<Bytes>, HttpError> {
    let BegunSync {
        have,
        max_bytes,
        taken,
    } = begun;
    let session = request.device_session(engine)?;
    let trace = request.trace();
    let news = NewsRequest {
        have: &have,
        max_bytes,
        trace: trace.as_ref(),
    };
    let lines = engine.answer_device(session, taken, done, news).await?;
    to_answer(&lines)
}

/// Each source is looked up, and may have to be asked for at a back end.
fn check_sources(
    have: &BTreeMap<String, Option<String>>,
    changes: &[Change],
    pending: &BTreeMap<String, Vec<String>>,
) -> Result<(), HttpError> {
    let changed = changes.iter().map(|change| &change.source);
    let named: BTreeSet<&String> = have.keys().chain(pending.keys()).chain(changed).collect();
    if named.len() > MAX_SOURCES {
        return Err(HttpError::InvalidValue(format!(
            "{} sources are named; at most {MAX_SOURCES} are answered at once",
            named.len()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_counted_wherever_they_are_named() {
        let sources = |from: usize, to: usize| (from..to).map(|number| format!("S{number}"));
        let have = sources(0, 100).map(|name| (name, None)).collect();
        let pending = sources(50, 150).map(|name| (name, Vec::new())).collect();
        let change = |source: String| -> Change {
            let change =
                serde_json::json!({"id": "1", "source": source, "op": "delete", "object": "1"});
            serde_json::from_value(change).unwrap()
        };
        let mut changes: Vec<Change> = sources(140, 200).map(change).collect();
        assert!(check_sources(&have, &changes, &pending).is_ok());
        changes.push(change("one more".to_owned()));
        let refused = check_sources(&have, &changes, &pending);
        assert!(matches!(refused, Err(HttpError::InvalidValue(_))));
    }
}
