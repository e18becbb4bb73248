//! Web Push: RFC 8030 (delivery), RFC 8291 (encryption), RFC 8292 (VAPID).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use http::{StatusCode, Uri};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use web_push_native::{Auth, WebPushBuilder};

use crate::ping::authorization::{self, SigningKey};
use crate::ping::{
    PingMessage, PingOutcome, PingPriority, WrongSetting, common_outcome, describe, exchange,
};
use crate::ports::{Clock as _, Ports};
use crate::settings::WebPushSettings;

/// How long a signature is good for, in seconds; services take a day at most.
const SIGNATURE_SECONDS: u64 = 12 * 3_600;

/// Most bytes of a message, so that it fits into the 4096 bytes every service takes, encrypted.
const MAX_MESSAGE_BYTES: usize = 3_993;

/// Bytes of a subscription's secret.
const AUTH_BYTES: usize = 16;

const KEY: &str = "ping.web.private_key";

/// A browser's subscription, as `PushSubscription.toJSON()` writes it.
#[derive(Deserialize)]
struct Subscription {
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Deserialize)]
struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

pub(super) async fn send<P: Ports>(
    ports: &P,
    settings: &WebPushSettings,
    subscription: &str,
    message: &PingMessage,
) -> Result<PingOutcome, PingOutcome> {
    // A subscription that cannot be one will not become one: the device has to subscribe again.
    let Some((endpoint, builder)) = read(subscription) else {
        return Ok(PingOutcome::DeviceGone);
    };
    let payload = payload(message).to_string();
    if payload.len() > MAX_MESSAGE_BYTES {
        let message = format!(
            "the message has {} bytes, services take {MAX_MESSAGE_BYTES}",
            payload.len()
        );
        return Ok(PingOutcome::Refused { message });
    }
    let authorization = sign(ports, settings, &endpoint)?;
    let request = builder
        .with_valid_duration(std::time::Duration::from_secs(u64::from(
            message.time_to_live,
        )))
        .build(payload)
        .map_err(|error| PingOutcome::Refused {
            message: format!("the message cannot be encrypted: {error}"),
        })?;
    let mut request = request.map(Bytes::from);
    let urgency = match (message.is_silent(), message.priority) {
        (false, PingPriority::High) => "high",
        _ => "normal",
    };
    let headers = [
        ("authorization", authorization),
        ("urgency", urgency.to_owned()),
    ]
    .into_iter()
    .chain(
        message
            .collapse_key
            .as_deref()
            .map(|key| ("topic", topic(key))),
    );
    for (name, value) in headers {
        let value = value.parse().map_err(|_| WrongSetting {
            setting: "ping.web",
            message: format!("the header {name} cannot be made of it"),
        })?;
        request.headers_mut().insert(name, value);
    }
    let answer = exchange(ports, request).await?;
    let said = String::from_utf8_lossy(answer.body());
    if let Some(outcome) = common_outcome(ports, &answer, &said) {
        return Ok(outcome);
    }
    let message = describe(answer.status(), &said);
    Ok(match answer.status() {
        StatusCode::NOT_FOUND | StatusCode::GONE => PingOutcome::DeviceGone,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PingOutcome::Misconfigured {
            setting: KEY,
            message,
        },
        _ => PingOutcome::Refused { message },
    })
}

/// Reads a subscription. Its address comes from the device: only encrypted ones are called, and those on this machine;
/// which hosts may be called at all the component's `allowed_outbound_hosts` say.
fn read(subscription: &str) -> Option<(Uri, WebPushBuilder)> {
    let Subscription { endpoint, keys } = serde_json::from_str(subscription).ok()?;
    let endpoint: Uri = endpoint.parse().ok()?;
    let is_local = matches!(endpoint.host()?, "127.0.0.1" | "localhost" | "[::1]");
    if endpoint.scheme_str() != Some("https") && !is_local {
        return None;
    }
    let decode = |text: &str| BASE64.decode(text.trim_end_matches('=')).ok();
    let key = p256::PublicKey::from_sec1_bytes(&decode(&keys.p256dh)?).ok()?;
    let auth: [u8; AUTH_BYTES] = decode(&keys.auth)?.try_into().ok()?;
    let builder = WebPushBuilder::new(endpoint.clone(), key, Auth::from(auth));
    Some((endpoint, builder))
}

