//! `rhosync`, the command line, against a whole RhoSync.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{fs, io::Write as _};

use serde_json::{Value, json};
use sync_jobs::JobState;
use test_support::{ADMIN_PASSWORD, Deployment, JobQueue, Options, password_of, program};

/// What the program said.
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.error))
    }
}

/// Somebody at a terminal.
struct Person<'a> {
    home: &'a Path,
    server: String,
}

impl Person<'_> {
    fn says(&self, line: &str) -> Said {
        self.types(line, "")
    }

    /// Runs the program and types an answer.
    fn types(&self, line: &str, input: &str) -> Said {
        let mut child = Command::new(program("rhosync"))
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home)
            .env("RHOSYNC_SERVER", &self.server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("to start rhosync");
        let mut stdin = child.stdin.take().expect("its input");
        // A program that needs no answer may be over by now.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().expect("its output");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Said {
            code: status.code(),
            out: text(stdout),
            error: text(stderr),
        }
    }
}

#[test]
fn an_administrator_logs_in_looks_after_jobs_and_logs_out() {
    let deployment = Deployment::start(Options::default());
    let home = tempfile::tempdir().unwrap();
    let operator = Person {
        home: home.path(),
        server: deployment.url(),
    };

    let refused = operator.says("jobs");
    assert_eq!(refused.code, Some(1));
    assert!(refused.error.contains("rhosync login"), "{}", refused.error);
    let wrong = operator.types("login --password-stdin", "a guess\n");
    assert_eq!(wrong.code, Some(1), "{}", wrong.out);
    let done = operator.types("login --password-stdin", &format!("{ADMIN_PASSWORD}\n"));
    assert_eq!(done.code, Some(0), "{}", done.error);
    let config = fs::read_to_string(home.path().join(".config/rhosync/config.toml")).unwrap();
    assert!(config.contains(&deployment.url()) && !config.contains(ADMIN_PASSWORD));

    deployment.until_listening("rhosync:jobs:adapter");
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    let id = queue.add(0, "query", "{}");
    queue.until(&id, JobState::Dead);
    let queues = operator.says("jobs --json").json();
    assert_eq!(queues["items"][0]["jobs"]["dead"], 1, "{queues}");
    assert!(operator.says("jobs").out.contains("adapter"));
    let dead = operator.says("jobs list adapter --json").json();
    assert_eq!(dead["items"][0]["id"], id.to_string(), "{dead}");
    assert_eq!(
        operator.says(&format!("jobs show {id}")).json()["state"],
        "dead"
    );
    let retried = operator.says(&format!("jobs retry {id} --json")).json();
    assert_eq!(retried["id"], id.to_string());
    queue.until(&id, JobState::Dead);
    assert_eq!(operator.says(&format!("jobs discard {id}")).code, Some(0));
    queue.until_empty();
    let paused = operator.says("jobs pause adapter --json").json();
    assert_eq!(paused["paused"], true);
    assert_eq!(operator.says("jobs resume adapter").code, Some(0));
    let run = operator.says("jobs run adapter --json").json();
    assert_eq!(run["failed"], 0, "{run}");
    let unknown = operator.says("jobs show nothing");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.error.contains("unknown_job"), "{}", unknown.error);

    let out = operator.says("logout");
    assert_eq!((out.code, out.error.as_str()), (Some(0), ""));
    assert!(operator.says("jobs").error.contains("not logged in"));
    // The server has ended the token, too.
    let token = config
        .lines()
        .find_map(|line| line.strip_prefix("token = "));
    let token = token.unwrap().trim_matches('"');
    let ended = operator.says(&format!("jobs --token {token}"));
    assert!(ended.error.contains("invalid_api_token"), "{}", ended.error);
}

#[test]
fn a_device_syncs_changes_and_is_told_of_refusals() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let home = tempfile::tempdir().unwrap();
    let anna = Person {
        home: home.path(),
        server: deployment.url(),
    };
    let device = |line: &str| anna.says(&format!("device --user anna {line}"));

    let nobody = device("");
    assert!(
        nobody.error.contains("--password-stdin"),
        "{}",
        nobody.error
    );
    let first = anna.types(
        "device --user anna --password-stdin --json",
        &password_of("anna"),
    );
    assert_eq!(first.code, Some(0), "{}", first.error);
    assert_eq!(first.json()["sync"]["added"].as_array().unwrap().len(), 120);

    // From now on there is a session.
    let made = device("create name=Lamp brand=Acme price=9.90 --json").json();
    let temporary = made["made"].as_str().unwrap();
    let id = made["sync"]["linked"][temporary]
        .as_str()
        .unwrap()
        .to_owned();
    let lamp = device(&format!("list {id} --json")).json();
    assert_eq!(lamp["attributes"]["name"], "Lamp");
    assert_eq!(lamp["waits"], false);
    let listed = device("--limit 3");
    assert!(
        listed.out.contains("121 objects, 3 shown"),
        "{}",
        listed.out
    );

    let refused = device(&format!("update {id} price=free --json"));
    assert_eq!(refused.code, Some(3), "{}{}", refused.out, refused.error);
    assert_eq!(refused.json()["sync"]["refused"][0]["id"], id.as_str());
    assert_eq!(device(&format!("delete {id}")).code, Some(0));
    assert_eq!(device(&format!("list {id}")).code, Some(1));
}

#[test]
fn settings_are_tried_out_and_compared_with_what_the_server_has() {
    let deployment = Deployment::start(Options {
        products: 3,
        ..Options::default()
    });
    deployment.create_user("anna");
    let home = tempfile::tempdir().unwrap();
    let anna = Person {
        home: home.path(),
        server: deployment.url(),
    };
    let settings = home.path().join("rhosync.toml");
    let text = "[sources.Product]\nadapter = \"rest\"\npartition = \"app\"\nrest = { url = { variable = \"shop_url\", path = \"/products\" }, update_method = \"PATCH\" }\n";
    fs::write(&settings, text).unwrap();
    let variable = format!("shop_url={}", deployment.back_end().url());
    let place = format!(
        "Product --settings {} --variable {variable}",
        settings.display()
    );
    let check = |more: &str| anna.says(&format!("source check {place} --user anna --json {more}"));

    let refused = check("--compare");
    assert_eq!(refused.code, Some(1));
    assert!(refused.error.contains("rhosync login"), "{}", refused.error);
    anna.types("login --password-stdin", &format!("{ADMIN_PASSWORD}\n"));
    let before = check("--compare").json();
    assert_eq!(
        before["changes"]["added"].as_array().unwrap().len(),
        3,
        "{before}"
    );

    anna.types("device --user anna --password-stdin", &password_of("anna"));
    let after = check("--compare").json();
    assert_eq!(
        after["changes"],
        json!({"added": [], "changed": [], "removed": []})
    );
    assert_eq!(after["problems"], json!([]));
    deployment
        .back_end()
        .update("products", "2", &json!({"name": "Another"}));
    deployment.back_end().delete("products", "3");
    let then = check("--compare").json();
    assert_eq!(
        then["changes"],
        json!({"added": [], "changed": ["2"], "removed": ["3"]})
    );

    let written = check("--write name=Test price=1.50 sku=T-1 --change name=Other");
    assert_eq!(written.code, Some(0), "{}{}", written.out, written.error);
    assert_eq!(deployment.back_end().objects("products").len(), 2);
}
