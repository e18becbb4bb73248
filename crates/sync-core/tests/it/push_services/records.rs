//! What is kept of pings, and of what push services did with them.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use sync_core::{
    Clock as _, Engine, NoBackEnds, PingContext, PingMessage, PingRecord, PingTargets, Secret,
    Session, SessionKey, SettingsFile, TakenPing, ping_handlers,
};
use sync_jobs::{Budget, Worker};
use sync_proto::api::PushServiceInfo;
use test_support::{NoHttp, TestPorts, World, local};

use super::fakes::{APNS_KEY, Services};

/// Apple's service and no other.
const SETTINGS: &str = r#"
    [ping]
    window_seconds = 0

    [ping.apns]
    team_id = "TEAM1"
    key_id = "KEY1"
    key = { variable = "apns_key" }
    topic = "com.example.app"
    url = "https://apple.example"

    [sources.Pushed]
    adapter = "push-only"
"#;

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

struct Pinged {
    world: World,
    engine: Engine<TestPorts<NoHttp>>,
    pings: PingContext<TestPorts<Services>>,
    anna: Session,
}

impl Pinged {
    async fn start() -> Self {
        let world = World::start().await;
        let settings = || {
            let file = SettingsFile::parse("rhosync.toml", SETTINGS).unwrap();
            file.resolve(|_| Some(APNS_KEY.to_owned())).unwrap()
        };
        let engine = Engine::new(
            Rc::new(TestPorts::to(&world.redis, 2).await),
            settings(),
            Rc::new(NoBackEnds),
            SessionKey::new("test"),
            Secret::new("p"),
        );
        let ports = TestPorts::<Services>::to(&world.redis, 3).await;
        ports.http.now.set(ports.clock.now().0 / 1_000);
        let anna = world.sign_in("anna").await;
        Self {
            engine: engine.unwrap(),
            pings: PingContext::new(Rc::new(ports), settings()),
            anna,
            world,
        }
    }

    async fn client(&self, kind: &str, address: &str) -> String {
        let client = self.world.client(&self.anna).await;
        let device = json!({"device_type": kind, "device_pin": address});
        let device = serde_json::from_value(device).unwrap();
        self.engine
            .register_client(&self.anna, client.as_str(), &device)
            .await
            .unwrap();
        client.as_str().to_owned()
    }

    async fn ping(&self, users: &[&str], clients: &[&str], text: &str) -> PingRecord {
        self.take(users, clients, text).await.record
    }

    async fn take(&self, users: &[&str], clients: &[&str], text: &str) -> TakenPing {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let to = PingTargets {
            users: owned(users),
            clients: owned(clients),
        };
        let message = PingMessage {
            message: Some(text.to_owned()),
            ..PingMessage::default()
        };
        self.engine.ping(&to, &message, "ops").await.unwrap()
    }

    async fn work(&self) {
        let (handlers, jobs) = (ping_handlers(), &self.pings.settings().jobs);
        let worker = Worker::new(self.pings.ports(), jobs, "push", &handlers, &self.pings);
        worker.run(Budget::RING).await.unwrap();
    }

    fn refuse(&self, status: u16, body: &str) {
        let mut refusals = self.pings.ports().http.refusals.borrow_mut();
        refusals.push_back((status, "", body.to_owned()));
    }

    /// Delivered, failed and unreachable.
    async fn counted(&self, id: &str) -> (u64, u64, u64, Option<String>) {
        let pings = self.engine.pings(0, 100).await.unwrap();
        let ping = pings.into_iter().find(|ping| ping.id == id).unwrap();
        (ping.delivered, ping.failed, ping.unreachable, ping.error)
    }

    async fn apple(&self) -> PushServiceInfo {
        self.engine.push_services().await.unwrap().remove(0)
    }
}

