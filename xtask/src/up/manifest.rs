//! The manifest a run uses: `spin.toml`, or a copy where cargo builds somewhere else than it says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

use crate::workspace::Workspace;

/// The path of the manifest to run.
///
/// `spin.toml` names what cargo builds in `target/`. With another target directory the run gets an
/// application folder of its own, `.rhosync/app/`, with the manifest put right and the files it mounts, as
/// those have to be in the application's folder.
pub(crate) fn manifest(workspace: &Workspace) -> Result<PathBuf> {
    let original = workspace.root.join("spin.toml");
    if workspace.target == workspace.root.join("target") {
        return Ok(original);
    }
    let app = workspace.state().join("app");
    let mut manifest: Table = fs::read_to_string(&original)
        .context("cannot read spin.toml")?
        .parse()
        .context("spin.toml is not TOML")?;
    point_to(&mut manifest, &workspace.target);
    for file in mounted_files(&manifest)? {
        copy(&workspace.root.join(file), &app.join(file))?;
    }
    let copy = app.join("spin.toml");
    fs::create_dir_all(&app)?;
    fs::write(&copy, toml::to_string(&manifest)?)
        .with_context(|| format!("cannot write {}", copy.display()))?;
    Ok(copy)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Makes the components' `target/…` point to where cargo builds.
fn point_to(manifest: &mut Table, target: &Path) {
    let components = manifest.get_mut("component").and_then(Value::as_table_mut);
    for (_, component) in components.into_iter().flatten() {
        if let Some(Value::String(source)) = component.get_mut("source")
            && let Ok(built) = Path::new(source).strip_prefix("target")
        {
            *source = target.join(built).to_string_lossy().into_owned();
        }
    }
}

/// The files that components see, relative to the manifest.
fn mounted_files(manifest: &Table) -> Result<Vec<&str>> {
    let components = manifest.get("component").and_then(Value::as_table);
    let mut files = Vec::new();
    for (name, component) in components.into_iter().flatten() {
        for file in component
            .get("files")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            match file.get("source").and_then(Value::as_str) {
                Some(source) => files.push(source),
                None => bail!(
                    "component {name} mounts files by a pattern: only {{ source, destination }} is supported"
                ),
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_where_cargo_builds_and_files_where_they_were() {
        let mut manifest: Table = r#"
            [component.a]
            source = "target/wasm32-wasip2/release/a.wasm"
            files = [{ source = "examples/x.toml", destination = "/x.toml" }]
            [component.b]
            source = { url = "https://example.com/b.wasm", digest = "sha256:00" }
        "#
        .parse()
        .unwrap();
        let other = manifest["component"]["b"].clone();
        point_to(&mut manifest, Path::new("/elsewhere"));
        assert_eq!(
            manifest["component"]["a"]["source"].as_str(),
            Some("/elsewhere/wasm32-wasip2/release/a.wasm")
        );
        assert_eq!(manifest["component"]["b"], other);
        assert_eq!(mounted_files(&manifest).unwrap(), ["examples/x.toml"]);
    }

    #[test]
    fn a_pattern_of_files_is_not_passed_over() {
        let manifest: Table = "[component.a]\nfiles = [\"assets/*\"]".parse().unwrap();
        assert!(
            mounted_files(&manifest)
                .unwrap_err()
                .to_string()
                .contains("component a")
        );
    }
}
