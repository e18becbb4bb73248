//! Cross-origin requests: what browsers are told about pages of other sites, if the settings allow any (Fetch, section 3.2).

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sync_core::Origins;

/// How long a browser may remember the answer to its question, in seconds: browsers take no more than two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What holds for one request from a page.
#[derive(Debug)]
pub struct Cors<'a> {
    origins: &'a Origins,
    /// Where the page comes from, if the settings allow that.
    allowed: Option<HeaderValue>,
}

impl<'a> Cors<'a> {
    /// What holds for a request; `None` where browsers are told nothing.
    pub fn of(origins: &'a Origins, headers: &HeaderMap) -> Option<Self> {
        if *origins == Origins::Own {
            return None;
        }
        let allowed = headers.get(ORIGIN).filter(|origin| {
            let origin = origin.to_str();
            origin.is_ok_and(|origin| origins.allow(origin))
        });
        Some(Self {
            origins,
            allowed: allowed.cloned(),
        })
    }

    /// The answer to a browser that asks whether a page may do what it wants to: it may use these methods and send these headers.
    pub fn preflight(
        &self,
        request: &Parts,
        methods: impl FnOnce() -> Option<HeaderValue>,
        sent: HeaderValue,
    ) -> Option<Response<Bytes>> {
        let asks = request.method == Method::OPTIONS
            && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        self.allowed.as_ref().filter(|_| asks)?;
        let methods = methods()?;
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, sent);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(answer)
    }

    /// Tells the browser who may read an answer, and which headers of it, beside those that pages always may.
    pub fn finish(&self, headers: &mut HeaderMap, read: HeaderValue) {
        let is_any = *self.origins == Origins::Any;
        if !is_any {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = &self.allowed else {
            return;
        };
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, read);
        if is_any {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            // The session's cookie goes along.
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }
}
