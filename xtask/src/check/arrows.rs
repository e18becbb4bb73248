//! Which crate may depend on which, and where versions and lints are set.

use std::fs;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Package};
use toml::{Table, Value};

use crate::workspace::Workspace;

/// What a crate of ours may use of the others. One that is not listed may use all of them.
const ARROWS: [(&str, &[&str]); 6] = [
    ("sync-proto", &[]),
    ("sync-core", &["sync-proto"]),
    ("sync-spin", &["sync-core", "sync-proto"]),
    ("sync-client", &["sync-proto"]),
    ("dev-host", &[]),
    ("admin-ui", &["sync-proto"]),
];

/// All violations, in words.
pub(super) fn violations(workspace: &Workspace) -> Result<Vec<String>> {
    let ours: Vec<&str> = workspace
        .members()
        .map(|package| package.name.as_str())
        .collect();
    let mut violations = Vec::new();
    for package in workspace.members() {
        violations.extend(forbidden_arrows(package, &ours));
        let manifest = fs::read_to_string(&package.manifest_path)
            .with_context(|| format!("cannot read {}", package.manifest_path))?;
        let manifest: Table = manifest
            .parse()
            .with_context(|| format!("{} is not TOML", package.manifest_path))?;
        let found = own_settings(&manifest);
        violations.extend(
            found
                .into_iter()
                .map(|violation| format!("{}: {violation}", package.name)),
        );
    }
    Ok(violations)
}

/// Dependencies that lead where none may lead. Those of tests are free.
fn forbidden_arrows(package: &Package, ours: &[&str]) -> Vec<String> {
    let name = package.name.as_str();
    let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else {
        return Vec::new();
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
        .filter(|used| ours.contains(used) && !allowed.contains(used))
        .map(|used| format!("{name}: must not depend on {used}"))
        .collect()
}

/// What a member sets for itself although the workspace does.
fn own_settings(manifest: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    let inherits = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
    if !manifest.get("lints").is_some_and(inherits) {
        violations.push("does not inherit the lints of the workspace".to_owned());
    }
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table)
        .chain([manifest]);
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, dependency) in table
                .get(kind)
                .and_then(Value::as_table)
                .into_iter()
                .flatten()
            {
                if !inherits(dependency) {
                    violations.push(format!(
                        "the version of {name} belongs into the table of the workspace"
                    ));
                }
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_lints_of_a_members_own_are_found() {
        let found = own_settings(
            &r#"
            [dependencies]
            serde = { workspace = true, features = ["rc"] }
            http = "1"
            [target.'cfg(unix)'.dev-dependencies]
            rustix = { version = "1" }
            "#
            .parse()
            .unwrap(),
        );
        assert_eq!(
            found,
            [
                "does not inherit the lints of the workspace",
                "the version of rustix belongs into the table of the workspace",
                "the version of http belongs into the table of the workspace",
            ]
        );
        assert!(own_settings(&"lints.workspace = true".parse().unwrap()).is_empty());
    }

    #[test]
    fn every_arrow_is_about_a_crate_that_exists() {
        let workspace = Workspace::load().unwrap();
        let ours: Vec<&str> = workspace
            .members()
            .map(|package| package.name.as_str())
            .collect();
        for (name, allowed) in ARROWS {
            assert!(
                ours.contains(&name) && allowed.iter().all(|name| ours.contains(name)),
                "{name}"
            );
        }
    }

    #[test]
    fn an_arrow_outwards_is_forbidden() {
        let workspace = Workspace::load().unwrap();
        let package = workspace
            .members()
            .find(|package| package.name == "sync-client")
            .unwrap();
        assert!(forbidden_arrows(package, &["sync-proto", "sync-core"]).is_empty());
        let found = forbidden_arrows(package, &["sync-proto", "serde"]);
        assert_eq!(found, ["sync-client: must not depend on serde"]);
    }
}