#[test]
fn a_ping_is_kept_with_what_became_of_it() {
    local(async {
        let world = Pinged::start().await;
        world.client("Apple", TOKEN).await;
        world.client("Apple", &TOKEN.replace("00", "11")).await;
        world.client("Android", "x").await;
        world.client("Apple", "").await;
        world.refuse(400, r#"{"reason": "PayloadEmpty"}"#);
        let sent = world.ping(&["anna", "nobody"], &[], "one").await;
        assert_eq!((sent.users, sent.clients, sent.by.as_str()), (1, 0, "ops"));
        world.work().await;
        let (delivered, failed, unreachable, error) = world.counted(&sent.id).await;
        assert_eq!((delivered, failed, unreachable), (1, 1, 2));
        assert!(error.is_some());
        let apple = world.apple().await;
        assert_eq!((apple.delivered, apple.failed), (1, 1));

        let again = world.ping(&["anna"], &[], "two").await;
        world.work().await;
        assert_eq!(world.counted(&again.id).await.0, 2);
        let apple = world.apple().await;
        assert!(apple.missing.is_empty());
        assert_eq!(apple.error, None, "the last one was taken");
        let listed = world.engine.pings(0, 100).await.unwrap();
        let texts: Vec<_> = listed
            .iter()
            .map(|ping| ping.message.as_deref().unwrap())
            .collect();
        assert_eq!(texts, ["two", "one"]);
        let others = world.engine.push_services().await.unwrap();
        let missing: Vec<_> = others.iter().flat_map(|service| &service.missing).collect();
        assert_eq!(missing, ["ping.fcm", "ping.web"]);
    });
}

#[test]
fn a_single_client_is_pinged_by_itself() {
    local(async {
        let world = Pinged::start().await;
        let one = world.client("Apple", TOKEN).await;
        world.client("Apple", &TOKEN.replace("00", "11")).await;
        let sent = world.ping(&[], &[&one, "none"], "one").await;
        assert_eq!((sent.users, sent.clients), (0, 1));
        world.work().await;
        assert_eq!(world.counted(&sent.id).await, (1, 0, 0, None));
        assert_eq!(world.pings.ports().http.taken.borrow().len(), 1);
    });
}

#[test]
fn what_services_did_is_forgotten_after_a_day_and_pings_after_a_thousand() {
    local(async {
        let world = Pinged::start().await;
        let one = world.client("Apple", TOKEN).await;
        let first = world.ping(&[], &[&one], "one").await;
        world.work().await;
        world
            .engine
            .ports()
            .clock
            .advance(Duration::from_secs(23 * 3_600));
        assert_eq!(world.apple().await.delivered, 1);
        world
            .engine
            .ports()
            .clock
            .advance(Duration::from_secs(2 * 3_600));
        assert_eq!(world.apple().await.delivered, 0);
        for _ in 0..1_000 {
            world.ping(&[], &[], "another").await;
        }
        let listed = world.engine.pings(0, 2_000).await.unwrap();
        assert_eq!(listed.len(), 1_000);
        assert!(listed.iter().all(|ping| ping.id != first.id));
        let kept = world.world.keys().await;
        assert!(
            !kept.iter().any(|key| key.contains(&first.id)),
            "its record is gone too"
        );
    });
}

#[test]
fn a_push_service_is_checked_without_a_device() {
    local(async {
        let world = Pinged::start().await;
        let service = sync_core::PushService::Apns;
        for (refusal, ok, message) in [
            (Some((400, "BadDeviceToken")), true, "lets the server in"),
            (Some((403, "InvalidProviderToken")), false, "ping.apns.key"),
            (Some((500, "InternalServerError")), false, "500"),
        ] {
            if let Some((status, reason)) = refusal {
                world.refuse(status, &json!({"reason": reason}).to_string());
            }
            let job = world.engine.check_push_service(service).await.unwrap();
            assert_eq!(world.engine.push_check(&job).await.unwrap(), None);
            world.work().await;
            let check = world.engine.push_check(&job).await.unwrap().unwrap();
            assert_eq!(check.ok, ok, "{check:?}");
            assert!(check.message.contains(message), "{check:?}");
        }
        for (service, message) in [("fcm", "not set up"), ("web-push", "not set up")] {
            let service = sync_core::PushService::parse(service).unwrap();
            let job = world.engine.check_push_service(service).await.unwrap();
            world.work().await;
            let check = world.engine.push_check(&job).await.unwrap().unwrap();
            assert!(!check.ok && check.message.contains(message), "{check:?}");
        }
    });
}

#[test]
fn who_is_named_and_does_not_exist_is_answered_once_and_the_others_are_pinged() {
    local(async {
        let world = Pinged::start().await;
        let one = world.client("Apple", TOKEN).await;
        let users = ["zoe", "anna", "bad\nname", "zoe", "anna"];
        let taken = world.take(&users, &["none", &one, "none"], "one").await;
        assert_eq!((taken.record.users, taken.record.clients), (1, 1));
        let unknown = PingTargets {
            users: vec!["bad\nname".to_owned(), "zoe".to_owned()],
            clients: vec!["none".to_owned()],
        };
        assert_eq!(taken.unknown, unknown);
        let taken = world.take(&["anna"], &[&one], "two").await;
        assert_eq!(taken.unknown, PingTargets::default());
    });
}
