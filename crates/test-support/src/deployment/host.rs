//! The host as a process that can be killed at any moment.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::deployment::artifacts;

/// A running host.
pub struct Host {
    process: Child,
    address: SocketAddr,
    /// Kept open: the host must not find its output closed.
    stdout: BufReader<ChildStdout>,
}

impl Host {
    /// Runs the application in `folder`, with further arguments, and returns when it answers requests.
    ///
    /// # Panics
    ///
    /// When it does not start; the text is its log.
    pub fn start(
        folder: &Path,
        listen: SocketAddr,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_file(folder))
            .expect("a log file");
        let mut command = Command::new(artifacts::program("dev-host"));
        command
            .current_dir(folder)
            .args(["--manifest", "spin.toml", "--listen", &listen.to_string()])
            .arg("--cache-dir")
            .arg(artifacts::compiled_dir())
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        for (name, value) in variables {
            command.args(["--variable", &format!("{name}={value}")]);
        }
        let mut process = command.spawn().expect("to start the host");
        let stdout = BufReader::new(process.stdout.take().expect("the host's output"));
        // From here on it ends with this, whatever happens.
        let mut host = Self {
            process,
            address: listen,
            stdout,
        };
        let mut line = String::new();
        let read = host.stdout.read_line(&mut line);
        read.expect("the host's first line");
        let address = line.trim().strip_prefix("Serving http://");
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let log = std::fs::read_to_string(log_file(folder)).unwrap_or_default();
            panic!("the host did not start, but said {line:?}. Its log:\n{log}");
        };
        host.address = address;
        host
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process's number: the same as before, as long as nobody restarted it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Host {
    /// Ends it as a power cut would.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The file that takes what the host and its components have to say.
pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join("host.log")
}
