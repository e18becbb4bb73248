//! The manifest a run uses: `spin.toml`, with its paths put right where cargo builds somewhere else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::workspace::Workspace;

/// The path of the manifest to run.
pub(crate) fn manifest(workspace: &Workspace) -> Result<PathBuf> {
    let original = workspace.root.join("spin.toml");
    if workspace.target == workspace.root.join("target") {
        return Ok(original);
    }
    let text = fs::read_to_string(&original).context("cannot read spin.toml")?;
    let copy = workspace.state().join("spin.toml");
    fs::create_dir_all(workspace.state())?;
    fs::write(&copy, rewrite(&text, &workspace.root, &workspace.target)?)
        .with_context(|| format!("cannot write {}", copy.display()))?;
    Ok(copy)
}

/// Makes the paths of a manifest absolute, `target/…` below cargo's target directory.
fn rewrite(manifest: &str, root: &Path, target: &Path) -> Result<String> {
    let mut manifest: Table = manifest.parse().context("spin.toml is not TOML")?;
    let absolute = |path: &mut Value| {
        if let Value::String(path) = path {
            let below_target = Path::new(path.as_str())
                .strip_prefix("target")
                .map(|rest| target.join(rest));
            *path = below_target
                .unwrap_or_else(|_| root.join(&*path))
                .to_string_lossy()
                .into_owned();
        }
    };
    let components = manifest.get_mut("component").and_then(Value::as_table_mut);
    for (_, component) in components.into_iter().flatten() {
        component.get_mut("source").map(absolute);
        for file in component
            .get_mut("files")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            match file {
                Value::Table(file) => {
                    file.get_mut("source").map(absolute);
                }
                pattern => absolute(pattern),
            }
        }
    }
    Ok(toml::to_string(&manifest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_point_to_where_cargo_builds() {
        let manifest = r#"
            spin_manifest_version = 2
            [component.a]
            source = "target/wasm32-wasip2/release/a.wasm"
            files = [{ source = "examples/x.toml", destination = "/x.toml" }, "assets/*"]
            [component.b]
            source = "b.wasm"
        "#;
        let rewritten: Table = rewrite(manifest, Path::new("/repo"), Path::new("/elsewhere"))
            .unwrap()
            .parse()
            .unwrap();
        let a = &rewritten["component"]["a"];
        assert_eq!(
            a["source"].as_str(),
            Some("/elsewhere/wasm32-wasip2/release/a.wasm")
        );
        assert_eq!(
            a["files"][0]["source"].as_str(),
            Some("/repo/examples/x.toml")
        );
        assert_eq!(a["files"][0]["destination"].as_str(), Some("/x.toml"));
        assert_eq!(a["files"][1].as_str(), Some("/repo/assets/*"));
        assert_eq!(
            rewritten["component"]["b"]["source"].as_str(),
            Some("/repo/b.wasm")
        );
    }
}
