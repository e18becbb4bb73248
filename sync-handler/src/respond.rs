//! Builds answers: texts, JSON, pages, errors.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use sync_proto::{
    ERROR_CODE_HEADER, PAGE_OBJECT_COUNT_HEADER, PAGE_TOKEN_HEADER, Page, SearchPage,
};

use crate::body::Body;
use crate::error::{self, HttpError};

/// The content type of everything that is not a page: texts, and the JSON of the administration too, as it has always
/// been on these routes.
const LEGACY: HeaderValue = HeaderValue::from_static("text/html;charset=utf-8");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=utf-8");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn answer(content_type: HeaderValue, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// A text of this type.
pub(crate) fn plain(content_type: HeaderValue, body: impl Into<Bytes>) -> Response<Bytes> {
    answer(content_type, body)
}

/// A text on a legacy route.
pub(crate) fn text(body: impl Into<Bytes>) -> Response<Bytes> {
    answer(LEGACY, body)
}

/// What a request has made, by the name that people know it by: for the audit log, where the path does not say.
#[derive(Debug, Clone)]
pub(crate) struct Made(pub(crate) String);

/// Tells whoever uses an old address that there is a newer one.
pub(crate) fn warn_of_old_address(response: &mut Response<Body>, request: &str) {
    let text = format!("Use of the {request} is deprecated. Use Rhoconnect API v1 instead.");
    if let Ok(text) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::WARNING, text);
    }
}

/// Nothing but another address.
pub(crate) fn see(address: &'static str) -> Response<Bytes> {
    let mut response = answer(TEXT, "");
    *response.status_mut() = StatusCode::FOUND;
    let address = HeaderValue::from_static(address);
    response.headers_mut().insert(header::LOCATION, address);
    response
}

/// Nothing but success.
pub(crate) fn empty() -> Response<Bytes> {
    text("")
}

/// JSON with the content type administrators' scripts have always got.
pub(crate) fn legacy_json(body: &impl Serialize) -> Response<Bytes> {
    let mut response = json(body);
    response.headers_mut().insert(header::CONTENT_TYPE, LEGACY);
    response
}

/// JSON.
pub(crate) fn json(body: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec(body) {
        Ok(body) => answer(JSON, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            let mut response = answer(TEXT, "the answer could not be written");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// JSON that is written already.
pub(crate) fn json_bytes(body: impl Into<Bytes>) -> Response<Bytes> {
    answer(JSON, body)
}

/// A page, with token and count in the headers too.
pub(crate) fn page(page: &Page) -> Response<Bytes> {
    let mut response = json(page);
    let token = page
        .token
        .map_or_else(|| HeaderValue::from_static(""), HeaderValue::from);
    response.headers_mut().insert(PAGE_TOKEN_HEADER, token);
    response
        .headers_mut()
        .insert(PAGE_OBJECT_COUNT_HEADER, page.count.into());
    response
}

/// The pages of a search, with token and count of the last that has objects in the headers too.
pub(crate) fn search_pages(pages: &[SearchPage]) -> Response<Bytes> {
    let mut response = json(&pages);
    let last = pages.iter().rev().find_map(|page| match page {
        SearchPage::Found { token, objects, .. } => Some((*token, objects.len())),
        SearchPage::Nothing | SearchPage::Failed { .. } => None,
    });
    if let Some((token, count)) = last {
        let headers = response.headers_mut();
        headers.insert(PAGE_TOKEN_HEADER, token.into());
        headers.insert(PAGE_OBJECT_COUNT_HEADER, count.into());
    }
    response
}

/// A text with the error's code in a header.
pub(crate) fn error(error: &HttpError) -> Response<Bytes> {
    let mapped = error::map(error);
    let content_type = if mapped.is_legacy { LEGACY } else { TEXT };
    let mut response = answer(content_type, mapped.text);
    *response.status_mut() = mapped.status;
    let headers = response.headers_mut();
    headers.insert(
        ERROR_CODE_HEADER,
        HeaderValue::from_static(mapped.code.as_str()),
    );
    say_what_to_do(headers, mapped.allow, mapped.retry_after);
    response
}

/// An error in the API's form.
pub(crate) fn api_error(error: &HttpError) -> Response<Bytes> {
    let mapped = error::map(error);
    let status = mapped.api_status;
    let message = mapped.api_text.unwrap_or(&mapped.text);
    let mut response = sync_http::api_error(status, mapped.code, message);
    let headers = response.headers_mut();
    say_what_to_do(headers, mapped.allow, mapped.retry_after);
    response
}

/// The methods that would do, and when to try again, as far as an error says so.
fn say_what_to_do(headers: &mut HeaderMap, allow: Option<String>, retry_after: Option<u64>) {
    if let Some(Ok(allow)) = allow.map(HeaderValue::try_from) {
        headers.insert(header::ALLOW, allow);
    }
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
}

/// What every answer carries. Without its length an answer would wait tens of milliseconds for its last bytes.
pub(crate) fn finish(response: &mut Response<Body>) -> &mut HeaderMap {
    let length = response.body().length();
    let has_body = response.status() != StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE) == Some(&LEGACY) {
        // The texts are called HTML, as they have always been, and may quote what was sent: nothing in them may act.
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    if has_body && let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
}
