//! What a back end is asked by the plugin protocol, and how its answers are read.

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{
    ADMINISTRATOR, AdapterError, Authenticated, ChangesRequest, Clock as _, Engine, Origin,
    Ports as _, PullRequest, Secret, Session, StorePorts as _, SyncError, Token, TraceContext,
};
use test_support::{ENGINE_PASSWORD, ScriptedHttp, TestPorts, TestRedis, local, page};

const SETTINGS: &str = r#"
    [sources.Probe]
    adapter = "http"
    poll_interval = 0
    http = { url = "http://crm/api/", methods = ["search", "metadata", "schema"], headers = { X-Tenant = "t1" }, authorization = { bearer = "b" } }

    [sources.ProbeApp]
    adapter = "http"
    partition = "app"
    poll_interval = 0
    http = { url = "http://crm/api" }
"#;

/// A user who is made, signed in, and has a device.
#[expect(
    clippy::unwrap_used,
    reason = "a device that cannot be made is a failed test"
)]
pub(crate) async fn device_of(
    engine: &Engine<TestPorts<ScriptedHttp>>,
    user: &str,
) -> (Session, String) {
    let accounts = engine.accounts();
    accounts.create_user(user, "password").await.unwrap();
    let session = accounts
        .log_in(user, "password", Origin("test"))
        .await
        .unwrap();
    let now = engine.ports().clock().now();
    let session = accounts.sessions().verify(&session, now).unwrap();
    let client = engine.create_client(&session, &Default::default()).await;
    (session, client.unwrap().into_string())
}

struct World {
    engine: Engine<TestPorts<ScriptedHttp>>,
    session: Session,
    client: String,
    token: String,
    _redis: TestRedis,
}

#[expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]
impl World {
    async fn start() -> Self {
        Self::with(SETTINGS).await
    }

    async fn with(settings: &str) -> Self {
        let redis = TestRedis::start();
        let engine = test_support::engine(&redis, settings, 1).await;
        let token = engine
            .accounts()
            .log_in_administrator(ADMINISTRATOR, ENGINE_PASSWORD, Origin("test"))
            .await
            .unwrap();
        let (session, client) = device_of(&engine, "anna").await;
        Self {
            engine,
            session,
            client,
            token,
            _redis: redis,
        }
    }

    fn answer(&self, status: u16, body: &str) {
        self.engine.ports().http().answer(status, &[], body);
    }

    /// Address and body of what was asked since the last time, without the token, which must be the server's own.
    fn asked(&self) -> Vec<(String, Value)> {
        let asked = self.engine.ports().http().asked().into_iter();
        asked
            .map(|request| {
                assert_eq!(request.method(), "POST");
                for name in ["content-type", "accept"] {
                    assert_eq!(request.headers()[name], "application/json");
                }
                let mut body: Value = serde_json::from_slice(request.body()).unwrap();
                let token = body.as_object_mut().unwrap().remove("api_token");
                assert_eq!(token, Some(json!(self.token)));
                (request.uri().to_string(), body)
            })
            .collect()
    }

    async fn try_pull(
        &self,
        source: &str,
        token: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, SyncError> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = PullRequest {
            client: &self.client,
            source,
            token: Token::parse(token).unwrap(),
            page_size: 100,
            parameters: &parameters,
            trace: None,
        };
        let page = self.engine.pull(&self.session, request).await?;
        Ok(serde_json::to_value(page).unwrap())
    }

    async fn pull(&self, source: &str, token: &str) -> Value {
        self.try_pull(source, token, &[]).await.unwrap()
    }

    async fn push(&self, source: &str, changes: Value) -> Result<(), SyncError> {
        let request = ChangesRequest {
            client: &self.client,
            source,
            sequence: None,
            files: sync_core::Files::default(),
            changes: serde_json::from_value(changes).unwrap(),
            trace: None,
        };
        self.engine.accept_changes(&self.session, request).await
    }
}

fn call(name: &str, resource: &str, partition: &str, attributes: Value) -> (String, Value) {
    let body = json!({"resource": resource, "partition": partition, "attributes": attributes});
    (format!("http://crm/api/rhoconnect/{name}"), body)
}

