//! The Swift package.

use std::path::Path;

use anyhow::Result;
use uniffi_bindgen::bindings::TargetLanguage;

use crate::files::{Native, files_of, library_name, read, write};
use crate::uniffi;

/// Makes the package's folder.
pub(crate) fn package(binding: &Path, library: &Native<'_>, to: &Path) -> Result<()> {
    let generated = tempfile::tempdir()?;
    uniffi::generate(
        TargetLanguage::Swift,
        binding,
        library.path,
        generated.path(),
    )?;
    let sources = to.join("Sources");
    for (made, at) in [
        ("RhoSyncCore.swift", "RhoSyncCore/RhoSyncCore.swift"),
        ("RhoSyncFFI.h", "RhoSyncFFI/RhoSyncFFI.h"),
        ("RhoSyncFFI.modulemap", "RhoSyncFFI/module.modulemap"),
    ] {
        write(sources.join(at), read(&generated.path().join(made))?)?;
    }
    for (name, content) in files_of(&binding.join("Sources/RhoSync"))? {
        write(sources.join("RhoSync").join(name), content)?;
    }
    write(
        to.join("lib").join(library_name("sync_client_ffi")),
        library.stripped()?,
    )?;
    for name in ["Package.swift", "README.md"] {
        write(to.join(name), read(&binding.join(name))?)?;
    }
    Ok(())
}
