//! Makes a package of the device library of what cargo has compiled and of what is written by hand in the binding's folder.

mod c;
mod files;
mod kotlin;
mod node;
mod python;
mod uniffi;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The version of all packages.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [language, bindings, library, to] = &*arguments else {
        bail!("usage: library-packager LANGUAGE BINDINGS LIBRARY TO");
    };
    let language = language.to_string_lossy();
    let package: fn(&Path, &Path, &Path) -> Result<()> = match &*language {
        "c" => c::package,
        "kotlin" => kotlin::package,
        "node" => node::package,
        "python" => python::package,
        other => bail!("there is no package for {other}"),
    };
    package(&bindings.join(&*language), library, to)
}
