//! What a device finds in back ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{ClientId, SearchRequest, Session, StorePorts, SyncError};
use test_support::{Fault, World, local};

/// One device that searches.
struct Device {
    world: World,
    session: Session,
    client: ClientId,
}

impl Device {
    async fn start() -> Self {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        Self {
            world,
            session,
            client,
        }
    }

    async fn ask(
        &self,
        sources: &[(&str, &str)],
        wanted: &[(&str, &str)],
        is_repeated: bool,
    ) -> Result<Value, SyncError> {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        let request = SearchRequest {
            client: self.client.as_str(),
            sources: &owned(sources),
            parameters: &owned(wanted),
            page_size: 2,
            is_repeated,
            trace: None,
        };
        let pages = self.world.engine.search(&self.session, request).await?;
        Ok(serde_json::to_value(pages).unwrap())
    }

    async fn sync(&self, client: &ClientId) -> Vec<Value> {
        self.world.sync(&self.session, client, "Polled").await
    }

    /// Until it is time for another query of `Polled`.
    fn wait(&self) {
        let clock = StorePorts::clock(self.world.engine.ports());
        clock.advance(Duration::from_secs(61));
    }

    /// A page of a search in the shared source.
    async fn search(&self, token: &str) -> Value {
        self.ask(&[("Shared", token)], &[], false).await.unwrap()
    }

    async fn repeat(&self, token: &str) -> Value {
        self.ask(&[("Shared", token)], &[], true).await.unwrap()
    }
}

fn token(answer: &Value) -> &str {
    answer[0][1]["token"].as_str().unwrap()
}

fn error(message: &str) -> Value {
    json!([[
        {"version": 3},
        {"source": "Shared"},
        {"search-error": {"search-error": {"message": message}}}
    ]])
}

#[test]
fn what_is_found_comes_page_by_page_and_a_repeated_request_finds_the_same_page() {
    local(async {
        let device = Device::start().await;
        for id in ["s1", "s2", "s3"] {
            device.world.back_end.put_findable(id, &[("name", id)]);
        }
        let first = device.search("").await;
        let token_of_first = token(&first);
        assert_eq!(
            first,
            json!([[
                {"version": 3},
                {"token": token_of_first},
                {"source": "Shared"},
                {"count": 2},
                {"insert": {"s1": {"name": "s1"}, "s2": {"name": "s2"}}}
            ]])
        );
        let second = device.search(token_of_first).await;
        assert_eq!(second[0][4], json!({"insert": {"s3": {"name": "s3"}}}));
        assert_eq!(device.search(token_of_first).await, second);
        for _ in 0..2 {
            assert_eq!(device.search(token(&second)).await, json!([[]]));
        }
        assert_eq!(device.world.back_end.searches(), 1);
        let number: u64 = token(&second).parse().unwrap();
        assert!(number > 1 && number < 1 << 53);
    });
}

#[test]
fn a_lost_page_is_sent_again_whatever_the_token() {
    local(async {
        let device = Device::start().await;
        for id in ["s1", "s2", "s3"] {
            device.world.back_end.put_findable(id, &[("name", id)]);
        }
        let never_arrived = device.repeat("resend_token").await;
        assert_eq!(device.world.back_end.searches(), 1, "so it is made now");
        assert_eq!(device.repeat("resend_token").await, never_arrived);
        let second = device.search(token(&never_arrived)).await;
        assert_eq!(device.repeat("resend_token").await, second);
        assert_eq!(device.repeat(token(&second)).await, second);
        device.search(token(&second)).await;
        assert_eq!(
            device.repeat("resend_token").await,
            second,
            "the last that had objects"
        );
        assert_eq!(device.world.back_end.searches(), 1);
    });
}

#[test]
fn a_token_of_another_search_is_refused() {
    local(async {
        let device = Device::start().await;
        device.world.back_end.put_findable("s1", &[("name", "a")]);
        let invalid = error("Search error - invalid token");
        for wrong in ["1234", "abc", "resend_token", "9007199254740991"] {
            assert_eq!(device.search(wrong).await, invalid, "{wrong}");
        }
        let first = device.search("").await;
        let second = device.search("").await;
        assert_ne!(token(&first), token(&second), "in the same moment");
        assert_eq!(device.search(token(&first)).await, invalid);
        assert_eq!(device.search(token(&second)).await, json!([[]]));
    });
}

#[test]
fn what_the_back_end_cannot_do_is_told() {
    local(async {
        let device = Device::start().await;
        device.world.back_end.fail([Fault::Unreachable]);
        assert_eq!(device.search("").await, error("search broke"));
        let answer = device.ask(&[("Pushed", "")], &[], false).await.unwrap();
        assert_eq!(
            answer[0][2]["search-error"]["search-error"]["message"],
            "this source cannot be searched"
        );
        for number in 0..=10_000 {
            let id = number.to_string();
            device.world.back_end.put_findable(&id, &[("n", "x")]);
        }
        let answer = device.search("").await;
        let message = &answer[0][2]["search-error"]["search-error"]["message"];
        assert!(message.as_str().unwrap().contains("10000 objects"));
    });
}

