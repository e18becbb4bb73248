//! The plugin starts alone, as the conformance suite's README says.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use test_support::Rest;

/// A process that ends with the test, however the test ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_says_where_it_is_and_does_what_it_is_told() {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let mut process = Command::new(folder.join("examples/plugin"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .map(Ended)
        .unwrap();
    let mut url = String::new();
    let said = process.0.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut url).unwrap();

    let control = Rest::json(format!("{}/_control", url.trim_end()));
    let objects = serde_json::json!({"1": {"name": "one"}});
    control.call(
        http::Method::PUT,
        "/places/Probe/anna/objects",
        Some(&objects),
    );
    assert_eq!(control.get("/places/Probe/anna/objects"), objects);
}
