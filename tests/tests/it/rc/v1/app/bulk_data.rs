//! Bulk data through the finished components: devices ask, download, open what they got, and go on from there.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;
use std::thread;

use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use sync_jobs::JobState;
use test_support::{Deployment, JobQueue, Options, Rest, json_of, until};

/// A device that begins with bulk data.
struct Phone {
    rest: Rest,
}

impl Phone {
    fn log_in(deployment: &Deployment, user: &str) -> Self {
        Self {
            rest: deployment.rest_of_device(user),
        }
    }

    fn ask(&self) -> Value {
        let wanted = json!({"partition": "app", "sources": ["Product"]});
        let path = "/rc/v1/app/bulk_data";
        json_of(&self.rest.expect(200, Method::POST, path, &wanted))
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
        .with_header("range", format!("bytes={half}-"));
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

/// Moments of the making of a file, in their order: what there is then, and under which keys of the store.
const MOMENTS: [(&str, &str); 3] = [
    ("a job at work", "*{jobs}:leased:bulk"),
    ("the first piece of the file", "*:blob-content:*"),
    ("the file, which nobody is told of yet", "*:bulk-file:*"),
];

#[test]
fn a_host_killed_while_a_file_is_made_leaves_it_to_the_next() {
    let mut deployment = start(3_000);
    let phone = Phone::log_in(&deployment, "anna");
    let queue = JobQueue::new(&deployment.redis_url(), "bulk");
    let mut killed_at_work = 0;
    let mut before = deployment.keys("*");
    for (what, keys) in MOMENTS {
        // It asks again and again, as devices do: here it is their requests that find what is due.
        until(what, || {
            phone.ask();
            let is_there = deployment
                .keys(keys)
                .iter()
                .any(|key| !before.contains(key));
            is_there.then_some(())
        });
        deployment.kill_host();
        killed_at_work += queue.jobs(JobState::Leased).len();
        // What it has made is forgotten.
        for keys in ["*:bulk-data:*", "*:bulk-file:*"] {
            deployment.forget_keys(keys);
        }
        // The next host may begin at once with what this one has left.
        before = deployment.keys("*");
        deployment.start_host();
        deployment.until_listening("rhosync:jobs:bulk");
    }
    assert!(killed_at_work > 0, "no kill fell into the work");
    let path = phone.ask_until_ready();
    assert_eq!(
        products(&phone.download(&path)),
        deployment.back_end().objects("products")
    );
    assert_eq!(phone.pull()[5], json!({}), "it has everything");
}
