//! `package`: makes what a release has, from which applications are made without this repository.

mod skeleton;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::build::{self, COMPONENTS, Part};
use crate::process::run;
use crate::term;
use crate::workspace::{Native, Workspace};

/// The template, in the repository and in the package: `spin templates install` looks for it there.
const TEMPLATE: &str = "templates/rhosync";
/// What tells the template the digest of a component's file.
const DIGESTS: &str = "metadata/partials/digest.liquid";
/// What the template says of its parameters.
const PARAMETERS: &str = "metadata/spin-template.toml";
/// Where an application's components are if its maker says nothing, as it stands in the repository's template.
const DEFAULT: &str = "default = \"components\"";
/// The packed template, for `spin templates install --tar`.
const PACKED: &str = "rhosync-template.tar.gz";

/// Makes what a release has: the components with their digests, a Spin template that uses them, and what `rhosync new` copies.
#[derive(Debug, clap::Args)]
pub(crate) struct Package {
    /// Address of the folder from which the files will be downloaded. Applications made with the template take the
    /// components from there; without it, from the folder they are written to.
    #[arg(long, value_name = "ADDRESS", value_parser = web_address)]
    url: Option<String>,

    /// Folder of components that are built already, and the library for browsers with them; otherwise they are built first.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,

    /// Empty folder to write to [default: package/ in cargo's target folder, which is emptied].
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// A component's file, as the list tells of it.
#[derive(Debug, Serialize)]
struct Component {
    name: &'static str,
    file: String,
    /// Of SHA-256, in hexadecimal digits.
    sha256: String,
    bytes: usize,
}

/// The list that programs read.
#[derive(Debug, Serialize)]
struct List<'a> {
    version: &'a str,
    components: &'a [Component],
}

impl Package {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let from = match &self.from {
            Some(folder) => folder.clone(),
            None => {
                build::build(workspace, Part::Components, Native::Dev)?;
                build::build(workspace, Part::WebLibrary, Native::Dev)?;
                workspace.component_dir()
            }
        };
        let folder = self.empty_folder(workspace)?;
        term::step(format!("Packing into {}", folder.display()));

        let components = COMPONENTS
            .into_iter()
            .map(|name| copy_component(name, &from, &folder))
            .collect::<Result<Vec<_>>>()?;
        write(&folder.join("SHA256SUMS"), &sums(&components))?;
        let list = List {
            version: env!("CARGO_PKG_VERSION"),
            components: &components,
        };
        write(
            &folder.join("components.json"),
            &format!("{}\n", serde_json::to_string_pretty(&list)?),
        )?;

        let template = folder.join(TEMPLATE);
        copy_tree(&workspace.root.join(TEMPLATE), &template)?;
        write(&template.join(DIGESTS), &digests(&components))?;
        let place = match &self.url {
            Some(url) => url,
            None => folder.to_str().context("the target folder is not UTF-8")?,
        };
        let parameters = template.join(PARAMETERS);
        let text = fs::read_to_string(&parameters)
            .with_context(|| format!("cannot read {}", parameters.display()))?;
        write(&parameters, &with_default(&text, place)?)?;
        let mut tar = Command::new("tar");
        tar.arg("-C")
            .arg(&folder)
            .arg("-czf")
            .arg(folder.join(PACKED));
        tar.arg("templates");
        run(tar)?;
        skeleton::write_skeleton(workspace, &components, place, &folder)?;

        for component in &components {
            term::note(format!("{}  {} bytes", component.file, component.bytes));
        }
        let folder = folder.display();
        anstream::println!(
            "\nMake an application from it:\n\n    \
             spin templates install --dir {folder}\n    spin new -t rhosync my-app\n\n\
             or one with a back end and a web app in it:\n\n    \
             rhosync new my-app --release {folder}"
        );
        Ok(())
    }

    fn empty_folder(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = match &self.to {
            Some(folder) => folder.clone(),
            None => {
                let own = workspace.target.join("package");
                if own.exists() {
                    fs::remove_dir_all(&own)
                        .with_context(|| format!("cannot empty {}", own.display()))?;
                }
                own
            }
        };
        let shown = folder.display();
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {shown}"))?;
        let is_empty = fs::read_dir(&folder)?.next().is_none();
        ensure!(
            is_empty,
            "{shown} is not empty: name another folder with --to"
        );
        Ok(std::path::absolute(folder)?)
    }
}

fn web_address(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = !url.contains(['"', '\\', '?', '#']) && !url.contains(char::is_whitespace);
    if is_web && is_plain {
        Ok(url.to_owned())
    } else {
        Err("it has to be an address such as https://example.com/rhosync/0.1.0".to_owned())
    }
}

fn copy_component(name: &'static str, from: &Path, to: &Path) -> Result<Component> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let content = fs::read(from.join(&file)).with_context(|| format!("cannot read {file}"))?;
    fs::write(to.join(&file), &content).with_context(|| format!("cannot write {file}"))?;
    Ok(Component {
        name,
        sha256: base16ct::lower::encode_string(&Sha256::digest(&content)),
        bytes: content.len(),
        file,
    })
}

/// What `sha256sum --check` reads.
fn sums(components: &[Component]) -> String {
    components
        .iter()
        .map(|Component { file, sha256, .. }| format!("{sha256}  {file}\n"))
        .collect()
}

/// A partial template that knows the digest of each file, in the form of a manifest.
fn digests(components: &[Component]) -> String {
    let cases: String = components
        .iter()
        .map(|Component { file, sha256, .. }| format!("{{%- when '{file}' -%}}sha256:{sha256}\n"))
        .collect();
    format!("{{%- case file -%}}\n{cases}{{%- endcase -%}}\n")
}

/// The template's parameters with another place of the components.
fn with_default(parameters: &str, from: &str) -> Result<String> {
    ensure!(
        parameters.matches(DEFAULT).count() == 1,
        "{TEMPLATE}/{PARAMETERS} has no parameter with {DEFAULT}"
    );
    Ok(parameters.replace(DEFAULT, &format!("default = {from:?}")))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (path, to): (PathBuf, _) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_tree(&path, &to)?;
        } else {
            fs::copy(&path, to).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn component() -> Component {
        Component {
            name: "sync-handler",
            file: "sync_handler.wasm".to_owned(),
            sha256: "00ff".to_owned(),
            bytes: 2,
        }
    }

    #[test]
    fn digests_are_told_to_people_and_to_the_template() {
        assert_eq!(sums(&[component()]), "00ff  sync_handler.wasm\n");
        assert_eq!(
            digests(&[component()]),
            "{%- case file -%}\n{%- when 'sync_handler.wasm' -%}sha256:00ff\n{%- endcase -%}\n"
        );
    }

    #[test]
    fn the_template_in_the_repository_has_the_place_to_fill_in() {
        let parameters = include_str!("../../../templates/rhosync/metadata/spin-template.toml");
        let filled = with_default(parameters, "https://example.com/1").unwrap();
        assert!(filled.contains("default = \"https://example.com/1\""));
        with_default(&filled, "https://example.com/2").unwrap_err();
    }

    #[test]
    fn an_address_is_one_of_the_web_and_ends_without_a_slash() {
        assert_eq!(
            web_address("https://example.com/1/"),
            Ok("https://example.com/1".to_owned())
        );
        for text in [
            "example.com",
            "ftp://example.com",
            "https://a b",
            "https://a?b",
        ] {
            web_address(text).unwrap_err();
        }
    }
}
