//! An app in a process of its own, which tests kill.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use sync_client::{Database, Options};

use super::{App, SOURCES};

/// Names the app's file.
const FILE: &str = "RHOSYNC_TEST_APP_FILE";

/// Names its server.
const SERVER: &str = "RHOSYNC_TEST_APP_SERVER";

/// The app that only syncs.
pub(super) const SYNCS: &str = "process::syncs";

/// It ends with the test that has started it.
pub(super) struct Process(Child);

impl Process {
    /// Starts an app on the file of another: `does` is the ignored test that it is, below this folder.
    pub(super) fn start(does: &str, app: &App, server: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("the tests' program"));
        command
            .args(["--exact", &format!("device_library::{does}")])
            .args(["--ignored", "--nocapture"])
            .env(FILE, app.path())
            .env(SERVER, server)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self(command.spawn().expect("to start the app"))
    }

    /// What it says, line by line.
    pub(super) fn lines(&mut self) -> impl Iterator<Item = String> {
        let said = self.0.stdout.take().expect("what was not asked for before");
        BufReader::new(said).lines().map_while(Result::ok)
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("to look at the app").is_some()
    }

    /// Kills it, unless it has ended.
    pub(super) fn kill(mut self) {
        if !self.has_ended() {
            self.0.kill().expect("to kill the app");
        }
        self.0.wait().expect("the app's end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already; a test that has failed says more than this could.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The database of the app that this process is.
pub(super) fn database() -> Database {
    let (file, server) = (env::var(FILE), env::var(SERVER));
    let server = server.expect("a server");
    let options = Options::new(&server, &SOURCES);
    Database::open(&file.expect("a file"), options).expect("to open the database")
}

#[test]
#[ignore = "it is an app that other tests start and kill"]
fn syncs() {
    database().sync().expect("to sync");
}
