//! The arrows: which crate may use which, and which of a crate's modules may use which.
//!
//! The [`table`](mod@table) is exact: an arrow that is missing there is an error, and so is one that the code does not have. What is used
//! stands above what uses it, so there are no circles.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, Package};

use crate::modules;

mod table;

use table::{CRATES, MODULES};

/// A crate of the workspace or a module of a crate, and what it may use of the others.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    uses: &'static [&'static str],
}

const fn row(name: &'static str, uses: &'static [&'static str]) -> Row {
    Row { name, uses }
}

/// What is used, and where.
type Used = BTreeMap<String, String>;

/// All violations, in words.
pub(crate) fn violations(metadata: &Metadata) -> Result<Vec<String>> {
    let packages = metadata.workspace_packages();
    let found = packages
        .iter()
        .map(|package| (package.name.to_string(), dependencies(package, &packages)))
        .collect();
    let mut violations = compare("the workspace", CRATES, &found);
    for (name, rows) in MODULES {
        if let Some(package) = packages.iter().find(|package| package.name == *name) {
            let src = package.manifest_path.with_file_name("src");
            violations.extend(compare(name, rows, &modules::read(src.as_std_path())?));
        }
    }
    Ok(violations)
}

/// The crates of ours that one depends on. What only its tests need is free.
fn dependencies(package: &Package, ours: &[&Package]) -> Used {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .filter(|dependency| ours.iter().any(|package| package.name == dependency.name))
        .map(|dependency| (dependency.name.clone(), package.manifest_path.to_string()))
        .collect()
}

/// How rows of the table differ from what is there.
fn compare(place: &str, rows: &[Row], found: &BTreeMap<String, Used>) -> Vec<String> {
    let mut violations = Vec::new();
    for (name, used) in found {
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            violations.push(format!("{place}: {name} is not in the table of arrows"));
            continue;
        };
        violations.extend(
            used.iter()
                .filter(|(to, _)| !row.uses.contains(&to.as_str()))
                .map(|(to, at)| format!("{place}: {name} must not use {to}, but does in {at}")),
        );
        violations.extend(
            row.uses
                .iter()
                .filter(|to| !used.contains_key(**to))
                .map(|to| format!("{place}: {name} does not use {to}; take that out of the table")),
        );
    }
    let mut above: Vec<&str> = Vec::new();
    for row in rows {
        if !found.contains_key(row.name) {
            violations.push(format!(
                "{place}: there is no {}; take it out of the table",
                row.name
            ));
        }
        violations.extend(
            row.uses
                .iter()
                .filter(|to| !above.contains(to))
                .map(|to| format!("{place}: {to} has to stand above {} in the table", row.name)),
        );
        above.push(row.name);
    }
    violations
}

/// The tables as the documentation has them.
pub(crate) fn markdown() -> String {
    let mut text = table("crate", CRATES);
    for (name, rows) in MODULES {
        // Writing to a text does not fail.
        let _ = write!(text, "\nInside `{name}`:\n\n{}", table("module", rows));
    }
    text
}

fn table(heading: &str, rows: &[Row]) -> String {
    let mut text = format!("| {heading} | may use |\n| --- | --- |\n");
    for Row { name, uses } in rows {
        let uses: Vec<_> = uses.iter().map(|name| format!("`{name}`")).collect();
        let uses = if uses.is_empty() {
            "—".to_owned()
        } else {
            uses.join(", ")
        };
        let _ = writeln!(text, "| `{name}` | {uses} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [Row; 2] = [
        Row {
            name: "model",
            uses: &[],
        },
        Row {
            name: "store",
            uses: &["model"],
        },
    ];

    fn found(arrows: &[(&str, &[&str])]) -> BTreeMap<String, Used> {
        let used = |to: &[&str]| {
            to.iter()
                .map(|to| ((*to).to_owned(), "a.rs:7".to_owned()))
                .collect()
        };
        arrows
            .iter()
            .map(|(from, to)| ((*from).to_owned(), used(to)))
            .collect()
    }

    #[test]
    fn the_arrows_of_the_table_are_no_violations() {
        let found = found(&[("model", &[]), ("store", &["model"])]);
        assert!(compare("core", &ROWS, &found).is_empty());
    }

    #[test]
    fn a_new_arrow_is_told_with_its_place() {
        let found = found(&[("model", &["store"]), ("store", &["model"])]);
        assert_eq!(
            compare("core", &ROWS, &found),
            ["core: model must not use store, but does in a.rs:7"]
        );
    }

    #[test]
    fn a_name_that_is_not_listed_may_use_nothing() {
        let found = found(&[("model", &[]), ("news", &["model"]), ("store", &["model"])]);
        assert_eq!(
            compare("core", &ROWS, &found),
            ["core: news is not in the table of arrows"]
        );
    }

    #[test]
    fn the_table_names_what_is_there_and_no_more() {
        assert_eq!(
            compare("core", &ROWS, &found(&[("store", &[])])),
            [
                "core: store does not use model; take that out of the table",
                "core: there is no model; take it out of the table",
            ]
        );
    }

    #[test]
    fn a_circle_cannot_be_written_down() {
        let rows = [
            Row {
                name: "a",
                uses: &["b"],
            },
            Row {
                name: "b",
                uses: &["a"],
            },
        ];
        let found = found(&[("a", &["b"]), ("b", &["a"])]);
        assert_eq!(
            compare("core", &rows, &found),
            ["core: b has to stand above a in the table"]
        );
    }
}
