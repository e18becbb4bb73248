//! What a member's manifest leaves to the workspace: versions and lints.

use std::fs;

use anyhow::{Context as _, Result};
use cargo_metadata::Metadata;
use toml::{Table, Value};

/// All violations, in words.
pub(crate) fn violations(metadata: &Metadata) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path)
            .with_context(|| format!("cannot read {}", package.manifest_path))?;
        let manifest: Table = manifest
            .parse()
            .with_context(|| format!("{} is not TOML", package.manifest_path))?;
        violations.extend(
            own_settings(&manifest)
                .into_iter()
                .map(|violation| format!("{}: {violation}", package.name)),
        );
    }
    Ok(violations)
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
}
