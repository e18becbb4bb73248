//! Devices that ask for part of a source, by parameters.

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{ClientId, Session, StorePorts as _};
use test_support::{World, local};

const IGNORED: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0
    parameters = "ignore"
"#;

/// A back end with objects of two kinds, and two devices of one user.
struct Devices {
    world: World,
    session: Session,
    phone: ClientId,
    tablet: ClientId,
}

impl Devices {
    async fn start() -> Self {
        let world = World::start().await;
        world.back_end.put("1", &[("kind", "a")]);
        world.back_end.put("2", &[("kind", "b")]);
        let session = world.sign_in("u1").await;
        Self {
            phone: world.client(&session).await,
            tablet: world.client(&session).await,
            world,
            session,
        }
    }

    async fn sync(&self, client: &ClientId, source: &str) -> Vec<Value> {
        self.world.sync(&self.session, client, source).await
    }

    async fn narrowed(&self, client: &ClientId, source: &str, kind: &str) -> Vec<Value> {
        let parameters = [("kind", kind)];
        self.world
            .sync_narrowed(&self.session, client, source, &parameters)
            .await
    }

    fn wait(&self, seconds: u64) {
        let clock = self.world.engine.ports().clock();
        clock.advance(Duration::from_secs(seconds));
    }
}

#[test]
fn what_one_device_narrows_down_changes_nothing_for_others() {
    local(async {
        let devices = Devices::start().await;
        let Devices { phone, tablet, .. } = &devices;
        let all = json!({"insert": {"1": {"kind": "a"}, "2": {"kind": "b"}}});
        assert_eq!(
            devices.sync(phone, "Polled").await,
            [all.clone(), json!({})]
        );
        devices.wait(61);
        assert_eq!(
            devices.narrowed(tablet, "Polled", "zzzz").await,
            [json!({})]
        );
        assert_eq!(devices.sync(phone, "Polled").await, [json!({})]);
        assert_eq!(devices.sync(tablet, "Polled").await, [all, json!({})]);
    });
}

#[test]
fn devices_that_ask_for_the_same_share_a_copy_and_others_have_their_own() {
    local(async {
        let devices = Devices::start().await;
        let Devices {
            world,
            session,
            phone,
            tablet,
        } = &devices;
        let third = world.client(session).await;
        let a = [json!({"insert": {"1": {"kind": "a"}}}), json!({})];
        let b = [json!({"insert": {"2": {"kind": "b"}}}), json!({})];
        assert_eq!(devices.narrowed(phone, "Polled", "a").await, a);
        assert_eq!(devices.narrowed(tablet, "Polled", "b").await, b);
        assert_eq!(devices.narrowed(&third, "Polled", "a").await, a);
        assert_eq!(world.back_end.queries(), 2);
        // The order of the parameters does not matter.
        let one = [("kind", "a"), ("x", "1")];
        let other = [("x", "1"), ("kind", "a")];
        world.sync_narrowed(session, phone, "Polled", &one).await;
        world.sync_narrowed(session, tablet, "Polled", &other).await;
        assert_eq!(world.back_end.queries(), 3);
        // Another user's is another copy, also of a source that all share: the back end may answer otherwise.
        let ben = world.sign_in("ben").await;
        let his = world.client(&ben).await;
        let parameters = [("kind", "a")];
        world.sync_narrowed(&ben, &his, "Polled", &parameters).await;
        assert_eq!(world.back_end.queries(), 4);
    });
}

#[test]
fn a_device_that_asks_for_something_else_gives_back_what_it_had() {
    local(async {
        let devices = Devices::start().await;
        let Devices { phone, .. } = &devices;
        devices.sync(phone, "Polled").await;
        let gone = json!({"delete": {"1": {"kind": ""}, "2": {"kind": ""}}});
        let a = json!({"insert": {"1": {"kind": "a"}}});
        assert_eq!(
            devices.narrowed(phone, "Polled", "a").await,
            [gone, a, json!({})]
        );
        let gone = json!({"delete": {"1": {"kind": ""}}});
        let b = json!({"insert": {"2": {"kind": "b"}}});
        assert_eq!(
            devices.narrowed(phone, "Polled", "b").await,
            [gone, b, json!({})]
        );
        devices.world.back_end.put("3", &[("kind", "b")]);
        devices.wait(61);
        let news = json!({"insert": {"3": {"kind": "b"}}});
        assert_eq!(
            devices.narrowed(phone, "Polled", "b").await,
            [news, json!({})]
        );
    });
}

#[test]
fn a_token_without_parameters_acknowledges_the_page_it_came_with() {
    local(async {
        let devices = Devices::start().await;
        let Devices {
            world,
            session,
            phone,
            ..
        } = &devices;
        let parameters = [("kind", "a")];
        let first = world
            .pull_narrowed(session, phone, "Shared", "", &parameters)
            .await
            .unwrap();
        let token = first[1]["token"].as_str().unwrap();
        let end = world.pull(session, phone, "Shared", token).await.unwrap();
        assert_eq!(end[5], json!({}));
        assert_eq!(world.back_end.queries(), 1);
        assert_eq!(devices.narrowed(phone, "Shared", "a").await, [json!({})]);
    });
}

