//! Jobs that wait for their time, schedules, and what happened in queues.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use sync_core::Scope;
use sync_jobs::{Enqueued, Jobs, NewJob, Priority, QueueName};
use test_support::local;

use crate::server::{Server, call};

const SETTINGS: &str = r#"
    [schedules.nightly]
    job = "report"
    queue = "adapter"
    cron = "0 3 * * *"

    [sources.A]
    adapter = "rust"
    rust = "back-end"
    queue = "adapter"
    background = true
    poll_interval = 60
"#;

async fn token(server: &Server) -> String {
    let tokens = server.world.engine.accounts().api_tokens();
    let made = tokens.create("t", vec![Scope::JobsWrite], None, None).await;
    made.unwrap().1
}

#[test]
fn a_job_that_waits_for_its_time_is_run_now() {
    local(async {
        let server = Server::start(None).await;
        let token = token(&server).await;
        let job = NewJob {
            name: "later".to_owned(),
            queue: QueueName::parse("adapter").unwrap(),
            payload: "{}".to_owned(),
            turn: Some("anna".to_owned()),
            priority: Priority::Normal,
            max_attempts: 1,
            delay: Duration::from_secs(60),
            unique: None,
        };
        let jobs = Jobs::new(&server.world.engine.ports().redis);
        let Enqueued::New(id) = jobs.enqueue(&job).await.unwrap() else {
            panic!("it is new");
        };
        let list = async |query: &str| {
            let path = format!("/jobs?queue=adapter&state=delayed{query}");
            let (_, listed) = call(&server, &token, "GET", &path, &Value::Null).await;
            listed["items"].as_array().unwrap().len()
        };
        for (query, found) in [
            ("", 1),
            ("&user=anna", 1),
            ("&user=bert", 0),
            ("&name=later", 1),
            ("&name=other", 0),
        ] {
            assert_eq!(list(query).await, found, "{query}");
        }
        let path = format!("/jobs/{id}/run");
        let (status, job) = call(&server, &token, "POST", &path, &Value::Null).await;
        assert_eq!((status, &job["state"]), (StatusCode::OK, &json!("ready")));
        let (status, _) = call(&server, &token, "POST", &path, &Value::Null).await;
        assert_eq!(status, StatusCode::CONFLICT);
        let path = "/queues/adapter/history?minutes=2";
        let (_, history) = call(&server, &token, "GET", path, &Value::Null).await;
        assert_eq!(history["points"].as_array().unwrap().len(), 2);
        for minutes in ["0", "119", "x"] {
            let path = format!("/queues/adapter/history?minutes={minutes}");
            let (status, _) = call(&server, &token, "GET", &path, &Value::Null).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{minutes}");
        }
    });
}

#[test]
fn schedules_are_listed_and_run_by_hand() {
    local(async {
        let server = Server::start(Some(SETTINGS)).await;
        let token = token(&server).await;
        let list = async || {
            let (_, listed) = call(&server, &token, "GET", "/schedules", &Value::Null).await;
            listed["items"].as_array().unwrap().clone()
        };
        let names = |listed: &[Value]| {
            let names = listed
                .iter()
                .map(|it| it["name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
        let listed = list().await;
        assert_eq!(
            names(&listed),
            ["collect", "collect-blobs", "nightly", "query:A"]
        );
        assert_eq!(listed[2]["cron"], "0 3 * * *");
        assert_eq!(listed[3]["every_seconds"], 60);
        assert_eq!(
            (&listed[3]["subject"], &listed[3]["job"]),
            (&json!("A"), &json!("query-all"))
        );
        assert_eq!(listed[3]["next_at"], Value::Null, "nobody has looked yet");

        let path = "/schedules/query:A/run";
        let (status, job) = call(&server, &token, "POST", path, &Value::Null).await;
        assert_eq!(
            (status, &job["name"]),
            (StatusCode::OK, &json!("query-all")),
            "{job}"
        );
        assert_eq!(list().await[3]["last_job"], job["id"]);
        let (status, _) = call(&server, &token, "POST", "/schedules/none/run", &Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}
