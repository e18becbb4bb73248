//! A component of the same application as the back end of a source.

use std::process::Command;

use http::Method;
use serde_json::{Value, json};
use test_support::{Deployment, JobQueue, Options, text_of, workspace};

const SETTINGS: &str = r#"
    [sources.Task]
    adapter = "http"
    partition = "app"
    poll_interval = 0
    push_wait_ms = 20000

    [sources.Task.http]
    url = { variable = "tasks_url" }
    authorization = { bearer = { variable = "tasks_secret" } }
    methods = ["validate"]

    [sources.TaskByJob]
    adapter = "http"
    partition = "app"
    poll_interval = 0
    queue = "adapter.tasks"

    [sources.TaskByJob.http]
    url = { variable = "tasks_url" }
    authorization = { bearer = { variable = "tasks_secret" } }
"#;

/// The example's part of the manifest, with a secret.
fn manifest() -> &'static str {
    let part = include_str!("../../../examples/tasks-plugin/component.toml");
    let secret = "tasks_secret = { default = \"s3cret\", secret = true }";
    let named = part.replace("tasks_secret = { required = true, secret = true }", secret);
    assert!(named.contains("s3cret"), "the example has a secret");
    // Options are of the tests' own text. A few kilobytes stay until the process ends.
    named.leak()
}

#[test]
fn a_component_of_the_application_serves_a_source() {
    let deployment = Deployment::start(Options {
        settings: SETTINGS,
        manifest: manifest(),
        ..Options::default()
    });
    deployment.create_user("anna");
    deployment.create_user("ben");
    let (mut phone, mut tablet) = (deployment.device("anna"), deployment.device("ben"));

    phone
        .replica_mut("Task")
        .create([("title", "write"), ("state", "open")]);
    phone.sync("Task").expect("a sync");
    tablet.sync("Task").expect("a sync");
    let tasks = tablet.objects("Task");
    let (id, task) = tasks.iter().next().expect("a task");
    assert_eq!(
        (task["title"].as_str(), task["state"].as_str()),
        ("write", "open")
    );
    assert_eq!(
        phone.objects("Task"),
        tasks,
        "under the id that the component gave"
    );

    tablet.replica_mut("Task").update(id, [("state", "done")]);
    tablet.sync("Task").expect("a sync");
    phone.sync("Task").expect("a sync");
    assert_eq!(phone.objects("Task")[id]["state"], "done");
    assert_eq!(phone.objects("Task")[id]["title"], "write");

    // What the component does not allow is not written, and the device is told.
    phone.replica_mut("Task").create([("title", "")]);
    let report = phone.sync("Task").expect("a sync");
    let told = format!("{:?}", report.applied);
    assert!(told.contains("a task needs a title"), "{told}");
    tablet.sync("Task").expect("a sync");
    assert_eq!(tablet.objects("Task").len(), 1);

    phone.replica_mut("Task").delete(id);
    phone.sync("Task").expect("a sync");
    tablet.sync("Task").expect("a sync");
    assert!(tablet.objects("Task").is_empty());

    // From outside it is reached, but lets nobody in who does not know the secret.
    let call = json!({"resource": "Task", "partition": "anna", "attributes": {}});
    let rest = deployment.rest();
    rest.expect(401, Method::POST, "/tasks/rhoconnect/query", &call);
    let known = rest.with_header("authorization", "Bearer s3cret");
    let answer = known.expect(200, Method::POST, "/tasks/rhoconnect/query", &call);
    assert_eq!(answer.body().as_ref(), b"{}");
}

#[test]
fn jobs_reach_a_component_of_the_application_by_its_own_address() {
    let mut deployment = Deployment::start(Options {
        settings: SETTINGS,
        manifest: manifest(),
        ..Options::default()
    });
    // From now on the application knows where it answers.
    deployment.kill_host();
    deployment.start_host();
    deployment.until_listening("rhosync:jobs:adapter");
    deployment.create_user("anna");
    let mut phone = deployment.device("anna");
    let queue = JobQueue::new(&deployment.redis_url(), "adapter.tasks");
    phone.replica_mut("TaskByJob").create([("title", "write")]);
    phone.sync("TaskByJob").expect("a sync");
    queue.until_empty();
    phone.sync("TaskByJob").expect("a sync");
    queue.until_empty();
    phone.sync("TaskByJob").expect("a sync");
    let tasks = phone.objects("TaskByJob");
    let (id, task) = tasks.iter().next().expect("a task");
    assert_eq!(task["title"], "write");
    // The component has it, under the id that the device knows it by.
    let call = json!({"resource": "TaskByJob", "partition": "anna", "attributes": {}});
    let known = deployment
        .rest()
        .with_header("authorization", "Bearer s3cret");
    let answer = known.expect(200, Method::POST, "/tasks/rhoconnect/query", &call);
    let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
    assert_eq!(answer[id]["title"], "write");
}

