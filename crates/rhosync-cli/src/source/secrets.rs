//! What must not be in a file that is kept with an application.

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::network::Exchange;

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Headers that are left out.
const HEADERS: [http::HeaderName; 4] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE];

/// Members of an authorization server's answer that are secret (RFC 6749).
const TOKENS: [&str; 3] = ["access_token", "refresh_token", "id_token"];

/// Fewest characters of a secret that is looked for in an answer: shorter ones are parts of innocent words.
const FEWEST: usize = 6;

/// Texts that are secret.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    texts: Vec<String>,
}

impl Secrets {
    /// Longer ones come first, as they may contain others.
    pub(super) fn new(mut texts: Vec<String>) -> Self {
        texts.retain(|text| !text.is_empty());
        let mut forms: Vec<String> = texts.iter().flat_map(|text| forms_of(text)).collect();
        forms.sort_by_key(|form| (std::cmp::Reverse(form.len()), form.clone()));
        forms.dedup();
        Self { texts: forms }
    }

    /// The exchange without them.
    pub(super) fn removed_from(&self, Exchange { request, answer }: &Exchange) -> Exchange {
        let mut clean = http::Request::new(self.in_body(request.body(), 1));
        *clean.method_mut() = request.method().clone();
        let uri = self.in_text(&request.uri().to_string(), 1);
        *clean.uri_mut() = uri.parse().unwrap_or_default();
        *clean.headers_mut() = self.in_headers(request.headers());
        let answer = answer.as_ref().map(|answer| {
            let body = without_tokens(answer.body()).unwrap_or_else(|| answer.body().clone());
            let mut clean = http::Response::new(self.in_body(&body, FEWEST));
            *clean.status_mut() = answer.status();
            *clean.headers_mut() = self.in_headers(answer.headers());
            clean
        });
        Exchange {
            request: clean,
            answer,
        }
    }

    fn in_text(&self, text: &str, fewest: usize) -> String {
        let texts = self.texts.iter().filter(|it| it.len() >= fewest);
        texts.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }

    fn in_body(&self, body: &Bytes, fewest: usize) -> Bytes {
        match std::str::from_utf8(body) {
            Ok(text) => self.in_text(text, fewest).into(),
            Err(_) => body.clone(),
        }
    }

    fn in_headers(&self, headers: &HeaderMap) -> HeaderMap {
        let kept = headers.iter().filter(|(name, _)| !HEADERS.contains(name));
        kept.map(|(name, value)| {
            let clean = value.to_str().map(|text| self.in_text(text, 1));
            let clean = clean
                .ok()
                .and_then(|text| HeaderValue::from_str(&text).ok());
            let hidden = || HeaderValue::from_static(HIDDEN);
            (name.clone(), clean.unwrap_or_else(hidden))
        })
        .collect()
    }
}

/// A secret as it may be written: as it is, in an address, in a form, in JSON and in XML.
fn forms_of(text: &str) -> [String; 5] {
    let json = Value::from(text).to_string();
    let xml = text.replace('&', "&amp;").replace('<', "&lt;");
    [
        text.to_owned(),
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        json.trim_matches('"').to_owned(),
        xml,
    ]
}

/// An authorization server's answer without the tokens that it gives.
fn without_tokens(body: &Bytes) -> Option<Bytes> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return None;
    };
    if !members.contains_key("access_token") {
        return None;
    }
    for name in TOKENS {
        if let Some(token) = members.get_mut(name) {
            *token = HIDDEN.into();
        }
    }
    Some(Value::Object(members).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_secret_is_left() {
        let secrets = Secrets::new(vec!["p&ss w\"rd".to_owned(), "k3y".to_owned()]);
        let request = http::Request::post("http://a/x?key=k3y&p=p%26ss+w%22rd")
            .header("authorization", "Basic abc")
            .header("x-key", "k3y")
            .header("accept", "application/json")
            .body(Bytes::from_static(
                br#"{"p":"p&ss w\"rd","q":"p&amp;ss w"}"#,
            ))
            .unwrap();
        let answer = http::Response::builder()
            .header("set-cookie", "s=1")
            .body(Bytes::from_static(
                br#"{"access_token":"t0ken","expires_in":60}"#,
            ))
            .unwrap();
        let clean = secrets.removed_from(&Exchange {
            request,
            answer: Some(answer),
        });
        let text = format!("{clean:?}");
        for secret in ["k3y", "p&ss", "p%26ss", "abc", "t0ken", "s=1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(
            text.contains("application/json") && text.contains("expires_in"),
            "{text}"
        );
    }
}
