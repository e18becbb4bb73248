//! Back ends say by themselves that something has changed.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use serde_json::json;
use sha2::Sha256;
use sync_core::{Clock as _, FeedError, HandedBy, HookError, StorePorts as _, SyncError};
use test_support::local;

use crate::rest::World;

const SIGNED: &str = r#"
id = "key"
attributes = { name = "$.title", price = "$.price" }
[sources.Product.hook]
secret = "s3cret"
signature_header = "X-Signature"
timestamp_header = "X-Time"
records = "$.data"
deleted = "$.gone"
"#;

fn headers<const N: usize>(pairs: [(&str, &str); N]) -> HeaderMap {
    let pair =
        |(name, value): (&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    pairs.into_iter().map(pair).collect()
}

/// An event, signed at a time.
fn signed(secret: &str, seconds: u64, body: &str) -> HeaderMap {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("{seconds}.{body}")).finalize();
    let digits = base16ct::lower::encode_string(&mac.into_bytes());
    headers([
        ("x-signature", &format!("sha256={digits}")),
        ("x-time", &seconds.to_string()),
    ])
}

fn now(world: &World) -> u64 {
    world.engine.ports().clock().now().0 / 1_000
}

/// A world whose device has one product.
async fn start(settings: &str) -> World {
    let world = World::start_polled("rest", 300, settings).await;
    world.answer(
        200,
        &[("etag", "\"1\"")],
        r#"[{"key":1,"id":1,"title":"a","price":1}]"#,
    );
    let page = world.pull("").await;
    world.pull(page[1]["token"].as_str().unwrap()).await;
    world.asked();
    world
}

#[test]
fn a_signed_event_is_mapped_as_an_answer_and_taken_in_once() {
    local(async {
        let world = start(SIGNED).await;
        let body = r#"{"data":[{"key":1,"price":2},{"key":2,"title":"b"}],"gone":null}"#;
        let event = signed("s3cret", now(&world), body);
        world
            .engine
            .take_hook("Product", HandedBy::Anybody, &event, body.as_bytes())
            .await
            .unwrap();
        let page = world.pull("").await;
        assert_eq!(
            page[5],
            json!({"insert": {"1": {"price": "2"}, "2": {"name": "b"}}})
        );
        world.pull(page[1]["token"].as_str().unwrap()).await;
        // What has changed since is not undone by a copy of it.
        let body = r#"{"data":[],"gone":[2]}"#;
        let later = signed("s3cret", now(&world), body);
        world
            .engine
            .take_hook("Product", HandedBy::Anybody, &later, body.as_bytes())
            .await
            .unwrap();
        let body = r#"{"data":[{"key":1,"price":2},{"key":2,"title":"b"}],"gone":null}"#;
        world
            .engine
            .take_hook("Product", HandedBy::Anybody, &event, body.as_bytes())
            .await
            .unwrap();
        assert_eq!(
            world.pull("").await[5],
            json!({"delete": {"2": {"name": ""}}})
        );
    });
}

