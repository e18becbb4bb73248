//! How findings show themselves.

use std::borrow::Cow;

use anstyle::Style;
use anyhow::Result;
use serde_json::{Value, json};

use super::compare::Changes;
use super::problem::Problem;
use super::trial::Findings;
use crate::table;
use crate::term::{BAD, FAINT, GOOD, NOTE, counted, say};

/// Most ids that are named one by one.
const FEW: usize = 10;

/// What is reported.
pub(super) struct Report<'a> {
    /// The settings file.
    pub(super) file: &'a str,
    /// The source.
    pub(super) source: &'a str,
    /// The user.
    pub(super) user: &'a str,
    /// Most objects that a table shows.
    pub(super) limit: usize,
    /// How often the back end was asked.
    pub(super) requests: usize,
    pub(super) findings: &'a Findings,
    /// What a query would change on the server.
    pub(super) changes: Option<&'a Changes>,
}

impl Report<'_> {
    /// Prints it.
    pub(super) fn print(&self, json: bool) -> Result<()> {
        if json {
            let mut shown = serde_json::to_value(self.findings)?;
            if let Value::Object(members) = &mut shown {
                members.insert("source".to_owned(), self.source.into());
                members.insert("user".to_owned(), self.user.into());
                members.insert("requests".to_owned(), self.requests.into());
                members.insert("changes".to_owned(), json!(self.changes));
            }
            say!("{}", serde_json::to_string_pretty(&shown)?);
            return Ok(());
        }
        self.print_objects();
        for (name, text) in [
            ("metadata", &self.findings.metadata),
            ("schema", &self.findings.schema),
        ] {
            if let Some(text) = text {
                say!("{FAINT}{name}{FAINT:#}  {}", table::short(text));
            }
        }
        if let Some(changes) = self.changes {
            print_changes(changes);
        }
        for step in &self.findings.written {
            say!("{NOTE}test record{NOTE:#}: {step}");
        }
        for note in &self.findings.notes {
            print_problem(self.file, note, NOTE);
        }
        print_problems(self.file, &self.findings.problems);
        Ok(())
    }

    fn print_objects(&self) {
        let objects = &self.findings.objects;
        let mut all: Vec<_> = objects
            .iter()
            .map(|(id, attributes)| (id.as_str(), Cow::Borrowed(attributes)))
            .collect();
        // Most back ends count: 9 comes before 10, and names after all numbers.
        all.sort_by_key(|(id, _)| id.parse().unwrap_or(u64::MAX));
        let shown = all.get(..self.limit).unwrap_or(&all);
        if !shown.is_empty() {
            say!("{}", table::objects(shown, None));
        }
        let mut words = counted(all.len(), "object");
        if shown.len() < all.len() {
            words = format!("{words}, {} shown (--limit)", shown.len());
        }
        let requests = counted(self.requests, "request");
        say!(
            "{FAINT}{}: {words} by {requests}, for {}{FAINT:#}",
            self.source,
            self.user
        );
    }
}

fn print_changes(changes: &Changes) {
    let Changes {
        added,
        changed,
        removed,
    } = changes;
    say!(
        "On the server, {} would be new, {} would change, {} would go.",
        added.len(),
        changed.len(),
        removed.len()
    );
    let marks = [
        (GOOD, "+", added),
        (NOTE, "~", changed),
        (BAD, "-", removed),
    ];
    for (style, mark, ids) in marks {
        let few: Vec<_> = ids.iter().take(FEW).map(String::as_str).collect();
        let more = if ids.len() > FEW { " …" } else { "" };
        if !few.is_empty() {
            say!("{style}{mark} {}{more}{style:#}", few.join(" "));
        }
    }
}

fn print_problem(file: &str, Problem { key, line, message }: &Problem, style: Style) {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    say!("{style}{file}{line}: {key}{style:#}: {message}");
}

/// Prints problems as compilers do: with file, line and key.
pub(super) fn print_problems(file: &str, problems: &[Problem]) {
    for problem in problems {
        print_problem(file, problem, BAD);
    }
    match problems.len() {
        0 => say!("{GOOD}No problem was found.{GOOD:#}"),
        count => say!("{BAD}{}{BAD:#}", counted(count, "problem")),
    }
}
