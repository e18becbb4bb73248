//! What the documents tell readers to type, works.

use std::fs;
use std::path::Path;
use std::process::Command;

use http::Method;
use serde_json::json;
use test_support::{ADMIN_PASSWORD, Deployment, Options};

/// The shell lines of a document, in their order.
fn shell_lines(document: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let text = fs::read_to_string(docs.join(document)).expect("a document");
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Runs the lines of documents one after another in one shell. The first that fails ends it.
fn run(documents: &[&str]) {
    let deployment = Deployment::start(Options::default());
    let demo = json!({"attributes": {"login": "demo", "password": "demo-password"}});
    let admin = deployment.admin().rest();
    admin.call(Method::POST, "/rc/v1/users", Some(&demo));
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("lamp.png"), "not quite a picture").expect("a file");
    for document in documents {
        let lines = shell_lines(document);
        assert!(lines.contains("curl"), "{document} has no lines to run");
    }
    let script: String = documents.iter().map(|it| shell_lines(it) + "\n").collect();
    let output = Command::new("bash")
        .args(["-euxo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("S", deployment.url())
        .env("P", ADMIN_PASSWORD)
        .env("no_proxy", "*")
        .output()
        .expect("a shell, with curl");
    assert!(
        output.status.success(),
        "{documents:?}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_lines_about_devices_work() {
    run(&["protocol.md", "blobs.md"]);
}

#[test]
fn the_lines_about_the_rest_api_work() {
    run(&["rest-api.md"]);
}

#[test]
fn the_lines_about_the_api_work() {
    run(&["api.md"]);
}

#[test]
fn the_lines_about_bulk_data_work() {
    run(&["bulk-data.md"]);
}
