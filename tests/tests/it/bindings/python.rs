//! The wheel, as pip installs it, and Python's own tests of it.

use std::fs;
use std::process::Command;

use super::{Binding, run};

#[test]
fn the_wheel_works() {
    let binding = Binding::package("python", "sync_client_ffi");
    let wheel = fs::read_dir(binding.dist()).expect("a folder").next();
    let installed = binding.folder.path().join("installed");
    let mut install = Command::new("python3");
    install
        .args([
            "-m",
            "pip",
            "install",
            "--no-index",
            "--no-deps",
            "--target",
        ])
        .arg(&installed)
        .arg(wheel.expect("a wheel").expect("its entry").path());
    run(install);
    let mut tests = Command::new("python3");
    tests
        .args(["-W", "error"])
        .arg(binding.sources().join("tests/test_library.py"))
        .arg("--verbose")
        .env("PYTHONPATH", &installed)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let said = binding.test(tests);
    let is_clean = !said.contains("skipped") && !said.contains("Warning");
    assert!(said.ends_with("OK\n") && is_clean, "{said}");
}
