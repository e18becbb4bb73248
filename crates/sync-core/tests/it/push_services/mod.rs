//! Pushes to services that check them as the real ones do.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a service that finds something wrong has failed the test"
)]

mod fakes;
mod records;

use std::time::Duration;

use self::fakes::{APNS_KEY, Services, VAPID_KEY, service_account};
use serde_json::json;
use sync_core::{
    Clock as _, PingMessage, PingOutcome, PingPriority, PingSender, PingSettings, PushAddress,
    PushService, SettingsFile,
};
use test_support::{TestPorts, TestRedis};

const SETTINGS: &str = r#"
    [ping.apns]
    team_id = "TEAM1"
    key_id = "KEY1"
    key = { variable = "apns_key" }
    topic = "com.example.app"
    url = "https://apple.example"

    [ping.fcm]
    service_account = { variable = "fcm_service_account" }
    url = "https://google.example"

    [ping.web]
    subject = "mailto:ops@demo.example"
    private_key = { variable = "vapid_key" }
"#;

struct World {
    ports: TestPorts<Services>,
    settings: PingSettings,
    _redis: TestRedis,
}

impl World {
    async fn start() -> Self {
        Self::with(SETTINGS, &|name| match name {
            "apns_key" => Some(APNS_KEY.to_owned()),
            "fcm_service_account" => Some(service_account()),
            "vapid_key" => Some(VAPID_KEY.to_owned()),
            _ => None,
        })
        .await
    }

    async fn with(settings: &str, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let redis = TestRedis::start();
        let settings = SettingsFile::parse("rhosync.toml", settings).unwrap();
        Self {
            ports: TestPorts::to(&redis, 1).await,
            settings: settings.resolve(variable).unwrap().ping,
            _redis: redis,
        }
    }

    async fn send(&self, service: PushService, token: &str, message: &PingMessage) -> PingOutcome {
        self.ports.http.now.set(self.ports.clock.now().0 / 1_000);
        let to = PushAddress {
            service,
            token: token.to_owned(),
        };
        PingSender::new(&self.ports, &self.settings)
            .send(&to, message)
            .await
    }

    async fn send_to_web(&self, message: &PingMessage) -> PingOutcome {
        let subscription = self.ports.http.subscription();
        self.send(PushService::WebPush, &subscription, message)
            .await
    }

    fn refuse(&self, status: u16, retry_after: &'static str, body: serde_json::Value) {
        let body = body.to_string();
        let mut refusals = self.ports.http.refusals.borrow_mut();
        refusals.push_back((status, retry_after, body));
    }

    fn last(&self) -> fakes::Taken {
        self.ports.http.taken.borrow().last().unwrap().clone()
    }
}

fn message() -> PingMessage {
    PingMessage {
        message: Some("New orders".to_owned()),
        badge: Some(3),
        sound: Some("hello.mp3".to_owned()),
        vibrate: Some(2),
        sources: vec!["Product".to_owned(), "Order".to_owned()],
        collapse_key: Some("orders".to_owned()),
        time_to_live: 60,
        ..PingMessage::default()
    }
}

fn silent() -> PingMessage {
    PingMessage {
        sources: vec!["Product".to_owned()],
        ..PingMessage::default()
    }
}

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

#[tokio::test]
async fn apple_gets_what_it_asks_for() {
    let world = World::start().await;
    world.ports.clock.advance(Duration::from_secs(1_000_000));
    let sent = world.send(PushService::Apns, TOKEN, &message()).await;
    assert_eq!(sent, PingOutcome::Delivered);
    let taken = world.last();
    assert_eq!(taken.path, format!("/3/device/{TOKEN}"));
    assert_eq!(taken.header("apns-topic"), "com.example.app");
    assert_eq!(taken.header("apns-push-type"), "alert");
    assert_eq!(taken.header("apns-priority"), "10");
    assert_eq!(taken.header("apns-collapse-id"), "orders");
    let expires: u64 = taken.header("apns-expiration").parse().unwrap();
    assert_eq!(expires, world.ports.clock.now().0 / 1_000 + 60);
    assert_eq!(taken.payload["aps"]["alert"], "New orders");
    assert_eq!(taken.payload["do_sync"], json!(["Product", "Order"]));

    world.send(PushService::Apns, TOKEN, &silent()).await;
    let taken = world.last();
    assert_eq!(taken.header("apns-push-type"), "background");
    assert_eq!(taken.header("apns-priority"), "5");
    assert_eq!(taken.payload["aps"], json!({"content-available": 1}));
}

