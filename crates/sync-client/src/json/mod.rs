//! Calls, answers and errors as JSON, for languages whose values these are: the bindings for browsers and for Node.

mod call;
mod error;

pub use call::{Call, NamedCredentials, NamedOperation, NamedSearch, answer};
pub use error::{thrown, thrown_as};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::conversation::{Header, HttpRequest};

/// Reads what the script hands over.
///
/// # Errors
/// What the script throws.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| thrown_as("invalid", &error.to_string()))
}

/// Writes what the script gets.
///
/// # Errors
/// What the script throws.
pub fn written<T: Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| thrown_as("internal", &error.to_string()))
}

/// The request as the script carries it: `method`, `url`, `headers`, `timeoutMs`. Its body, which may be no text, goes beside it.
pub fn request(request: &HttpRequest) -> String {
    let headers = request.headers.iter();
    let headers: Vec<_> = headers
        .map(|header| (&header.name, &header.value))
        .collect();
    serde_json::json!({
        "method": request.method,
        "url": request.url,
        "headers": headers,
        "timeoutMs": request.timeout_ms,
    })
    .to_string()
}

/// The headers of an answer that the library reads, as the script hands them over.
pub fn answer_headers(
    retry_after: Option<String>,
    etag: Option<String>,
    content_range: Option<String>,
) -> Vec<Header> {
    let told = [
        ("Retry-After", retry_after),
        ("ETag", etag),
        ("Content-Range", content_range),
    ];
    let told = told.into_iter();
    let headers = told.filter_map(|(name, value)| {
        let name = name.to_owned();
        value.map(|value| Header { name, value })
    });
    headers.collect()
}