#[test]
fn several_sources_are_searched_and_those_without_result_come_last() {
    local(async {
        let device = Device::start().await;
        let back_end = &device.world.back_end;
        back_end.put_findable("s1", &[("name", "a")]);
        let both = [("Own", ""), ("Pushed", ""), ("Shared", "")];
        let answer = device.ask(&both, &[("name", "a")], false).await.unwrap();
        assert_eq!(answer.as_array().unwrap().len(), 3);
        assert_eq!(answer[0][2], json!({"source": "Own"}));
        let own = answer[0][1]["token"].as_str().unwrap().to_owned();
        let both = [("Own", own.as_str()), ("Shared", "")];
        let answer = device.ask(&both, &[("name", "a")], false).await.unwrap();
        assert_eq!(answer[0][2], json!({"source": "Shared"}));
        assert_eq!(
            answer[1],
            json!([]),
            "devices stop reading at the first of these"
        );
        assert_eq!(device.ask(&[], &[], false).await.unwrap(), json!([]));
        let nothing = device.ask(&[("Own", "")], &[("name", "b")], false).await;
        assert_eq!(nothing.unwrap(), json!([[]]));
    });
}

#[test]
fn what_is_found_is_the_searchers_alone_until_the_next_query() {
    local(async {
        let device = Device::start().await;
        let Device { world, client, .. } = &device;
        world.back_end.put("1", &[("name", "queried")]);
        world.back_end.put_findable("1", &[("price", "7")]);
        world.back_end.put_findable("s1", &[("name", "found")]);
        let other = world.client(&device.session).await;
        device.sync(&other).await;
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        assert_eq!(device.sync(&other).await, [json!({})]);
        let all = json!({"insert": {"1": {"name": "queried"}}});
        assert_eq!(device.sync(client).await, [all, json!({})]);
        assert_eq!(
            device.sync(client).await,
            [json!({})],
            "the back end was not asked since"
        );
        device.wait();
        world.back_end.fail([Fault::Unreachable]);
        device.sync(&other).await;
        let told = device.sync(client).await;
        assert!(told[0].get("delete").is_none(), "{told:?}");
        device.wait();
        assert_eq!(device.sync(&other).await, [json!({})]);
        let gone = json!({"delete": {"1": {"price": ""}, "s1": {"name": ""}}});
        assert_eq!(device.sync(client).await, [gone, json!({})]);
        assert_eq!(device.sync(client).await, [json!({})]);
    });
}

#[test]
fn a_feed_reaches_the_device_that_has_found_something_else() {
    local(async {
        let device = Device::start().await;
        let Device { world, client, .. } = &device;
        world.back_end.put("1", &[("name", "a"), ("size", "3")]);
        let other = world.client(&device.session).await;
        device.sync(client).await;
        device.sync(&other).await;
        for (id, name) in [("1", "b"), ("s1", "found"), ("s2", "found")] {
            world.back_end.put_findable(id, &[("name", name)]);
        }
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        // It is as it was, which the server knows, but not the device.
        let fed = json!({"1": {"name": "a"}, "s1": {"price": "2"}});
        let feed = |fed: Value| {
            let fed = serde_json::from_value(fed).unwrap();
            world.engine.feed_objects("Polled", "u1", fed)
        };
        feed(fed.clone()).await.unwrap();
        let deleted = vec!["s2".to_owned()];
        let feed_deletes = |ids| world.engine.feed_deletes("Polled", "u1", ids);
        feed_deletes(deleted.clone()).await.unwrap();
        let news = json!({"insert": fed, "delete": {"s2": {"name": ""}}});
        assert_eq!(device.sync(client).await, [news.clone(), json!({})]);
        assert_eq!(device.sync(&other).await, [news, json!({})]);
        // Once, and not at all where a query has come between.
        feed(fed.clone()).await.unwrap();
        feed_deletes(deleted.clone()).await.unwrap();
        assert_eq!(device.sync(&other).await, [json!({})]);
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        device.wait();
        device.sync(&other).await;
        feed(json!({"1": {"name": "a"}})).await.unwrap();
        feed_deletes(deleted).await.unwrap();
        assert_eq!(device.sync(&other).await, [json!({})]);
    });
}

#[test]
fn what_the_next_query_has_too_stays_and_is_as_it_says() {
    local(async {
        let device = Device::start().await;
        let Device { world, client, .. } = &device;
        world.back_end.put("1", &[("name", "old"), ("size", "3")]);
        device.sync(client).await;
        world
            .back_end
            .put_findable("1", &[("name", "new"), ("price", "7")]);
        world.back_end.put_findable("2", &[("name", "found")]);
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        world.back_end.put("2", &[("name", "found")]);
        device.wait();
        let told = device.sync(client).await;
        let news = json!({
            "insert": {"1": {"name": "old"}, "2": {"name": "found"}},
            "delete": {"1": {"price": ""}},
        });
        assert_eq!(told, [news, json!({})]);
    });
}

