//! Envelopes: who asks, what is in an answer, and what its faults mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::adapter::AdapterError;
use crate::adapter::exchange::{misfit, shortened};
use crate::model::{Millis, to_text};
use crate::settings::{PasswordKind, SoapSettings, UsernameToken};

/// What the header of an envelope says of who asks.
pub(super) fn security(token: &UsernameToken, now: Millis, nonce: &str) -> Value {
    let UsernameToken {
        username,
        password,
        kind,
    } = token;
    let (username, password) = (username.expose(), password.expose());
    match kind {
        PasswordKind::Text => json!({
            "username": username,
            "password": password,
            "type": "PasswordText",
            "nonce": null,
        }),
        PasswordKind::Digest => {
            let created = i64::try_from(now.0)
                .ok()
                .map(jiff::Timestamp::from_millisecond);
            let created = created.and_then(Result::ok).unwrap_or_default().to_string();
            let digest = Sha1::new()
                .chain_update(nonce)
                .chain_update(&created)
                .chain_update(password)
                .finalize();
            json!({
                "username": username,
                "password": BASE64.encode(digest),
                "type": "PasswordDigest",
                "nonce": BASE64.encode(nonce),
                "created": created,
            })
        }
    }
}

/// Takes what is in an envelope's body.
///
/// # Errors
/// What a fault says. It is the back end's word on the call, so that it refuses it, unless the settings say that its code means
/// "later" or its code says that the server was not let in.
pub(super) fn body_of(mut answer: Value, settings: &SoapSettings) -> Result<Value, AdapterError> {
    let body = answer.pointer_mut("/Envelope/Body").map(Value::take);
    let mut body = body.ok_or_else(|| misfit("url", "the answer is no SOAP envelope"))?;
    match body.get_mut("Fault").map(Value::take) {
        None => Ok(body),
        Some(fault) => Err(meaning_of(&fault, settings)),
    }
}

fn meaning_of(fault: &Value, settings: &SoapSettings) -> AdapterError {
    let text = |pointer: &str| {
        let value = fault.pointer(pointer)?;
        // An element with an attribute, `xml:lang` for instance.
        let text = value.get("#text").unwrap_or(value).clone();
        Some(to_text(text)).filter(|text| !text.is_empty())
    };
    let local = |code: String| code.rsplit(':').next().unwrap_or_default().to_owned();
    let codes = ["/faultcode", "/Code/Value", "/Code/Subcode/Value"];
    let codes: Vec<String> = codes.into_iter().filter_map(text).map(local).collect();
    let said = text("/faultstring").or_else(|| text("/Reason/Text"));
    let message = said.or_else(|| codes.first().cloned());
    let message = shortened(&message.unwrap_or_else(|| "a fault that says nothing".to_owned()));
    let is_login = |code: &String| {
        matches!(
            code.as_str(),
            "FailedAuthentication" | "InvalidSecurityToken" | "InvalidSecurity"
        )
    };
    if codes
        .iter()
        .any(|code| settings.retry_faults.contains(code))
    {
        AdapterError::Unavailable { message }
    } else if codes.iter().any(is_login) {
        AdapterError::Unauthorized { message }
    } else {
        AdapterError::Rejected { message }
    }
}
