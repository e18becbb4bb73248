//! A device searches in back ends.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports, SearchRequest, to_text};
use sync_proto::{Search, SearchedSource};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /rc/v1/app/search` and `GET /application/search`: sources and parameters stand in the body, in the address, or
/// some here and some there.
pub(crate) async fn search<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Search { sources, search } = match request.body() {
        Err(HttpError::MalformedBody(reason)) => request
            .parse(&with_commas(request.raw_body()))
            .map_err(|_| HttpError::MalformedBody(reason))?,
        body => body?,
    };
    let mut sources: Vec<_> = sources
        .into_iter()
        .map(|SearchedSource { name, token }| (name, token.map(to_text).unwrap_or_default()))
        .collect();
    if sources.is_empty() {
        sources = sources_in_query(request);
    }
    let mut parameters = request.query_group("search");
    parameters.retain(|(name, _)| !search.contains_key(name));
    let in_body = search.into_iter();
    parameters.extend(in_body.map(|(name, value)| (name, to_text(value))));

    let session = request.session(engine).await?;
    let trace = request.trace();
    let search = SearchRequest {
        client: request.client_id(),
        sources: &sources,
        parameters: &parameters,
        page_size: request.page_size()?,
        is_repeated: request.query("resend").is_some(),
        trace: trace.as_ref(),
    };
    Ok(respond::search_pages(
        &engine.search(session, search).await?,
    ))
}

/// Names and tokens of the sources in the address.
fn sources_in_query(request: &Request) -> Vec<(String, String)> {
    let sources = request.query_list("sources").into_iter();
    sources
        .filter_map(|mut source| {
            let name = source.remove("name")?;
            let token = source.remove("token").map(to_text);
            Some((to_text(name), token.unwrap_or_default()))
        })
        .collect()
}

/// Puts the commas in that devices in the field leave out between sources.
fn with_commas(body: &[u8]) -> Vec<u8> {
    let mut repaired = Vec::with_capacity(body.len() + 16);
    let (mut in_text, mut is_escaped, mut last) = (false, false, b' ');
    for &byte in body {
        if in_text {
            in_text = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if byte == b'"' {
            in_text = true;
        } else if byte == b'{' && last == b'}' {
            repaired.push(b',');
        }
        if in_text || !byte.is_ascii_whitespace() {
            last = byte;
        }
        repaired.push(byte);
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_put_between_objects_and_nowhere_else() {
        let repaired = |body: &str| String::from_utf8(with_commas(body.as_bytes())).unwrap();
        assert_eq!(
            repaired(r#"{"sources":[{"name":"A"}{"name":"B"} {"name":"C"}],"search":{}}"#),
            r#"{"sources":[{"name":"A"},{"name":"B"} ,{"name":"C"}],"search":{}}"#
        );
        for good in [
            r#"{"sources":[{"name":"A"},{"name":"B"}]}"#,
            r#"{"search":{"x":"}{ \"}{","y":"\\"},"z":{}}"#,
            "}",
            "\"",
        ] {
            assert_eq!(repaired(good), good);
        }
    }
}