#[tokio::test]
async fn a_token_for_apple_is_used_again_until_it_is_old() {
    let world = World::start().await;
    for _ in 0..3 {
        world.send(PushService::Apns, TOKEN, &message()).await;
    }
    let tokens = world.ports.http.provider_tokens.borrow().clone();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
}

#[tokio::test]
async fn google_gets_texts_and_an_access_token_is_asked_for_once() {
    let world = World::start().await;
    for _ in 0..3 {
        let sent = world.send(PushService::Fcm, "fcm-token", &message()).await;
        assert_eq!(sent, PingOutcome::Delivered);
    }
    assert_eq!(world.ports.http.logins.get(), 1);
    let taken = world.last();
    assert_eq!(taken.path, "/v1/projects/demo/messages:send");
    assert_eq!(
        taken.payload,
        json!({"message": {
            "token": "fcm-token",
            "data": {"do_sync": "Product,Order", "alert": "New orders", "sound": "hello.mp3", "badge": "3", "vibrate": "2"},
            "android": {"priority": "HIGH", "ttl": "60s", "collapse_key": "orders"},
        }})
    );
}

#[tokio::test]
async fn a_browser_can_read_what_it_gets() {
    let world = World::start().await;
    assert_eq!(world.send_to_web(&message()).await, PingOutcome::Delivered);
    let taken = world.last();
    assert_eq!(taken.path, "/send/abc");
    assert_eq!(taken.header("ttl"), "60");
    assert_eq!(taken.header("urgency"), "high");
    assert_eq!(taken.header("topic"), "orders");
    assert_eq!(
        taken.payload,
        json!({"alert": "New orders", "badge": 3, "sound": "hello.mp3", "vibrate": 2, "do_sync": ["Product", "Order"]})
    );
    world
        .send_to_web(&PingMessage {
            priority: PingPriority::Normal,
            ..message()
        })
        .await;
    assert_eq!(world.last().header("urgency"), "normal");
}

