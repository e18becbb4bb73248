//! The npm package for Node.

use std::path::Path;

use anyhow::Result;

use crate::files::{files_of, read, stripped, write};

/// Most kB of the addon: no more than what has UniFFI in it.
const MOST_KB: usize = crate::uniffi::MOST_KB;

/// Makes the package's folder.
pub(crate) fn package(binding: &Path, library: &Path, to: &Path) -> Result<()> {
    for (name, content) in files_of(&binding.join("js"))? {
        write(to.join(name), content)?;
    }
    // The types are those of browsers.
    let types = binding.with_file_name("web").join("js/library.d.ts");
    write(to.join("library.d.ts"), read(&types)?)?;
    write(to.join("README.md"), read(&binding.join("README.md"))?)?;
    write(to.join("rhosync.node"), stripped(library, MOST_KB)?)
}
