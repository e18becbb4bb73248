//! What pages of other sites may do, if the settings allow any: at which addresses, and which headers they may send and read.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response};
use sync_core::Origins;
use sync_http::Cors;

use crate::body::Body;
use crate::router;

/// Headers that pages may send. Never among them: the one that makes the console's cookie count.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-range, content-type, idempotency-key, if-match, if-none-match, if-range, range, traceparent, tracestate, \
     x-request-id, x-rhoconnect-client-id, x-rhosync-push-sequence",
);

/// Headers that pages may read, beside those they always may.
const READ: HeaderValue = HeaderValue::from_static(
    "accept-ranges, allow, content-range, etag, location, retry-after, warning, www-authenticate, x-request-id, \
     x-rhoconnect-page-object-count, x-rhoconnect-page-token, x-rhosync-error-code",
);

/// What holds for a request; `None` where browsers are told nothing.
pub(crate) fn of<'a>(origins: &'a Origins, request: &Parts) -> Option<Cors<'a>> {
    router::is_for_pages(request.uri.path())
        .then(|| Cors::of(origins, &request.headers))
        .flatten()
}

/// The answer to a browser that asks whether a page may do what it wants to.
pub(crate) fn preflight(cors: &Cors<'_>, request: &Parts) -> Option<Response<Body>> {
    let methods = || HeaderValue::from_str(&router::allow(request.uri.path())?).ok();
    let answer = cors.preflight(request, methods, SENT)?;
    Some(answer.map(Body::from))
}

/// Tells the browser who may read an answer, and what of it.
pub(crate) fn finish(cors: &Cors<'_>, headers: &mut HeaderMap) {
    cors.finish(headers, READ);
}