#[tokio::test]
async fn a_device_the_service_does_not_know_is_gone() {
    let world = World::start().await;
    let unregistered = json!({"error": {"code": 404, "message": "not found", "status": "NOT_FOUND",
        "details": [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"}]}});
    let no_token = json!({"error": {"code": 400, "message": "The registration token is not a valid FCM registration token",
        "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "message.token"}]}]}});
    for (service, status, body) in [
        (
            PushService::Apns,
            410,
            json!({"reason": "Unregistered", "timestamp": 1}),
        ),
        (PushService::Apns, 400, json!({"reason": "BadDeviceToken"})),
        (PushService::Fcm, 404, unregistered),
        (PushService::Fcm, 400, no_token),
    ] {
        world.refuse(status, "", body.clone());
        let sent = world.send(service, TOKEN, &message()).await;
        assert_eq!(sent, PingOutcome::DeviceGone, "{body}");
    }
    for status in [404, 410] {
        world.refuse(status, "", json!(""));
        assert_eq!(world.send_to_web(&message()).await, PingOutcome::DeviceGone);
    }
    for (service, token) in [
        (PushService::Apns, "../../x"),
        (PushService::Apns, ""),
        (PushService::Fcm, ""),
        (PushService::WebPush, "no subscription"),
    ] {
        let sent = world.send(service, token, &message()).await;
        assert_eq!(sent, PingOutcome::DeviceGone, "{token}");
    }
}

#[tokio::test]
async fn a_busy_service_says_when_to_come_back() {
    let world = World::start().await;
    for service in [PushService::Apns, PushService::Fcm] {
        for status in [429, 500, 503] {
            world.refuse(status, "7", json!({"reason": "later"}));
            let sent = world.send(service, TOKEN, &message()).await;
            let PingOutcome::TryLater { after, .. } = sent else {
                panic!("{service:?} {status}: {sent:?}");
            };
            assert_eq!(after, Some(Duration::from_secs(7)));
        }
    }
    world.refuse(503, "Thu, 01 Jan 1970 00:10:00 GMT", json!(""));
    let sent = world.send_to_web(&message()).await;
    let now = Duration::from_millis(world.ports.clock.now().0);
    let expected = Duration::from_secs(600).saturating_sub(now);
    assert!(matches!(sent, PingOutcome::TryLater { after: Some(after), .. } if after == expected));
    world.refuse(0, "", json!("connection refused"));
    let sent = world.send_to_web(&message()).await;
    assert!(
        matches!(sent, PingOutcome::TryLater { after: None, .. }),
        "{sent:?}"
    );
}

#[tokio::test]
async fn an_expired_token_is_made_anew() {
    let world = World::start().await;
    world.send(PushService::Fcm, "t", &message()).await;
    world.refuse(401, "", json!({"error": {"message": "expired"}}));
    let sent = world.send(PushService::Fcm, "t", &message()).await;
    assert!(matches!(sent, PingOutcome::TryLater { .. }), "{sent:?}");
    let sent = world.send(PushService::Fcm, "t", &message()).await;
    assert_eq!(sent, PingOutcome::Delivered);
    assert_eq!(world.ports.http.logins.get(), 2);

    world.send(PushService::Apns, TOKEN, &message()).await;
    world.refuse(403, "", json!({"reason": "ExpiredProviderToken"}));
    let sent = world.send(PushService::Apns, TOKEN, &message()).await;
    assert!(matches!(sent, PingOutcome::TryLater { .. }), "{sent:?}");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_here() {
    let world = World::start().await;
    let message = PingMessage {
        message: Some("x".repeat(5_000)),
        ..PingMessage::default()
    };
    let sent = world.send(PushService::Apns, TOKEN, &message).await;
    assert!(matches!(sent, PingOutcome::Refused { .. }), "{sent:?}");
    let sent = world.send_to_web(&message).await;
    assert!(matches!(sent, PingOutcome::Refused { .. }), "{sent:?}");
    assert!(world.ports.http.taken.borrow().is_empty());
}

#[tokio::test]
async fn a_wrong_setting_is_named() {
    let services = [
        (PushService::Apns, TOKEN.to_owned()),
        (PushService::Fcm, "t".to_owned()),
        (PushService::WebPush, Services::default().subscription()),
    ];
    let without = World::with("", &|_| None).await;
    let wrong = World::with(SETTINGS, &|_| Some("nonsense".to_owned())).await;
    let named = ["ping.apns", "ping.fcm", "ping.web"];
    let keys = [
        "ping.apns.key",
        "ping.fcm.service_account",
        "ping.web.private_key",
    ];
    for (world, settings) in [(without, named), (wrong, keys)] {
        for ((service, token), expected) in services.iter().zip(settings) {
            let sent = world.send(*service, token, &message()).await;
            let PingOutcome::Misconfigured { setting, message } = sent else {
                panic!("{service:?}: {sent:?}");
            };
            assert_eq!(setting, expected, "{message}");
            assert!(
                !message.contains("nonsense"),
                "a secret was printed: {message}"
            );
        }
    }
    let world = World::start().await;
    world.refuse(403, "", json!({"reason": "InvalidProviderToken"}));
    let sent = world.send(PushService::Apns, TOKEN, &message()).await;
    assert!(
        matches!(
            sent,
            PingOutcome::Misconfigured {
                setting: "ping.apns.key",
                ..
            }
        ),
        "{sent:?}"
    );
}
