//! What came out, on the terminal and as `docs/benchmarks.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, TableStyle, presets};

use crate::cost::Cost;
use crate::rows::{Comparison, Side};

/// A measured row.
pub(crate) struct Row {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What exactly is measured.
    pub(crate) meaning: &'static str,
    /// What came out.
    pub(crate) comparison: Comparison,
}

/// A budget of the project, and whether it is kept.
pub(crate) struct Budget {
    /// What it is about.
    pub(crate) what: String,
    /// What was measured, with its unit.
    pub(crate) measured: String,
    /// What was aimed at, with its unit.
    pub(crate) aim: String,
    /// Whether it is met.
    pub(crate) is_met: bool,
}

impl Budget {
    /// Of what is to be at least so much.
    pub(crate) fn at_least(what: &str, measured: f64, aim: f64, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            measured: format!("{measured:.1} {unit}"),
            aim: format!("≥ {aim} {unit}"),
            is_met: measured >= aim,
        }
    }

    /// Says how much of the processor the load took, compared with the server. With more than `most` a ratio does not count.
    pub(crate) fn note_load(&mut self, share: f64, most: f64) {
        let percent = share * 100.0;
        let verdict = if share > most { "; does not count" } else { "" };
        let _ = write!(self.measured, " (load {percent:.0} %{verdict})");
        self.is_met &= share <= most;
    }

    /// Of what is to be at most so much.
    pub(crate) fn at_most(what: &str, measured: f64, aim: f64, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            measured: format!("{measured:.1} {unit}"),
            aim: format!("≤ {aim} {unit}"),
            is_met: measured <= aim,
        }
    }
}

/// Everything that came out.
#[derive(Default)]
pub(crate) struct Report {
    /// The rows that are compared with the bare component.
    pub(crate) rows: Vec<Row>,
    /// The large source against the small one.
    pub(crate) size: Option<Comparison>,
    /// The budgets.
    pub(crate) budgets: Vec<Budget>,
}

impl Report {
    /// Whether every budget that was looked at is met.
    pub(crate) fn is_met(&self) -> bool {
        self.budgets.iter().all(|budget| budget.is_met)
    }

    /// How fast it is.
    pub(crate) fn speed(&self, style: TableStyle) -> Table {
        let mut table = table(
            style,
            &[
                "",
                "per second",
                "p50 ms",
                "p99 ms",
                "server CPU µs",
                "Redis CPU µs",
                "load CPU µs",
                "bare per second",
                "of bare",
            ],
        );
        for Row {
            name, comparison, ..
        } in &self.rows
        {
            let Comparison {
                measured,
                base,
                ratio,
                ..
            } = comparison;
            let mut cells = side(name, measured);
            cells.extend([format!("{:.0}", base.rate), format!("{ratio:.2}")]);
            table.add_row(cells);
        }
        if let Some(Comparison { measured, base, .. }) = &self.size {
            for (name, of) in [
                ("100 changes in 1 000 objects", base),
                ("100 changes in 100 000 objects", measured),
            ] {
                table.add_row(side(name, of));
            }
        }
        // All rounds of the bare component look alike; those of the first row stand for them.
        if let Some(Row { comparison, .. }) = self.rows.first() {
            table.add_row(side("bare component", &comparison.base));
        }
        table
    }

    /// What a request costs.
    pub(crate) fn costs(&self, style: TableStyle) -> Table {
        let mut table = table(
            style,
            &[
                "",
                "Redis round trips",
                "bytes sent",
                "bytes received",
                "commands",
                "commands that scripts run",
            ],
        );
        let rows = self.rows.iter().map(|row| (row.name, &row.comparison.cost));
        let size = self
            .size
            .iter()
            .map(|size| ("100 changes in 100 000 objects", &size.cost));
        for (name, cost) in rows.chain(size) {
            let Cost {
                commands,
                inside_scripts,
                round_trips,
                sent,
                received,
            } = cost;
            table.add_row([
                name.to_owned(),
                format!("{round_trips:.2}"),
                format!("{sent:.0}"),
                format!("{received:.0}"),
                counts(commands),
                counts(inside_scripts),
            ]);
        }
        for column in 4..6 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Left);
            }
        }
        table
    }

    /// What was aimed at.
    pub(crate) fn aims(&self, style: TableStyle) -> Table {
        let mut table = table(style, &["", "measured", "budget", ""]);
        for Budget {
            what,
            measured,
            aim,
            is_met,
        } in &self.budgets
        {
            let verdict = if *is_met { "met" } else { "missed" };
            table.add_row([what, measured, aim, verdict]);
        }
        table
    }

    /// The page of the documentation.
    pub(crate) fn page(&self, facts: &[(&str, String)]) -> String {
        let mut machine = table(presets::ASCII_MARKDOWN, &["", "of this run"]);
        for (name, value) in facts {
            machine.add_row([*name, value]);
        }
        if let Some(column) = machine.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Left);
        }
        let mut meanings = String::new();
        for Row { name, meaning, .. } in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(meanings, "- **{name}**: {meaning}");
        }
        format!(
            include_str!("page.md"),
            machine = machine,
            budgets = self.aims(presets::ASCII_MARKDOWN),
            speed = self.speed(presets::ASCII_MARKDOWN),
            costs = self.costs(presets::ASCII_MARKDOWN),
            meanings = meanings.trim_end(),
        )
    }
}

fn table(style: TableStyle, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn side(name: &str, side: &Side) -> Vec<String> {
    let quantile = |quantile| {
        format!(
            "{:.2}",
            side.latency.value_at_quantile(quantile) as f64 / 1_000.0
        )
    };
    let micros = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1e6);
    vec![
        name.to_owned(),
        format!("{:.0}", side.rate),
        quantile(0.5),
        quantile(0.99),
        micros(side.cpu.server),
        micros(side.cpu.store),
        micros(side.cpu.load),
    ]
}

/// `2 HGET, 1 EVALSHA, 0.01 GET`.
fn counts(commands: &BTreeMap<String, f64>) -> String {
    let counts: Vec<String> = commands
        .iter()
        .map(|(name, count)| {
            let count = format!("{count:.2}");
            let count = count.trim_end_matches('0').trim_end_matches('.');
            format!("{count} {name}")
        })
        .collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_short() {
        let commands = [("GET", 10.0), ("HGET", 1.0), ("SET", 0.0078125)];
        let commands = commands.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(counts(&commands.into()), "10 GET, 1 HGET, 0.01 SET");
    }
}