#[test]
fn what_is_not_proven_changes_nothing() {
    local(async {
        let world = start(SIGNED).await;
        let (now, body) = (now(&world), r#"{"data":[{"key":1,"price":2}]}"#);
        let good = signed("s3cret", now, body);
        let without = |name: &str| {
            let mut headers = good.clone();
            headers.remove(name);
            headers
        };
        let mut moved = good.clone();
        moved.insert("x-time", (now + 1).into());
        for (headers, body) in [
            (HeaderMap::new(), body),
            (without("x-time"), body),
            (without("x-signature"), body),
            (moved, body),
            (signed("other", now, body), body),
            (signed("s3cret", now - 301, body), body),
            (signed("s3cret", now + 301, body), body),
            (good.clone(), r#"{"data":[{"key":1,"price":3}]}"#),
            (headers([("x-signature", "sha256="), ("x-time", "1")]), body),
        ] {
            let taken = world
                .engine
                .take_hook("Product", HandedBy::Anybody, &headers, body.as_bytes())
                .await;
            assert!(
                matches!(taken, Err(HookError::NotProven { .. })),
                "{headers:?}: {taken:?}"
            );
        }
        for source in ["Nothing", "a b"] {
            let taken = world
                .engine
                .take_hook(source, HandedBy::Anybody, &good, body.as_bytes())
                .await;
            assert!(matches!(taken, Err(HookError::Unknown { .. })), "{taken:?}");
        }
        for body in [
            "",
            "<xml/>",
            "{}",
            "{\"data\":[{\"price\":1}]}",
            "{\"data\":[7]}",
        ] {
            let event = signed("s3cret", now, body);
            let taken = world
                .engine
                .take_hook("Product", HandedBy::Anybody, &event, body.as_bytes())
                .await;
            assert!(
                matches!(taken, Err(HookError::Malformed { .. })),
                "{body}: {taken:?}"
            );
        }
        assert_eq!(world.pull("").await[5], json!({}));
        world
            .engine
            .take_hook("Product", HandedBy::Anybody, &good, body.as_bytes())
            .await
            .unwrap();
    });
}

#[test]
fn an_event_that_only_says_that_something_has_changed_lets_the_back_end_be_asked() {
    local(async {
        let hook = "[sources.Product.hook]\nsecret = \"s\"\nsecret_header = \"X-Secret\"\nevent_header = \"X-Event\"";
        let world = World::start_polled("rest", 300, hook).await;
        let event = |number: &str| headers([("x-secret", "s"), ("x-event", number)]);
        let take = async |number: &str| {
            world
                .engine
                .take_hook("Product", HandedBy::Anybody, &event(number), b"")
                .await
                .unwrap()
        };
        take("e0").await;
        world.answer(200, &[], r#"[{"id":1,"title":"a"}]"#);
        let page = world.pull("").await;
        world.pull(page[1]["token"].as_str().unwrap()).await;
        world.pull("").await;
        assert_eq!(world.asked().len(), 1, "it is not time to ask again");
        take("e1").await;
        world.answer(200, &[], r#"[{"id":1,"title":"z"}]"#);
        let page = world.pull("").await;
        assert_eq!(page[5]["insert"], json!({"1": {"title": "z"}}));
        world.pull(page[1]["token"].as_str().unwrap()).await;
        // Known already.
        take("e1").await;
        world.pull("").await;
        assert_eq!(world.asked().len(), 1);
        let wrong = headers([("x-secret", "t"), ("x-event", "e2")]);
        let taken = world
            .engine
            .take_hook("Product", HandedBy::Anybody, &wrong, b"")
            .await;
        assert!(matches!(taken, Err(HookError::NotProven { .. })));
    });
}

#[test]
fn an_event_of_a_users_copy_names_the_user() {
    local(async {
        let world = World::start_with(
            "rest",
            r#"
            [sources.Note]
            adapter = "push-only"
            partition = "user"
            [sources.Note.hook]
            secret = "s"
            secret_header = "X-Secret"
            user = "$.owner"
            records = "$.notes"
            "#,
        )
        .await;
        let event = headers([("x-secret", "s")]);
        let body = br#"{"owner":"u1","notes":[{"id":1,"text":"a"}]}"#;
        world
            .engine
            .take_hook("Note", HandedBy::Anybody, &event, body)
            .await
            .unwrap();
        let note = world.engine.object("Note", "u1", "1").await.unwrap();
        assert_eq!(note.unwrap()["text"], "a");
        let nobody = world
            .engine
            .take_hook("Note", HandedBy::Anybody, &event, br#"{"notes":[]}"#)
            .await;
        assert!(
            matches!(nobody, Err(HookError::Malformed { .. })),
            "{nobody:?}"
        );
        let body = br#"{"owner":"a b\u0001","notes":[{"id":1}]}"#;
        let nobody = world
            .engine
            .take_hook("Note", HandedBy::Anybody, &event, body)
            .await;
        assert!(
            matches!(
                nobody,
                Err(HookError::Feed(FeedError::Sync(SyncError::InvalidId(_))))
            ),
            "{nobody:?}"
        );
    });
}

#[test]
fn a_certificate_counts_only_where_a_trusted_proxy_has_seen_it() {
    const CERTIFIED: &str = r#"
        id = "key"
        [sources.Product.hook]
        secret = "ab:cd"
        certificate_header = "X-Client-Fingerprint"
        records = "$"
    "#;
    local(async {
        let world = start(CERTIFIED).await;
        let body = br#"[{"key":9,"title":"z"}]"#;
        let good = headers([("x-client-fingerprint", "ab:cd")]);
        let mut twice = good.clone();
        twice.append("x-client-fingerprint", "ab:cd".parse().unwrap());
        let other = headers([("x-client-fingerprint", "ab:ce")]);
        for (handed_by, headers) in [
            (HandedBy::Anybody, &good),
            (HandedBy::TrustedProxy, &twice),
            (HandedBy::TrustedProxy, &other),
            (HandedBy::TrustedProxy, &HeaderMap::new()),
        ] {
            let taken = world.engine.take_hook("Product", handed_by, headers, body);
            let taken = taken.await;
            assert!(
                matches!(taken, Err(HookError::NotProven { .. })),
                "{taken:?}"
            );
        }
        let taken = world
            .engine
            .take_hook("Product", HandedBy::TrustedProxy, &good, body);
        taken.await.unwrap();
        assert_eq!(world.pull("").await[5]["insert"]["9"]["title"], "z");
    });
}

#[test]
fn an_event_of_a_partition_names_it_and_nobody_reaches_a_users_own_by_a_name() {
    local(async {
        let world = World::start_with(
            "rest",
            r#"
            [sources.Note]
            adapter = "push-only"
            partition = ["region/{{ user.region }}", "user", "app"]
            [sources.Note.hook]
            secret = "s"
            secret_header = "X-Secret"
            user = "$.owner"
            partition = "$.partition"
            records = "$.notes"
            "#,
        )
        .await;
        let event = headers([("x-secret", "s")]);
        let take = async |body: serde_json::Value| {
            let body = body.to_string();
            let taken = world
                .engine
                .take_hook("Note", HandedBy::Anybody, &event, body.as_bytes());
            taken.await
        };
        let note = |id: u32| json!([{"id": id, "text": "a"}]);
        for name in ["region/north", "app"] {
            let body = json!({"partition": name, "notes": note(1)});
            take(body).await.unwrap();
        }
        // One that names no partition is the user's.
        let body = json!({"owner": "u1", "partition": "", "notes": note(2)});
        take(body).await.unwrap();
        // Which copies there are is noted with what is measured.
        world.engine.metrics().flush().await;
        let copies = world.engine.copies("Note", 0, 10).await.unwrap();
        let mut copies: Vec<_> = copies.copies.into_iter().map(|it| it.partition).collect();
        copies.sort();
        assert_eq!(copies, ["app", "named/region/north", "user/u1"]);
        for name in [
            "user", "user/u1", "region", "region/", "north", "app/x", "other/x",
        ] {
            let body = json!({"owner": "u1", "partition": name, "notes": note(3)});
            let taken = take(body).await;
            assert!(
                matches!(taken, Err(HookError::Malformed { .. })),
                "{name}: {taken:?}"
            );
        }
        let taken = take(json!({"notes": note(3)})).await;
        assert!(
            matches!(taken, Err(HookError::Malformed { .. })),
            "{taken:?}"
        );
    });
}