#[test]
fn a_file_stays_while_the_component_answers_its_address() {
    let deployment = Deployment::start(Options {
        settings: SETTINGS,
        manifest: manifest(),
        ..Options::default()
    });
    deployment.create_user("anna");
    deployment.create_user("ben");
    let phone = deployment.rest_of_device("anna");
    let phone = phone.without_header(&http::header::CONTENT_TYPE);
    let phone = phone.with_header("content-type", "multipart/form-data; boundary=b");
    let changes =
        json!({"create": {"t1": {"title": "look", "photo": "lamp.png"}}, "blob_fields": ["photo"]});
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"photo-t1\"; filename=\"lamp.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n\
         --b\r\nContent-Disposition: form-data; name=\"cud\"\r\n\r\n{changes}\r\n--b--\r\n"
    );
    let answer = phone.send(Method::POST, "/app/v1/Task", form);
    assert_eq!(answer.status(), 200, "{}", text_of(&answer));

    // What the component has of it is asked for with every sync.
    let mut tablet = deployment.device("ben");
    for _ in 0..2 {
        tablet.sync("Task").expect("a sync");
        let tasks = tablet.objects("Task");
        let task = tasks.values().next().expect("a task");
        assert_eq!(task["photo"], "lamp.png");
        let address = &task["photo-rhoblob"];
        let path = address.find("/blobs/").and_then(|at| address.get(at..));
        let path = path.expect("the address of a file");
        // The component would read it with the server's token.
        let server = deployment.admin().rest();
        for reader in [&deployment.rest_of_device("ben"), server] {
            let file = reader.send(Method::GET, path, "");
            assert_eq!(
                (file.status().as_u16(), text_of(&file)),
                (200, "PNG".to_owned())
            );
        }
        assert_eq!(deployment.rest().send(Method::GET, path, "").status(), 401);
    }
}

const HOLIDAYS: &str = r#"
    [sources.Holiday]
    adapter = "http"
    partition = "app"
    poll_interval = 86400
    push_wait_ms = 20000

    [sources.Holiday.http]
    url = "http://holidays-plugin.spin.internal"
"#;

#[test]
fn a_component_in_javascript_serves_a_source() {
    let deployment = Deployment::start(Options {
        settings: HOLIDAYS,
        manifest: include_str!("../../../examples/holidays-plugin-js/component.toml"),
        ..Options::default()
    });
    deployment.create_user("anna");
    let mut device = deployment.device("anna");
    device.sync("Holiday").expect("a sync");
    let holidays = device.objects("Holiday");
    assert_eq!(holidays.len(), 12, "six of this year, six of the next");
    let christmas = holidays.iter().filter(|(id, holiday)| {
        let year = id.strip_suffix("-christmas");
        year.is_some_and(|year| holiday["date"] == format!("{year}-12-25"))
    });
    assert_eq!(christmas.count(), 2, "{holidays:?}");

    device
        .replica_mut("Holiday")
        .create([("name", "my birthday"), ("date", "2026-03-01")]);
    let report = device.sync("Holiday").expect("a sync");
    let told = format!("{:?}", report.applied.rejections);
    assert!(told.contains("nobody can change holidays"), "{told}");
    // From outside the plugin has no address.
    let call = json!({"resource": "Holiday", "partition": "anna", "attributes": {}});
    deployment
        .rest()
        .expect(404, Method::POST, "/rhoconnect/query", &call);
}

/// The plugin's own tests, as its README runs them.
#[test]
fn the_plugin_in_javascript_keeps_its_word() {
    let folder = workspace().join("examples/holidays-plugin-js");
    let mut npm = Command::new("npm");
    let output = npm.arg("test").current_dir(folder).output();
    let output = output.expect("npm: cargo xtask doctor says how to install it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("pass 0"), "{said}");
}
