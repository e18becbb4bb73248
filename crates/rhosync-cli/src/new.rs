//! `rhosync new`: an application to begin with, which runs as it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use toml_edit::{DocumentMut, value};

use crate::advice::{advised, misused};
use crate::term::{FAINT, GOOD, say};

/// Names the folder of a release.
const RELEASE: &str = "RHOSYNC_RELEASE";
/// What a release has for this command.
const SKELETON: &str = "skeleton";
/// The manifest, which has the application's name.
const MANIFEST: &str = "spin.toml";
/// What it has where the components are to be downloaded, which `dev-host` does not do.
const DOWNLOADED: &str = "source = { url";

/// Makes an application to begin with: a back end, the settings, and a web app that works offline.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rhosync new my-app --release ../rhosync/target/package
  RHOSYNC_RELEASE=~/rhosync-0.1.0 rhosync new my-app

`cargo xtask package` in a clone of RhoSync makes the folder of a release. `spin new -t rhosync` makes an application without back
end and web app.")]
pub(crate) struct New {
    /// The folder of the application, which must be empty or not there; its last part is the application's name.
    #[arg(value_name = "APP")]
    folder: PathBuf,

    /// The folder of a release: the components, and what applications are made from (or RHOSYNC_RELEASE).
    #[arg(long, value_name = "FOLDER")]
    release: Option<PathBuf>,
}

impl New {
    /// Does it.
    pub(crate) fn run(&self) -> Result<()> {
        let name = self.name()?;
        let release = self.release()?;
        let skeleton = release.join(SKELETON);
        let folder = self.folder.display();
        if self.folder.exists() {
            let mut content = fs::read_dir(&self.folder)
                .with_context(|| format!("{folder} is no folder that can be read"))?;
            if content.next().is_some() {
                return Err(misused(
                    format!("{folder} is not empty"),
                    "name another folder",
                ));
            }
        }
        copy(&skeleton, &self.folder)?;
        let manifest = self.folder.join(MANIFEST);
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        fs::write(&manifest, named(&text, &name)?)
            .with_context(|| format!("cannot write {}", manifest.display()))?;
        let components = match text.contains(DOWNLOADED) {
            true => format!(" --components-dir {}", release.display()),
            false => String::new(),
        };
        say!(
            "{GOOD}{folder}{GOOD:#} is made. Start its parts, each in a terminal of its own:

    cd {folder}
    redis-server --save \"\" --notify-keyspace-events Ex
    node back-end/server.mjs
    SPIN_VARIABLE_ADMIN_PASSWORD=choose-one dev-host --manifest spin.toml{components} --listen 127.0.0.1:9292

    console   http://127.0.0.1:9292/console/    rhoadmin / choose-one
    web app   http://127.0.0.1:9293/            {FAINT}for users that you add in the console{FAINT:#}

{folder}/README.md says what is where."
        );
        Ok(())
    }

    /// The application's name, which is part of addresses and so has to be plain.
    fn name(&self) -> Result<String> {
        let name = self.folder.file_name().and_then(|name| name.to_str());
        let is_plain = |name: &&str| {
            name.starts_with(|first: char| first.is_ascii_lowercase())
                && !name.ends_with('-')
                && !name.contains("--")
                && name
                    .chars()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-')
        };
        name.filter(is_plain).map(str::to_owned).ok_or_else(|| {
            misused(
                format!("{} does not end in an application's name", self.folder.display()),
                "names are lower case letters, digits and single hyphens, and begin with a letter: `my-app`",
            )
        })
    }

    /// The folder of the release, as one may name it from anywhere.
    fn release(&self) -> Result<PathBuf> {
        let named = || env::var_os(RELEASE).filter(|folder| !folder.is_empty());
        let release = self.release.clone().or_else(|| named().map(PathBuf::from));
        let release = release.ok_or_else(|| {
            misused(
                "no release is named",
                format!("name its folder with --release or {RELEASE}; `cargo xtask package` in a clone of RhoSync makes one"),
            )
        })?;
        if release.join(SKELETON).join(MANIFEST).is_file() {
            Ok(std::path::absolute(release)?)
        } else {
            Err(advised(
                format!(
                    "{} is no release: it has no {SKELETON}/{MANIFEST}",
                    release.display()
                ),
                "`cargo xtask package` in a clone of RhoSync makes one",
            ))
        }
    }
}

/// A manifest with the application's name.
fn named(manifest: &str, name: &str) -> Result<String> {
    let mut manifest: DocumentMut = manifest
        .parse()
        .with_context(|| format!("the release's {MANIFEST} cannot be understood"))?;
    let application = manifest.get_mut("application");
    let field = application.and_then(|application| application.get_mut("name"));
    let field =
        field.with_context(|| format!("the release's {MANIFEST} has no application's name"))?;
    *field = value(name);
    Ok(manifest.to_string())
}

/// Copies what is in a folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            fs::copy(&path, &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    Ok(())
}
