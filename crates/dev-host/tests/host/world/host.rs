use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use reqwest::{Client, RequestBuilder, Response};
use tempfile::TempDir;

use super::Log;

/// A host that runs an application, until it is dropped.
pub(crate) struct Host {
    process: Child,
    /// `http://<address>`.
    pub(crate) url: String,
    pub(crate) stdout: Log,
    pub(crate) stderr: Log,
    client: Client,
    _folder: TempDir,
}

/// How a host ended that did not start.
pub(crate) struct Refusal {
    pub(crate) code: Option<i32>,
    pub(crate) message: String,
}

/// The host for the manifest in `folder`, at any free port, with a cache that all cases share.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dev-host"));
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    if !arguments.contains(&"--cache-dir") {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dev-host-cache");
        command.arg("--cache-dir").arg(shared);
    }
    command
        .current_dir(folder)
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn folder_with(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    folder
}

/// Starts a host that has to refuse, and returns how it did.
pub(crate) fn refused(manifest: &str, arguments: &[&str]) -> Refusal {
    let folder = folder_with(manifest);
    let output = command(folder.path(), arguments).output().unwrap();
    assert!(
        output.stdout.is_empty(),
        "a host that refuses announces nothing"
    );
    Refusal {
        code: output.status.code(),
        message: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Host {
    pub(crate) fn start(manifest: &str, arguments: &[&str]) -> Self {
        Self::start_in(folder_with(manifest), arguments, &[])
    }

    /// Starts with further environment variables: pairs of a name and its value.
    pub(crate) fn start_with(
        manifest: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_in(folder_with(manifest), arguments, environment)
    }

    /// Starts with more files beside the manifest: pairs of a path and its content.
    pub(crate) fn start_with_files(manifest: &str, files: &[(&str, &str)]) -> Self {
        let folder = folder_with(manifest);
        for (path, content) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        Self::start_in(folder, &[], &[])
    }

    fn start_in(folder: TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut process = command(folder.path(), arguments)
            .envs(environment.iter().copied())
            .spawn()
            .unwrap();
        let stdout = Log::collect(process.stdout.take().unwrap());
        let stderr = Log::collect(process.stderr.take().unwrap());
        let mut host = Self {
            process,
            url: String::new(),
            stdout,
            stderr,
            client: Client::builder().no_proxy().build().unwrap(),
            _folder: folder,
        };
        if host.stdout.wait_for_first() {
            let line = host.stdout.wait_for("Serving ");
            host.url = line.strip_prefix("Serving ").unwrap().to_owned();
        } else {
            panic!("the host did not start:\n{}", host.stderr.wait_for_end());
        }
        host
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    /// The body of the answer to a `GET`, which has to be a success.
    pub(crate) async fn text(&self, path: &str) -> String {
        let (status, body) = self.answer(path).await;
        assert_eq!(status, 200, "{path}: {body}\n");
        body
    }

    /// Status and body of the answer to a `GET`.
    pub(crate) async fn answer(&self, path: &str) -> (u16, String) {
        let response: Response = self.get(path).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Asks the host to end, as an operator does.
    pub(crate) fn terminate(&self) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until the host has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.stderr.wait_for_end();
        self.process.wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}
