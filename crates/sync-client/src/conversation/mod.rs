//! One or more requests and their answers, carried by whoever has a network.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sync_proto::ErrorCode;

use crate::error::Error;
use crate::following::Cancel;
use crate::model::Object;
use crate::report::{SignedIn, SyncReport};
use crate::shared::Shared;

mod transport;

pub use transport::{Header, HttpRequest, Transport, TransportError};

/// Most bytes of an answer that is no stream of lines.
const MOST_BYTES: usize = 1024 * 1024;

/// How long a request may take, where there is no deadline: a first sync may wait for the back end's whole answer.
const TIMEOUT_MS: u64 = 60_000;

/// What the library has to say to the server. A [`Transport`] carries it; a host that cannot block does the same by hand:
///
/// ```text
/// while let Some(request) = conversation.next_request()? {
///     // send it; then, as the answer comes:
///     conversation.answer_head(status, headers);
///     conversation.answer_chunk(bytes);   // as often as there are some
///     conversation.answer_end(None);      // or why it broke off
/// }
/// ```
pub struct Conversation {
    database: Arc<Shared>,
    /// The cancellations that there had been when it began.
    cancellations: u64,
    cancel: Cancel,
    until_ms: Option<u64>,
    state: Mutex<State>,
}

struct State {
    topic: Box<dyn Topic>,
    head: Option<Head>,
    body: Vec<u8>,
    error: Option<Error>,
}

/// What it is about: what is asked, and what answers mean.
pub(crate) trait Topic: Send {
    /// The next request. `stop` says whether there is to be none: for what takes long before it.
    fn next(
        &mut self,
        database: &Shared,
        stop: &dyn Fn() -> Option<Stop>,
    ) -> Result<Option<Asked>, Error>;

    /// How long the next request may take, where there is no deadline.
    fn timeout_ms(&self) -> u64 {
        TIMEOUT_MS
    }

    /// Takes the head of an answer. `false` says that its body is of no use.
    fn began(&mut self, _: &Head) -> bool {
        true
    }

    /// Whether the answer to the last one is read as it comes, by [`Self::take`].
    fn reads_pieces(&self) -> bool {
        false
    }

    /// Takes a piece of an answer that is read as it comes. `false` says that the rest is of no use.
    fn take(&mut self, _: &Shared, _: &[u8], _: &dyn Fn() -> bool) -> Result<bool, Error> {
        Ok(true)
    }

    /// Takes the end of an answer.
    fn answered(&mut self, database: &Shared, answer: Answered) -> Result<(), Error>;

    /// Hears that there is no next request.
    fn stopped(&mut self, why: Stop);

    /// What became of it.
    fn end(&mut self) -> Outcome;
}

/// Why a conversation stops before everything is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Cancelled,
    DeadlinePassed,
}

/// What became of a conversation.
pub(crate) enum Outcome {
    SignedIn(Result<SignedIn, Error>),
    SignedOut,
    Synced(Box<SyncReport>),
    Searched(Result<Vec<Object>, Error>),
    Listened,
}

/// The begin of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    /// What the content is, without quotes.
    pub(crate) etag: Option<String>,
    /// Where in the whole the body begins, if it is a part of it.
    pub(crate) range_start: Option<u64>,
}

impl Head {
    fn new(status: u16, headers: &[Header]) -> Self {
        let header = |name: &str| {
            let mut headers = headers.iter();
            let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| header.value.trim())
        };
        let etag = header("etag").map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
        let range = header("content-range").and_then(|range| range.strip_prefix("bytes "));
        let start = range.and_then(|range| range.split('-').next());
        Self {
            status,
            retry_after: header("retry-after").and_then(|after| after.parse().ok()),
            etag: etag.map(str::to_owned),
            range_start: start.and_then(|start| start.trim().parse().ok()),
        }
    }
}

/// A request as a topic makes it.
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: Cow<'static, str>,
    pub(crate) access: Option<String>,
    /// Headers beside those that all requests have.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A request with a body of JSON. Those of the library can be written.
    pub(crate) fn post(path: &'static str, access: Option<String>, body: &impl Serialize) -> Self {
        Self {
            method: "POST",
            path: path.into(),
            access,
            headers: Vec::new(),
            body: serde_json::to_vec(body).unwrap_or_default(),
        }
    }
}

/// How an answer ended.
pub(crate) enum Answered {
    /// With a success: the body, if it was not read as lines.
    Whole(Vec<u8>),
    /// With an error that the server means.
    Error {
        status: u16,
        code: String,
        reason: String,
        retry_after: Option<u64>,
    },
    /// Not at all, or with something that is not of the server.
    Broken(String),
}

impl Conversation {
    pub(crate) fn new(
        database: Arc<Shared>,
        topic: Box<dyn Topic>,
        deadline_ms: Option<u64>,
    ) -> Arc<Self> {
        let now = database.platform.now_ms();
        Arc::new(Self {
            cancellations: database.cancellations.load(Ordering::Relaxed),
            cancel: Arc::new(AtomicBool::new(false)),
            until_ms: deadline_ms.map(|deadline| now.saturating_add(deadline)),
            database,
            state: Mutex::new(State {
                topic,
                head: None,
                body: Vec::new(),
                error: None,
            }),
        })
    }

