//! The npm package for Node.

use std::path::Path;

use anyhow::Result;

use crate::files::{Native, files_of, read, write};

/// Makes the package's folder.
pub(crate) fn package(binding: &Path, library: &Native<'_>, to: &Path) -> Result<()> {
    for (name, content) in files_of(&binding.join("js"))? {
        write(to.join(name), content)?;
    }
    // The types are those of browsers.
    let types = binding.with_file_name("web").join("js/library.d.ts");
    write(to.join("library.d.ts"), read(&types)?)?;
    write(to.join("README.md"), read(&binding.join("README.md"))?)?;
    write(to.join("rhosync.node"), library.stripped()?)
}
