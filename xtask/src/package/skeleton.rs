//! What `rhosync new` copies: the example with a back end and a web app, as it is outside of the repository.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::{Component, copy_tree, write};
use crate::bundles::WEB_LIBRARY;
use crate::workspace::Workspace;

/// The example.
const EXAMPLE: &str = "examples/field-service";
/// What it consists of.
const FILES: [&str; 4] = [".gitignore", "README.md", "rhosync.toml", "spin.toml"];
const FOLDERS: [&str; 2] = ["back-end", "web"];
/// The manifest among them.
const MANIFEST: &str = "spin.toml";
/// Where the example takes the components from.
const OWN_COMPONENTS: &str = "../../target/wasm32-wasip2/release";
/// Where the web app has the library.
const LIBRARY: &str = "web/rhosync";
/// Its name in the package.
const SKELETON: &str = "skeleton";

/// Writes it into the package. The components are at `place`, a folder or an address.
pub(super) fn write_skeleton(
    workspace: &Workspace,
    components: &[Component],
    place: &str,
    package: &Path,
) -> Result<()> {
    let example = workspace.root.join(EXAMPLE);
    let skeleton = package.join(SKELETON);
    for folder in FOLDERS {
        copy_tree(&example.join(folder), &skeleton.join(folder))?;
    }
    for file in FILES {
        let text = fs::read_to_string(example.join(file))
            .with_context(|| format!("cannot read {EXAMPLE}/{file}"))?;
        let text = match file {
            MANIFEST => with_components(&text, components, place)?,
            _ => text,
        };
        write(&skeleton.join(file), &text)?;
    }
    // Whoever tries the example out in the repository has some library there.
    let library = skeleton.join(LIBRARY);
    if library.exists() {
        fs::remove_dir_all(&library).with_context(|| format!("cannot empty {LIBRARY}"))?;
    }
    let made = WEB_LIBRARY.dist(workspace);
    ensure!(
        made.join("index.js").is_file(),
        "there is no library for browsers: `cargo xtask build web-library` makes it"
    );
    copy_tree(&made, &library)
}

/// The manifest with the components of the release.
fn with_components(manifest: &str, components: &[Component], place: &str) -> Result<String> {
    let mut manifest = manifest.to_owned();
    for Component { file, sha256, .. } in components {
        let own = format!("\"{OWN_COMPONENTS}/{file}\"");
        ensure!(
            manifest.matches(&own).count() == 1,
            "{EXAMPLE}/{MANIFEST} does not take {file} from {OWN_COMPONENTS}"
        );
        let source = match place.contains("://") {
            true => format!("{{ url = \"{place}/{file}\", digest = \"sha256:{sha256}\" }}"),
            false => format!("{:?}", format!("{place}/{file}")),
        };
        manifest = manifest.replace(&own, &source);
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::component;

    #[test]
    fn the_manifest_names_the_components_of_the_release() {
        let manifest = format!("source = \"{OWN_COMPONENTS}/sync_handler.wasm\"\n");
        let made = |place| with_components(&manifest, &[component()], place).unwrap();
        assert_eq!(
            made("https://example.com/1"),
            "source = { url = \"https://example.com/1/sync_handler.wasm\", digest = \"sha256:00ff\" }\n"
        );
        assert_eq!(made("/a/b"), "source = \"/a/b/sync_handler.wasm\"\n");
        with_components("", &[component()], "/a/b").unwrap_err();
    }
}
