//! The way to the back end: the network, or fixtures in its place. Either way it is known what was said.

use std::cell::RefCell;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use sync_client::rhoconnect::{Transport as _, TransportError, UreqTransport};
use sync_core::{AnswerRoom, HttpClient, HttpError};

use super::secrets::Secrets;

/// A request and its answer, if one came.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) request: http::Request<Bytes>,
    pub(super) answer: Option<http::Response<Bytes>>,
}

impl Exchange {
    /// What tells a request from others: its method and address.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.request.method(), self.request.uri())
    }
}

/// Who answers.
enum Way {
    /// The back end.
    Live(RefCell<Option<(Duration, UreqTransport)>>),
    /// What it has answered before, of which each answer is given once.
    Fixtures(RefCell<Vec<Exchange>>),
    /// A body, whatever is asked.
    Example(Bytes),
}

/// The way to the back end.
pub(super) struct Network {
    way: Way,
    secrets: Secrets,
    said: RefCell<Vec<Exchange>>,
}

impl Network {
    /// To the back end itself.
    pub(super) fn live(secrets: Secrets) -> Self {
        Self::new(Way::Live(RefCell::new(None)), secrets)
    }

    /// To fixtures.
    pub(super) fn of_fixtures(fixtures: Vec<Exchange>, secrets: Secrets) -> Self {
        Self::new(Way::Fixtures(RefCell::new(fixtures)), secrets)
    }

    /// To somebody who answers this, whatever is asked.
    pub(super) fn of_example(body: Bytes, secrets: Secrets) -> Self {
        Self::new(Way::Example(body), secrets)
    }

    fn new(way: Way, secrets: Secrets) -> Self {
        Self {
            way,
            secrets,
            said: RefCell::default(),
        }
    }

    /// Whether the back end itself answers.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.way, Way::Live(_))
    }

    /// Forgets what was said behind the first exchanges.
    pub(super) fn forget_behind(&self, exchanges: usize) {
        self.said.borrow_mut().truncate(exchanges);
    }

    /// Everything that was said so far, without what is secret.
    pub(super) fn said(&self) -> Vec<Exchange> {
        let said = self.said.borrow();
        said.iter()
            .map(|it| self.secrets.removed_from(it))
            .collect()
    }
}

impl HttpClient for Network {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
        room: &mut AnswerRoom,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let authority = request.uri().authority();
        let host = authority.map(ToString::to_string).unwrap_or_default();
        let no_answer = |reason: String| HttpError::NoAnswer {
            host: host.clone(),
            reason,
        };
        let answer = match &self.way {
            Way::Live(kept) => {
                let mut kept = kept.borrow_mut();
                if !matches!(&*kept, Some((known, _)) if *known == timeout) {
                    *kept = Some((timeout, UreqTransport::new(timeout)));
                }
                let sent = kept
                    .as_ref()
                    .map(|(_, transport)| transport.send(request.clone()));
                sent.unwrap_or_else(|| Err(TransportError("no transport".into())))
                    .map_err(|error| no_answer(explained(&causes(&error), timeout)))
            }
            Way::Example(body) => Ok(http::Response::new(body.clone())),
            Way::Fixtures(left) => {
                let asked = Exchange {
                    request: request.clone(),
                    answer: None,
                };
                let line = self.secrets.removed_from(&asked).line();
                let mut left = left.borrow_mut();
                match left.iter().position(|fixture| fixture.line() == line) {
                    None => Err(no_answer(format!("no fixture is left for {line}"))),
                    Some(place) => left
                        .remove(place)
                        .answer
                        .ok_or_else(|| no_answer("none came when it was recorded".to_owned())),
                }
            }
        };
        // What is packed would keep its secrets.
        let answer = answer.and_then(|answer| {
            let (head, body) = answer.into_parts();
            room.expect(&host, body.len())?;
            room.take(&host, &body)?;
            let mut answer = http::Response::from_parts(head, room.arrived());
            room.unpack(&host, &mut answer)?;
            Ok(answer)
        });
        self.said.borrow_mut().push(Exchange {
            request,
            answer: answer.as_ref().ok().cloned(),
        });
        answer
    }
}

/// What went wrong in words that say what to do, where the cause does not.
fn explained(cause: &str, timeout: Duration) -> String {
    let cause = cause.trim_start_matches("io: ");
    let (_, certificate) = cause
        .split_once("invalid peer certificate: ")
        .unwrap_or_default();
    match cause {
        _ if !certificate.is_empty() => format!(
            "its certificate is not accepted ({certificate}): it must be good for this host, and signed by an authority that this machine trusts"
        ),
        _ if cause.contains("InvalidContentType") => {
            "it does not speak TLS: does its address begin with http://?".to_owned()
        }
        "timeout: global" => format!(
            "none came within {} ms; `timeout_ms` says how long a call may take",
            timeout.as_millis()
        ),
        cause => cause.to_owned(),
    }
}

/// What went wrong, down to the cause. The words around it say nothing that is not known here.
fn causes(TransportError(cause): &TransportError) -> String {
    let cause: &dyn Error = &**cause;
    let mut texts = Vec::new();
    let mut next = Some(cause);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.dedup();
    texts.join(": ")
}
