//! What a device finds in back ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use serde_json::{Value, json};
use sync_core::{ClientId, SearchRequest, Session, SyncError};
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
fn what_is_found_is_in_the_document_until_a_refresh_knows_better() {
    local(async {
        let device = Device::start().await;
        let Device {
            world,
            session,
            client,
        } = &device;
        world.back_end.put("1", &[("name", "queried")]);
        world.back_end.put_findable("1", &[("price", "7")]);
        world.back_end.put_findable("s1", &[("name", "found")]);
        let other = world.client(session).await;
        world.sync(session, &other, "Polled").await;
        device.ask(&[("Polled", "")], &[], false).await.unwrap();
        let found = json!({"1": {"price": "7"}, "s1": {"name": "found"}});
        assert_eq!(
            world.sync(session, &other, "Polled").await[0],
            json!({"insert": found}),
            "nobody misses it"
        );
        sync_core::StorePorts::clock(world.engine.ports())
            .advance(std::time::Duration::from_secs(61));
        let gone = json!({"1": {"price": ""}, "s1": {"name": ""}});
        assert_eq!(
            world.sync(session, &other, "Polled").await[0],
            json!({"delete": gone})
        );
        let told = world.sync(session, client, "Polled").await;
        assert_eq!(
            told[0]["delete"], gone,
            "and whoever searched gets rid of it too, though it had never synced"
        );
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
