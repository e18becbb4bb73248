//! How a device shows itself at a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sync_client::rhoconnect::{Applied, Attributes, Progress, Replica, SyncReport};

use crate::table::{objects, short};
use crate::term::{BAD, FAINT, GOOD, NOTE, counted, duration, say};

/// Most changed objects that are named one by one.
const FEW: usize = 10;

/// Shows the objects of a replica, at most `limit`.
pub(crate) fn table(replica: &Replica, limit: usize) {
    let mut all: Vec<_> = replica.objects().collect();
    // What waits for the server first. Most back ends count: 9 comes before 10, and names after all numbers.
    all.sort_by_key(|(id, _)| (!replica.is_pending(id), id.parse().unwrap_or(u64::MAX)));
    if all.is_empty() {
        say!("{FAINT}{} is empty.{FAINT:#}", replica.source());
        return;
    }
    let shown = all.get(..limit).unwrap_or(&all);
    if !shown.is_empty() {
        let mark = |id: &str| if replica.is_pending(id) { "*" } else { "" };
        say!("{}", objects(shown, Some(&mark)));
    }
    let mut words = counted(all.len(), "object");
    if shown.len() < all.len() {
        words = format!("{words}, {} shown (--limit)", shown.len());
    }
    if shown.iter().any(|(id, _)| replica.is_pending(id)) {
        words.push_str("; * waits for the server");
    }
    say!("{FAINT}{words}{FAINT:#}");
}

/// Shows one object whole.
pub(crate) fn object(id: &str, attributes: &Attributes) {
    say!("{GOOD}{id}{GOOD:#}");
    let width = attributes.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in attributes {
        say!("    {FAINT}{name:width$}{FAINT:#}  {value}");
    }
}

/// Says what a run did: how much, and what where it is little.
pub(crate) fn report(replica: &Replica, report: &SyncReport, took: Duration) {
    let Applied {
        added,
        changed,
        removed,
        linked,
        ..
    } = &report.applied;
    let mut done = Vec::new();
    if report.pushed.total() > 0 {
        done.push(format!("sent {}", counted(report.pushed.total(), "change")));
    }
    let got = [(added, "new"), (changed, "changed"), (removed, "removed")];
    done.extend(
        got.iter()
            .filter(|(ids, _)| !ids.is_empty())
            .map(|(ids, what)| format!("{} {what}", ids.len())),
    );
    if !linked.is_empty() {
        done.push(format!("{} created", linked.len()));
    }
    let done = if done.is_empty() {
        "nothing new".to_owned()
    } else {
        done.join(", ")
    };
    say!(
        "{GOOD}{}{GOOD:#}: {done} {FAINT}({}){FAINT:#}",
        replica.source(),
        duration(took)
    );
    if added.len() + changed.len() + removed.len() + linked.len() <= FEW {
        changes(replica, &report.applied);
    } else {
        problems(&report.applied);
    }
    if replica.has_changes() {
        say!("{NOTE}Some changes still wait for the server.{NOTE:#}");
    }
}

/// Says, object by object, what a run brought.
pub(crate) fn changes(replica: &Replica, applied: &Applied) {
    let values = |id: &str| {
        let attributes = replica.get(id).unwrap_or_default();
        let pairs: Vec<_> = attributes
            .iter()
            .map(|(name, value)| format!("{name}={}", short(value)))
            .collect();
        pairs.join(" ")
    };
    for id in &applied.added {
        say!("{GOOD}+ {id}{GOOD:#}  {}", values(id));
    }
    for id in &applied.changed {
        say!("{NOTE}~ {id}{NOTE:#}  {}", values(id));
    }
    for id in &applied.removed {
        say!("{BAD}- {id}{BAD:#}");
    }
    for (temporary, id) in &applied.linked {
        say!("{GOOD}= {id}{GOOD:#}  {FAINT}was {temporary}{FAINT:#}");
    }
    problems(applied);
}

/// Tells what the server or the back end did not like.
pub(crate) fn problems(applied: &Applied) {
    if applied.schema_changed {
        say!("{NOTE}The source has a new schema: everything was read anew.{NOTE:#}");
    }
    for error in &applied.source_errors {
        say!("{BAD}{}{BAD:#}: {}", error.kind, error.message);
    }
    for rejection in &applied.rejections {
        say!(
            "{BAD}{} of {} was refused{BAD:#}: {}",
            rejection.operation,
            rejection.id,
            rejection.message
        );
    }
}

/// A bar that appears when a run takes more than one page.
#[derive(Debug, Default)]
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    /// Moves the bar.
    pub(crate) fn advance(&mut self, source: &str, progress: Progress) {
        let Progress {
            received,
            present,
            total,
        } = progress;
        if self.bar.is_none() && present + received >= total {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} objects, {eta} left");
            let bar = ProgressBar::new(total).with_message(source.to_owned());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(total.max(received));
        bar.set_position(received);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