#[test]
fn a_query_carries_the_devices_parameters_and_answers_objects_by_id() {
    local(async {
        let world = World::start().await;
        world.answer(200, "");
        world.answer(200, "");
        world.answer(200, r#"{"1":{"name":"a","price":9.5},"2":{}}"#);
        let told = world
            .try_pull("Probe", "", &[("color", "red"), ("size", "1")])
            .await
            .unwrap();
        let insert = json!({"insert": {"1": {"name": "a", "price": "9.5"}}});
        assert_eq!(told[5], insert);
        let parameters = json!({"color": "red", "size": "1"});
        let of = |name| call(name, "Probe", "anna", parameters.clone());
        assert_eq!(world.asked(), [of("schema"), of("metadata"), of("query")]);
    });
}

#[test]
fn headers_and_authorization_are_sent_and_a_query_has_no_key() {
    local(async {
        let world = World::start().await;
        world.pull("Probe", "").await;
        let asked = world.engine.ports().http().asked();
        assert!(!asked.is_empty());
        for request in asked {
            assert_eq!(request.headers()["x-tenant"], "t1");
            assert_eq!(request.headers()["authorization"], "Bearer b");
            assert!(!request.headers().contains_key("idempotency-key"));
        }
    });
}

#[test]
fn changes_are_carried_one_by_one_and_a_created_id_is_bare_or_json() {
    local(async {
        let world = World::start().await;
        for body in ["srv77\n", "\"srv78\"", "79", "", "null", "{\"id\":1}"] {
            world.answer(200, body);
        }
        world.answer(200, "ignored");
        world.answer(204, "");
        let creates: serde_json::Map<_, _> = (1..=6)
            .map(|number| (format!("t{number}"), json!({"name": "n"})))
            .collect();
        let changes = json!({
            "create": creates,
            "update": {"u": {"name": "b"}},
            "delete": {"d": {"name": "c"}},
        });
        world.push("ProbeApp", changes).await.unwrap();
        let asked = world.asked();
        let own = |name, attributes| call(name, "ProbeApp", "anna", attributes);
        assert_eq!(asked[0], own("create", json!({"name": "n"})));
        assert_eq!(asked[6], own("update", json!({"name": "b", "id": "u"})));
        assert_eq!(asked[7], own("delete", json!({"name": "c", "id": "d"})));
        assert_eq!(asked.len(), 8);

        world.answer(
            200,
            r#"{"srv77":{"name":"n"},"srv78":{"name":"n"},"79":{"name":"n"}}"#,
        );
        let told = world.pull("ProbeApp", "").await;
        let links = json!({"t1": {"l": "srv77"}, "t2": {"l": "srv78"}, "t3": {"l": "79"}, "t6": {"l": "1"}});
        assert_eq!(told[5]["links"], links);
        for none in ["t4", "t5"] {
            assert_eq!(
                told[5]["delete"][none],
                json!({"name": ""}),
                "{none} got no id"
            );
        }
    });
}

#[test]
fn each_change_has_a_key_of_its_own_which_a_second_attempt_repeats() {
    local(async {
        let world = World::start().await;
        world.answer(503, "");
        world.answer(200, "1");
        world.answer(200, "2");
        let changes = json!({"create": {"t1": {"a": "1"}, "t2": {"a": "2"}}});
        world.push("Probe", changes).await.unwrap();
        let asked = world.engine.ports().http().asked();
        let keys: Vec<_> = asked
            .iter()
            .map(|request| request.headers()["idempotency-key"].to_str().unwrap())
            .collect();
        assert_eq!(keys.len(), 3);
        assert_eq!(keys[0], keys[1]);
        assert_ne!(keys[1], keys[2]);
    });
}

#[test]
fn refusals_are_told_at_once_in_the_back_ends_words() {
    local(async {
        let world = World::start().await;
        world.answer(500, "backend refused");
        world.answer(422, r#"{"error":"no such colour"}"#);
        world.answer(409, r#"{"message":"changed meanwhile"}"#);
        world.answer(404, "");
        let changes = json!({
            "create": {"t1": {"a": "1"}},
            "update": {"u1": {"a": "1"}, "u2": {"a": "1"}},
            "delete": {"d1": {"a": "1"}},
        });
        world.push("ProbeApp", changes).await.unwrap();
        world.answer(200, "{}");
        let told = world.pull("ProbeApp", "").await;
        let message = |kind: &str, id: &str| told[5][kind][format!("{id}-error")].clone();
        let said = |text: &str| json!({"message": text});
        assert_eq!(
            message("create-error", "t1"),
            said("500 Internal Server Error")
        );
        assert_eq!(message("update-error", "u1"), said("no such colour"));
        assert_eq!(message("update-error", "u2"), said("changed meanwhile"));
        assert_eq!(
            told[5].get("delete-error"),
            None,
            "it is gone as it should be"
        );
    });
}

#[test]
fn an_answer_that_is_no_object_of_objects_is_an_error_of_the_source() {
    local(async {
        let world = World::start().await;
        let cases = [
            (
                200,
                "not json",
                "the answer is not {id: {attribute: value}}",
            ),
            (200, "[]", "the answer is not"),
            (200, r#"{"1":"a"}"#, "the answer is not"),
            (200, "{\"a\\u0001\":{}}", "the object id contains"),
            (500, "oops", "500 Internal Server Error"),
            (503, "", "503 Service Unavailable"),
        ];
        for (status, body, said) in cases {
            world.answer(status, body);
            let told = world.pull("ProbeApp", "").await;
            let message = &told[5]["source-error"]["query-error"]["message"];
            let message = message.as_str().unwrap_or_default();
            assert!(message.contains(said), "{body}: {told}");
        }
    });
}

#[test]
fn what_a_source_is_described_by_is_asked_for_where_the_settings_say_so() {
    local(async {
        let world = World::start().await;
        world.answer(200, "{\"version\":\"1\"}");
        world.answer(200, "{\"foo\":\"baz\"}");
        world.answer(200, "{}");
        let told = world.pull("Probe", "").await;
        assert_eq!(told[5], json!({"metadata": "{\"foo\":\"baz\"}"}));
        world.asked();
        world.answer(200, "{}");
        world.pull("ProbeApp", "").await;
        let query = call("query", "ProbeApp", "anna", json!({}));
        assert_eq!(world.asked(), [query]);
    });
}

#[test]
fn the_app_server_serves_sources_it_knows_and_no_others() {
    local(async {
        let world = World::start().await;
        world.engine.set_app_server("http://crm/api").await.unwrap();
        world.answer(404, r#"{"error":"no Nothing here"}"#);
        let told = world.pull("Nothing", "").await;
        let error = json!({"source-error": {"query-error": {"message": "no Nothing here"}}});
        assert_eq!(told, page("", 0, 0, 0, error));
        world.answer(404, "");
        let pushed = world.push("Nothing", json!({"delete": {"1": {}}})).await;
        assert!(matches!(pushed, Err(SyncError::UnknownSource { .. })));
        let pushed = world.push("Nothing", json!({"delete": {"1": {}}})).await;
        assert!(
            matches!(pushed, Err(SyncError::BackEndUnavailable { .. })),
            "the device keeps its change: {pushed:?}"
        );
        assert!(world.engine.source_info("Nothing").await.is_err());
        world.asked();

        let thing = r#"{"1":{"name":"iPhone"}}"#;
        world.answer(200, thing);
        world.answer(200, thing);
        let told = world.pull("DynThing", "").await;
        assert_eq!(told[5], json!({"insert": {"1": {"name": "iPhone"}}}));
        let query = call("query", "DynThing", "anna", json!({}));
        assert_eq!(world.asked(), [query.clone(), query]);
        assert!(
            world
                .engine
                .source_info("DynThing")
                .await
                .unwrap()
                .is_dynamic
        );

        world.answer(200, "srv77");
        let create = json!({"create": {"t1": {"name": "New"}}});
        world.push("DynThing", create).await.unwrap();
        let create = call("create", "DynThing", "anna", json!({"name": "New"}));
        assert_eq!(world.asked(), [create]);

        world.engine.set_app_server("").await.unwrap();
        let update = json!({"update": {"1": {"name": "x"}}});
        world.push("DynThing", update).await.unwrap();
        assert_eq!(world.asked(), [], "there is nobody to ask any more");
    });
}

#[test]
fn a_back_end_says_who_may_log_in_and_under_which_name() {
    local(async {
        let world = World::start().await;
        let ask = || {
            world
                .engine
                .accounts()
                .authenticate_at("http://crm/", "bob", "ok")
        };
        let said = |user: Option<&str>, token: Option<&str>| {
            Ok(Authenticated {
                user: user.map(str::to_owned),
                token: token.map(Secret::new),
            })
        };
        let refused = |message: &str| {
            Err(AdapterError::Login {
                message: message.to_owned(),
            })
        };
        let away = |message: &str| {
            Err(AdapterError::Unavailable {
                message: message.to_owned(),
            })
        };
        let cases = [
            (200, "", said(None, None)),
            (200, "dynuser", said(Some("dynuser"), None)),
            (200, "\"dyn user\"", said(Some("dyn user"), None)),
            (200, r#"{"access_token":"t"}"#, said(None, Some("t"))),
            (
                200,
                r#"{"login":"dynuser","access_token":"t"}"#,
                said(Some("dynuser"), Some("t")),
            ),
            // What old plugins answer stays a name.
            (
                200,
                r#"{"login":"x"}"#,
                said(Some(r#"{"login":"x"}"#), None),
            ),
            (401, "wrong password", refused("wrong password")),
            (401, "", refused("401 Unauthorized")),
            (403, r#"{"message":"locked"}"#, refused("locked")),
            (401, "<html>", refused("401 Unauthorized")),
            (500, "trace", away("500 Internal Server Error")),
            (302, "", away("302 Found")),
        ];
        for (status, body, expected) in cases {
            world.answer(status, body);
            assert_eq!(ask().await, expected, "{status} {body}");
        }
        assert!(ask().await.unwrap_err().is_retryable(), "nobody is there");
        let login = json!({"login": "bob", "password": "ok"});
        let address = "http://crm/rhoconnect/authenticate".to_owned();
        assert_eq!(world.asked()[0], (address, login));
    });
}

#[test]
fn the_trace_of_a_request_is_passed_on_to_every_call_it_leads_to() {
    local(async {
        let world = World::start().await;
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext::parse(parent, Some("a=b"));
        let push = ChangesRequest {
            client: &world.client,
            source: "Probe",
            sequence: None,
            files: sync_core::Files::default(),
            changes: serde_json::from_value(json!({"create": {"t": {"a": "b"}}})).unwrap(),
            trace: trace.as_ref(),
        };
        world.answer(200, "1");
        world
            .engine
            .accept_changes(&world.session, push)
            .await
            .unwrap();
        let pull = PullRequest {
            client: &world.client,
            source: "Probe",
            token: None,
            page_size: 10,
            parameters: &[],
            trace: trace.as_ref(),
        };
        for body in ["", "", "{}"] {
            world.answer(200, body);
        }
        world.engine.pull(&world.session, pull).await.unwrap();
        let asked = world.engine.ports().http().asked();
        assert_eq!(asked.len(), 4);
        for request in asked {
            assert_eq!(request.headers()["traceparent"], parent);
            assert_eq!(request.headers()["tracestate"], "a=b");
        }
        world.pull("ProbeApp", "").await;
        let asked = world.engine.ports().http().asked();
        assert!(!asked[0].headers().contains_key("traceparent"));
    });
}

#[test]
fn an_object_that_cannot_be_kept_stays_as_it_was_until_the_answer_has_it_no_more() {
    local(async {
        let world = World::start().await;
        world.answer(200, r#"{"1":{"n":"a"},"2":{"n":"b"}}"#);
        let page = world.pull("ProbeApp", "").await;
        let token = page[1]["token"].as_str().unwrap();
        world.pull("ProbeApp", token).await;
        for _ in 0..2 {
            world.answer(200, r#"{"1":{"n":"a"},"2":{"n":"c","a\nb":"x"}}"#);
            let told = world.pull("ProbeApp", "").await;
            let message =
                "object \"2\": the attribute name contains '\\n', which is not allowed there";
            let error = json!({"source-error": {"query-error": {"message": message}}});
            assert_eq!(told[5], error);
        }
        world.answer(200, r#"{"1":{"n":"a"}}"#);
        let gone = world.pull("ProbeApp", "").await;
        assert_eq!(gone[5], json!({"delete": {"2": {"n": ""}}}));

        world.engine.metrics().flush_soon().await;
        let measured = world.engine.metrics().measured().await.unwrap();
        let mut families = measured.families.iter();
        let refused = families.find(|(family, _)| family.name == "rhosync_refused_objects_total");
        let (_, samples) = refused.unwrap();
        assert_eq!(samples[0].labels, ["ProbeApp"]);
        assert_eq!(samples[0].value, sync_core::Value::Number(2));
    });
}

const DECIDING: &str = r#"
    [sources.Task]
    adapter = "http"
    partition = "adapter"
    poll_interval = 0
    [sources.Task.http]
    url = "http://crm/api"
    methods = ["validate", "partition"]
"#;

#[test]
fn a_plugin_says_who_belongs_where_and_what_may_be_changed() {
    local(async {
        let world = World::with(DECIDING).await;
        let of_anna = |name, attributes| {
            let mut call = call(name, "Task", "anna", attributes);
            if name != "partition" {
                call.1["partition_name"] = json!("north");
            }
            call
        };
        world.answer(200, "north\n");
        world.answer(200, r#"{"1":{"state":"open"}}"#);
        let told = world.pull("Task", "").await;
        assert_eq!(told[5]["insert"], json!({"1": {"state": "open"}}));
        let token = told[1]["token"].as_str().unwrap();
        let asked = [of_anna("partition", json!({})), of_anna("query", json!({}))];
        assert_eq!(world.asked(), asked);
        let copies = world.engine.copies_of_user("anna").await.unwrap();
        assert_eq!(copies[0].partition, "named/north");

        // What it does not allow is not sent.
        world.answer(422, r#"{"message":"closed for today"}"#);
        let changes = json!({"update": {"1": {"state": "done"}}});
        world.push("Task", changes).await.unwrap();
        let mut wanted = of_anna("validate", json!({"id": "1", "state": "done"}));
        wanted.1["operation"] = json!("update");
        wanted.1["before"] = json!({"state": "open"});
        assert_eq!(world.asked(), [wanted]);
        let told = world.pull("Task", token).await;
        assert_eq!(
            told[5]["update-error"]["1-error"]["message"],
            "closed for today"
        );
        world.asked();

        // What it allows is; and it was asked for the partition a moment ago.
        world.answer(200, "");
        world.answer(200, "7");
        let changes = json!({"create": {"t": {"state": "new"}}});
        world.push("Task", changes).await.unwrap();
        let mut wanted = of_anna("validate", json!({"state": "new"}));
        wanted.1["operation"] = json!("create");
        wanted.1["before"] = json!(null);
        let create = of_anna("create", json!({"state": "new"}));
        assert_eq!(world.asked(), [wanted, create]);
    });
}

#[test]
fn who_belongs_where_is_asked_for_again_and_holds_while_the_plugin_is_away() {
    local(async {
        let world = World::with(DECIDING).await;
        let partition = async || {
            let copies = world.engine.copies_of_user("anna").await.unwrap();
            copies
                .into_iter()
                .map(|copy| copy.partition)
                .collect::<Vec<_>>()
        };
        let pull = async || world.pull("Task", "").await;
        world.answer(200, "north");
        world.answer(200, r#"{"1":{"a":"b"}}"#);
        pull().await;
        assert_eq!(partition().await, ["named/north"]);
        let clock = world.engine.ports().clock();
        clock.advance(Duration::from_secs(301));
        world.answer(503, "");
        world.answer(200, r#"{"1":{"a":"b"}}"#);
        pull().await;
        world.answer(503, "");
        assert_eq!(partition().await, ["named/north"]);
        // Nowhere: what it had is taken back, and the plugin is asked for nothing.
        world.asked();
        world.answer(200, "");
        let told = pull().await;
        assert_eq!(told[5]["delete"], json!({"1": {"a": ""}}));
        let asked = world.asked();
        assert_eq!(asked, [call("partition", "Task", "anna", json!({}))]);
    });
}