#[test]
fn a_device_can_change_what_it_found_though_others_do_not_have_it() {
    local(async {
        let device = Device::start().await;
        let Device {
            world,
            session,
            client,
        } = &device;
        let narrowed = async || {
            let kind = [("kind", "a")];
            world.sync_narrowed(session, client, "Polled", &kind).await
        };
        let push = async |changes| {
            let pushed = world.push(session, client, "Polled", changes).await;
            pushed.unwrap();
        };
        for id in ["s1", "s2"] {
            let found = [("kind", "b"), ("name", "found")];
            world.back_end.put(id, &found);
            world.back_end.put_findable(id, &found);
        }
        narrowed().await;
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        push(json!({"update": {"s1": {"name": "mine", "price": "1"}}})).await;
        push(json!({"delete": {"s2": {}}})).await;
        assert_eq!(world.back_end.get("s1").unwrap()["name"], "mine");
        assert_eq!(narrowed().await, [json!({})]);
        world.back_end.fail([Fault::Rejected]);
        push(json!({"update": {"s1": {"name": "theirs"}}})).await;
        let told = narrowed().await;
        let rollback = json!({"s1": {"kind": "b", "name": "mine", "price": "1"}});
        assert_eq!(told[0]["update-rollback"], rollback, "{told:?}");
        device.wait();
        let gone = json!({"delete": {"s1": {"kind": "", "name": "", "price": ""}}});
        assert_eq!(narrowed().await, [gone, json!({})]);
    });
}

#[test]
fn what_was_found_goes_with_the_copy_that_the_device_leaves() {
    local(async {
        let device = Device::start().await;
        let Device {
            world,
            session,
            client,
        } = &device;
        world.back_end.put_findable("s1", &[("name", "found")]);
        device.sync(client).await;
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        let kind = [("kind", "a")];
        let told = world.sync_narrowed(session, client, "Polled", &kind).await;
        assert_eq!(told, [json!({"delete": {"s1": {"name": ""}}}), json!({})]);
        // A device that starts over has thrown it away.
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        let reset = world.engine.reset_client(session, client.as_str(), None);
        reset.await.unwrap();
        device.wait();
        assert_eq!(device.sync(client).await, [json!({})]);
    });
}

#[test]
fn a_device_that_searches_on_and_on_keeps_no_more_than_one_search_may_find() {
    local(async {
        let device = Device::start().await;
        let Device { world, client, .. } = &device;
        for number in 0..6_000 {
            let id = format!("a{number}");
            world.back_end.put_findable(&id, &[("kind", "a")]);
            let id = format!("b{number}");
            world.back_end.put_findable(&id, &[("kind", "b")]);
        }
        device.sync(client).await;
        let search = async |kind| {
            let wanted = [("kind", kind)];
            device.ask(&[("Polled", "")], &wanted, false).await.unwrap();
        };
        search("a").await;
        search("b").await;
        let mut gone = 0;
        for told in device.sync(client).await {
            let deleted = told["delete"].as_object();
            gone += deleted.map_or(0, |deleted| deleted.keys().count());
            assert!(!told["delete"]["b1"].is_object());
        }
        assert_eq!(gone, 6_000);
    });
}

#[test]
fn what_is_not_valid_is_refused_before_anything_is_searched() {
    local(async {
        let device = Device::start().await;
        let sources = [("Shared", ""), ("Nothing", "")];
        let refused = device.ask(&sources, &[], false).await.unwrap_err();
        assert!(matches!(refused, SyncError::UnknownSource { .. }));
        let many = [("Shared", ""); 51];
        let refused = device.ask(&many, &[], false).await.unwrap_err();
        assert!(matches!(refused, SyncError::SearchTooWide { .. }));
        let value = "x".repeat(9_000);
        let long = [("name", value.as_str())];
        let refused = device.ask(&[("Shared", "")], &long, false).await;
        assert!(matches!(refused, Err(SyncError::TooManyParameters { .. })));
        let nobody = Device {
            client: "0".repeat(32).parse().unwrap(),
            ..device
        };
        let refused = nobody.ask(&[("Shared", "")], &[], false).await;
        assert_eq!(refused.unwrap_err(), SyncError::UnknownClient);
        assert_eq!(nobody.world.back_end.searches(), 0);
    });
}

#[test]
fn another_user_of_the_device_does_not_see_what_was_found() {
    local(async {
        let device = Device::start().await;
        for id in ["s1", "s2", "s3"] {
            device.world.back_end.put_findable(id, &[("name", id)]);
        }
        let first = device.search("").await;
        let session = device.world.sign_in("u2").await;
        let device = Device { session, ..device };
        assert_eq!(
            device.search(token(&first)).await,
            error("Search error - invalid token")
        );
        let anew = device.repeat("resend_token").await;
        assert_eq!(anew[0][3], json!({"count": 2}));
        assert_eq!(device.world.back_end.searches(), 2);
    });
}
