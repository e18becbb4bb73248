//! The console's session: a token in a cookie that no script can read, and that no page of another site can use.
//!
//! A browser sends a cookie along whoever made it send the request. So the token counts only beside a header that a page of
//! another site cannot send: the browser would have to ask for leave first, and `cors` never gives it. Where the
//! browser says by itself that the request comes from another site, it is believed too.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use sync_proto::{CONSOLE_COOKIE, CONSOLE_HEADER};

/// In which the browser says where a request comes from (Fetch Metadata, section 2.3).
const SITE_HEADER: &str = "sec-fetch-site";

/// Whether a request is the console's own.
pub(crate) fn is_from_console(head: &Parts) -> bool {
    let headers = &head.headers;
    text(headers, CONSOLE_HEADER) == Some("1") && is_from_same_origin(head)
}

/// Whether nothing says that the request comes from a page of another origin.
fn is_from_same_origin(head: &Parts) -> bool {
    let headers = &head.headers;
    if let Some(site) = text(headers, SITE_HEADER) {
        return site == "same-origin";
    }
    // Over plain HTTP browsers say only this, and not for reads of the same origin.
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let host = text(headers, header::HOST.as_str()).or(authority);
    let origin = origin.to_str().ok();
    let origin = origin.and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, origin)| host == Some(origin))
}

/// The token of the console's cookie, where the request is the console's own.
pub(crate) fn token(head: &Parts) -> Option<&str> {
    is_from_console(head).then(|| find(&head.headers))?
}

/// Whether a request has the cookie, whoever sent it.
pub(crate) fn is_in(headers: &HeaderMap) -> bool {
    find(headers).is_some()
}

fn find(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.split_once('='))
        .find_map(|(name, value)| (name.trim() == CONSOLE_COOKIE).then(|| value.trim()))
}

/// Gives the browser the token for so many seconds; 0 takes it away.
///
/// `is_https` is what the request says of itself: who lies about it spoils its own cookie.
pub(crate) fn give(headers: &mut HeaderMap, token: &str, seconds: u64, is_https: bool) {
    let secure = if is_https { "; Secure" } else { "" };
    let cookie = format!(
        "{CONSOLE_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}"
    );
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
