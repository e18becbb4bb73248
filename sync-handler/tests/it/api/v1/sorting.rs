//! Lists in either order.

use serde_json::json;
use sync_jobs::{Jobs, NewJob, Priority, QueueName};
use test_support::local;

use crate::console::Console;

/// Lists with the field that names an item, and what they are sorted by.
const LISTS: &[(&str, &str, &str)] = &[
    ("/users?", "login", "name"),
    ("/users?q=user-&", "login", "name"),
    ("/sources?", "name", "name"),
    ("/sources/Pushed/users/anna/objects?", "id", "version"),
    ("/sources/Pushed/users/anna/objects?q=1&", "id", "version"),
    ("/jobs?queue=test&state=delayed&", "id", "time"),
    ("/jobs?queue=test&state=delayed&name=odd&", "id", "time"),
    ("/tokens?", "id", "created"),
    ("/audit?", "id", "at"),
];

/// A server with some of everything.
async fn filled() -> Console {
    let console = Console::start().await;
    console.device("anna").await;
    for number in 0..5_u64 {
        let user = json!({"login": format!("user-{number}"), "password": "secret"});
        let (status, _) = console.call("POST", "/users", &user.to_string()).await;
        assert_eq!(status, 201);
        console.pass(1);
        let token = json!({"name": "script", "scopes": ["users:read"]});
        let (status, _) = console.call("POST", "/tokens", &token.to_string()).await;
        assert_eq!(status, 201);
        // The objects do not come in the order of their ids.
        let object = json!({"attributes": {"number": number * 7 % 5}});
        let path = format!("/sources/Pushed/users/anna/objects/o{}", number * 3 % 5);
        assert_eq!(console.call("PUT", &path, &object.to_string()).await.0, 200);
        let job = NewJob {
            name: if number % 2 == 0 { "even" } else { "odd" }.to_owned(),
            queue: QueueName::parse("test").unwrap(),
            payload: "{}".to_owned(),
            turn: None,
            priority: Priority::Normal,
            max_attempts: 1,
            delay: std::time::Duration::from_secs(1_000 - number),
            unique: None,
        };
        let jobs = Jobs::new(&console.world().engine.ports().redis);
        jobs.enqueue(&job).await.unwrap();
    }
    console
}

/// A whole list, read two items at a time.
async fn whole(console: &Console, path: &str, field: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let part = console.see(&format!("{path}limit=2{cursor}")).await;
        let items = part["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{path}");
        found.extend(
            items
                .iter()
                .map(|item| item[field].as_str().unwrap().to_owned()),
        );
        match part["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[test]
fn a_list_falls_as_it_rises_part_by_part_and_nothing_is_left_out() {
    local(async {
        let console = filled().await;
        for (path, field, by) in LISTS {
            let rising = whole(&console, &format!("{path}sort={by}&"), field).await;
            let mut falling = whole(&console, &format!("{path}sort=-{by}&"), field).await;
            assert_ne!(rising, falling, "{path}");
            falling.reverse();
            assert_eq!(rising, falling, "{path}");
            let mut own = whole(&console, path, field).await;
            own.sort();
            falling.sort();
            assert_eq!(own, falling, "{path}");
        }
        let names = whole(&console, "/users?sort=-name&", "login").await;
        assert!(names.is_sorted_by(|a, b| a > b), "{names:?}");
        let objects = whole(
            &console,
            "/sources/Pushed/users/anna/objects?sort=-version&",
            "id",
        );
        assert_eq!(objects.await, ["o2", "o4", "o1", "o3", "o0"]);
        let jobs = "/jobs?queue=test&state=delayed&sort=time&";
        let due = console.see(&format!("{jobs}limit=1")).await;
        assert_eq!(due["items"][0]["name"], "even", "the last one is due first");
    });
}

#[test]
fn what_a_list_cannot_be_sorted_by_is_refused() {
    local(async {
        let console = filled().await;
        for (path, _, by) in LISTS {
            for wrong in ["odd", "-", &format!("--{by}")] {
                let (status, body) = console
                    .call("GET", &format!("{path}sort={wrong}"), "")
                    .await;
                assert_eq!(status, 400, "{path}{wrong}: {body}");
                let message = body["error"]["message"].as_str().unwrap();
                assert!(message.contains(by), "{message}");
            }
        }
    });
}
