//! What an answer is that cannot be read: the parser's own words say only where it stopped.

use std::fmt::Display;

use http::header;

use crate::adapter::AdapterError;
use crate::adapter::exchange::{Answer, misfit, shortened};
use crate::ports::is_gzip;

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How much of a page is searched for its title, in bytes.
const HEAD: usize = 4 * 1024;

/// Refuses an answer that says it is packed by gzip, and could not be unpacked.
pub(super) fn check_unpacked(answer: &Answer) -> Result<(), AdapterError> {
    let body = answer.body();
    if !is_gzip(answer.headers()) || body.is_empty() {
        return Ok(());
    }
    let found = match body.starts_with(&GZIP) {
        true => "is cut off, or damaged",
        false => "is not",
    };
    let reason = format!("the answer says that it is compressed (gzip), but {found}");
    Err(misfit("format", reason))
}

/// The error for an answer that is not in this form, for the parser's reason.
pub(super) fn misread(answer: &Answer, form: &str, reason: &dyn Display) -> AdapterError {
    let body = answer.body();
    let of = |name| answer.headers().get(name)?.to_str().ok();
    let kind = of(header::CONTENT_TYPE).unwrap_or_default();
    if body.is_empty() {
        let status = answer.status();
        return misfit(
            "format",
            format!("the answer is empty ({status}), and not {form}"),
        );
    }
    if let Some(coding) =
        of(header::CONTENT_ENCODING).filter(|it| !it.eq_ignore_ascii_case("identity"))
    {
        let reason = format!(
            "the answer is compressed ({}), which the server has not asked for: have the back end, or a proxy before it, send it as it is, or by gzip",
            shortened(coding)
        );
        return misfit("format", reason);
    }
    let Ok(text) = std::str::from_utf8(body) else {
        let said = match kind {
            "" => String::new(),
            kind => format!("; its type is {:?}", shortened(kind)),
        };
        return misfit("format", format!("the answer is not UTF-8{said}"));
    };
    if (form != "CSV" || kind.starts_with("text/html"))
        && let Some(title) = title_of_page(text)
    {
        let reason = format!(
            "the answer is a web page{title} and not {form}: is the address that of the interface, and is the server let in?"
        );
        return misfit("url", reason);
    }
    let other = match text.trim_start().get(..1) {
        Some("{" | "[") if form != "JSON" => " (it looks like JSON)",
        Some("<") if form != "XML" => " (it looks like XML)",
        _ => "",
    };
    misfit(
        "format",
        format!("the answer is not {form}{other}: {reason}"),
    )
}

/// What a page of the web is called, in words for a message; nothing where it is none.
fn title_of_page(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text.floor_char_boundary(HEAD);
    let head = text.get(..end)?.to_ascii_lowercase();
    let is_page = head.starts_with("<!doctype html") || head.starts_with("<html");
    let title = || {
        let (before, behind) = head.split_once("<title>")?;
        let (title, _) = behind.split_once("</title>")?;
        // The letters of the page itself: the places are the same.
        let at = before.len() + "<title>".len();
        text.get(at..at + title.len())
    };
    let quoted = |title: &str| format!(" ({:?})", shortened(title.trim()));
    is_page.then(|| title().map(quoted).unwrap_or_default())
}
