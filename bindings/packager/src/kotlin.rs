//! The Maven project for Kotlin and Java.

use std::env::consts::{ARCH, OS};
use std::path::Path;

use anyhow::Result;
use uniffi_bindgen::bindings::TargetLanguage;

use crate::files::{Native, files_of, library_name, read, write};
use crate::{VERSION, uniffi};

/// Makes the project's folder.
pub(crate) fn package(binding: &Path, library: &Native<'_>, to: &Path) -> Result<()> {
    let sources = to.join("src/main/kotlin");
    uniffi::generate(TargetLanguage::Kotlin, binding, library.path, &sources)?;
    for folder in ["com/rhosync", "com/rhosync/core"] {
        for (name, content) in files_of(&binding.join("src").join(folder))? {
            write(sources.join(folder).join(name), content)?;
        }
    }
    let resources = to.join("src/main/resources").join(platform());
    write(
        resources.join(library_name("sync_client_ffi")),
        library.stripped()?,
    )?;
    let project = String::from_utf8(read(&binding.join("pom.xml"))?)?;
    write(to.join("pom.xml"), project.replace("@VERSION@", VERSION))?;
    write(to.join("README.md"), read(&binding.join("README.md"))?)
}

/// The system that the native library is for, as JNA calls it.
fn platform() -> String {
    let system = match OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    format!("{system}-{processor}")
}
