//! A user who has a session, and wants what is another's.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_support::{Deployment, RedisContent, Rest, json_of, password_of, text_of, until};

use super::{App, attributes, deployment};

/// What Ben must not see.
const SECRET: &str = "Annas Geheimnis";

/// A session, as the server grants it.
struct Session {
    rest: Rest,
    granted: Value,
}

impl Session {
    fn of(deployment: &Deployment, user: &str, client: Option<&str>) -> Self {
        let login = json!({"login": user, "password": password_of(user), "client": client});
        let rest = deployment.rest();
        let granted = rest.expect(201, Method::POST, "/sync/v1/session", &login);
        let granted = json_of(&granted);
        let rest = rest.with_bearer(granted["access"].as_str().expect("a token"));
        Self { rest, granted }
    }

    fn client(&self) -> &str {
        self.granted["client"].as_str().expect("a client")
    }

    /// The lines of an answer to a sync.
    fn sync(&self, body: &Value) -> Vec<Value> {
        let answer = self.rest.expect(200, Method::POST, "/sync/v1/sync", body);
        let text = text_of(&answer);
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("lines of JSON")
    }
}

/// What Anna has that Ben knows of.
struct Known {
    anna: Session,
    cursor: String,
    change: &'static str,
    object: String,
    blob: String,
}

/// Anna's own copy has many objects with her secret, one change, and one file.
fn known(deployment: &Deployment) -> Known {
    let anna = Session::of(deployment, "anna", None);
    let objects: BTreeMap<String, Value> = (0..60)
        .map(|number| (format!("o{number}"), json!({"text": SECRET})))
        .collect();
    let admin = deployment.admin();
    admin.push_objects("Note", "anna", &json!(objects));
    let change = "01890a5d-ac96-774b-bcce-b302099a8058";
    let create = json!({"have": {"Note": null}, "changes": [
        {"id": change, "source": "Note", "op": "create", "object": "mine", "set": {"text": SECRET}},
    ]});
    let lines = anna.sync(&create);
    let object = lines[0]["verdict"]["object"].as_str().expect("an id");
    let mut cursors = lines.iter().filter_map(|line| line["cursor"].as_str());
    let cursor = cursors.next_back().expect("a cursor").to_owned();
    let blob = base16ct::lower::encode_string(&Sha256::digest(SECRET));
    let last = SECRET.len() - 1;
    let upload = anna
        .rest
        .clone()
        .with_header("content-range", format!("bytes 0-{last}/{}", SECRET.len()))
        .without_header(&http::header::CONTENT_TYPE)
        .with_header("content-type", "text/plain");
    let path = format!("/sync/v1/blobs/{blob}");
    assert_eq!(upload.send(Method::PUT, &path, SECRET).status(), 201);
    Known {
        object: object.to_owned(),
        cursor,
        change,
        blob,
        anna,
    }
}

/// The address of an image of Anna's notes.
fn image(anna: &Session) -> String {
    let begin = json!({"have": {"Note": null}, "images": ["ndjson"]});
    until("an image", || {
        let lines = anna.sync(&begin);
        let url = lines[0]["image"]["url"].as_str();
        url.map(str::to_owned)
    })
}

