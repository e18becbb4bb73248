//! Cross-origin requests: what browsers are told about pages of other sites, if the settings allow any (Fetch, section 3.2).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sync_core::Origins;

use crate::body::Body;
use crate::router;

/// Headers that pages may send. Never among them: the one that makes the console's cookie count.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-none-match, if-range, range, traceparent, tracestate, \
     x-request-id, x-rhoconnect-client-id, x-rhosync-push-sequence",
);

/// Headers that pages may read, beside those they always may.
const READ: HeaderValue = HeaderValue::from_static(
    "accept-ranges, allow, content-range, etag, location, retry-after, warning, www-authenticate, x-request-id, \
     x-rhoconnect-page-object-count, x-rhoconnect-page-token, x-rhosync-error-code",
);

/// How long a browser may remember the answer to its question, in seconds: browsers take no more than two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What holds for one request from a page.
pub(crate) struct Cors<'a> {
    origins: &'a Origins,
    /// Where the page comes from, if the settings allow that.
    allowed: Option<HeaderValue>,
}

impl<'a> Cors<'a> {
    /// What holds for a request; `None` where browsers are told nothing.
    pub(crate) fn of(origins: &'a Origins, request: &Parts) -> Option<Self> {
        if *origins == Origins::Own || !router::is_for_pages(request.uri.path()) {
            return None;
        }
        let allowed = request.headers.get(ORIGIN).filter(|origin| {
            let origin = origin.to_str();
            origin.is_ok_and(|origin| origins.allow(origin))
        });
        Some(Self {
            origins,
            allowed: allowed.cloned(),
        })
    }

    /// The answer to a browser that asks whether a page may do what it wants to.
    pub(crate) fn preflight(&self, request: &Parts) -> Option<Response<Body>> {
        if request.method != Method::OPTIONS
            || !request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        self.allowed.as_ref()?;
        let methods = HeaderValue::from_str(&router::allow(request.uri.path())?).ok()?;
        let mut answer = Response::new(Body::from(bytes::Bytes::new()));
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(answer)
    }

    /// Tells the browser who may read an answer, and what of it.
    pub(crate) fn finish(self, headers: &mut HeaderMap) {
        let is_any = *self.origins == Origins::Any;
        if !is_any {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = self.allowed else {
            return;
        };
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        if is_any {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            // The session's cookie goes along.
            headers.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }
}
