//! The headers by which Spin tells a component more about a request.

use std::net::SocketAddr;

use http::header::{self, HeaderName};
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderMap, HeaderValue, Request};

use super::router::{RouteMatch, based};
use crate::allow::CHAINING_SUFFIX;

/// Every header of Spin's own begins with this; only the host may set them.
const PREFIX: &str = "spin-";

/// Removes what a client must not send: Spin's own headers, the connection's, and hosts that only exist inside.
pub(crate) fn strip(headers: &mut HeaderMap) {
    headers.remove(header::CONNECTION);
    let inside = |host: &HeaderValue| {
        host.to_str()
            .is_ok_and(|host| host.ends_with(CHAINING_SUFFIX))
    };
    if headers.get(header::HOST).is_some_and(inside) {
        headers.remove(header::HOST);
    }
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX))
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
}

/// Completes the request's address, of which a client sends only the path, by its `Host`.
///
/// Returns `None` when there is no host, or two different ones.
pub(crate) fn absolute(uri: Uri, headers: &HeaderMap) -> Option<Uri> {
    let named = match headers.get(header::HOST) {
        Some(host) => Some(Authority::try_from(host.as_bytes()).ok()?),
        None => None,
    };
    let mut parts = uri.into_parts();
    parts.authority = match (named, parts.authority) {
        (Some(named), Some(other)) if named != other => return None,
        (Some(named), _) => Some(named),
        (None, other) => Some(other?),
    };
    parts.scheme = Some(Scheme::HTTP);
    Uri::from_parts(parts).ok()
}

/// Adds Spin's headers to a request that found its component.
pub(crate) fn add<Body, Target>(
    request: &mut Request<Body>,
    found: &RouteMatch<'_, Target>,
    client: SocketAddr,
) {
    let full_url = request.uri().to_string();
    let prefix = found
        .raw_route
        .strip_suffix("/...")
        .unwrap_or(found.raw_route);
    let headers = request.headers_mut();
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    add(HeaderName::from_static("spin-full-url"), &full_url);
    add(HeaderName::from_static("spin-path-info"), &found.path_info);
    add(
        HeaderName::from_static("spin-matched-route"),
        &based(found.raw_route),
    );
    add(HeaderName::from_static("spin-base-path"), "/");
    add(
        HeaderName::from_static("spin-raw-component-route"),
        found.raw_route,
    );
    add(HeaderName::from_static("spin-component-route"), prefix);
    add(
        HeaderName::from_static("spin-client-addr"),
        &client.to_string(),
    );
    for (name, value) in &found.captures {
        let name = format!("spin-path-match-{}", name.replace('_', "-")).to_ascii_lowercase();
        if let Ok(name) = HeaderName::try_from(name) {
            add(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn forged_headers_are_stripped() {
        let mut sent = headers(&[
            ("accept", "*/*"),
            ("connection", "close"),
            ("host", "api.spin.internal"),
            ("spin-client-addr", "1.2.3.4:5"),
            ("spin-path-info", "/admin"),
        ]);
        strip(&mut sent);
        assert_eq!(sent, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn the_host_completes_the_address() {
        for (uri, host, expected) in [
            (
                "/a?b=1",
                Some("x.test:8080"),
                Some("http://x.test:8080/a?b=1"),
            ),
            ("http://x.test/a", None, Some("http://x.test/a")),
            ("http://x.test/a", Some("x.test"), Some("http://x.test/a")),
            ("http://x.test/a", Some("y.test"), None),
            ("/a", None, None),
        ] {
            let headers = host.map_or_else(HeaderMap::new, |host| headers(&[("host", host)]));
            let found = absolute(Uri::from_static(uri), &headers).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{uri} {host:?}");
        }
    }

    #[test]
    fn a_component_is_told_how_it_was_found() {
        let mut request = Request::get("http://x.test/user/7/posts?page=2")
            .body(())
            .unwrap();
        let found = RouteMatch {
            target: &(),
            raw_route: "/user/:user_id/...",
            path_info: "/posts".to_owned(),
            captures: vec![("user_id".to_owned(), "7".to_owned())],
        };
        add(&mut request, &found, ([127, 0, 0, 1], 5).into());
        assert_eq!(
            *request.headers(),
            headers(&[
                ("spin-full-url", "http://x.test/user/7/posts?page=2"),
                ("spin-path-info", "/posts"),
                ("spin-matched-route", "/user/:user_id/..."),
                ("spin-base-path", "/"),
                ("spin-raw-component-route", "/user/:user_id/..."),
                ("spin-component-route", "/user/:user_id"),
                ("spin-client-addr", "127.0.0.1:5"),
                ("spin-path-match-user-id", "7"),
            ])
        );
    }
}
