//! Makes a package of the device library of what cargo has compiled and of what is written by hand in the binding's folder.

mod c;
mod files;
mod kotlin;
mod node;
mod python;
mod swift;
mod uniffi;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::files::Native;

/// The version of all packages.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let ([language, bindings, path, to], most) = match &*arguments {
        [language, bindings, library, to] => ([language, bindings, library, to], None),
        [language, bindings, library, to, most] => ([language, bindings, library, to], Some(most)),
        _ => bail!("usage: library-packager LANGUAGE BINDINGS LIBRARY TO [MOST_KB]"),
    };
    let most_kb = most.map(|most| most.to_string_lossy().parse());
    let most_kb = most_kb.transpose().context("MOST_KB is a number")?;
    let native = Native { path, most_kb };
    let language = language.to_string_lossy();
    let package: fn(&Path, &Native<'_>, &Path) -> Result<()> = match &*language {
        "c" => c::package,
        "kotlin" => kotlin::package,
        "node" => node::package,
        "python" => python::package,
        "swift" => swift::package,
        other => bail!("there is no package for {other}"),
    };
    package(&bindings.join(&*language), &native, to)
}
