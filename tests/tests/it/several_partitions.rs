//! Users who are in several partitions of a source at once, against the finished components: what back ends and administrators do with
//! such a source.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use flate2::read::GzDecoder;
use http::Method;
use serde_json::{Value, json};
use sync_proto::API_TOKEN_HEADER;
use test_support::{Deployment, Device, Options, Rest, json_of, password_of, text_of, until};

/// Each of these is asked for his region's visits and for his own. `Shelf` is fed.
const SETTINGS: &str = r#"
[sources.Visit]
adapter = "http"
partition = ["region/{{ user.region }}", "user"]
create_in = "user"
poll_interval = 3600
push_wait_ms = 20000
[sources.Visit.http]
url = { variable = "plugin_url" }
timeout_ms = 1000
[sources.Visit.hook]
secret = "hook-secret"
secret_header = "X-Hook-Secret"
user = "$.user"
partition = "$.partition"
records = "$.visits"
deleted = "$.gone"

[sources.Round]
adapter = "http"
partition = ["region/{{ user.region }}", "user"]
poll_interval = 3600
[sources.Round.http]
url = { variable = "plugin_url" }
timeout_ms = 1000
[sources.Round.hook]
secret = "hook-secret"
secret_header = "X-Hook-Secret"
user = "$.user"
partition = "$.partition"

[sources.Shelf]
adapter = "push-only"
partition = ["app", "user"]
create_in = "app"
"#;

/// Anna and Ben are in the north, Carl in the south.
const USERS: [(&str, &str); 3] = [("anna", "north"), ("ben", "north"), ("carl", "south")];

/// Users with their regions, and what the back end has for each.
fn people(deployment: &Deployment) {
    let api = deployment.api();
    for (user, region) in USERS {
        deployment.create_user(user);
        let attributes = json!({"attributes": {"region": region}});
        let path = format!("/api/v1/users/{user}");
        api.call(Method::PATCH, &path, Some(&attributes));
        for source in ["Visit", "Round"] {
            set(deployment, source, user, json!({user: {"of": user}}));
            let region_name = format!("region%2F{region}");
            set(
                deployment,
                source,
                &region_name,
                json!({region: {"of": region}}),
            );
        }
    }
}

/// What the back end has in a partition.
fn set(deployment: &Deployment, source: &str, partition: &str, objects: Value) {
    let path = format!("/places/{source}/{partition}/objects");
    let control = deployment.plugin().control();
    control.call(Method::PUT, &path, Some(&objects));
}

fn start() -> Deployment {
    let deployment = Deployment::start(Options {
        settings: SETTINGS,
        ..Options::default()
    });
    people(&deployment);
    deployment
}

fn devices(deployment: &Deployment) -> [Device; 3] {
    USERS.map(|(user, _)| deployment.device(user))
}