#[test]
fn what_is_another_users_is_not_there() {
    let deployment = deployment(3);
    let known = known(&deployment);
    let image = image(&known.anna);
    let ben = Session::of(&deployment, "ben", None);
    ben.sync(&json!({"have": {"Note": null}}));
    let before = RedisContent::read(&mut deployment.redis_connection());
    let blob = format!("/sync/v1/blobs/{}", known.blob);
    let get = |rest: &Rest, path: &str| {
        let answer = rest.send(Method::GET, path, "");
        (answer.status().as_u16(), text_of(&answer))
    };
    let never = format!("/sync/v1/images/{}", "0".repeat(32));
    let (status, told) = get(&ben.rest, &image);
    assert_eq!(status, 404, "{told}");
    assert_eq!(
        (status, told),
        get(&ben.rest, &never),
        "as one that never was"
    );
    assert_eq!(get(&ben.rest, &blob).0, 404);
    assert_eq!(get(&known.anna.rest, &image).0, 200, "Anna has it");

    let buckets = vec!["0000000000000000"; 256];
    for (path, body) in [
        ("/sync/v1/sync", json!({"have": {"Note": known.cursor}})),
        (
            "/sync/v1/sync",
            json!({"have": {"Note": null}, "pending": {"Note": [known.change]}}),
        ),
        (
            "/sync/v1/sync",
            json!({"settled": {"Note": [known.change]}}),
        ),
        (
            "/sync/v1/sync",
            json!({"have": {"Note": null}, "client": known.anna.client(), "user": "anna"}),
        ),
        (
            "/sync/v1/verify",
            json!({"source": "Note", "cursor": known.cursor, "buckets": buckets}),
        ),
        ("/sync/v1/search", json!({"source": "Note"})),
    ] {
        let as_anna = ben
            .rest
            .clone()
            .with_header("x-rhoconnect-client-id", known.anna.client());
        let answer = as_anna.send(Method::POST, path, body.to_string());
        let (status, told) = (answer.status(), text_of(&answer));
        assert!(!status.is_server_error(), "{body}: {status} {told}");
        assert!(!told.contains(SECRET), "{body}: {told}");
        assert!(!told.contains(&known.object), "{body}: {told}");
    }
    assert_eq!(
        RedisContent::read(&mut deployment.redis_connection()),
        before
    );
    // Under the id of her change he makes an object of his own, and changes and deletes none of hers.
    let lines = ben.sync(&json!({"have": {"Note": null}, "changes": [
        {"id": known.change, "source": "Note", "op": "create", "object": "mine", "set": {"text": "Ben's"}},
        {"id": "b1", "source": "Note", "op": "update", "object": known.object, "set": {"text": "Ben's"}},
        {"id": "b2", "source": "Note", "op": "delete", "object": "o1"},
    ]}));
    assert_eq!(lines[0]["verdict"]["status"], "applied", "{lines:?}");
    assert!(!json!(lines).to_string().contains(SECRET), "{lines:?}");
    let has = known.anna.sync(&json!({"have": {"Note": null}}));
    assert_eq!(has[0]["objects"].as_object().map(|it| it.len()), Some(61));
    assert!(!json!(has).to_string().contains("Ben"), "{has:?}");
}

#[test]
fn a_client_of_another_user_is_not_taken_over() {
    let deployment = deployment(3);
    let app = App::of(&deployment, "anna");
    app.sync();
    let anna = Session::of(&deployment, "anna", None);
    let ben = Session::of(&deployment, "ben", Some(anna.client()));
    assert_ne!(ben.client(), anna.client());
    // Her session has not ended by it.
    anna.sync(&json!({"have": {"Note": null}}));
    let refresh = json!({"refresh": anna.granted["refresh"], "attempt": "1"});
    let rest = deployment.rest();
    let refreshed = rest.expect(200, Method::POST, "/sync/v1/session", &refresh);
    assert_eq!(json_of(&refreshed)["client"], anna.client());
    // Tokens do not do for each other, cut up and put together anew neither.
    let of = |session: &Session, name: &str| session.granted[name].as_str().map(str::to_owned);
    let [annas, bens] = [&anna, &ben].map(|it| of(it, "access").expect("a token"));
    let (claims, _) = annas.rsplit_once('.').expect("a signature");
    let (_, signature) = bens.rsplit_once('.').expect("a signature");
    for forged in [
        format!("{claims}.{signature}"),
        of(&anna, "refresh").expect("a token"),
        annas.to_uppercase(),
        format!("{annas}."),
        String::new(),
    ] {
        let rest = deployment.rest().with_bearer(&forged);
        rest.expect(401, Method::POST, "/sync/v1/sync", &json!({"have": {}}));
        let refresh = json!({"refresh": bens});
        rest.expect(401, Method::POST, "/sync/v1/session", &refresh);
    }
    app.sync();
}

#[test]
fn games_with_addresses_find_nothing() {
    let deployment = deployment(3);
    let known = known(&deployment);
    let image = image(&known.anna);
    let id = image.trim_start_matches("/sync/v1/images/");
    let blob = &known.blob;
    let ben = Session::of(&deployment, "ben", None);
    let long = "a".repeat(1_000);
    let before = RedisContent::read(&mut deployment.redis_connection());
    for path in [
        format!("/sync/v1/images/%2e%2e/images/{id}"),
        format!("/sync/v1/images/../images/{id}"),
        format!("/sync/v1//images/{id}"),
        format!("/sync/v1/images/{id}/"),
        format!("/sync/v1/images/{id}%00"),
        format!("/sync/v1/images/%00{id}"),
        format!("/sync/v1/images/{id}%2f"),
        format!("/sync/v1/images/x%2f..%2f{id}"),
        format!("/sync/v1/images/{id}%0d%0aX-Header:%201"),
        format!("/sync/v1/images/{}", id.to_uppercase() + "G"),
        format!("/sync/v1/images/{long}"),
        // Digits of another script.
        format!("/sync/v1/images/{}", "%EF%BC%91".repeat(32)),
        "/sync/v1/images/*".to_owned(),
        "/sync/v1/images/%ff%fe".to_owned(),
        format!("/sync/v1/blobs/{blob}%00"),
        format!("/sync/v1/blobs/../blobs/{blob}"),
        format!("/sync/v1/blobs/{blob}%2f..%2f{blob}"),
        format!("/sync/v1/blobs/{long}"),
        "/sync/v1/blobs/..%2f..%2f..%2fetc%2fpasswd".to_owned(),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ben.rest.send(method.clone(), &path, "");
            let status = answer.status();
            assert!(
                status.is_client_error(),
                "{method} {path}: {status} {}",
                text_of(&answer)
            );
        }
        let answer = ben.rest.send(Method::PUT, &path, "x");
        assert!(answer.status().is_client_error(), "PUT {path}");
    }
    assert_eq!(
        RedisContent::read(&mut deployment.redis_connection()),
        before
    );
}