/// Checks whether the key can sign.
pub(super) fn check_key<P: Ports>(
    ports: &P,
    settings: &WebPushSettings,
) -> Result<(), WrongSetting> {
    let endpoint = Uri::from_static("https://push.invalid/");
    sign(ports, settings, &endpoint).map(drop)
}

/// The `Authorization` header: a signed token, and the public key it is checked with.
fn sign<P: Ports>(
    ports: &P,
    settings: &WebPushSettings,
    endpoint: &Uri,
) -> Result<String, WrongSetting> {
    let wrong = |message: String| WrongSetting {
        setting: KEY,
        message,
    };
    let raw = BASE64
        .decode(settings.private_key.expose().trim().trim_end_matches('='))
        .map_err(|error| wrong(format!("is not URL-safe base 64: {error}")))?;
    let secret = p256::SecretKey::from_slice(&raw)
        .map_err(|_| wrong("is not a key of the curve P-256 (32 bytes)".to_owned()))?;
    let public = BASE64.encode(secret.public_key().to_encoded_point(false).as_bytes());
    let origin = format!(
        "{}://{}",
        endpoint.scheme_str().unwrap_or("https"),
        endpoint
            .authority()
            .map_or("", http::uri::Authority::as_str)
    );
    let claims = json!({
        "aud": origin,
        "exp": ports.clock().now().0 / 1_000 + SIGNATURE_SECONDS,
        "sub": settings.subject,
    });
    let token = authorization::sign(KEY, &SigningKey::Es256(secret.into()), None, &claims)?;
    Ok(format!("vapid t={token}, k={public}"))
}

/// A topic has at most 32 characters of the URL-safe base 64 alphabet; other keys are digested.
fn topic(key: &str) -> String {
    let is_topic = key.len() <= 32
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_topic {
        return key.to_owned();
    }
    let mut digest = BASE64.encode(Sha256::digest(key));
    digest.truncate(32);
    digest
}

/// What the service worker gets.
fn payload(message: &PingMessage) -> Value {
    let mut payload = Map::new();
    if let Some(text) = &message.message {
        payload.insert("alert".to_owned(), json!(text));
    }
    if let Some(badge) = message.badge {
        payload.insert("badge".to_owned(), json!(badge));
    }
    if let Some(sound) = &message.sound {
        payload.insert("sound".to_owned(), json!(sound));
    }
    if let Some(vibrate) = message.vibrate {
        payload.insert("vibrate".to_owned(), json!(vibrate));
    }
    payload.insert("do_sync".to_owned(), json!(message.sources));
    Value::Object(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_short_and_safe() {
        assert_eq!(topic("orders_1-a"), "orders_1-a");
        let digested = topic("orders of today");
        assert_eq!(digested.len(), 32);
        assert_eq!(digested, topic("orders of today"));
        assert_ne!(digested, topic("orders of tomorrow"));
    }

    #[test]
    fn a_subscription_leads_to_an_encrypted_place_or_to_none() {
        let subscription = |endpoint: &str, auth: &str| {
            let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
            json!({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}).to_string()
        };
        let auth = "BTBZMqHH6r4Tts7J_aSIgg";
        assert!(read(&subscription("https://push.example/x", auth)).is_some());
        assert!(
            read(&subscription(
                "https://push.example/x",
                "BTBZMqHH6r4Tts7J_aSIgg=="
            ))
            .is_some()
        );
        assert!(read(&subscription("http://127.0.0.1:7/x", auth)).is_some());
        for wrong in [
            subscription("http://push.example/x", auth),
            subscription("file:///etc/passwd", auth),
            subscription("/x", auth),
            subscription("https://push.example/x", "AAAA"),
            "{}".to_owned(),
            String::new(),
        ] {
            assert!(read(&wrong).is_none(), "{wrong}");
        }
    }
}