/// The ids that a device has after a sync.
fn seen(device: &mut Device, source: &str) -> BTreeSet<String> {
    device.sync(source).expect("to sync");
    device.objects(source).into_keys().collect()
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

/// Sends an event as the back end does.
fn event(deployment: &Deployment, source: &str, body: &Value) {
    let hook = deployment
        .rest()
        .with_header("x-hook-secret", "hook-secret");
    hook.call(Method::POST, &format!("/hooks/{source}"), Some(body));
}

#[test]
fn what_an_event_brings_comes_to_all_who_are_in_the_partition_and_to_nobody_else() {
    let deployment = start();
    let [mut anna, mut ben, mut carl] = devices(&deployment);
    assert_eq!(seen(&mut anna, "Visit"), ids(["anna", "north"]));
    assert_eq!(seen(&mut ben, "Visit"), ids(["ben", "north"]));
    assert_eq!(seen(&mut carl, "Visit"), ids(["carl", "south"]));

    // An object goes where it is, a new one where the settings say.
    let visits = json!([{"id": "north", "state": "open"}, {"id": "new", "state": "open"}]);
    event(
        &deployment,
        "Visit",
        &json!({"user": "anna", "visits": visits}),
    );
    assert_eq!(seen(&mut anna, "Visit"), ids(["anna", "new", "north"]));
    assert_eq!(seen(&mut ben, "Visit"), ids(["ben", "north"]));
    assert_eq!(ben.get("Visit", "north").expect("it")["state"], "open");
    assert_eq!(seen(&mut carl, "Visit"), ids(["carl", "south"]));

    // The partition is named: it may be nobody's whom the back end knows.
    let north = json!({"partition": "region/north", "visits": [{"id": "n2", "state": "open"}], "gone": ["north"]});
    event(&deployment, "Visit", &north);
    assert_eq!(seen(&mut anna, "Visit"), ids(["anna", "n2", "new"]));
    assert_eq!(seen(&mut ben, "Visit"), ids(["ben", "n2"]));
    assert_eq!(seen(&mut carl, "Visit"), ids(["carl", "south"]));
    let hook = deployment
        .rest()
        .with_header("x-hook-secret", "hook-secret");
    for partition in ["user/carl", "user", "region/", "app"] {
        let body = json!({"partition": partition, "visits": [{"id": "wrong"}]});
        let answer = hook.expect(400, Method::POST, "/hooks/Visit", &body);
        let text = text_of(&answer);
        assert!(text.contains("no partition of Visit"), "{text}");
    }
    event(
        &deployment,
        "Visit",
        &json!({"user": "anna", "visits": [], "gone": ["new", "n2", "carl"]}),
    );
    assert_eq!(seen(&mut anna, "Visit"), ids(["anna"]));
    assert_eq!(seen(&mut ben, "Visit"), ids(["ben"]));
    assert_eq!(seen(&mut carl, "Visit"), ids(["carl", "south"]));
}

#[test]
fn an_event_without_records_has_the_back_end_asked_for_the_partition_that_it_names() {
    let deployment = start();
    let [mut anna, mut ben, mut carl] = devices(&deployment);
    for device in [&mut anna, &mut ben, &mut carl] {
        seen(device, "Round");
    }
    let control = deployment.plugin().control();
    let calls = |place: &str| {
        let calls = control.get(&format!("/places/Round/{place}/calls"));
        let calls = calls.as_array().expect("calls").iter();
        calls.filter(|call| call["call"] == "query").count()
    };
    // Of two who are in the north, one was asked for.
    assert_eq!([calls("region%2Fnorth"), calls("anna")], [1, 1]);
    set(
        &deployment,
        "Round",
        "region%2Fnorth",
        json!({"n2": {"of": "north"}}),
    );
    set(
        &deployment,
        "Round",
        "region%2Fsouth",
        json!({"s2": {"of": "south"}}),
    );
    event(&deployment, "Round", &json!({"partition": "region/north"}));
    assert_eq!(seen(&mut carl, "Round"), ids(["carl", "south"]));
    assert_eq!(seen(&mut ben, "Round"), ids(["ben", "n2"]));
    assert_eq!(seen(&mut anna, "Round"), ids(["anna", "n2"]));
    assert_eq!([calls("region%2Fnorth"), calls("anna")], [2, 1]);
    // By a user, all that is his.
    event(&deployment, "Round", &json!({"user": "carl"}));
    assert_eq!(seen(&mut carl, "Round"), ids(["carl", "s2"]));
    assert_eq!([calls("region%2Fsouth"), calls("carl")], [2, 2]);
}

#[test]
fn a_plugin_is_told_the_partition_and_feeds_members_by_the_names_of_users() {
    let deployment = start();
    let [mut anna, mut ben, _] = devices(&deployment);
    for device in [&mut anna, &mut ben] {
        seen(device, "Visit");
    }
    let control = deployment.plugin().control();
    let calls = control.get("/places/Visit/region%2Fnorth/calls");
    let body = &calls[0]["body"];
    assert_eq!(body["partition_name"], "region/north");
    let token = body["api_token"].as_str().expect("a token");
    let plugin = deployment.rest().with_header(API_TOKEN_HEADER, token);

    let objects =
        json!({"user_id": "anna", "objects": {"north": {"state": "open"}, "own": {"a": "b"}}});
    plugin.call(Method::POST, "/app/v1/Visit/push_objects", Some(&objects));
    assert_eq!(seen(&mut ben, "Visit"), ids(["ben", "north"]));
    assert_eq!(ben.get("Visit", "north").expect("it")["state"], "open");
    assert_eq!(seen(&mut anna, "Visit"), ids(["anna", "north", "own"]));
    let objects = json!({"user_id": "anna", "objects": ["north", "own", "ben"]});
    plugin.call(Method::POST, "/app/v1/Visit/push_deletes", Some(&objects));
    assert_eq!(seen(&mut anna, "Visit"), ids(["anna"]));
    assert_eq!(seen(&mut ben, "Visit"), ids(["ben"]));

    // A change goes to the partition that has the object, and a new object where the settings say.
    anna.replica_mut("Visit")
        .update("anna", [("state", "done")]);
    anna.replica_mut("Visit").create([("state", "planned")]);
    seen(&mut anna, "Visit");
    let there = control.get("/places/Visit/anna/objects");
    assert_eq!(there["anna"], json!({"of": "anna", "state": "done"}));
    assert_eq!(there["srv1"], json!({"state": "planned"}));
}

/// The image that a device is told of first, unpacked.
fn image(rest: &Rest) -> BTreeMap<String, Value> {
    let image = until("an image", || {
        let body = json!({"have": {"Shelf": null}, "images": ["ndjson"]});
        let answer = text_of(&rest.expect(200, Method::POST, "/sync/v1/sync", &body));
        let first = answer.lines().next().map(serde_json::from_str::<Value>)?;
        first.expect("JSON").get("image").cloned()
    });
    let url = image["url"].as_str().expect("an address");
    let answer = rest.expect(200, Method::GET, url, &Value::Null);
    let mut lines = String::new();
    GzDecoder::new(answer.body().as_ref())
        .read_to_string(&mut lines)
        .expect("lines");
    let objects = lines.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let objects: BTreeMap<String, Value> =
            serde_json::from_value(line.get("objects")?.clone()).expect("objects");
        Some(objects)
    });
    objects.flatten().collect()
}

