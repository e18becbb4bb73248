//! Firebase Cloud Messaging, by its HTTP v1 interface with a service account.
//!
//! Sources: Google's reference of `projects.messages.send` and "Using OAuth 2.0 for server to server applications".

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ping::authorization::{self, NewToken, SigningKey};
use crate::ping::{PingMessage, PingOutcome, PingPriority, common_outcome, describe, exchange};
use crate::ports::{Clock as _, Ports};
use crate::settings::FcmSettings;

/// The right to send messages, and nothing else.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An access token is asked anew this long before its end, in seconds: a push may wait in between.
const SPARE_SECONDS: u64 = 300;

/// How long the request for an access token is good for, in seconds. Google takes an hour at most.
const ASSERTION_SECONDS: u64 = 600;

const ACCOUNT: &str = "ping.fcm.service_account";

/// What is needed of the file that Google gives out for a service account.
#[derive(Deserialize)]
struct ServiceAccount {
    project_id: String,
    client_email: String,
    private_key_id: String,
    private_key: String,
    token_uri: String,
}

#[derive(Deserialize)]
struct AccessToken {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize, Default)]
struct RefusalError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    field_violations: Vec<FieldViolation>,
}

#[derive(Deserialize)]
struct FieldViolation {
    #[serde(default)]
    field: String,
}

impl RefusalError {
    fn has_code(&self, code: &str) -> bool {
        self.details.iter().any(|detail| detail.error_code == code)
    }

    fn is_about_the_token(&self) -> bool {
        self.details
            .iter()
            .flat_map(|detail| &detail.field_violations)
            .any(|violation| violation.field == "message.token")
    }
}

pub(super) async fn send<P: Ports>(
    ports: &P,
    settings: &FcmSettings,
    token: &str,
    message: &PingMessage,
) -> Result<PingOutcome, PingOutcome> {
    if token.is_empty() {
        return Ok(PingOutcome::DeviceGone);
    }
    let account: ServiceAccount =
        serde_json::from_str(settings.service_account.expose()).map_err(|error| {
            wrong(format!(
                "is not the text of a service account's file: {error}"
            ))
        })?;
    let name = format!("fcm:{}", account.private_key_id);
    let access_token =
        authorization::kept_or_made(ports, &name, async || log_in(ports, &account).await).await?;
    let body = json!({"message": to_message(settings, token, message)}).to_string();
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!(
            "{}/v1/projects/{}/messages:send",
            settings.url, account.project_id
        ))
        .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|error| wrong(format!("names no usable project: {error}")))?;
    let answer = exchange(ports, request).await?;
    let refusal = serde_json::from_slice::<Refusal>(answer.body())
        .map(|refusal| refusal.error)
        .unwrap_or_default();
    if let Some(outcome) = common_outcome(ports, &answer, &refusal.message) {
        return Ok(outcome);
    }
    let message = describe(answer.status(), &refusal.message);
    Ok(match answer.status() {
        _ if refusal.has_code("UNREGISTERED") || refusal.has_code("SENDER_ID_MISMATCH") => {
            PingOutcome::DeviceGone
        }
        StatusCode::BAD_REQUEST if refusal.is_about_the_token() => PingOutcome::DeviceGone,
        StatusCode::UNAUTHORIZED => {
            // Revoked before its time: the next attempt asks for another.
            authorization::forget(ports, &name).await?;
            PingOutcome::TryLater {
                after: None,
                message,
            }
        }
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => PingOutcome::Misconfigured {
            setting: ACCOUNT,
            message,
        },
        _ => PingOutcome::Refused { message },
    })
}

fn wrong(message: String) -> PingOutcome {
    PingOutcome::Misconfigured {
        setting: ACCOUNT,
        message,
    }
}

/// Trades a signed assertion for an access token (RFC 7523).
async fn log_in<P: Ports>(ports: &P, account: &ServiceAccount) -> Result<NewToken, PingOutcome> {
    let key = SigningKey::rsa(&account.private_key)
        .map_err(|error| wrong(format!("its private_key cannot be read: {error}")))?;
    let now = ports.clock().now().0 / 1_000;
    let claims = json!({
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    });
    let key_id = Some(account.private_key_id.as_str());
    let assertion = authorization::sign(ACCOUNT, &key, key_id, &claims)?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", GRANT_TYPE)
        .append_pair("assertion", &assertion)
        .finish();
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(&account.token_uri)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .map_err(|error| wrong(format!("its token_uri is no address: {error}")))?;
    let answer = exchange(ports, request).await?;
    let said = String::from_utf8_lossy(answer.body());
    if let Some(later @ PingOutcome::TryLater { .. }) = common_outcome(ports, &answer, &said) {
        return Err(later);
    }
    if !answer.status().is_success() {
        return Err(wrong(format!(
            "Google does not let it in: {}",
            describe(answer.status(), &said)
        )));
    }
    let token: AccessToken = serde_json::from_slice(answer.body()).map_err(|error| {
        let message = format!("the answer of {} has no token: {error}", account.token_uri);
        PingOutcome::TryLater {
            after: None,
            message,
        }
    })?;
    Ok(NewToken {
        token: token.access_token,
        seconds: token.expires_in.saturating_sub(SPARE_SECONDS),
    })
}

/// What goes to the device. Applications have always found everything in `data`, as texts; only where the settings say
/// so does the system show a notification by itself.
fn to_message(settings: &FcmSettings, token: &str, message: &PingMessage) -> Value {
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), Value::String(value));
        }
    };
    put("do_sync", Some(message.sources.join(",")));
    put("alert", message.message.clone());
    put("sound", message.sound.clone());
    put("badge", message.badge.map(|badge| badge.to_string()));
    put(
        "vibrate",
        message.vibrate.map(|vibrate| vibrate.to_string()),
    );
    let priority = match (message.is_silent(), message.priority) {
        (false, PingPriority::High) => "HIGH",
        _ => "NORMAL",
    };
    let mut android = Map::new();
    android.insert("priority".to_owned(), json!(priority));
    android.insert(
        "ttl".to_owned(),
        json!(format!("{}s", message.time_to_live)),
    );
    if let Some(key) = &message.collapse_key {
        android.insert("collapse_key".to_owned(), json!(key));
    }
    let mut whole = Map::new();
    whole.insert("token".to_owned(), json!(token));
    whole.insert("data".to_owned(), Value::Object(data));
    if let Some(text) = message.message.as_ref().filter(|_| settings.notification) {
        whole.insert("notification".to_owned(), json!({"body": text}));
        if let Some(sound) = &message.sound {
            android.insert("notification".to_owned(), json!({"sound": sound}));
        }
    }
    whole.insert("android".to_owned(), Value::Object(android));
    Value::Object(whole)
}
