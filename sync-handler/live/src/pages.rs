//! What browsers are told about pages of other sites (Fetch, section 3.2), as `sync-handler` tells them.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sync_core::Origins;

const METHODS: HeaderValue = HeaderValue::from_static("GET");
const SENT: HeaderValue = HeaderValue::from_static("authorization, x-request-id");
const READ: HeaderValue = HeaderValue::from_static("retry-after, www-authenticate, x-request-id");
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What holds for one request.
pub(crate) struct Pages<'a> {
    origins: &'a Origins,
    /// Where the page comes from, if the settings allow that.
    allowed: Option<HeaderValue>,
}

impl<'a> Pages<'a> {
    pub(crate) fn of(origins: &'a Origins, headers: &HeaderMap) -> Self {
        let is_allowed = |origin: &&HeaderValue| {
            let origin = origin.to_str();
            *origins != Origins::Own && origin.is_ok_and(|origin| origins.allow(origin))
        };
        let allowed = headers.get(ORIGIN).filter(is_allowed).cloned();
        Self { origins, allowed }
    }

    /// The answer to a browser that asks whether a page may do what it wants to.
    pub(crate) fn preflight(&self, request: &Parts) -> Option<Response<bytes::Bytes>> {
        self.allowed.as_ref()?;
        let asks = request.method == Method::OPTIONS
            && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        asks.then(|| {
            let mut answer = Response::new(bytes::Bytes::new());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            let headers = answer.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            answer
        })
    }

    /// Tells the browser who may read an answer, and what of it.
    pub(crate) fn finish(&self, headers: &mut HeaderMap) {
        if *self.origins == Origins::Own {
            return;
        }
        let is_any = *self.origins == Origins::Any;
        if !is_any {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = &self.allowed else {
            return;
        };
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        if is_any {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }
}
