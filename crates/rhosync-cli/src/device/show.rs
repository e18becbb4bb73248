//! How a device shows itself at a terminal.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use sync_client::{Applied, Attributes, Progress, Replica, SyncReport};

use crate::term::{BAD, FAINT, GOOD, NOTE, counted, duration, say};

/// Most attributes that a table shows; the rest is in `list ID`.
const COLUMNS: usize = 8;
/// Most changed objects that are named one by one.
const FEW: usize = 10;
/// Most characters of a value.
const WIDTH: usize = 40;

/// Shows the objects of a replica, at most `limit`.
pub(crate) fn table(replica: &Replica, limit: usize) {
    let mut objects: Vec<_> = replica.objects().collect();
    // What waits for the server first. Most back ends count: 9 comes before 10, and names after all numbers.
    objects.sort_by_key(|(id, _)| (!replica.is_pending(id), id.parse().unwrap_or(u64::MAX)));
    if objects.is_empty() {
        say!("{FAINT}{} is empty.{FAINT:#}", replica.source());
        return;
    }
    let shown = objects.get(..limit).unwrap_or(&objects);
    if !shown.is_empty() {
        say!("{}", drawn(replica, shown));
    }
    let mut words = counted(objects.len(), "object");
    if shown.len() < objects.len() {
        words = format!("{words}, {} shown (--limit)", shown.len());
    }
    if shown.iter().any(|(id, _)| replica.is_pending(id)) {
        words.push_str("; * waits for the server");
    }
    say!("{FAINT}{words}{FAINT:#}");
}

fn drawn(replica: &Replica, shown: &[(&str, Cow<'_, Attributes>)]) -> Table {
    let columns = columns(shown);
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = terminal_width() {
        table.set_width(width);
    }
    table.set_header(["", "id"].into_iter().chain(columns.iter().copied()));
    for (id, attributes) in shown {
        let mark = if replica.is_pending(id) { "*" } else { "" };
        let values = columns.iter().map(|&name| {
            attributes
                .get(name)
                .map_or(Cow::Borrowed(""), |value| short(value))
        });
        table.add_row([Cow::Borrowed(mark), short(id)].into_iter().chain(values));
    }
    table
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

/// The attributes that most of these objects have, by name.
fn columns<'a>(objects: &'a [(&str, Cow<'_, Attributes>)]) -> Vec<&'a str> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, attributes) in objects {
        for name in attributes.keys() {
            *uses.entry(name).or_default() += 1;
        }
    }
    let mut names: Vec<_> = uses.into_iter().collect();
    names.sort_by_key(|&(_, uses)| std::cmp::Reverse(uses));
    names.truncate(COLUMNS);
    let names: BTreeSet<_> = names.into_iter().map(|(name, _)| name).collect();
    names.into_iter().collect()
}

/// A value as it fits into a line.
fn short(value: &str) -> Cow<'_, str> {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    if value.chars().count() <= WIDTH && !value.contains(char::is_control) {
        return Cow::Borrowed(value);
    }
    let mut short: String = value.chars().map(plain).take(WIDTH - 1).collect();
    if value.chars().count() > WIDTH {
        short.push('…');
    }
    Cow::Owned(short)
}

/// The width of the terminal that is written to; none when it is a file or a pipe.
fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_control_characters_do_not_reach_the_terminal() {
        assert_eq!(short("Lamp"), "Lamp");
        assert_eq!(short("a\u{1b}[31mb\nc"), "a [31mb c");
        let cut = short(&"ż".repeat(100)).into_owned();
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (WIDTH, true));
    }

    #[test]
    fn the_columns_are_what_most_objects_have() {
        let object = |names: &[&str]| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), String::new()))
                .collect()
        };
        let many: Vec<String> = (0..COLUMNS).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let objects: Vec<(&str, Cow<'_, Attributes>)> = vec![
            ("1", Cow::Owned(object(&many))),
            ("2", Cow::Owned(object(&many))),
            ("3", Cow::Owned(object(&["a"]))),
        ];
        assert_eq!(columns(&objects), many);
    }
}
