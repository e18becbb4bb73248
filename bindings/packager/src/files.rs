//! Files of packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The library that cargo has compiled.
pub(crate) struct Native<'a> {
    /// The file, with its symbols.
    pub(crate) path: &'a Path,
    /// Most kB that it may have without them, where somebody has set a limit.
    pub(crate) most_kb: Option<usize>,
}

impl Native<'_> {
    /// It without what only debuggers and generators of bindings read.
    pub(crate) fn stripped(&self) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("library");
        let library = self.path.display();
        fs::copy(self.path, &copy).with_context(|| format!("cannot read {library}"))?;
        let symbols = match cfg!(target_os = "macos") {
            true => "-x",
            false => "--strip-unneeded",
        };
        let status = Command::new("strip").arg(symbols).arg(&copy).status();
        let status = status.context("there is no `strip`: it comes with the linker (binutils)")?;
        ensure!(status.success(), "cannot strip {library}");
        let content = read(&copy)?;
        self.check_size(content.len() / 1000)?;
        Ok(content)
    }

    /// Says how large it is, and refuses what is over the limit. Systems differ: the limits are those of Linux on x86-64.
    #[expect(clippy::print_stdout, reason = "the program's own report")]
    fn check_size(&self, kb: usize) -> Result<()> {
        let Some(most) = self.most_kb else {
            return Ok(());
        };
        println!("the native library has {kb} kB, of {most} that it may have");
        let is_measured = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        ensure!(
            kb <= most || !is_measured,
            "the native library is too large: find out what has come in, or raise the limit and docs/benchmarks.md"
        );
        Ok(())
    }
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
