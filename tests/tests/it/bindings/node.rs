//! The npm package, and Node's own tests of it.

use std::fs;
use std::process::Command;

use super::Binding;

#[test]
fn the_npm_package_works() {
    let binding = Binding::package("node", "sync_client_node");
    // As npm lays it: the tests are in a program beside its packages.
    let modules = binding.folder.path().join("node_modules");
    fs::create_dir(&modules).expect("a folder");
    fs::rename(binding.dist(), modules.join("rhosync-node")).expect("to move it");
    let test = binding.folder.path().join("library.test.js");
    fs::copy(binding.sources().join("tests/library.test.js"), &test).expect("to copy it");
    fs::write(
        binding.folder.path().join("package.json"),
        r#"{"type": "module"}"#,
    )
    .expect("a file");
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-reporter=tap"]).arg(&test);
    let said = binding.test(tests);
    assert!(
        said.contains("# fail 0") && said.contains("# skipped 0"),
        "{said}"
    );
}