#[test]
fn games_with_ids_stay_where_they_are() {
    let deployment = deployment(3);
    let back_end = deployment.back_end();
    let anna = Session::of(&deployment, "anna", None);
    anna.sync(&json!({"have": {"Product": null, "Customer": null}}));
    let before = ["products", "customers"].map(|path| back_end.objects(path));
    let long = "x".repeat(1_000);
    let odd = [
        "../customers/1",
        "..",
        ".",
        "1/../2",
        "1?x=",
        "1#",
        "%2e%2e/customers/1",
        "1%00",
        "1\0",
        "\u{ff11}",
        "1\u{200b}",
        "a:b}{c",
        long.as_str(),
    ];
    let mut changes = Vec::new();
    for (number, odd) in odd.into_iter().enumerate() {
        for (op, set) in [
            ("update", json!({"name": "from outside"})),
            ("delete", json!({})),
        ] {
            changes.push(json!(
                {"id": format!("{op}-{number}"), "source": "Product", "op": op, "object": odd, "set": set}
            ));
        }
    }
    for change in changes {
        let body = json!({"changes": [change]}).to_string();
        let answer = anna.rest.send(Method::POST, "/sync/v1/sync", body);
        let told = text_of(&answer);
        assert!(!answer.status().is_server_error(), "{change}: {told}");
        // What is not there is deleted already.
        let is_applied = told.contains(r#""status":"applied""#);
        assert!(!is_applied || change["op"] == "delete", "{change}: {told}");
        let after = ["products", "customers"].map(|path| back_end.objects(path));
        assert_eq!(after, before, "{change}");
    }
    // Nor are names of sources more than names.
    for source in ["../Product", "Product\0", "product", "Рroduct", &long] {
        let lines = anna.sync(&json!({"have": {source: null}}));
        assert_eq!(lines[0]["error"]["code"], "unknown_source", "{lines:?}");
    }
}

#[test]
fn a_million_changes_at_once_are_refused_and_change_nothing() {
    let deployment = deployment(3);
    let anna = Session::of(&deployment, "anna", None);
    anna.sync(&json!({"have": {"Merged": null}}));
    let before = RedisContent::read(&mut deployment.redis_connection());
    let change = |number: u32| {
        format!(
            r#"{{"id":"c{number}","source":"Merged","op":"create","object":"o{number}","set":{{"n":"1"}}}}"#
        )
    };
    let body = |count: u32| {
        let changes: Vec<_> = (0..count).map(change).collect();
        format!(r#"{{"changes":[{}]}}"#, changes.join(","))
    };
    // As many as one body holds, and one more than a request may have.
    for count in [180_000, 10_001] {
        let answer = anna.rest.send(Method::POST, "/sync/v1/sync", body(count));
        assert_eq!(answer.status(), 413, "{}", text_of(&answer));
        assert_eq!(json_of(&answer)["error"]["code"], "too_large");
    }
    // It is told before anybody has read all of it; who sends on without listening hears nothing.
    if let Ok(answer) = anna
        .rest
        .try_send(Method::POST, "/sync/v1/sync", body(1_000_000))
    {
        assert_eq!(answer.status(), 413, "{}", text_of(&answer));
    }
    assert_eq!(
        RedisContent::read(&mut deployment.redis_connection()),
        before
    );
    // The server goes on, and whoever has as much to say says it piece by piece.
    let app = App::of(&deployment, "ben");
    let operations = (0..1_500)
        .map(|number| sync_client::Operation::Create {
            source: "Merged".to_owned(),
            id: None,
            attributes: attributes([("name", &*format!("number {number}"))]),
        })
        .collect();
    app.database.transaction(operations).unwrap();
    let (mut sent, mut applied) = (0, 0);
    until("every change to have its verdict", || {
        let report = app.sync();
        assert!(report.failed.is_empty(), "{report:?}");
        sent += report.sent;
        applied += report.applied.len();
        app.database.pending().unwrap().is_empty().then_some(())
    });
    assert_eq!((sent, applied), (1_500, 1_500));
    let other = App::of(&deployment, "anna");
    other.sync();
    assert_eq!(other.count("Merged"), 1_500);
}
