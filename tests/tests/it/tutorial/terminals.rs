//! The reader's terminals: one to type in, and one for each program that goes on.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use tempfile::TempDir;
use test_support::{component_dir, program, until};

/// What ends the answer to what was typed.
const OVER: &str = "--- over ---";

/// The tutorial's ports, and which program listens at each. Others may have them, so the test uses some of its own.
const PORTS: [(&str, &str); 3] = [("redis", "6379"), ("server", "9292"), ("office", "9293")];

/// How often is looked whether a program answers.
const STEP: Duration = Duration::from_millis(20);

pub(super) struct Terminals {
    folder: TempDir,
    /// The test's ports, in the order of `PORTS`.
    ports: [u16; 3],
    environment: Vec<(&'static str, PathBuf)>,
    shell: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What was typed in terminals of their own, and what runs there.
    commands: BTreeMap<String, String>,
    running: BTreeMap<String, Child>,
}

impl Terminals {
    /// Opens them in an empty folder, with RhoSync's programs on the path.
    pub(super) fn open(release: &Path) -> Self {
        let folder = tempfile::tempdir().expect("an empty folder");
        let programs = program("rhosync");
        let programs = programs.parent().expect("a folder of programs");
        let path = env::var_os("PATH").unwrap_or_default();
        let path = [programs.to_owned()]
            .into_iter()
            .chain(env::split_paths(&path));
        let environment = vec![
            ("PATH", env::join_paths(path).expect("a path").into()),
            ("RHOSYNC_RELEASE", release.to_owned()),
            ("HOME", folder.path().to_owned()),
            // Where the host keeps what it has compiled, from one run of the test to the next.
            ("XDG_CACHE_HOME", component_dir().join("compiled")),
            ("no_proxy", "*".into()),
        ];
        let mut shell = Command::new("bash")
            .arg("-e")
            .current_dir(folder.path())
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = shell.stdin.take().expect("the shell's input");
        stdin.write_all(b"exec 2>&1\n").expect("to type");
        let stdout = shell.stdout.take().expect("the shell's output");
        // All at once, so that they are different.
        let free = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = free.map(|port| port.local_addr().expect("its number").port());
        Self {
            folder,
            ports,
            environment,
            shell,
            stdin,
            stdout: BufReader::new(stdout),
            commands: BTreeMap::new(),
            running: BTreeMap::new(),
        }
    }

    /// A text of the tutorial with the test's ports.
    pub(super) fn with_own_ports(&self, text: &str) -> String {
        PORTS
            .iter()
            .zip(self.ports)
            .fold(text.to_owned(), |text, ((_, port), own)| {
                text.replace(port, &own.to_string())
            })
    }

    /// Types something, and answers what is seen when it is over.
    pub(super) fn type_in(&mut self, text: &str) -> String {
        let text = self.with_own_ports(text);
        writeln!(self.stdin, "{text}\necho\necho '{OVER}'").expect("to type");
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("an answer");
            assert_ne!(read, 0, "{text}: the shell has ended:\n{seen}");
            if line.trim_end() == OVER {
                return seen;
            }
            seen.push_str(&line);
        }
    }

    /// Where the reader is.
    pub(super) fn place(&mut self) -> PathBuf {
        PathBuf::from(self.type_in("pwd").trim())
    }

    /// Types something in a terminal of its own, and waits until the program answers.
    pub(super) fn start(&mut self, name: &str, command: &str) {
        self.commands.insert(name.to_owned(), command.to_owned());
        self.start_again(name);
    }

    /// Types the same once more.
    pub(super) fn start_again(&mut self, name: &str) {
        let command = self.with_own_ports(&self.commands[name]);
        let place = self.place();
        let log = fs::File::create(self.log(name)).expect("a file for what it says");
        let child = Command::new("bash")
            .args(["-c", &command])
            .current_dir(place)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the file once more"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("a shell");
        self.running.insert(name.to_owned(), child);
        self.wait_until_it_answers(name);
    }

    /// Waits as long as a program may still come to answer: the host compiles the components before it does.
    fn wait_until_it_answers(&mut self, name: &str) {
        let port = self.port(name);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let child = self.running.get_mut(name).expect("the program");
            let ended = child.try_wait().expect("the program's state");
            assert!(ended.is_none(), "{name} has ended: {ended:?}");
            thread::sleep(STEP);
        }
    }

    /// Presses Ctrl-C in a terminal.
    pub(super) fn stop(&mut self, name: &str) {
        let mut child = self.running.remove(name).expect("a running program");
        interrupt(&child);
        child.wait().expect("the program to end");
    }

    /// Waits until a program has said something.
    pub(super) fn wait_until_said(&self, name: &str, text: &str) {
        until(text, || {
            let said = fs::read_to_string(self.log(name)).unwrap_or_default();
            said.contains(text).then_some(())
        });
    }

    pub(super) fn port(&self, name: &str) -> u16 {
        let at = PORTS.iter().position(|(it, _)| *it == name);
        self.ports[at.unwrap_or_else(|| panic!("the tutorial has no program {name}"))]
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }
}

/// What Ctrl-C does: a signal to everything that was started there.
fn interrupt(child: &Child) {
    let group = format!("-{}", child.id());
    let sent = Command::new("kill")
        .args(["-s", "INT", "--", &group])
        .status();
    assert!(sent.expect("the program `kill`").success(), "{group}");
}

impl Drop for Terminals {
    fn drop(&mut self) {
        for (name, child) in &mut self.running {
            if child.try_wait().is_ok_and(|ended| ended.is_none()) {
                interrupt(child);
                let _ = child.wait();
            }
            if thread::panicking() {
                let log = self.folder.path().join(format!("{name}.log"));
                let log = fs::read_to_string(log);
                show(name, &log.unwrap_or_default());
            }
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[expect(clippy::print_stderr, reason = "the test's own report")]
fn show(name: &str, log: &str) {
    eprintln!("--- {name} ---\n{log}");
}
