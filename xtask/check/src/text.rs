//! What must not stand in the repository's text.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The only file that says how keys of the store begin; the modules of keys build them with it.
const KEYS: &str = "crates/sync-redis/src/lib.rs";
/// Tests from outside: they name keys to look at what is in the store, and prove nothing if they ask the module under
/// test for the names.
const TESTS: &str = "tests/";
/// How a key of the store begins in source text. Written in two parts, or this line would be found.
const KEY: &str = concat!("\"rhosync", ":");
/// How the folders of a person's own begin. In two parts for the same reason.
const HOMES: [&str; 3] = [
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "Users/"),
];

/// All violations, in words.
pub(crate) fn violations(root: &Path) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for file in files(root)? {
        // What is not text, or is gone by now, has nothing to say.
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else {
            continue;
        };
        violations.extend(
            text.lines()
                .zip(1..)
                .flat_map(|(line, number)| {
                    problems(&file, line).map(move |problem| (number, problem))
                })
                .map(|(number, problem)| format!("{file}:{number}: {problem}")),
        );
    }
    Ok(violations)
}

/// The files under version control, and those that will be.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let list = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    if !list.status.success() {
        bail!(
            "git does not list the files: {}",
            String::from_utf8_lossy(&list.stderr).trim()
        );
    }
    let names = String::from_utf8(list.stdout).context("a file's name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

fn problems<'a>(file: &'a str, line: &'a str) -> impl Iterator<Item = &'static str> {
    let is_source = Path::new(file)
        .extension()
        .is_some_and(|kind| kind == "rs" || kind == "lua");
    let is_comment = line.trim_start().starts_with("//") || line.trim_start().starts_with("--");
    let builds_key = is_source
        && file != KEYS
        && !file.starts_with(TESTS)
        && !file.contains(&format!("/{TESTS}"))
        && !is_comment
        && line.contains(KEY);
    let names_home = HOMES.iter().any(|home| line.contains(home));
    [
        (
            builds_key,
            "builds a key of the store; only the module of keys does that",
        ),
        (names_home, "names a folder of somebody's own machine"),
    ]
    .into_iter()
    .filter_map(|(found, problem)| found.then_some(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, line: &str) -> usize {
        problems(file, line).count()
    }

    #[test]
    fn keys_are_built_in_one_place() {
        let line = format!("    let key = format!({KEY}{{id}}\");");
        assert_eq!(found("jobs/src/lib.rs", &line), 1);
        assert_eq!(found(KEYS, &line), 0);
        assert_eq!(found("tests/tests/faults.rs", &line), 0);
        assert_eq!(found("spin.toml", &line), 0);
        assert_eq!(found("jobs/src/lib.rs", &format!("    // {line}")), 0);
    }

    #[test]
    fn folders_of_a_machine_are_found_everywhere() {
        assert_eq!(
            found("README.md", &format!("see {}me/rhosync", HOMES[0])),
            1
        );
        assert_eq!(found("README.md", "see ./home"), 0);
    }
}
