//! The shop as a process: its one line, its file, its end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use http::Method;
use serde_json::{Value, json};
use test_support::Rest;

/// A running shop, killed when the test ends in whatever way.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(database: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shop"))
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(database)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // From here on it ends with this, whatever happens.
        let mut program = Self {
            child,
            url: String::new(),
        };
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("Shop listening on ");
        url.expect(&line).clone_into(&mut program.url);
        program
    }

    fn rest(&self) -> Rest {
        Rest::json(&self.url)
    }

    fn products(&self) -> Vec<Value> {
        let products = self.rest().get("/products");
        products.as_array().unwrap().clone()
    }

    fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails when it has already ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_was_answered_survives_a_kill_and_sigterm_ends_it_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("new/shop.db");

    let shop = Program::start(&database, &["--seed", "8"]);
    assert_eq!(shop.products().len(), 8);
    shop.rest()
        .expect(201, Method::POST, "/products", &json!({"name": "Lamp"}));
    drop(shop);

    let shop = Program::start(&database, &["--seed", "8"]);
    let products = shop.products();
    assert_eq!(products.len(), 9);
    assert_eq!(products.last().unwrap()["name"], "Lamp");
    assert!(shop.terminate().success());
}

#[test]
fn control_on_an_open_address_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_shop"))
        .args([
            "--listen",
            "0.0.0.0:0",
            "--database",
            ":memory:",
            "--control",
        ])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("loopback")
    );
}
