//! What a declared REST back end is asked, and how its answers are read.

mod authorization;
mod changes;
mod compressed;
mod formats;
mod long;
mod pages;
mod read;
mod templates;
mod trouble;
mod unchanged;

use std::rc::Rc;

use serde_json::{Value, json};
use sync_core::{ChangesRequest, Engine, Ports as _, PullRequest, SearchRequest, Session, Token};
use test_support::{ScriptedHttp, TestPorts, TestRedis, engine, local};

pub(crate) struct World {
    pub(crate) engine: Engine<TestPorts<ScriptedHttp>>,
    session: Session,
    client: String,
    redis: Rc<TestRedis>,
}

#[expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]
impl World {
    async fn start(rest: &str) -> Self {
        Self::start_with("rest", rest).await
    }

    /// A source with this adapter and these settings of it.
    pub(crate) async fn start_with(adapter: &str, settings: &str) -> Self {
        Self::start_polled(adapter, 0, settings).await
    }

    /// The same, asked at most so often in seconds.
    pub(crate) async fn start_polled(adapter: &str, seconds: u64, settings: &str) -> Self {
        let text = settings_of(adapter, seconds, settings);
        Self::start_on(Rc::new(TestRedis::start()), &text, "u1", 1).await
    }

    /// Another instance on the same store, with a user of its own.
    async fn another(&self, text: &str) -> Self {
        Self::start_on(Rc::clone(&self.redis), text, "u2", 2).await
    }

    async fn start_on(redis: Rc<TestRedis>, text: &str, user: &str, seed: u64) -> Self {
        let engine = engine(&redis, text, seed).await;
        let (session, client) = crate::plugin::device_of(&engine, user).await;
        Self {
            engine,
            session,
            client,
            redis,
        }
    }

    /// Goes on with other settings, on the same store.
    async fn change_settings(&mut self, rest: &str) {
        let text = settings_of("rest", 0, rest);
        self.engine = engine(&self.redis, &text, 2).await;
    }

    pub(crate) fn answer(
        &self,
        status: u16,
        headers: &[(&str, &str)],
        body: &(impl AsRef<[u8]> + ?Sized),
    ) {
        self.engine.ports().http().answer(status, headers, body);
    }

