//! The settings of one kind of call to a back end, as templates.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::mapping::{Escape, Template};
use crate::settings::KeyError;

const JSON: &str = "application/json";

/// One kind of call.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// What comes after the source's address. Templates cannot lead to another host.
    pub(crate) path: Template,
    pub(crate) query: Vec<(String, Template)>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    /// Without one, a change's attributes go out as a JSON object.
    pub(crate) body: Option<Template>,
    pub(crate) content_type: HeaderValue,
}

/// How a call is made, where that is not as usual. All but `method` and `content_type` are templates.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OperationEntry {
    /// HTTP method.
    method: Option<String>,
    /// What comes after `url`: `/{{ id }}`.
    path: Option<String>,
    /// Query parameters.
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// Headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Body. Values are written as the content type needs it: as JSON, as text of XML, or percent-encoded in a form.
    body: Option<String>,
    /// Content type of the body; `application/json` where nothing is said.
    content_type: Option<String>,
}

/// What templates of a question know.
pub(super) const OF_QUESTION: &[&str] = &["user", "partition", "member", "parameters"];
/// The same where the source asks for what has changed.
pub(super) const OF_DELTA: &[&str] = &["user", "partition", "member", "parameters", "since"];
/// What templates know of a change that makes an object.
pub(super) const OF_CREATE: &[&str] = &["user", "partition", "member", "object"];
/// What they know of one that is there.
pub(super) const OF_OBJECT: &[&str] = &["user", "partition", "member", "object", "id", "id_parts"];

/// What holds where the file does not say.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// What its templates may name.
    pub(super) names: &'static [&'static str],
}

impl OperationEntry {
    /// Compiles the templates.
    pub(super) fn resolve(&self, key: &str, usual: &Usual) -> Result<Operation, KeyError> {
        let below = |name: &str| format!("{key}.{name}");
        let template = |name: &str, text: &str, escape| {
            Template::compile_knowing(text, escape, usual.names)
                .map_err(|reason| (below(name), reason))
        };
        let method = match &self.method {
            None => usual.method.clone(),
            Some(method) => method
                .to_ascii_uppercase()
                .parse()
                .map_err(|_| (below("method"), "is not an HTTP method".to_owned()))?,
        };
        let content_type = self.content_type.as_deref().unwrap_or(JSON);
        let escape = escape_for(content_type).ok_or_else(|| {
            let reason = "is JSON, XML, a form (application/x-www-form-urlencoded) or text/plain";
            (below("content_type"), reason.to_owned())
        })?;
        let query = self.query.iter().map(|(name, text)| {
            let value = template(&format!("query.{name}"), text, Escape::Plain)?;
            Ok((name.clone(), value))
        });
        let headers = self.headers.iter().map(|(name, text)| {
            let at = format!("headers.{name}");
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|error| (below(&at), error.to_string()))?;
            Ok((header, template(&at, text, Escape::Plain)?))
        });
        Ok(Operation {
            method,
            path: template(
                "path",
                self.path.as_deref().unwrap_or(usual.path),
                Escape::Url,
            )?,
            query: query.collect::<Result<_, KeyError>>()?,
            headers: headers.collect::<Result<_, KeyError>>()?,
            body: self
                .body
                .as_ref()
                .map(|body| template("body", body, escape))
                .transpose()?,
            content_type: HeaderValue::from_str(content_type)
                .map_err(|error| (below("content_type"), error.to_string()))?,
        })
    }
}

fn escape_for(content_type: &str) -> Option<Escape> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let has = |ending: &str| kind.ends_with(ending);
    if has("/json") || has("+json") {
        Some(Escape::Json)
    } else if has("/xml") || has("+xml") {
        Some(Escape::Xml)
    } else if has("/x-www-form-urlencoded") {
        Some(Escape::Url)
    } else if kind == "text/plain" {
        Some(Escape::Plain)
    } else {
        None
    }
}
