//! `doctor` on a machine that has nothing but Rust, in the environment that cargo gives to what it runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Everything but Rust's own parts, which are beside cargo and need no `PATH`, with its package in Debian.
const NEEDS: [(&str, &str); 12] = [
    ("clang", "clang"),
    ("redis-server", "redis-server"),
    ("git", "git"),
    ("curl", "curl"),
    ("sqlite3", "sqlite3"),
    ("pip", "python3-pip"),
    ("node", "nodejs"),
    ("pkg-config", "pkg-config"),
    ("strip", "binutils"),
    ("java", "openjdk-17-jre-headless"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
];

/// What `doctor` prints with this folder as the whole `PATH`.
fn doctor(path: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("doctor")
        .env("PATH", path)
        .env_remove("RHOSYNC_REDIS_SERVER")
        .output()
        .unwrap();
    assert!(!output.status.success(), "things are missing");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_missing_thing_is_named() {
    let nothing = tempfile::tempdir().unwrap();
    let table = doctor(nothing.path());
    for (name, _) in NEEDS {
        assert!(
            table.contains(&format!("missing  {name} ")),
            "{name}:\n{table}"
        );
    }
}

#[test]
fn a_variable_of_the_repository_is_no_compiler() {
    let compiler = std::env::var("CC_wasm32_wasip2");
    assert!(compiler.is_ok(), "cargo sets it for what it runs");
    let nothing = tempfile::tempdir().unwrap();
    assert!(doctor(nothing.path()).contains("missing  clang "));
}

#[test]
fn what_would_be_installed_has_the_systems_own_names() {
    let debian = tempfile::tempdir().unwrap();
    fs::write(debian.path().join("apt-get"), "").unwrap();
    let table = doctor(debian.path());
    for (_, package) in NEEDS {
        let command = format!("apt-get install {package}\n");
        assert!(table.contains(&command), "{command}{table}");
    }
}

#[cfg(unix)]
#[test]
fn a_compiler_that_makes_no_webassembly_is_missing() {
    use std::os::unix::fs::PermissionsExt as _;

    let apple = tempfile::tempdir().unwrap();
    let clang = apple.path().join("clang");
    fs::write(
        &clang,
        "#!/bin/sh\necho '  Registered Targets:\n    arm64'\n",
    )
    .unwrap();
    fs::set_permissions(&clang, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(apple.path().join("brew"), "").unwrap();
    let table = doctor(apple.path());
    assert!(table.contains("missing  clang "), "{table}");
    assert!(table.contains("brew install llvm\n"), "{table}");
}
