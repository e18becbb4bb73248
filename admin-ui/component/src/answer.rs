//! Answers requests with files of the bundle.

use std::borrow::Cow;

use bytes::Bytes;
use headers::{ETag, HeaderMapExt as _};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use rust_embed::{Embed, EmbeddedFile};

use crate::negotiation::{accepts, has_current};

/// Where the console is.
const BASE: &str = "/console";
/// The page that every path of the console starts with.
const INDEX: &str = "index.html";
/// The bundler puts files here whose names change with their content.
const HASHED: &str = "assets/";

/// How files may be compressed, the smallest first: the extension of the compressed one beside the original, and what HTTP
/// calls it.
const CODINGS: [(&str, &str); 2] = [("br", "br"), ("gz", "gzip")];

/// Scripts and connections of the console's own origin only. WebAssembly needs its own permission; there is
/// no inline script or style, and no other site may frame the console.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Answers a request with a file of `Site`, by its method, path and headers.
///
/// A HEAD is answered like a GET: the host's HTTP server leaves the body away and keeps its length.
#[must_use]
pub fn answer<Site: Embed>(request: &Parts) -> Response<Bytes> {
    let mut response = route::<Site>(request);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn route<Site: Embed>(request: &Parts) -> Response<Bytes> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let headers = [(ALLOW, HeaderValue::from_static("GET, HEAD"))];
        return plain(
            StatusCode::METHOD_NOT_ALLOWED,
            headers,
            "Method not allowed\n",
        );
    }
    let Some(path) = request.uri.path().strip_prefix(BASE) else {
        return not_found();
    };
    if path.is_empty() {
        let headers = [(LOCATION, HeaderValue::from_static("/console/"))];
        return plain(
            StatusCode::PERMANENT_REDIRECT,
            headers,
            "The console is at /console/\n",
        );
    }
    let Some(path) = path.strip_prefix('/') else {
        return not_found();
    };
    file_for(path)
        .and_then(|file| serve::<Site>(file, request))
        .unwrap_or_else(not_found)
}

/// The file for a path: itself, or the index for what may be a page of the console.
///
/// Compressed files are no files of their own: they are reached by asking for the original.
fn file_for(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        None => Some(INDEX),
        Some((_, extension)) if is_coding(extension) => None,
        Some(_) => Some(path),
    }
}

fn serve<Site: Embed>(path: &str, request: &Parts) -> Option<Response<Bytes>> {
    let compressed = CODINGS
        .into_iter()
        .filter(|(_, coding)| accepts(&request.headers, coding))
        .find_map(|(extension, coding)| {
            let file = Site::get(&format!("{path}.{extension}"))?;
            Some((file, Some(coding)))
        });
    let (EmbeddedFile { data, metadata }, coding) = match compressed {
        Some(compressed) => compressed,
        None => (Site::get(path)?, None),
    };
    let caching = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    // The hash of what is sent, so the compressed form has another tag than the plain one, as it must.
    let etag = format!(
        "\"{}\"",
        base16ct::lower::encode_string(&metadata.sha256_hash()[..16])
    );
    let etag: ETag = etag.parse().ok()?;

    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.typed_insert(etag.clone());
    if has_current(&request.headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(response);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(CONTENT_LENGTH, data.len().into());
    headers.extend(coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_static(coding))));
    *response.body_mut() = match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    };
    Some(response)
}

fn is_coding(extension: &str) -> bool {
    CODINGS.iter().any(|(known, _)| *known == extension)
}

fn not_found() -> Response<Bytes> {
    plain(StatusCode::NOT_FOUND, [], "Not found\n")
}

fn plain(
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    text: &'static str,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, text.len().into());
    response
}

/// The media types of what a bundle contains. A browser refuses scripts and WebAssembly of another type.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
