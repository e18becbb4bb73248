//! The header, the libraries and the file for pkg-config, as they lie below a prefix such as `/usr/local`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use cbindgen::Config;

use crate::VERSION;
use crate::files::{Native, library_name, read, write};

/// Makes the folders `include` and `lib`.
pub(crate) fn package(binding: &Path, library: &Native<'_>, to: &Path) -> Result<()> {
    let config = Config::from_file(binding.join("cbindgen.toml"))
        .map_err(|error| anyhow::anyhow!("cbindgen.toml: {error}"))?;
    let header = cbindgen::Builder::new()
        .with_config(config)
        .with_src(binding.join("src/lib.rs"));
    let header = sources(&binding.join("src"))?
        .iter()
        .fold(header, |header, source| header.with_src(source))
        .generate()
        .context("cbindgen makes no header")?;
    let mut text = Vec::new();
    header.write(&mut text);
    write(to.join("include/rhosync.h"), text)?;
    write(
        to.join("lib").join(library_name("rhosync")),
        library.stripped()?,
    )?;
    let description = String::from_utf8(read(&binding.join("rhosync.pc.in"))?)?;
    write(
        to.join("lib/pkgconfig/rhosync.pc"),
        description.replace("@VERSION@", VERSION),
    )?;
    write(
        to.join("share/doc/rhosync/README.md"),
        read(&binding.join("README.md"))?,
    )
}

/// The sources in the order of the header.
fn sources(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut sources: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|it| it.path()))
        .collect::<Result<_, _>>()?;
    sources.retain(|path| path.file_name().is_some_and(|name| name != "lib.rs"));
    sources.sort();
    Ok(sources)
}
