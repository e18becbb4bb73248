//! The program itself, with no RhoSync around it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The program, with nothing of this machine's environment and folders of its own.
fn rhosync(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhosync"));
    command.args(line.split_whitespace()).env_clear();
    command.env("HOME", home).env("APPDATA", home);
    command
}

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A port at which nobody answers.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Answers one request of the API with an empty list.
fn answer(mut stream: impl Read + Write) -> String {
    let mut head = String::new();
    let mut reader = BufReader::new(&mut stream);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
    let body = r#"{"items":[]}"#;
    let length = body.len();
    // Who does not trust the server is gone by now.
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let _ = stream.flush();
    head
}

#[test]
fn wrong_usage_and_failure_have_codes_of_their_own() {
    let home = home();
    let (code, _, error) = run(&mut rhosync(home.path(), "jobs list"));
    assert_eq!(code, Some(2), "{error}");
    let (code, out, error) = run(&mut rhosync(home.path(), "jobs"));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        error.contains("no server is named") && error.contains("hint: "),
        "{error}"
    );
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    let home = home();
    let server = format!("http://127.0.0.1:{}", closed_port());
    for line in ["jobs", "device --user anna"] {
        let mut command = rhosync(home.path(), line);
        command
            .env("RHOSYNC_SERVER", &server)
            .env("RHOSYNC_TOKEN", "t");
        command.env("RHOSYNC_PASSWORD", "p");
        let (code, _, error) = run(&mut command);
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains(&format!("cannot reach {server}")), "{error}");
    }
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let home = home();
    let path = home.path().join("config.toml");
    fs::write(
        &path,
        "[default]\nserver = \"https://a/\"\ntoken = \"rhs_secret\"\n",
    )
    .unwrap();
    let mut command = rhosync(home.path(), "config show --json");
    command
        .env("RHOSYNC_CONFIG", &path)
        .env("RHOSYNC_USER", "anna");
    let (code, out, error) = run(&mut command);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["server"]["value"], "https://a");
    assert_eq!(shown["token"]["from"], "file");
    assert_eq!(shown["user"]["from"], "environment");
    assert!(!out.contains("rhs_secret"), "{out}");

    let mut command = rhosync(home.path(), "config show");
    let (_, out, _) = run(command.env("RHOSYNC_CONFIG", &path));
    assert!(
        out.contains("https://a") && !out.contains("rhs_secret"),
        "{out}"
    );
    assert!(
        !out.contains('\u{1b}'),
        "colours go to terminals only: {out}"
    );
}

#[test]
fn changes_wait_on_the_device_while_there_is_no_network() {
    let home = home();
    let offline = |line: &str| {
        let mut command = rhosync(home.path(), line);
        command
            .env("RHOSYNC_SERVER", "https://a")
            .env("RHOSYNC_USER", "anna");
        let (code, out, error) = run(&mut command);
        assert_eq!(code, Some(0), "{error}");
        out
    };
    let made = offline("device --offline --json create name=Lamp");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["waits"], true);
    let listed = offline("device list --json");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["objects"][0]["id"], made["made"]);
    assert_eq!(listed["objects"][0]["attributes"]["name"], "Lamp");
    assert_eq!(listed["objects"][0]["waits"], true);
    let shown = offline("device list");
    assert!(
        shown.contains("Lamp") && shown.contains("waits for the server"),
        "{shown}"
    );
}

#[test]
fn every_shell_gets_its_completions() {
    let home = home();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, _) = run(&mut rhosync(home.path(), &format!("completions {shell}")));
        assert!(code == Some(0) && out.contains("retry-all"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = home();
    let mut command = rhosync(home.path(), "completions bash");
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn servers_by_https_have_to_be_trusted() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let serving = thread::spawn(move || {
        [(); 2].map(|()| {
            let (stream, _) = listener.accept().unwrap();
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            answer(StreamOwned::new(tls, stream))
        })
    });

    let home = home();
    let trusted = home.path().join("trusted.pem");
    fs::write(&trusted, cert.pem()).unwrap();
    let mut command = rhosync(home.path(), "jobs --json --token rhs_t");
    command.env("RHOSYNC_SERVER", &server);
    let (code, _, error) = run(&mut command);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("certificate"), "{error}");
    let (code, out, error) = run(command.env("SSL_CERT_FILE", &trusted));
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("items"), "{out}");
    let [_, request] = serving.join().unwrap();
    assert!(request.contains("Bearer rhs_t"), "{request}");
}