#[test]
fn what_a_device_changes_in_its_part_is_everybodys_at_once() {
    local(async {
        let devices = Devices::start().await;
        let Devices {
            world,
            session,
            phone,
            tablet,
        } = &devices;
        devices.sync(tablet, "Polled").await;
        devices.narrowed(phone, "Polled", "a").await;
        let changes = json!({
            "create": {"t1": {"kind": "a"}},
            "update": {"1": {"price": "7"}, "2": {"price": "9"}},
        });
        world.push(session, phone, "Polled", changes).await.unwrap();
        let told = devices.sync(tablet, "Polled").await;
        let news = json!({"insert": {
            "1": {"price": "7"}, "2": {"price": "9"}, "b1": {"kind": "a"},
        }});
        assert_eq!(told, [news, json!({})]);
        let told = devices.narrowed(phone, "Polled", "a").await;
        assert_eq!(told[0]["links"], json!({"t1": {"l": "b1"}}));
        assert!(told[0].get("insert").is_none(), "{told:?}");
        let changes = json!({"delete": {"1": {}}});
        world.push(session, phone, "Polled", changes).await.unwrap();
        let told = devices.sync(tablet, "Polled").await;
        assert!(told[0]["delete"]["1"].is_object(), "{told:?}");
        devices.wait(61);
        assert_eq!(devices.sync(tablet, "Polled").await, [json!({})]);
        assert_eq!(devices.narrowed(phone, "Polled", "a").await, [json!({})]);
    });
}

#[test]
fn copies_end_with_the_last_device_that_follows_them() {
    local(async {
        let devices = Devices::start().await;
        let Devices {
            world,
            session,
            phone,
            tablet,
        } = &devices;
        let copies = async || {
            let keys = world.keys().await;
            keys.into_iter()
                .filter(|key| key.contains("/narrowed/") && !key.contains(":made:"))
                .collect::<Vec<_>>()
        };
        devices.narrowed(phone, "Shared", "a").await;
        let first = copies().await;
        assert!(!first.is_empty());
        let changes = json!({"create": {"t1": {"kind": "a"}}});
        world.push(session, phone, "Shared", changes).await.unwrap();
        for kind in 0..20 {
            devices.narrowed(phone, "Shared", &kind.to_string()).await;
        }
        devices.narrowed(phone, "Shared", "a").await;
        assert_eq!(copies().await, first);
        devices.narrowed(tablet, "Shared", "b").await;
        devices.sync(phone, "Shared").await;
        let left = copies().await;
        assert!(!left.is_empty() && left.iter().all(|key| !first.contains(key)));
        let tablet_id = tablet.as_str();
        world.engine.delete_client(None, tablet_id).await.unwrap();
        assert_eq!(copies().await, [""; 0]);
    });
}

#[test]
fn a_copy_that_nobody_has_asked_for_in_a_long_time_goes() {
    local(async {
        let devices = Devices::start().await;
        let Devices {
            world,
            session,
            phone,
            tablet,
        } = &devices;
        devices.narrowed(phone, "Shared", "a").await;
        devices.wait(31 * 86_400);
        devices.sync(tablet, "Shared").await;
        let keys = world.keys().await;
        assert!(
            !keys.iter().any(|key| key.contains("/narrowed/")),
            "{keys:?}"
        );
        let parameters = [("kind", "a")];
        let told = world
            .pull_narrowed(session, phone, "Shared", "", &parameters)
            .await
            .unwrap();
        assert_eq!(told[5], json!({"schema-changed": "true"}));
        let a = json!({"insert": {"1": {"kind": "a"}}});
        let token = told[1]["token"].as_str().unwrap();
        let told = world
            .pull_narrowed(session, phone, "Shared", token, &parameters)
            .await
            .unwrap();
        assert_eq!(told[5], a);
    });
}

#[test]
fn a_source_may_ignore_parameters_and_one_that_is_never_asked_does() {
    local(async {
        let mut devices = Devices::start().await;
        devices.world.engine = devices.world.another(Some(IGNORED), 2).await;
        let phone = &devices.phone;
        let all = json!({"insert": {"1": {"kind": "a"}, "2": {"kind": "b"}}});
        assert_eq!(
            devices.narrowed(phone, "Shared", "a").await,
            [all.clone(), json!({})]
        );
        let devices = Devices::start().await;
        let fed = serde_json::from_value(json!({"1": {"kind": "a"}, "2": {"kind": "b"}})).unwrap();
        let engine = &devices.world.engine;
        engine.feed_objects("Pushed", "u1", fed).await.unwrap();
        let phone = &devices.phone;
        assert_eq!(
            devices.narrowed(phone, "Pushed", "a").await,
            [all.clone(), json!({})]
        );
        // An administrator may have said so, too.
        devices.sync(&devices.tablet, "Polled").await;
        let engine = &devices.world.engine;
        engine.set_poll_interval("Polled", -1).await.unwrap();
        assert_eq!(
            devices.narrowed(phone, "Polled", "a").await,
            [all, json!({})]
        );
    });
}
