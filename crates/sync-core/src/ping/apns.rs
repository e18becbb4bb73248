//! Apple Push Notification service, by its HTTP/2 interface with provider tokens.
//!
//! Sources: Apple's "Sending notification requests to APNs" and "Establishing a token-based connection to APNs".

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ping::authorization::{self, NewToken, SigningKey};
use crate::ping::{
    PingMessage, PingOutcome, PingPriority, WrongSetting, common_outcome, describe, exchange,
};
use crate::ports::{Clock as _, Ports};
use crate::settings::ApnsSettings;

/// Apple takes a token for an hour and refuses senders that make one more often than every 20 minutes.
const TOKEN_SECONDS: u64 = 40 * 60;

/// Most bytes of a payload.
const MAX_PAYLOAD_BYTES: usize = 4_096;

/// Most bytes of a collapse id.
const MAX_COLLAPSE_BYTES: usize = 64;

const KEY: &str = "ping.apns.key";

#[derive(Deserialize)]
struct Refusal {
    reason: String,
}

pub(super) async fn send<P: Ports>(
    ports: &P,
    settings: &ApnsSettings,
    token: &str,
    message: &PingMessage,
) -> Result<PingOutcome, PingOutcome> {
    // Whatever is not a token must not get into the path.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(PingOutcome::DeviceGone);
    }
    let payload = payload(message).to_string();
    if payload.len() > MAX_PAYLOAD_BYTES {
        let message = format!(
            "the message has {} bytes, Apple takes {MAX_PAYLOAD_BYTES}",
            payload.len()
        );
        return Ok(PingOutcome::Refused { message });
    }
    let name = token_name(settings);
    let provider_token =
        authorization::kept_or_made(ports, &name, async || Ok(sign(ports, settings)?)).await?;
    let request = request(ports, settings, token, message, &provider_token, payload)?;
    let answer = exchange(ports, request).await?;
    let reason = serde_json::from_slice::<Refusal>(answer.body())
        .map(|refusal| refusal.reason)
        .unwrap_or_default();
    if let Some(outcome) = common_outcome(ports, &answer, &reason) {
        return Ok(outcome);
    }
    let message = describe(answer.status(), &reason);
    Ok(match (answer.status(), reason.as_str()) {
        (StatusCode::GONE, _) | (_, "BadDeviceToken" | "Unregistered") => PingOutcome::DeviceGone,
        (_, "ExpiredProviderToken") => {
            authorization::forget(ports, &name).await?;
            PingOutcome::TryLater {
                after: None,
                message,
            }
        }
        (StatusCode::FORBIDDEN, _) => {
            authorization::forget(ports, &name).await?;
            PingOutcome::Misconfigured {
                setting: KEY,
                message,
            }
        }
        (_, "BadTopic" | "MissingTopic" | "TopicDisallowed" | "DeviceTokenNotForTopic") => {
            PingOutcome::Misconfigured {
                setting: "ping.apns.topic",
                message,
            }
        }
        _ => PingOutcome::Refused { message },
    })
}

/// The name changes with whatever the token is made from.
fn token_name(settings: &ApnsSettings) -> String {
    format!("apns:{}:{}", settings.team_id, settings.key_id)
}

fn sign<P: Ports>(ports: &P, settings: &ApnsSettings) -> Result<NewToken, WrongSetting> {
    let key = SigningKey::elliptic(settings.key.expose()).map_err(|error| WrongSetting {
        setting: KEY,
        message: format!("is not the text of a .p8 file: {error}"),
    })?;
    let claims = json!({"iss": settings.team_id, "iat": ports.clock().now().0 / 1_000});
    let key_id = Some(settings.key_id.as_str());
    let token = authorization::sign(KEY, &key, key_id, &claims)?;
    Ok(NewToken {
        token,
        seconds: TOKEN_SECONDS,
    })
}

/// What the device gets. `do_sync` is where applications have always found the sources.
fn payload(message: &PingMessage) -> Value {
    let mut aps = Map::new();
    if let Some(text) = &message.message {
        aps.insert("alert".to_owned(), json!(text));
    }
    if let Some(badge) = message.badge {
        aps.insert("badge".to_owned(), json!(badge));
    }
    if let Some(sound) = &message.sound {
        aps.insert("sound".to_owned(), json!(sound));
    }
    if message.is_silent() || !message.sources.is_empty() {
        // Wakes the application, so that it can sync.
        aps.insert("content-available".to_owned(), json!(1));
    }
    let mut payload = Map::new();
    payload.insert("aps".to_owned(), Value::Object(aps));
    if !message.sources.is_empty() {
        payload.insert("do_sync".to_owned(), json!(message.sources));
    }
    if let Some(vibrate) = message.vibrate {
        payload.insert("vibrate".to_owned(), json!(vibrate));
    }
    Value::Object(payload)
}

fn request<P: Ports>(
    ports: &P,
    settings: &ApnsSettings,
    token: &str,
    message: &PingMessage,
    provider_token: &str,
    payload: String,
) -> Result<http::Request<Bytes>, WrongSetting> {
    // Apple refuses silent pushes of high priority.
    let (push_type, priority) = match (message.is_silent(), message.priority) {
        (true, _) => ("background", "5"),
        (false, PingPriority::Normal) => ("alert", "5"),
        (false, PingPriority::High) => ("alert", "10"),
    };
    let expires = ports.clock().now().0 / 1_000 + u64::from(message.time_to_live);
    let mut request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{}/3/device/{token}", settings.url))
        .header(header::AUTHORIZATION, format!("bearer {provider_token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("apns-topic", &settings.topic)
        .header("apns-push-type", push_type)
        .header("apns-priority", priority)
        .header("apns-expiration", expires);
    let collapse_id = message
        .collapse_key
        .as_deref()
        .filter(|key| !key.is_empty() && key.len() <= MAX_COLLAPSE_BYTES);
    if let Some(key) = collapse_id {
        request = request.header("apns-collapse-id", key);
    }
    request
        .body(Bytes::from(payload))
        .map_err(|error| WrongSetting {
            setting: "ping.apns",
            message: format!("no request can be made of it: {error}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_that_shows_nothing_only_wakes_the_application() {
        let message = PingMessage {
            sources: vec!["Product".to_owned()],
            ..PingMessage::default()
        };
        insta::assert_snapshot!(payload(&message), @r#"{"aps":{"content-available":1},"do_sync":["Product"]}"#);
    }

    #[test]
    fn a_push_with_everything() {
        let message = PingMessage {
            message: Some("New orders".to_owned()),
            badge: Some(3),
            sound: Some("hello.mp3".to_owned()),
            vibrate: Some(2),
            sources: vec!["Product".to_owned(), "Order".to_owned()],
            ..PingMessage::default()
        };
        insta::assert_snapshot!(payload(&message), @r#"{"aps":{"alert":"New orders","badge":3,"content-available":1,"sound":"hello.mp3"},"do_sync":["Product","Order"],"vibrate":2}"#);
    }
}
