//! Long steps: what is done, how far it is, how long it took.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{BufReader, IsTerminal as _, Read, Write as _, stderr};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::line;
use crate::term::{self, FAINT};
use crate::workspace::Workspace;

/// How often the time is shown on a terminal.
const TICK: Duration = Duration::from_secs(1);
/// How often a line is written where there is no terminal.
const REPORT: Duration = Duration::from_secs(10);
/// A step that took less says nothing about it.
const WORTH_TELLING: Duration = Duration::from_secs(2);
/// How many of its last lines a program that failed is quoted with.
const LAST_WORDS: usize = 30;

/// What a line of a program's output is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// How far it is.
    Progress(String),
    /// Nothing anybody has to read, unless the program fails.
    Chatter,
    /// For the user.
    Speech,
}

/// Runs a program to its end as a step of its own, its output as `read` judges it; all of it with `--verbose`.
pub(crate) fn follow(
    workspace: &Workspace,
    title: impl Display,
    mut command: Command,
    read: impl Fn(&str) -> Line,
) -> Result<()> {
    let mut step = Step::begin(title);
    if workspace.verbose {
        let status = command
            .status()
            .with_context(|| format!("cannot run {}", line(&command)))?;
        if !status.success() {
            bail!("{} failed ({status})", line(&command));
        }
        step.end();
        return Ok(());
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", line(&command)))?;
    let (sender, lines) = mpsc::channel();
    let outputs = [
        child
            .stdout
            .take()
            .map(|output| read_lines(output, sender.clone())),
        child.stderr.take().map(|output| read_lines(output, sender)),
    ];
    let mut last_words = VecDeque::new();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(text) => match read(&anstream::adapter::strip_str(&text).to_string()) {
                Line::Progress(progress) => step.set(progress),
                Line::Chatter => {
                    if last_words.len() == LAST_WORDS {
                        last_words.pop_front();
                    }
                    last_words.push_back(text);
                }
                Line::Speech => step.say(&text),
            },
            Err(RecvTimeoutError::Timeout) => step.show(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for output in outputs.into_iter().flatten() {
        // A reader ends with the output it reads.
        let _ = output.join();
    }
    let status = child.wait()?;
    step.clear();
    if !status.success() {
        let last_words: String = last_words
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect();
        bail!("{} failed ({status}){last_words}", line(&command));
    }
    step.end();
    Ok(())
}

/// Reads lines, which end where the cursor goes back to their beginning, too.
fn read_lines(output: impl Read + Send + 'static, lines: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut line = Vec::new();
        for byte in BufReader::new(output).bytes().map_while(Result::ok) {
            if byte != b'\n' && byte != b'\r' {
                line.push(byte);
            } else if !line.is_empty() && send(&lines, &mut line).is_err() {
                return;
            } else if byte == b'\n' {
                line.clear();
            }
        }
        if !line.is_empty() {
            // Nobody listens any more only when this program is ending.
            let _ = send(&lines, &mut line);
        }
    })
}

fn send(lines: &Sender<String>, line: &mut Vec<u8>) -> Result<(), mpsc::SendError<String>> {
    let text = String::from_utf8_lossy(line).into_owned();
    line.clear();
    lines.send(text)
}

/// A step under way.
struct Step {
    begun: Instant,
    progress: Option<String>,
    on_terminal: bool,
    /// When a line was last written where there is no terminal.
    reported: Instant,
}

impl Step {
    fn begin(title: impl Display) -> Self {
        term::step(title);
        let now = Instant::now();
        Self {
            begun: now,
            progress: None,
            on_terminal: stderr().is_terminal(),
            reported: now,
        }
    }

    fn set(&mut self, progress: String) {
        self.progress = Some(progress);
        self.show();
    }

    /// Shows how far it is: in place on a terminal, elsewhere by a line now and then.
    fn show(&mut self) {
        let took = term::duration(self.begun.elapsed());
        let text = match &self.progress {
            Some(progress) => format!("{progress}, {took}"),
            None => took,
        };
        if self.on_terminal {
            anstream::eprint!("\r\x1b[2K    {FAINT}{text}{FAINT:#}");
            let _ = stderr().flush();
        } else if self.reported.elapsed() >= REPORT {
            self.reported = Instant::now();
            anstream::eprintln!("    {text}");
        }
    }

    fn say(&mut self, text: &str) {
        self.clear();
        anstream::eprintln!("{text}");
    }

    fn clear(&self) {
        if self.on_terminal {
            anstream::eprint!("\r\x1b[2K");
        }
    }

    fn end(self) {
        let took = self.begun.elapsed();
        if took >= WORTH_TELLING {
            anstream::eprintln!("    {FAINT}done in {}{FAINT:#}", term::duration(took));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(output: &'static [u8]) -> Vec<String> {
        let (sender, lines) = mpsc::channel();
        read_lines(output, sender).join().unwrap();
        lines.iter().collect()
    }

    #[test]
    fn a_line_ends_where_it_is_written_over() {
        assert_eq!(lines(b"1 of 2\r2 of 2\r\nend"), ["1 of 2", "2 of 2", "end"]);
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let workspace = Workspace::find(false).unwrap();
        let error = follow(&workspace, "Failing", shell("echo why; exit 3"), |_| {
            Line::Chatter
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            "sh -c echo why; exit 3 failed (exit status: 3)\n    why"
        );
    }
}