    /// Method, address, chosen headers and body of what was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.engine.ports().http().asked();
        asked
            .into_iter()
            .map(|request| {
                let header = |name: &str| {
                    let value = request.headers().get(name)?;
                    Some(format!(" {name}={}", value.to_str().unwrap()))
                };
                let headers: String = [
                    "authorization",
                    "if-match",
                    "if-modified-since",
                    "if-none-match",
                    "soapaction",
                    "x-tenant",
                ]
                .into_iter()
                .filter_map(header)
                .collect();
                // JSON is what everything else is not.
                let headers = match header("content-type") {
                    Some(kind) if kind.contains("xml;") => kind + &headers,
                    _ => headers,
                };
                let body = String::from_utf8_lossy(request.body()).into_owned();
                format!("{} {}{headers} {body}", request.method(), request.uri())
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    pub(crate) async fn pull(&self, token: &str) -> Value {
        self.pull_with(token, &[]).await
    }

    async fn pull_with(&self, token: &str, parameters: &[(String, String)]) -> Value {
        let token = Token::parse(token).unwrap();
        let request = PullRequest {
            client: &self.client,
            source: "Product",
            token,
            page_size: 100,
            parameters,
            trace: None,
        };
        serde_json::to_value(self.engine.pull(&self.session, request).await.unwrap()).unwrap()
    }

    pub(crate) async fn push(&self, changes: Value) {
        let changes = serde_json::from_value(changes).unwrap();
        let request = ChangesRequest {
            client: &self.client,
            source: "Product",
            sequence: None,
            files: sync_core::Files::default(),
            changes,
            trace: None,
        };
        self.engine
            .accept_changes(&self.session, request)
            .await
            .unwrap();
    }
}

fn settings_of(adapter: &str, seconds: u64, settings: &str) -> String {
    format!(
        "[sources.Product]\nadapter = \"{adapter}\"\npartition = \"app\"\npoll_interval = {seconds}\n[sources.Product.{adapter}]\nurl = \"http://crm/products\"\n{settings}"
    )
}

#[test]
fn a_list_is_read_and_not_read_again_while_its_tag_stands() {
    local(async {
        let world = World::start("").await;
        world.answer(
            200,
            &[("etag", "\"v1\"")],
            r#"[{"id":1,"name":"a","price":9.5,"tags":["x"]},{"id":"2","name":null}]"#,
        );
        let page = world.pull("").await;
        assert_eq!(
            page[5],
            json!({"insert": {"1": {"name": "a", "price": "9.5", "tags": "[\"x\"]"}, "2": {"name": ""}}})
        );
        world.answer(304, &[], "");
        let token = page[1]["token"].as_str().unwrap();
        assert_eq!(world.pull(token).await[5], json!({}));
        world.answer(304, &[], "");
        assert_eq!(world.pull("").await[5], json!({}));
        let conditional = "GET http://crm/products if-none-match=\"v1\"";
        assert_eq!(
            world.asked(),
            ["GET http://crm/products", conditional],
            "none for an acknowledgement"
        );
    });
}

/// When an answer was given, and when what it has was changed last.
fn dated<'a>(date: &'a str, last_modified: &'a str) -> [(&'a str, &'a str); 2] {
    [("date", date), ("last-modified", last_modified)]
}

const NOON: &str = "Sat, 31 Jan 2026 12:00:00 GMT";
const SOON: &str = "Sat, 31 Jan 2026 12:00:01 GMT";

#[test]
fn a_list_without_a_tag_is_not_read_again_while_its_time_stands() {
    local(async {
        let world = World::start("").await;
        world.answer(200, &dated(SOON, NOON), r#"[{"id":1,"name":"a"}]"#);
        let page = world.pull("").await;
        world.pull(page[1]["token"].as_str().unwrap()).await;
        world.answer(304, &[], "");
        assert_eq!(world.pull("").await[5], json!({}));
        // The tag says more, where there is one.
        let both = [
            dated(SOON, NOON)[0],
            dated(SOON, NOON)[1],
            ("etag", "\"v1\""),
        ];
        world.answer(200, &both, r#"[{"id":1,"name":"b"}]"#);
        let page = world.pull("").await;
        assert_eq!(page[5], json!({"insert": {"1": {"name": "b"}}}));
        world.pull(page[1]["token"].as_str().unwrap()).await;
        world.answer(304, &[], "");
        assert_eq!(world.pull("").await[5], json!({}));
        let known = format!("GET http://crm/products if-modified-since={NOON}");
        assert_eq!(
            world.asked(),
            [
                "GET http://crm/products",
                &known,
                &known,
                "GET http://crm/products if-none-match=\"v1\""
            ]
        );
    });
}

#[test]
fn a_time_within_whose_second_more_may_have_changed_does_not_stand() {
    local(async {
        for headers in [
            &dated(NOON, NOON)[..],
            &dated(NOON, SOON),
            &dated(NOON, "soon"),
            &[("last-modified", NOON)],
        ] {
            let world = World::start("").await;
            world.answer(200, headers, r#"[{"id":1,"name":"a"}]"#);
            let page = world.pull("").await;
            world.pull(page[1]["token"].as_str().unwrap()).await;
            world.answer(200, headers, r#"[{"id":1,"name":"b"}]"#);
            let page = world.pull("").await;
            assert_eq!(page[5], json!({"insert": {"1": {"name": "b"}}}));
            assert_eq!(world.asked(), ["GET http://crm/products"; 2], "{headers:?}");
        }
    });
}

#[test]
fn an_answer_that_other_settings_have_read_is_asked_for_again() {
    local(async {
        for headers in [&dated(SOON, NOON)[..], &[("etag", "\"v1\"")]] {
            let mut world = World::start("").await;
            world.answer(200, headers, r#"[{"id":1,"name":"a"}]"#);
            let page = world.pull("").await;
            world.pull(page[1]["token"].as_str().unwrap()).await;
            world
                .change_settings("attributes = { title = \"$.name\" }")
                .await;
            world.answer(200, headers, r#"[{"id":1,"name":"a"}]"#);
            let page = world.pull("").await;
            assert_eq!(world.asked(), ["GET http://crm/products"], "{headers:?}");
            assert_eq!(page[5]["insert"], json!({"1": {"title": "a"}}));
        }
    });
}

#[test]
fn a_query_that_broke_off_goes_on_with_the_page_it_had_reached() {
    local(async {
        let world = World::start("paging = { parameter = \"page\", first = 1, size = 1 }").await;
        let page = |number: u32| format!("GET http://crm/products?page={number}");
        for body in [r#"[{"id":1,"n":"a"}]"#, r#"[{"id":2,"n":"a"}]"#, "[]"] {
            world.answer(200, &[], body);
        }
        let all = world.pull("").await;
        assert_eq!(world.asked(), [page(1), page(2), page(3)]);
        world.answer(200, &[], r#"[{"id":1,"n":"b"}]"#);
        world.answer(503, &[], "");
        let told = world.pull(all[1]["token"].as_str().unwrap()).await;
        assert_eq!(told[5], json!({}), "an acknowledgement");
        let told = world.pull("").await;
        assert_eq!(told[5]["insert"], json!({"1": {"n": "b"}}));
        assert!(told[5]["source-error"].is_object(), "{told:?}");
        assert_eq!(world.asked(), [page(1), page(2)]);
        world.answer(200, &[], "[]");
        let told = world.pull("").await;
        assert_eq!(world.asked(), [page(2)]);
        assert_eq!(told[5]["insert"], json!({"1": {"n": "b"}}));
        assert_eq!(told[5]["delete"], json!({"2": {"n": ""}}));
        assert!(told[5].get("source-error").is_none(), "{told:?}");
        // It is over with that.
        world.answer(200, &[], "[]");
        let told = world.pull("").await;
        assert_eq!(world.asked(), [page(1)]);
        assert!(told[5]["delete"]["1"].is_object(), "{told:?}");
    });
}

#[test]
fn what_a_device_narrows_its_query_by_reaches_the_back_end_but_nothing_of_ours_is_overridden() {
    local(async {
        let world = World::start("user_parameter = \"owner\"").await;
        let parameters = [("area", "a b&c"), ("owner", "eve"), ("OWNER[]", "eve")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        world.answer(200, &[("etag", "\"v1\"")], r#"[{"id":1,"name":"a"}]"#);
        world.pull_with("", &parameters).await;
        world.answer(200, &[("etag", "\"v1\"")], "[]");
        let given_back = world.pull("").await;
        world.pull(given_back[1]["token"].as_str().unwrap()).await;
        assert_eq!(
            world.asked(),
            [
                "GET http://crm/products?area=a+b%26c&owner=u1",
                "GET http://crm/products?owner=u1"
            ],
            "the tag was that of another question"
        );
    });
}

#[test]
fn a_search_asks_with_the_devices_parameters_where_the_settings_say() {
    local(async {
        for (settings, address) in [
            (
                "user_parameter = \"owner\"",
                "http://crm/products?name=a%26b&owner=u1",
            ),
            (
                "search_url = \"http://crm/find/\"",
                "http://crm/find?name=a%26b",
            ),
            (
                "paging = { parameter = \"page\", size = 9 }",
                "http://crm/products?name=a%26b&page=1",
            ),
        ] {
            let world = World::start(settings).await;
            world.answer(200, &[], r#"[{"id":1,"name":"a&b"}]"#);
            let request = SearchRequest {
                client: &world.client,
                sources: &[("Product".to_owned(), String::new())],
                parameters: &[("name".to_owned(), "a&b".to_owned())],
                page_size: 10,
                is_repeated: false,
                trace: None,
            };
            let pages = world.engine.search(&world.session, request).await.unwrap();
            let pages = serde_json::to_value(pages).unwrap();
            assert_eq!(pages[0][4], json!({"insert": {"1": {"name": "a&b"}}}));
            assert_eq!(world.asked(), [format!("GET {address}")]);
        }
    });
}

#[test]
fn records_ids_attributes_headers_and_pages_are_where_the_settings_say() {
    local(async {
        let world = World::start(
            r#"
            records = "/data/items"
            id = "sku"
            attributes = ["name"]
            user_parameter = "owner"
            headers = { X-Tenant = "t1" }
            authorization = { basic = { user = "me", password = "secret" } }
            paging = { parameter = "page", size_parameter = "size", size = 2 }
            "#,
        )
        .await;
        world.answer(
            200,
            &[],
            r#"{"data":{"items":[{"sku":"a/b","name":"1","x":"no"},{"sku":"b","name":"2"}]}}"#,
        );
        world.answer(200, &[], r#"{"data":{"items":[{"sku":"c","name":"3"}]}}"#);
        let page = world.pull("").await;
        assert_eq!(
            page[5],
            json!({"insert": {"a/b": {"name": "1"}, "b": {"name": "2"}, "c": {"name": "3"}}})
        );
        let headers = "authorization=Basic bWU6c2VjcmV0 x-tenant=t1";
        let asked =
            |page: u8| format!("GET http://crm/products?owner=u1&page={page}&size=2 {headers}");
        assert_eq!(world.asked(), [asked(1), asked(2)]);
        world.answer(204, &[], "");
        world.push(json!({"delete": {"a/b": {"name": "1"}}})).await;
        assert_eq!(
            world.asked(),
            [format!(
                "DELETE http://crm/products/a%2Fb?owner=u1 {headers}"
            )]
        );
    });
}

#[test]
fn changes_are_written_with_types_and_ids_are_taken_from_the_answer() {
    local(async {
        let world = World::start("update_method = \"PATCH\"\ntypes = { price = \"number\", on = \"boolean\", opts = \"json\" }").await;
        world.answer(201, &[("location", "/products/x%2F7?new")], "");
        world.answer(200, &[], r#"{"id":8}"#);
        world.answer(202, &[], "accepted");
        world.answer(200, &[], "{}");
        world
            .push(json!({
                "create": {
                    "t1": {"name": "a", "price": "9.50", "on": "true", "opts": "{\"k\":1}"},
                    "t2": {"price": ""},
                    "t3": {"name": "c"},
                },
                "update": {"7": {"price": "10"}},
            }))
            .await;
        assert_eq!(
            world.asked(),
            [
                r#"POST http://crm/products {"name":"a","on":true,"opts":{"k":1},"price":9.5}"#,
                r#"POST http://crm/products {"price":null}"#,
                r#"POST http://crm/products {"name":"c"}"#,
                r#"PATCH http://crm/products/7 {"price":10}"#,
            ]
        );
        world.answer(500, &[], "");
        let told = world.pull("").await;
        assert_eq!(
            told[5]["links"],
            json!({"t1": {"l": "x/7"}, "t2": {"l": "8"}})
        );
        assert_eq!(
            told[5]["delete"]["t3"],
            json!({"name": ""}),
            "the back end gave it no id"
        );
    });
}

#[test]
fn answers_are_told_apart() {
    local(async {
        let world = World::start("types = { price = \"number\" }").await;
        world.answer(422, &[], r#"{"message":"no such colour"}"#);
        world.answer(409, &[], r#"{"error":"changed meanwhile"}"#);
        world.answer(400, &[], "<html>");
        world.answer(404, &[], "");
        world
            .push(json!({
                "create": {"t0": {"price": "cheap"}, "t1": {"name": "a"}},
                "update": {"7": {"name": "b"}, "8": {"name": "c"}},
                "delete": {"9": {}},
            }))
            .await;
        world.answer(200, &[], "[]");
        let told = world.pull("").await;
        let message =
            |kind: &str, id: &str| told[5][kind][format!("{id}-error")]["message"].clone();
        assert_eq!(
            message("create-error", "t0"),
            "price: \"cheap\" is not a number"
        );
        assert_eq!(message("create-error", "t1"), "no such colour");
        assert_eq!(message("update-error", "7"), "changed meanwhile");
        assert_eq!(message("update-error", "8"), "400 Bad Request");
        assert_eq!(
            told[5].get("delete-error"),
            None,
            "what is not there is deleted"
        );
    });
}

#[test]
fn an_answer_that_is_not_what_was_declared_is_an_error_of_the_source() {
    local(async {
        let world = World::start("records = \"/items\"").await;
        let cases = [
            (200, "not json", "the answer is not JSON"),
            (
                200,
                r#"{"other":[]}"#,
                "the answer has nothing at \"/items\"",
            ),
            (200, r#"{"items":7}"#, "neither a list nor an object"),
            (200, r#"{"items":[7]}"#, "a record is not an object"),
            (200, r#"{"items":[{"name":"x"}]}"#, "a record has no \"id\""),
            (
                200,
                r#"{"items":[{"id":"a\u0001"}]}"#,
                "the object id contains",
            ),
            (503, "", "503 Service Unavailable"),
            (401, r#"{"error":"who are you"}"#, "who are you"),
        ];
        for (status, body, said) in cases {
            world.answer(status, &[], body);
            let page = world.pull("").await;
            let kind = if status == 401 {
                "login-error"
            } else {
                "query-error"
            };
            let message = page[5]["source-error"][kind]["message"]
                .as_str()
                .unwrap_or_default();
            assert!(message.contains(said), "{body}: {page}");
        }
    });
}

#[test]
fn a_page_with_a_record_that_cannot_be_kept_is_not_the_last_for_that() {
    local(async {
        let world = World::start("paging = { parameter = \"page\", size = 2 }").await;
        world.answer(200, &[], r#"[{"id":1,"n":"a"},{"id":2,"a\tb":"x"}]"#);
        world.answer(200, &[], r#"[{"id":3,"n":"c"}]"#);
        let page = world.pull("").await;
        let both = json!({"1": {"n": "a"}, "3": {"n": "c"}});
        assert_eq!(page[5]["insert"], both);
    });
}
