//! Files of packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Says how large a native library is, and refuses one with more than `most` kB. Systems differ: the limits are those of Linux on x86-64.
#[expect(clippy::print_stdout, reason = "the program's own report")]
fn check_size(library: &[u8], most: usize) -> Result<()> {
    let size = library.len() / 1000;
    println!("the native library has {size} kB, of {most} that it may have");
    let is_measured = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    ensure!(
        size <= most || !is_measured,
        "the native library is too large: find out what has come in, or raise the limit and docs/benchmarks.md"
    );
    Ok(())
}

/// A native library without what only debuggers and generators of bindings read. It may have `most` kB then.
pub(crate) fn stripped(library: &Path, most: usize) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("library");
    fs::copy(library, &copy).with_context(|| format!("cannot read {}", library.display()))?;
    let symbols = match cfg!(target_os = "macos") {
        true => "-x",
        false => "--strip-unneeded",
    };
    let status = Command::new("strip").arg(symbols).arg(&copy).status();
    let status = status.context("there is no `strip`: it comes with the linker (binutils)")?;
    ensure!(status.success(), "cannot strip {}", library.display());
    let content = read(&copy)?;
    check_size(&content, most)?;
    Ok(content)
}

/// The files of a folder that are not in folders of it, by their names.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_file() {
            files.push((name.to_owned(), read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// What is in a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file, and the folders that it is in.
pub(crate) fn write(path: impl Into<PathBuf>, content: impl AsRef<[u8]>) -> Result<()> {
    let path = path.into();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// The name that a library has on this system.
pub(crate) fn library_name(name: &str) -> String {
    format!(
        "{}{name}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}
