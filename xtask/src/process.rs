//! Running other programs: to their end, or beside this one until it is over.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take to end before it is killed. Redis writes its file in this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the state of a program is looked at.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// Runs a program to its end; its output is the user's.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", line(&command)))?;
    if !status.success() {
        bail!("{} failed ({status})", line(&command));
    }
    Ok(())
}

/// Becomes another program, which then has the terminal to itself. Returns only when that fails.
pub(crate) fn become_program(mut command: Command) -> Error {
    Error::new(command.exec()).context(format!("cannot run {}", line(&command)))
}

/// A command as it would be typed.
pub(crate) fn line(command: &Command) -> String {
    let mut line = file_name(command.get_program());
    for word in command.get_args() {
        line.push(' ');
        line.push_str(&word.to_string_lossy());
    }
    line
}

fn file_name(program: &OsStr) -> String {
    Path::new(program)
        .file_name()
        .unwrap_or(program)
        .to_string_lossy()
        .into_owned()
}

/// A program that runs beside this one, its output in a log file. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    program: String,
    log: PathBuf,
    child: Child,
}

impl Service {
    /// Starts a program, its log in `logs/<name>.log`.
    ///
    /// It gets a process group of its own: Ctrl-C at the terminal reaches only this program, which then ends
    /// the others in order.
    pub(crate) fn start(name: &'static str, mut command: Command, logs: &Path) -> Result<Self> {
        fs::create_dir_all(logs)?;
        let log = logs.join(format!("{name}.log"));
        let output =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", line(&command)))?;
        Ok(Self {
            name,
            program: file_name(command.get_program()),
            log,
            child,
        })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The file name of its program.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails, with its last words, when the program has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{}", self.last_words(status)),
        }
    }

    /// Waits until `ready` says so, or the program has ended, or time is up.
    pub(crate) fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            self.check()?;
            if start.elapsed() > limit {
                bail!(
                    "{} did not start within {} s{}",
                    self.name,
                    limit.as_secs(),
                    self.tail()
                );
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Ends the program: asks first, kills when it does not listen.
    pub(crate) fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        terminate(self.pid(), Signal::SIGTERM);
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(GLANCE);
        }
        // Both fail only when it has ended meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn last_words(&self, status: ExitStatus) -> String {
        format!("{} ended by itself ({status}){}", self.name, self.tail())
    }

    /// The end of the log.
    pub(crate) fn tail(&self) -> String {
        const LINES: usize = 15;
        let Ok(file) = File::open(&self.log) else {
            return String::new();
        };
        let mut lines = VecDeque::with_capacity(LINES);
        for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(format!("\n    {}", String::from_utf8_lossy(&line)));
        }
        let lines: String = lines.into_iter().collect();
        format!("; the end of its log {}:{lines}", self.log.display())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Ends a process that an earlier run of this tool left behind, if the process of this id still is the
/// program it was then.
pub(crate) fn end_leftover(pid: u32, program: &str) {
    let runs = || name_of(pid).is_some_and(|name| program.starts_with(&name));
    let start = Instant::now();
    while runs() {
        terminate(
            pid,
            if start.elapsed() < PATIENCE {
                Signal::SIGTERM
            } else {
                Signal::SIGKILL
            },
        );
        thread::sleep(GLANCE);
    }
}

/// The name of the program that a process runs; nothing when it has ended.
fn name_of(pid: u32) -> Option<String> {
    if Path::new("/proc/self").exists() {
        // `17 (dev-host) S …`, with the first 15 characters of the name. `Z` has ended, and nobody has taken note.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, stat) = stat.split_once('(')?;
        let (name, state) = stat.rsplit_once(") ")?;
        return (!state.starts_with('Z')).then(|| name.to_owned());
    }
    let ps = Command::new("ps")
        .args(["-p", &pid.to_string(), "-o", "comm="])
        .output()
        .ok()?;
    let path = String::from_utf8_lossy(&ps.stdout);
    let name = file_name(OsStr::new(path.trim()));
    (!name.is_empty()).then_some(name)
}

fn terminate(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // Fails only when it has ended meanwhile.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_service_that_ends_is_named_with_its_last_words() {
        let logs = tempfile::tempdir().unwrap();
        let mut service =
            Service::start("sulker", shell("echo no port; exit 3"), logs.path()).unwrap();
        let error = service
            .wait_until(PATIENCE, || false)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("sulker ended by itself (exit status: 3)"),
            "{error}"
        );
        assert!(error.ends_with("    no port"), "{error}");
    }

    #[test]
    fn a_dropped_service_is_asked_to_end_and_waited_for() {
        let logs = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let mut service = Service::start("polite", shell(script), logs.path()).unwrap();
        let log = logs.path().join("polite.log");
        let written = || fs::read_to_string(&log).unwrap();
        service
            .wait_until(PATIENCE, || written().contains("ready"))
            .unwrap();
        drop(service);
        assert_eq!(written(), "ready\nbye\n");
    }

    #[test]
    fn only_the_same_program_is_a_leftover() {
        let logs = tempfile::tempdir().unwrap();
        let mut sleeper = Command::new("sleep");
        sleeper.arg("600");
        let mut service = Service::start("sleeper", sleeper, logs.path()).unwrap();
        end_leftover(service.pid(), "another");
        service.check().unwrap();
        // Somebody has to take note of its end, as the parent is still there in this test.
        let pid = service.pid();
        let ending = thread::spawn(move || end_leftover(pid, "sleep"));
        service.wait_until(PATIENCE, || false).unwrap_err();
        ending.join().unwrap();
    }

    #[test]
    fn a_failed_command_is_shown_as_typed() {
        let error = run(shell("exit 2")).unwrap_err().to_string();
        assert_eq!(error, "sh -c exit 2 failed (exit status: 2)");
    }
}
