//! `check`, `record` and `replay`.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::world::{Answer, BackEnd, application, source, with_environment};

const ITEMS: &str = r#"{"data":[{"key":9,"title":"Lamp","price":9.5,"at":"2026-01-31"},{"key":10,"title":"Desk","price":null,"at":"2026-02-01"}]}"#;

const SETTINGS: &str = r#"# The catalogue.
[sources.Product]
adapter = "rest"
partition = "app"

[sources.Product.rest]
url = { variable = "crm_url", path = "/items" }
authorization = { bearer = { variable = "crm_token" } }
records = "$.data"
id = "key"
attributes = { name = "$.title", price = "$.price", at = "$.at" }
types = { price = "number", at = "date" }

# Another one, whose variable nobody has set.
[sources.Other]
adapter = "rest"
rest = { url = { variable = "nowhere" } }
"#;

fn items(answer: &'static str) -> BackEnd {
    BackEnd::start(move |_| (200, answer.to_owned()))
}

#[test]
fn a_check_asks_the_back_end_and_shows_what_devices_would_get() {
    let back_end = items(ITEMS);
    let folder = application(
        SETTINGS,
        &[("crm_url", &back_end.url), ("crm_token", "t0ken-1")],
    );
    let said = source(folder.path(), &["check", "Product"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    let (lamp, desk) = (said.out.find("Lamp"), said.out.find("Desk"));
    assert!(lamp < desk && lamp.is_some(), "{}", said.out);
    assert!(said.out.contains("2 objects by 1 request") && said.out.contains("No problem"));
    let asked = back_end.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, "GET /items");
    assert!(
        asked[0].head.contains("authorization: Bearer t0ken-1"),
        "{}",
        asked[0].head
    );

    let said = source(folder.path(), &["check", "Product", "--json"]).json();
    assert_eq!(
        said["objects"]["9"],
        json!({"name": "Lamp", "price": "9.5", "at": "2026-01-31"})
    );
    assert_eq!(said["problems"], json!([]));

    // What is typed comes before the environment, and that before the manifest.
    let other = items(r#"{"data":[]}"#);
    let environment = [("SPIN_VARIABLE_CRM_URL", other.url.as_str())];
    with_environment(folder.path(), &["check", "Product"], &environment);
    assert_eq!(other.lines(), ["GET /items"]);
    let typed = format!("crm_url={}", back_end.url);
    back_end.asked();
    with_environment(
        folder.path(),
        &["check", "Product", "--variable", &typed],
        &environment,
    );
    assert_eq!(back_end.lines(), ["GET /items"]);
}

#[test]
fn every_problem_has_its_place_in_the_settings() {
    // What is changed of the settings, what the back end answers, and the place and a word of the problem.
    let cases: [(&str, &str, Answer, &str, u64, &str); 10] = [
        (
            "",
            "",
            (200, r#"{"items":[]}"#.to_owned()),
            "sources.Product.rest.records",
            9,
            "items",
        ),
        (
            "",
            "",
            (200, r#"{"data":[{"id":1}]}"#.to_owned()),
            "sources.Product.rest.id",
            10,
            "key",
        ),
        (
            "",
            "",
            (200, "<html>".to_owned()),
            "sources.Product.rest.url",
            7,
            "<html>",
        ),
        (
            "",
            "",
            (401, String::new()),
            "sources.Product.rest.authorization",
            8,
            "401",
        ),
        (
            "",
            "",
            (500, String::new()),
            "sources.Product.rest.url",
            7,
            "500",
        ),
        (
            "",
            "",
            (200, ITEMS.replace("2026-02-01", "soon")),
            "sources.Product.rest.types.at",
            12,
            "soon",
        ),
        (
            "",
            "",
            (200, ITEMS.replace("title", "label")),
            "sources.Product.rest.attributes.name",
            11,
            "$.title",
        ),
        (
            "",
            "",
            (200, ITEMS.replace("10,", "9,")),
            "sources.Product.rest.id",
            10,
            "several",
        ),
        (
            "\"/items\" }",
            "\"/items\" }\nurll = 1",
            (200, String::new()),
            "sources.Product.rest.urll",
            8,
            "urll",
        ),
        (
            "crm_token",
            "tokens",
            (200, String::new()),
            "sources.Product.rest.authorization.bearer",
            8,
            "tokens",
        ),
    ];
    for (old, new, answer, key, line, word) in cases {
        let back_end = BackEnd::start(move |_| answer.clone());
        let settings = if old.is_empty() {
            SETTINGS.to_owned()
        } else {
            SETTINGS.replace(old, new)
        };
        let folder = application(&settings, &[("crm_url", &back_end.url), ("crm_token", "t")]);
        let said = source(folder.path(), &["check", "Product", "--json"]);
        assert_eq!(said.code, Some(1), "{key}: {}{}", said.out, said.error);
        let problem = &said.json()["problems"][0];
        assert_eq!(
            (&problem["key"], &problem["line"]),
            (&json!(key), &json!(line)),
            "{problem}"
        );
        assert!(
            problem["message"].as_str().unwrap().contains(word),
            "{problem}"
        );
        let said = source(folder.path(), &["check", "Product"]);
        assert!(
            said.out.contains(&format!("rhosync.toml:{line}: {key}: ")),
            "{}",
            said.out
        );
    }
}

#[test]
fn wrong_usage_is_no_problem_of_the_settings() {
    let folder = application(SETTINGS, &[]);
    for (arguments, word) in [
        (
            &["check", "Product", "--variable", "crm_url"][..],
            "NAME=VALUE",
        ),
        (&["check", "Nothing"], "Product"),
        (
            &["check", "Product", "--settings", "none.toml"],
            "none.toml",
        ),
        (&["replay", "Product"], "record"),
    ] {
        let said = source(folder.path(), arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.error);
        assert!(said.error.contains(word), "{}", said.error);
    }
}

#[test]
fn a_back_end_that_is_not_there_is_named() {
    let folder = application(
        SETTINGS,
        &[("crm_url", "http://127.0.0.1:1"), ("crm_token", "t")],
    );
    let said = source(folder.path(), &["check", "Product", "--json"]);
    assert_eq!(said.code, Some(1));
    let problem = &said.json()["problems"][0];
    assert_eq!(problem["key"], "sources.Product.rest.url");
    assert!(
        problem["message"].as_str().unwrap().contains("127.0.0.1:1"),
        "{problem}"
    );
}

/// A back end that keeps what is sent to it, and gives numbers back as numbers.
fn keeping(answers_ids: bool) -> BackEnd {
    let kept = Mutex::new(BTreeMap::<u64, Value>::new());
    BackEnd::start(move |asked| {
        let mut kept = kept.lock().unwrap();
        let (method, path) = asked.line.split_once(' ').unwrap();
        let id = path.rsplit('/').next().unwrap().parse().ok();
        match (method, id) {
            ("GET", _) => {
                let records: Vec<_> = kept.values().cloned().collect();
                (200, json!({"data": records}).to_string())
            }
            ("POST", _) => {
                let mut record: Value = serde_json::from_str(&asked.body).unwrap();
                record["key"] = json!(7);
                kept.insert(7, record.clone());
                (
                    201,
                    if answers_ids {
                        record.to_string()
                    } else {
                        String::new()
                    },
                )
            }
            ("PUT", Some(id)) => {
                let change: Value = serde_json::from_str(&asked.body).unwrap();
                let record = kept.get_mut(&id).unwrap().as_object_mut().unwrap();
                record.extend(change.as_object().unwrap().clone());
                (204, String::new())
            }
            (_, id) => {
                kept.remove(&id.unwrap());
                (204, String::new())
            }
        }
    })
}

#[test]
fn a_test_record_is_written_only_where_that_is_typed_and_taken_away_again() {
    let back_end = keeping(true);
    let folder = application(SETTINGS, &[("crm_url", &back_end.url), ("crm_token", "t")]);
    let said = source(folder.path(), &["check", "Product"]);
    assert_eq!(
        (said.code, back_end.lines()),
        (Some(0), vec!["GET /items".to_owned()])
    );
    let round = [
        "check",
        "Product",
        "--write",
        "name=Test",
        "price=9.50",
        "at=2026-01-31",
        "--change",
        "name=Other",
    ];
    let said = source(folder.path(), &round);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    for step in ["created 7", "updated 7", "deleted 7"] {
        assert!(said.out.contains(step), "{}", said.out);
    }
    let writes: Vec<_> = back_end
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert_eq!(writes, ["POST /items", "PUT /items/7", "DELETE /items/7"]);

    // One that keeps it, but does not say as what.
    let back_end = keeping(false);
    let given = format!("crm_url={}", back_end.url);
    let said = source(
        folder.path(),
        &[
            "check",
            "Product",
            "--variable",
            &given,
            "--json",
            "--write",
            "name=Test",
        ],
    );
    assert_eq!(said.code, Some(1));
    let said = said.json();
    assert_eq!(
        said["problems"][0]["key"],
        "sources.Product.rest.created_id"
    );
}

#[test]
fn fixtures_stand_in_for_the_back_end_and_have_no_secrets() {
    let back_end = items(ITEMS);
    let variables = [("crm_url", back_end.url.as_str()), ("crm_token", "t0ken-1")];
    let folder = application(SETTINGS, &variables);
    let said = source(folder.path(), &["record", "Product", "--user", "anna"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    drop(back_end);
    let fixtures = folder.path().join("fixtures/Product");
    for entry in fs::read_dir(&fixtures).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(
            !text.contains("t0ken-1") && !text.contains("secret-cookie"),
            "{text}"
        );
    }

    // Elsewhere, where no variable has a value, and nothing listens.
    let elsewhere = application(SETTINGS, &[]);
    let copy = elsewhere.path().join("fixtures/Product");
    fs::create_dir_all(&copy).unwrap();
    for entry in fs::read_dir(&fixtures).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let said = source(elsewhere.path(), &["replay", "Product"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert!(said.out.contains("for anna"), "{}", said.out);

    let changed = SETTINGS.replace("$.title", "$.key");
    fs::write(elsewhere.path().join("rhosync.toml"), changed).unwrap();
    let said = source(elsewhere.path(), &["replay", "Product"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("objects.json"), "{}", said.out);
    let changed = SETTINGS.replace("/items", "/products");
    fs::write(elsewhere.path().join("rhosync.toml"), changed).unwrap();
    let said = source(elsewhere.path(), &["replay", "Product"]);
    assert!(
        said.out.contains("no fixture is left for GET"),
        "{}",
        said.out
    );
}

#[test]
fn a_plugin_is_asked_after_it_has_let_the_user_in() {
    let back_end = BackEnd::start(|asked| match asked.line.as_str() {
        "POST /rhoconnect/authenticate" if asked.body.contains("\"p4ssword\"") => {
            (200, "anna.b".to_owned())
        }
        "POST /rhoconnect/authenticate" => (401, "not you".to_owned()),
        _ => (200, r#"{"1":{"name":"Lamp"}}"#.to_owned()),
    });
    let settings = "[authentication]\nmethod = \"back-end\"\nurl = { variable = \"plugin\" }\n\n[sources.Task]\nadapter = \"http\"\nhttp = { url = { variable = \"plugin\" } }\n";
    let folder = application(settings, &[("plugin", &back_end.url)]);
    let ask = |password| {
        with_environment(
            folder.path(),
            &["check", "Task", "--user", "anna", "--json"],
            &[("RHOSYNC_PASSWORD", password)],
        )
    };
    let said = ask("p4ssword");
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert_eq!(said.json()["objects"]["1"]["name"], "Lamp");
    let asked = back_end.asked();
    assert!(
        asked[1].body.contains("\"partition\":\"anna.b\""),
        "{}",
        asked[1].body
    );
    let said = ask("wrong");
    assert_eq!(said.code, Some(1));
    let problem = &said.json()["problems"][0];
    assert_eq!(
        (&problem["key"], &problem["line"]),
        (&json!("authentication.url"), &json!(3))
    );
    assert_eq!(back_end.lines(), ["POST /rhoconnect/authenticate"]);
}