    /// The next request; `None` when everything is said.
    ///
    /// # Errors
    /// The file's. The conversation is over then.
    pub fn next_request(&self) -> Result<Option<HttpRequest>, Error> {
        let (asked, timeout_ms) = {
            let mut state = self.lock();
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if let Some(stop) = self.stop() {
                state.topic.stopped(stop);
                return Ok(None);
            }
            state.head = None;
            state.body.clear();
            let asked = state.topic.next(&self.database, &|| self.stop())?;
            (asked, state.topic.timeout_ms())
        };
        self.database.tell();
        Ok(asked.map(|asked| self.to_request(asked, timeout_ms)))
    }

    fn to_request(&self, asked: Asked, timeout_ms: u64) -> HttpRequest {
        let Asked {
            method,
            path,
            access,
            headers: more,
            body,
        } = asked;
        let header = |name: &str, value: String| Header {
            name: name.to_owned(),
            value,
        };
        let mut headers = Vec::new();
        let is_typed = more.iter().any(|(name, _)| *name == "Content-Type");
        if method != "GET" && !is_typed {
            headers.push(header("Content-Type", "application/json".to_owned()));
        }
        headers.extend(access.map(|access| header("Authorization", format!("Bearer {access}"))));
        headers.extend(more.into_iter().map(|(name, value)| header(name, value)));
        HttpRequest {
            method: method.to_owned(),
            url: format!("{}{path}", self.database.server),
            headers,
            body,
            timeout_ms: self.left_ms().unwrap_or(timeout_ms).min(timeout_ms),
        }
    }

    /// Takes the head of an answer. `false` says that nobody wants the rest.
    pub fn answer_head(&self, status: u16, headers: Vec<Header>) -> bool {
        let head = Head::new(status, &headers);
        let mut state = self.lock();
        let is_of_use = state.topic.began(&head);
        state.head = Some(head);
        drop(state);
        is_of_use && self.is_wanted()
    }

    /// Takes a piece of an answer's body. What it says is kept before this returns. `false` says that nobody wants the rest.
    pub fn answer_chunk(&self, bytes: Vec<u8>) -> bool {
        {
            let mut state = self.lock();
            if state.error.is_some() || !self.is_wanted() {
                return false;
            }
            let State {
                topic, head, body, ..
            } = &mut *state;
            let is_success = head.as_ref().is_some_and(|head| head.status / 100 == 2);
            if is_success && topic.reads_pieces() {
                match topic.take(&self.database, &bytes, &|| self.is_wanted()) {
                    Ok(true) => {}
                    Ok(false) => return false,
                    Err(failed) => state.error = Some(failed),
                }
            } else if body.len() + bytes.len() <= MOST_BYTES {
                body.extend_from_slice(&bytes);
            } else {
                // No answer of the server is so long.
                return false;
            }
        }
        self.database.tell();
        self.is_wanted()
    }

    /// Takes the end of an answer: `None` if it is complete, or else why there is none or not all.
    pub fn answer_end(&self, failure: Option<String>) {
        {
            let mut state = self.lock();
            let State {
                topic,
                head,
                body,
                error,
            } = &mut *state;
            if error.is_none() {
                let answered = answered(head.take(), std::mem::take(body), failure);
                let ended = topic.answered(&self.database, answered);
                *error = ended.err();
            }
        }
        self.database.tell();
    }

    /// What ends it when it is set.
    pub(crate) fn canceller(&self) -> Cancel {
        Arc::clone(&self.cancel)
    }

    /// Whether nobody wants it any more, as somebody has called [`crate::Database::cancel`] since it began, for instance.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
            || self.database.cancellations.load(Ordering::Relaxed) != self.cancellations
    }

    fn is_wanted(&self) -> bool {
        self.stop().is_none()
    }

    fn stop(&self) -> Option<Stop> {
        match self.left_ms() {
            _ if self.is_cancelled() => Some(Stop::Cancelled),
            Some(0) => Some(Stop::DeadlinePassed),
            _ => None,
        }
    }

    fn left_ms(&self) -> Option<u64> {
        let now = self.database.platform.now_ms();
        self.until_ms.map(|until| until.saturating_sub(now))
    }

    /// What became of it.
    pub(crate) fn end(&self) -> Outcome {
        self.lock().topic.end()
    }

    /// Carries all requests by a transport.
    pub(crate) fn carry(self: &Arc<Self>, transport: &dyn Transport) -> Result<(), Error> {
        while let Some(request) = self.next_request()? {
            let sent = transport.send(request, Arc::clone(self));
            self.answer_end(sent.err().map(|error| error.reason));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer means. Only what has the server's own form counts as its word: others answer in its place where a network wants a
/// login, or behind a broken proxy.
fn answered(head: Option<Head>, body: Vec<u8>, failure: Option<String>) -> Answered {
    let Some(Head {
        status,
        retry_after,
        ..
    }) = head
    else {
        return Answered::Broken(failure.unwrap_or_else(|| "there was no answer".to_owned()));
    };
    if status / 100 == 2 {
        return match failure {
            None => Answered::Whole(body),
            Some(reason) => Answered::Broken(reason),
        };
    }
    let told = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
    let word = |name: &str| told.get("error")?.get(name)?.as_str().map(str::to_owned);
    match word("code") {
        Some(code) => Answered::Error {
            status,
            code,
            reason: word("message").unwrap_or_default(),
            retry_after,
        },
        None if status >= 500 => Answered::Error {
            status,
            code: ErrorCode::Unavailable.as_str().to_owned(),
            reason: format!("status {status}"),
            retry_after,
        },
        None => Answered::Broken(format!("status {status}, and not by the server")),
    }
}
