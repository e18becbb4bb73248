//! Bulk data through the finished components: devices ask, download, open what they got, and go on from there.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use http::{Method, StatusCode, header};
use integration_tests::{Deployment, JobQueue, Options, Rest, password_of, text_of, until};
use serde_json::{Value, json};
use sync_core::JobState;

/// A device that begins with bulk data.
struct Phone {
    rest: Rest,
}

impl Phone {
    fn log_in(deployment: &Deployment, user: &str) -> Self {
        let rest = Rest::json(deployment.url());
        let login = json!({"login": user, "password": password_of(user)});
        let answer = rest.send(Method::POST, "/rc/v1/app/login", login.to_string());
        let cookie = answer.headers()[header::SET_COOKIE].to_str();
        let cookie = cookie.expect("a cookie").split(';').next();
        let rest = rest.with_header("cookie", cookie.unwrap_or_default());
        let made = rest.call(Method::POST, "/rc/v1/clients", None);
        let made: Value = serde_json::from_slice(&made).expect("JSON");
        let id = made["client"]["client_id"].as_str().expect("an id");
        let rest = rest.with_header("x-rhoconnect-client-id", id);
        Self { rest }
    }

    fn ask(&self) -> Value {
        let wanted = json!({"partition": "app", "sources": ["Product"]});
        let answer = self
            .rest
            .send(Method::POST, "/rc/v1/app/bulk_data", wanted.to_string());
        assert_eq!(answer.status(), StatusCode::OK, "{}", text_of(&answer));
        serde_json::from_slice(answer.body()).expect("JSON")
    }

    /// Asks until the file is there; answers its path.
    fn ask_until_ready(&self) -> String {
        until("a file", || {
            let answer = self.ask();
            let path = answer["url"].as_str()?;
            assert_ne!(path, "", "no file can be made");
            Some(path.to_owned())
        })
    }

    /// Downloads the archive at a path and unpacks it.
    fn download(&self, path: &str) -> Vec<u8> {
        let archive = self.rest.call(Method::GET, &format!("{path}.rzip"), None);
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
        let name = path.rsplit('/').next().expect("a name");
        let mut entry = archive.by_name(name).expect("the file");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("the whole file");
        content
    }

    /// What the next pull brings.
    fn pull(&self) -> Value {
        self.rest.get("/app/v1/Product")
    }
}

/// Asks the program `sqlite3`, which knows nothing of us.
fn sqlite(file: &Path, query: &str) -> String {
    let output = Command::new("sqlite3").arg(file).arg(query).output();
    let output = output.expect("sqlite3, which `cargo xtask test` installs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The products in a file.
fn products(content: &[u8]) -> BTreeMap<String, BTreeMap<String, String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("products.sqlite");
    std::fs::write(&file, content).expect("to write the file");
    assert_eq!(sqlite(&file, "PRAGMA integrity_check"), "ok");
    let rows = sqlite(
        &file,
        "SELECT json_group_object(object, json(attributes)) FROM (SELECT object, json_group_object(attrib, value) AS attributes
         FROM object_values JOIN sources USING (source_id) WHERE name = 'Product' GROUP BY object)",
    );
    serde_json::from_str(&rows).expect("the products")
}

/// Whoever disappears is missed soon.
const SETTINGS: &str = "[jobs]\nlease_seconds = 1";

fn start(products: u32) -> Deployment {
    let deployment = Deployment::start(Options {
        products,
        settings: SETTINGS,
        ..Options::default()
    });
    deployment.create_user("anna");
    deployment.until_listening("rhosync:jobs:bulk");
    deployment.until_listening("rhosync:jobs:adapter");
    deployment
}

#[test]
fn a_device_begins_with_a_file_and_goes_on_by_pulls() {
    let deployment = start(300);
    let phone = Phone::log_in(&deployment, "anna");
    assert_eq!(phone.ask(), json!({"result": "wait"}));
    let path = phone.ask_until_ready();
    let content = phone.download(&path);
    assert_eq!(
        products(&content),
        deployment.back_end().objects("products")
    );
    assert_eq!(phone.pull()[5], json!({}), "it has everything");

    let new = json!({"name": "new", "sku": "N-1"});
    deployment.back_end().create("products", &new);
    let page = phone.pull();
    assert_eq!(page[2], json!({"count": 1}), "{page}");

    // It goes on where it was cut off, and gets nothing twice.
    let half = content.len() / 2;
    let rest = phone
        .rest
        .clone()
        .with_header("range", &format!("bytes={half}-"));
    let answer = rest.send(Method::GET, &path, "");
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert!(answer.body() == &content[half..]);
    let tag = answer.headers()[header::ETAG].to_str().expect("a tag");
    let known = phone.rest.clone().with_header("if-none-match", tag);
    let answer = known.send(Method::GET, &path, "");
    assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
}

#[test]
fn however_many_devices_ask_at_once_one_file_is_made() {
    let deployment = start(2_000);
    let phones: Vec<_> = (0..8).map(|_| Phone::log_in(&deployment, "anna")).collect();
    let paths: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = phones
            .iter()
            .map(|phone| scope.spawn(|| phone.ask_until_ready()))
            .collect();
        let paths = asking.into_iter().map(|asking| asking.join());
        paths.map(|path| path.expect("a path")).collect()
    });
    assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
    let queue = JobQueue::new(&deployment.redis_url(), "bulk");
    queue.until_empty();
    let made = queue.jobs(JobState::Done);
    let made = made.iter().filter(|job| {
        let result = job.result.as_deref().unwrap_or_default();
        result.contains("objects")
    });
    assert_eq!(made.count(), 1);
}

#[test]
fn a_host_killed_while_a_file_is_made_leaves_it_to_the_next() {
    let mut deployment = start(3_000);
    let phone = Phone::log_in(&deployment, "anna");
    for kill in 0..4 {
        phone.ask();
        let queue = JobQueue::new(&deployment.redis_url(), "bulk");
        until("a job at work, or a file", || {
            let at_work = !queue.jobs(JobState::Leased).is_empty();
            (at_work || !queue.jobs(JobState::Done).is_empty()).then_some(())
        });
        thread::sleep(Duration::from_millis(50 * kill));
        deployment.kill_host();
        // Its lease ends, and what it has made is forgotten.
        deployment.forget_keys("*:bulk-data:*");
        deployment.start_host();
        deployment.until_listening("rhosync:jobs:bulk");
    }
    let path = phone.ask_until_ready();
    assert_eq!(
        products(&phone.download(&path)),
        deployment.back_end().objects("products")
    );
    assert_eq!(phone.pull()[5], json!({}), "it has everything");
}
