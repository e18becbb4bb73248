//! The server's REST API. No other module knows an address of it or fetches anything.

mod call;
mod calls;
mod query;
mod writes;

use std::cell::RefCell;
use std::collections::BTreeMap;

use gloo_net::http::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use web_sys::AbortSignal;

pub(crate) use call::{Call, Request};
pub(crate) use calls::*;
pub(crate) use query::{Query, decode, encode};

use crate::browser;
use crate::clock;
use crate::error::ApiError;
use crate::text::sentence_case;
use writes::OpenWrites;

/// Where the API is.
const BASE: &str = "/api/v1";

/// No other site can send this header without asking first, and the server lets none: so it takes the session's cookie.
const CONSOLE_HEADER: (&str, &str) = ("x-rhosync-console", "1");

/// A write that is repeated with the same key is done once.
const KEY_HEADER: &str = "idempotency-key";

/// Writes that take no key: there is no session yet, or the answer is kept nowhere.
const WITHOUT_KEY: [&str; 2] = ["/login", "/tokens"];

/// A state of something that can be edited.
pub(crate) type Tag = String;

/// Most things whose state is remembered.
const MOST_TAGS: usize = 100;

thread_local! {
    static OPEN_WRITES: RefCell<OpenWrites> = RefCell::default();
    static TAGS: RefCell<BTreeMap<String, Tag>> = RefCell::default();
}

/// The state in which the thing at this path was when it was last read.
pub(crate) fn tag(path: &str) -> Option<Tag> {
    TAGS.with_borrow(|tags| tags.get(path).cloned())
}

fn note_tag(path: String, tag: Tag) {
    TAGS.with_borrow_mut(|tags| {
        if tags.len() >= MOST_TAGS {
            tags.clear();
        }
        tags.insert(path, tag);
    });
}

/// How long to wait for what is read, in milliseconds.
const READ_TIMEOUT: u32 = 10_000;

/// How long to wait for what is done: a component works for up to twenty seconds.
const WRITE_TIMEOUT: u32 = 40_000;

fn get<T: DeserializeOwned>(path: &str) -> Call<T> {
    Call::new(Method::GET, path, None, parse)
}

fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Call<T> {
    Call::new(Method::POST, path, encoded(body), parse)
}

fn patch<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Call<T> {
    Call::new(Method::PATCH, path, encoded(body), parse)
}

/// Changes something that is in this state still.
fn change<T: DeserializeOwned>(
    method: Method,
    path: &str,
    body: &impl Serialize,
    tag: Option<Tag>,
) -> Call<T> {
    let mut call = Call::new(method, path, encoded(body), parse);
    call.request.tag = tag;
    call
}

/// Does something whose answer says no more than that it is done.
fn act(path: &str, body: &impl Serialize) -> Call<()> {
    Call::new(Method::POST, path, encoded(body), |_| Ok(()))
}

fn delete(path: &str) -> Call<()> {
    Call::new(Method::DELETE, path, None, |_| Ok(()))
}

/// What the API takes can always be written.
fn encoded(body: &impl Serialize) -> Option<String> {
    serde_json::to_string(body).ok()
}

/// Sends a request and reads the answer. It is the same for all types of answers, so there is one of it.
async fn send(request: Request) -> Result<String, ApiError> {
    let Request {
        method,
        path,
        body,
        tag,
        ..
    } = request;
    let url = format!("{BASE}{path}");
    let timeout = if method == Method::GET {
        READ_TIMEOUT
    } else {
        WRITE_TIMEOUT
    };
    let (name, value) = CONSOLE_HEADER;
    let has_key = method != Method::GET && !WITHOUT_KEY.iter().any(|path| url.ends_with(path));
    let write = has_key.then(|| format!("{method} {url} {}", body.as_deref().unwrap_or("")));
    let mut request = RequestBuilder::new(&url)
        .method(method)
        .header(name, value)
        .abort_signal(Some(&AbortSignal::timeout_with_u32(timeout)));
    if let Some(write) = &write {
        let key = OPEN_WRITES.with_borrow_mut(|open| open.begin(write, browser::random));
        request = request.header(KEY_HEADER, &key);
    }
    if let Some(tag) = &tag {
        request = request.header("if-match", tag);
    }
    let silence = match write {
        Some(_) => ApiError::Unanswered,
        None => ApiError::Unreachable,
    };
    let request = match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body),
        None => request.build(),
    };
    let request = request.map_err(|error| ApiError::Unreadable(error.to_string()))?;
    let response = request.send().await.map_err(|_| silence.clone())?;
    if let Some(date) = response.headers().get("date") {
        clock::note_server_time(&date);
    }
    let tag = response.headers().get("etag").filter(|_| response.ok());
    let later = response.headers().get("retry-after");
    let later = later.and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let text = response.text().await.map_err(|_| silence)?;
    if let Some(tag) = tag {
        note_tag(path, tag);
    }
    let answer = match response.ok() {
        true => Ok(text),
        false => Err(refusal(response.status(), later, &text)),
    };
    let is_at_work = matches!(&answer, Err(ApiError::Refused { code, .. }) if code == AT_WORK);
    if let Some(write) = write.filter(|_| !is_at_work) {
        OPEN_WRITES.with_borrow_mut(|open| open.end(&write));
    }
    answer
}

/// The first request of a write is not done yet.
const AT_WORK: &str = "request_in_progress";

fn refusal(status: u16, retry_after: u32, text: &str) -> ApiError {
    match serde_json::from_str::<sync_proto::api::ApiError>(text) {
        Ok(answer) if status == 401 && answer.error.code != "login_failed" => ApiError::SignedOut,
        Ok(answer) => ApiError::Refused {
            status,
            message: match answer.error.code.as_str() {
                AT_WORK => "The server still works on this. Try again in a moment.".to_owned(),
                _ => sentence(&answer.error.message),
            },
            code: answer.error.code,
            retry_after,
        },
        Err(_) if status == 401 => ApiError::SignedOut,
        Err(_) => ApiError::Refused {
            status,
            code: String::new(),
            message: match status {
                414 | 431 => "That is too long to be searched for.".to_owned(),
                _ => format!("The server answered with status {status}."),
            },
            retry_after,
        },
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::Unreadable(error.to_string()))
}

/// What the server says, with a capital letter and a full stop.
fn sentence(message: &str) -> String {
    let text = sentence_case(message);
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}