#[test]
fn an_image_has_what_all_partitions_of_the_user_have_and_no_file_of_the_old_protocols_does() {
    let deployment = start();
    let admin = deployment.admin();
    let many = |begin: &str| -> Value {
        let ids = (0..30).map(|number| (format!("{begin}{number}"), json!({"of": begin})));
        ids.collect::<serde_json::Map<_, _>>().into()
    };
    // New ones belong to everybody; what is a user's own is put there by a partition of one's own before.
    admin.push_objects("Shelf", "anna", &many("all"));
    let signed_in = |user: &str| {
        let login = json!({"login": user, "password": password_of(user)});
        let session = deployment
            .rest()
            .expect(201, Method::POST, "/sync/v1/session", &login);
        let access = json_of(&session)["access"]
            .as_str()
            .expect("a token")
            .to_owned();
        deployment.rest().with_bearer(&access)
    };
    let anna = signed_in("anna");
    let of_anna = image(&anna);
    assert_eq!(of_anna.len(), 30);
    assert_eq!(of_anna["all7"], json!({"of": "all"}));
    // A member that changes later is in the next image, and in no other user's.
    admin.push_objects(
        "Shelf",
        "app",
        &json!({"all7": {"of": "changed"}, "more": {"of": "all"}}),
    );
    let ben = signed_in("ben");
    let of_ben = image(&ben);
    assert_eq!(of_ben.len(), 31);
    assert_eq!(of_ben["all7"], json!({"of": "changed"}));
    // Nobody else can have it by its address.
    let body = json!({"have": {"Shelf": null}, "images": ["ndjson"]});
    let told = text_of(&ben.expect(200, Method::POST, "/sync/v1/sync", &body));
    let told: Value = serde_json::from_str(told.lines().next().expect("a line")).expect("JSON");
    let url = told["image"]["url"].as_str().expect("an address");
    ben.expect(200, Method::GET, url, &Value::Null);
    anna.expect(404, Method::GET, url, &Value::Null);

    let phone = deployment.rest_of_device("anna");
    for partition in ["app", "user"] {
        let wanted = json!({"partition": partition, "sources": ["Shelf"]});
        let answer = phone.expect(200, Method::POST, "/rc/v1/app/bulk_data", &wanted);
        assert_eq!(json_of(&answer), json!({"result": "nop"}), "{partition}");
    }
    // So a device of the old protocols gets it page by page.
    let mut phone = deployment.device("anna");
    assert_eq!(seen(&mut phone, "Shelf").len(), 31);
}

#[test]
fn administrators_list_the_copies_of_such_a_source_and_what_is_in_them() {
    let deployment = start();
    let [mut anna, mut ben, _] = devices(&deployment);
    for device in [&mut anna, &mut ben] {
        seen(device, "Visit");
    }
    let api = deployment.api();
    let listed = |path: &str| -> BTreeMap<String, u64> {
        let copies = api.get(path);
        let copies = copies["items"].as_array().expect("copies").iter();
        let of_visits = copies.filter(|copy| copy["source"] == "Visit");
        of_visits
            .map(|copy| {
                let name = copy["partition"].as_str().expect("a name").to_owned();
                (name, copy["objects"].as_u64().expect("a number"))
            })
            .collect()
    };
    let copies = |of: &[(&str, u64)]| -> BTreeMap<String, u64> {
        of.iter()
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect()
    };
    let of_anna = copies(&[
        ("named/region/north", 1),
        ("user/anna", 1),
        ("combined/named/region/north + user/anna", 2),
    ]);
    assert_eq!(listed("/api/v1/users/anna/copies"), of_anna);
    // Which copies there are is noted a moment later.
    until("all copies", || {
        let all = listed("/api/v1/sources/Visit/partitions");
        let own = ["named/region/north", "user/anna", "user/ben"];
        own.iter()
            .all(|name| all.get(*name) == Some(&1))
            .then_some(())
    });
    let objects = api.get("/api/v1/sources/Visit/users/anna/objects");
    let found: Vec<_> = objects["items"]
        .as_array()
        .expect("objects")
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    // What an administrator changes is in the partition that has it.
    let body = json!({"attributes": {"state": "open"}});
    api.call(
        Method::PUT,
        "/api/v1/sources/Visit/users/anna/objects/north",
        Some(&body),
    );
    seen(&mut ben, "Visit");
    assert_eq!(ben.get("Visit", "north").expect("it")["state"], "open");
    // The back end is asked again for all of them.
    set(
        &deployment,
        "Visit",
        "region%2Fnorth",
        json!({"n2": {"of": "north"}}),
    );
    api.call(
        Method::POST,
        "/api/v1/sources/Visit/users/anna/refresh",
        Some(&json!({"now": true})),
    );
    until("the back end to be asked", || {
        (seen(&mut ben, "Visit") == ids(["ben", "n2"])).then_some(())
    });
}
