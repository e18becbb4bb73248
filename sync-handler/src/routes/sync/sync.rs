//! A device says what it has and what it has done, and is told what became of that and what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use sync_core::{
    AcceptedChanges, DeviceSession, Engine, ImageForm, Insurance, NewsRequest, Ports, SentChanges,
    TakenChanges,
};
use sync_proto::sync::{Change, EndReason, Line, SourceParameters, SyncRequest};

use crate::body::Body;
use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// Most sources of one request.
const MAX_SOURCES: usize = 200;

const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// A sync whose changes are durable.
pub(crate) struct BegunSync {
    have: BTreeMap<String, Option<String>>,
    parameters: SourceParameters,
    max_bytes: Option<usize>,
    images: Vec<ImageForm>,
    wait: Duration,
    taken: TakenChanges,
}

/// What a device is answered.
pub(crate) enum Answered {
    /// This.
    Now(Response<Bytes>),
    /// Nothing is new, and it would wait for that.
    Later(WaitingSync),
}

/// A device that waits until something is new.
pub(crate) struct WaitingSync {
    session: DeviceSession,
    have: BTreeMap<String, Option<String>>,
    parameters: SourceParameters,
    max_bytes: Option<usize>,
    images: Vec<ImageForm>,
    wait: Duration,
}

impl WaitingSync {
    /// Waits, and says what is new then.
    pub(crate) async fn lines<P: Ports>(self, engine: &Engine<P>) -> Result<Bytes, HttpError> {
        let Self {
            session,
            have,
            parameters,
            max_bytes,
            images,
            wait,
        } = self;
        engine
            .wait_for_news(&session, &have, &parameters, wait)
            .await?;
        let news = NewsRequest {
            have: &have,
            parameters: &parameters,
            max_bytes,
            images: &images,
            trace: None,
        };
        let nothing = TakenChanges::default();
        let lines = engine.answer_device(&session, nothing, &[], news).await?;
        Ok(to_answer(&lines)?.into_body())
    }
}

/// The head of an answer that waits.
pub(crate) fn waiting_head(body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, LINES);
    answer
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
        parameters,
        changes,
        pending,
        settled,
        wait,
        max_bytes,
        images,
    } = request.body()?;
    check_sources(&have, &parameters, &changes, [&pending, &settled])?;
    let trace = request.trace();
    let sent = SentChanges {
        changes,
        pending,
        settled,
        have: &have,
        parameters: &parameters,
        base_url: request.base_url(),
        trace: trace.as_ref(),
    };
    let taken = engine.take_device_changes(session, sent).await?;
    Ok(BegunSync {
        have,
        parameters,
        max_bytes,
        images: ImageForm::known(&images),
        wait: Duration::from_secs(wait.unwrap_or(0)),
        taken,
    })
}

/// Says what became of the changes by now, and what is new.
pub(crate) async fn end<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    begun: BegunSync,
    done: &[Insurance],
) -> Result<Answered, HttpError> {
    let BegunSync {
        have,
        parameters,
        max_bytes,
        images,
        wait,
        taken,
    } = begun;
    let session = request.device_session(engine)?;
    let trace = request.trace();
    let news = NewsRequest {
        have: &have,
        parameters: &parameters,
        max_bytes,
        images: &images,
        trace: trace.as_ref(),
    };
    let lines = engine.answer_device(session, taken, done, news).await?;
    if wait.is_zero() || lines.iter().any(is_news) {
        return Ok(Answered::Now(to_answer(&lines)?));
    }
    Ok(Answered::Later(WaitingSync {
        session: session.clone(),
        have,
        parameters,
        max_bytes,
        images,
        wait,
    }))
}

/// Whether a line tells a device something that it does not know.
fn is_news(line: &Line) -> bool {
    match line {
        Line::News(news) => {
            let is_empty =
                news.objects.is_empty() && news.unset.is_empty() && news.deleted.is_empty();
            !is_empty || news.more || news.cursor.is_some()
        }
        Line::End { end } => end.why != EndReason::Idle,
        _ => true,
    }
}

/// Each source is looked up, and may have to be asked for at a back end.
fn check_sources(
    have: &BTreeMap<String, Option<String>>,
    parameters: &SourceParameters,
    changes: &[Change],
    ids: [&BTreeMap<String, Vec<String>>; 2],
) -> Result<(), HttpError> {
    let changed = changes.iter().map(|change| &change.source);
    let asked_after = ids.into_iter().flat_map(BTreeMap::keys);
    let named: BTreeSet<&String> = have
        .keys()
        .chain(parameters.keys())
        .chain(asked_after)
        .chain(changed)
        .collect();
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
        let none = SourceParameters::new();
        assert!(check_sources(&have, &none, &changes, [&pending, &BTreeMap::new()]).is_ok());
        changes.push(change("one more".to_owned()));
        let refused = check_sources(&have, &none, &changes, [&pending, &BTreeMap::new()]);
        assert!(matches!(refused, Err(HttpError::InvalidValue(_))));
    }
}
