use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::PATIENCE;

/// The lines a program has written so far.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Collects what `output` gives until it ends.
    pub(crate) fn collect(output: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let collector = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                collector.change(|lines| lines.lines.push(line));
            }
            collector.change(|lines| lines.ended = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Waits for the first line; false when there is none.
    pub(crate) fn wait_for_first(&self) -> bool {
        let (lines, changed) = &*self.0;
        let (lines, _) = changed
            .wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| {
                !lines.ended && lines.lines.is_empty()
            })
            .unwrap();
        !lines.lines.is_empty()
    }

    /// Waits for a line with `text` and returns it.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_nth(text, 0)
    }

    /// Waits for a line with `text` after `skip` others with it.
    pub(crate) fn wait_for_nth(&self, text: &str, skip: usize) -> String {
        let (lines, changed) = &*self.0;
        let found = |lines: &Lines| {
            lines
                .lines
                .iter()
                .filter(|line| line.contains(text))
                .nth(skip)
                .cloned()
        };
        let (lines, _) = changed
            .wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| {
                !lines.ended && found(lines).is_none()
            })
            .unwrap();
        found(&lines)
            .unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", lines.lines.join("\n")))
    }

    /// Waits for the end and returns everything.
    pub(crate) fn wait_for_end(&self) -> String {
        let (lines, changed) = &*self.0;
        let (lines, timeout) = changed
            .wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| !lines.ended)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "it does not end:\n{}",
            lines.lines.join("\n")
        );
        lines.lines.join("\n")
    }

    /// How many lines with `text` there are now.
    pub(crate) fn count(&self, text: &str) -> usize {
        let lines = self.0.0.lock().unwrap();
        lines
            .lines
            .iter()
            .filter(|line| line.contains(text))
            .count()
    }
}
