//! How a call of an OpenAPI document answers page by page, by what its parameters and the members of its answer are called.

use serde_json::Value;

use super::openapi::Document;
use super::proposal::quoted;

/// Records of a page where the document does not say.
const PAGE_SIZE: u64 = 100;

/// Names of query parameters and members, the most telling first.
const PAGE: &[&str] = &["page", "page_number", "pageNumber"];
const SIZE: &[&str] = &[
    "per_page",
    "perPage",
    "page_size",
    "pageSize",
    "size",
    "limit",
    "top",
    "$top",
];
const OFFSET: &[&str] = &["offset", "skip", "$skip", "start"];
const CURSOR: &[&str] = &[
    "cursor",
    "after",
    "page_token",
    "pageToken",
    "starting_after",
];
const NEXT: &[&str] = &[
    "next_cursor",
    "nextCursor",
    "next_page_token",
    "nextPageToken",
    "cursor",
    "next",
];
/// Members with the next page's whole address.
const NEXT_URL: &[&str] = &[
    "next",
    "@odata.nextLink",
    "next_url",
    "nextUrl",
    "next_page_url",
];

/// A proposal.
pub(super) struct Pages {
    /// The value of `paging`.
    pub(super) value: String,
    /// Whether it says how many records a page has, where that matters.
    pub(super) is_size_told: bool,
}

/// How the answer of a call goes on.
pub(super) fn paging<'a>(
    document: Document<'a>,
    parameters: &[&'a Value],
    call: &'a Value,
    answer: &'a Value,
) -> Option<Pages> {
    let in_query = |parameter: &&&'a Value| parameter["in"] == "query";
    let find = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let mut of_query = parameters.iter().filter(in_query);
            Some((*name, *of_query.find(|it| it["name"] == *name)?))
        })
    };
    // In documents of version 2, a parameter is its own schema.
    let schema_of =
        |parameter: &'a Value| document.resolve(parameter.get("schema").unwrap_or(parameter));
    let size = find(SIZE).map(|(name, parameter)| {
        let schema = schema_of(parameter);
        let told = [&schema["maximum"], &schema["default"]];
        let told = told.into_iter().find_map(Value::as_u64);
        (name, told.unwrap_or(PAGE_SIZE), told.is_some())
    });
    let is_size_told = size.is_some_and(|(.., is_told)| is_told);
    let sized =
        size.map(|(name, size, _)| format!(", size_parameter = {}, size = {size}", quoted(name)));
    if let Some((name, _)) = find(CURSOR)
        && let Some(next) = member(document, answer, NEXT, false)
    {
        let sized = sized.unwrap_or_default();
        let value = format!(
            "{{ kind = \"cursor\", parameter = {}, next = {}{sized} }}",
            quoted(name),
            quoted(&next)
        );
        return Some(Pages {
            value,
            is_size_told: true,
        });
    }
    // Whoever is told where the next page is need not know how large pages are.
    if let Some(next) = member(document, answer, NEXT_URL, true) {
        let value = format!("{{ kind = \"next-url\", next = {} }}", quoted(&next));
        return Some(Pages {
            value,
            is_size_told: true,
        });
    }
    if has_link(document, call) {
        let value = "{ kind = \"link\" }".to_owned();
        return Some(Pages {
            value,
            is_size_told: true,
        });
    }
    let sized = sized.unwrap_or_else(|| format!(", size = {PAGE_SIZE}"));
    let value = match (find(PAGE), find(OFFSET)) {
        (Some((name, parameter)), _) => {
            let schema = schema_of(parameter);
            let begins_at = [&schema["default"], &schema["minimum"]];
            let first = match begins_at.into_iter().find_map(Value::as_u64) {
                Some(0) => ", first = 0",
                _ => "",
            };
            format!("{{ parameter = {}{first}{sized} }}", quoted(name))
        }
        (None, Some((name, _))) => {
            format!(
                "{{ kind = \"offset\", parameter = {}{sized} }}",
                quoted(name)
            )
        }
        (None, None) => return None,
    };
    Some(Pages {
        value,
        is_size_told,
    })
}

/// The path of a member of an answer, or of an object in it, that is called so; of an address, if that is wanted.
fn member<'a>(
    document: Document<'a>,
    answer: &'a Value,
    names: &[&str],
    is_address: bool,
) -> Option<String> {
    let is_one = |schema: &Value| {
        let format = schema["format"].as_str().unwrap_or_default();
        !is_address || matches!(format, "uri" | "url" | "uri-reference")
    };
    let step = |name: &str| match name.contains(|c: char| !(c.is_alphanumeric() || c == '_')) {
        true => format!("['{name}']"),
        false => format!(".{name}"),
    };
    let members = document.properties(answer, 0);
    names.iter().find_map(|wanted| {
        let has = |schema: Option<&&'a Value>| {
            schema.is_some_and(|it| is_one(it) || wanted.starts_with('@'))
        };
        if has(members.get(*wanted)) {
            return Some(format!("${}", step(wanted)));
        }
        members.iter().find_map(|(name, inner)| {
            let inner = document.properties(inner, 0);
            has(inner.get(*wanted)).then(|| format!("${}{}", step(name), step(wanted)))
        })
    })
}

/// Whether the answer has the header `Link`.
fn has_link(document: Document<'_>, call: &Value) -> bool {
    let responses = call["responses"].as_object().into_iter().flatten();
    let mut successes = responses.filter(|(status, _)| status.starts_with('2'));
    successes.any(|(_, response)| {
        let headers = document.resolve(response)["headers"].as_object();
        headers.is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("link")))
    })
}
