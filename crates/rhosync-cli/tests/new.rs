//! `rhosync new`, with a release that is a few files.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const MANIFEST: &str =
    "# A comment.\n[application]\n# Another.\nname = \"field-service\"\nversion = \"1\"\n";

/// A release, and a place for applications.
fn world() -> TempDir {
    let world = tempfile::tempdir().unwrap();
    let web = world.path().join("release/skeleton/web");
    fs::create_dir_all(&web).unwrap();
    fs::write(web.join("index.html"), "a page").unwrap();
    fs::write(web.join("../.gitignore"), ".spin/\n").unwrap();
    fs::write(web.join("../spin.toml"), MANIFEST).unwrap();
    world
}

/// Runs `rhosync new` with nothing of this machine's environment: says the exit code, and what was said.
fn new(world: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhosync"));
    command.arg("new").args(arguments).current_dir(world);
    command.env_clear().env("HOME", world);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn an_application_is_what_the_release_has_under_its_own_name() {
    let world = world();
    let (code, said) = new(world.path(), &["apps/my-app", "--release", "release"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("cd apps/my-app"), "{said}");
    let made =
        |file: &str| fs::read_to_string(world.path().join("apps/my-app").join(file)).unwrap();
    assert_eq!(made("web/index.html"), "a page");
    assert_eq!(made(".gitignore"), ".spin/\n");
    let manifest = MANIFEST.replace("field-service", "my-app");
    assert_eq!(made("spin.toml"), manifest);
}

#[test]
fn components_that_would_be_downloaded_are_those_of_the_release() {
    let world = world();
    let (_, said) = new(world.path(), &["one", "--release", "release"]);
    assert!(!said.contains("--components-dir"), "{said}");
    let downloaded =
        format!("{MANIFEST}[component.a]\nsource = {{ url = \"https://a/a.wasm\" }}\n");
    fs::write(world.path().join("release/skeleton/spin.toml"), downloaded).unwrap();
    let (_, said) = new(world.path(), &["two", "--release", "release"]);
    let release = world.path().join("release");
    let option = format!("--components-dir {}", release.display());
    assert!(said.contains(&option), "{said}");
}

#[test]
fn what_is_there_is_not_touched() {
    let world = world();
    fs::create_dir(world.path().join("mine")).unwrap();
    fs::write(world.path().join("mine/spin.toml"), "mine").unwrap();
    let (code, said) = new(world.path(), &["mine", "--release", "release"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("mine is not empty"), "{said}");
    let files = fs::read_dir(world.path().join("mine")).unwrap().count();
    assert_eq!(files, 1);
    let kept = fs::read_to_string(world.path().join("mine/spin.toml")).unwrap();
    assert_eq!(kept, "mine");

    fs::create_dir(world.path().join("empty")).unwrap();
    let (code, said) = new(world.path(), &["empty", "--release", "release"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn it_says_what_is_missing() {
    let world = world();
    let (code, said) = new(world.path(), &["my-app"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--release"), "{said}");
    let (code, said) = new(world.path(), &["my-app", "--release", "nowhere"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nowhere is no release"), "{said}");
    for name in ["My-App", "my_app", "1st", "my-", "..", "my--app"] {
        let (code, said) = new(world.path(), &[name, "--release", "release"]);
        assert_eq!(code, Some(2), "{name}: {said}");
    }
    assert!(!world.path().join("my-app").exists());
}
