//! The wheel for Python.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use uniffi_bindgen::bindings::TargetLanguage;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::files::{Native, files_of, library_name, read, write};
use crate::{VERSION, uniffi};

/// The package that programs import.
const PACKAGE: &str = "rhosync";

/// Makes the wheel. There is none of another version beside it.
pub(crate) fn package(binding: &Path, library: &Native<'_>, to: &Path) -> Result<()> {
    let generated = tempfile::tempdir()?;
    uniffi::generate(
        TargetLanguage::Python,
        binding,
        library.path,
        generated.path(),
    )?;
    let mut files = files_of(&binding.join(PACKAGE))?;
    files.extend(files_of(generated.path())?);
    files.push((library_name("sync_client_ffi"), library.stripped()?));

    let tag = format!("py3-none-{}", platform());
    let mut wheel = Wheel::new();
    for (name, content) in files {
        wheel.add(&format!("{PACKAGE}/{name}"), &content)?;
    }
    let readme = String::from_utf8(read(&binding.join("README.md"))?)?;
    let info = format!("{PACKAGE}-{VERSION}.dist-info");
    wheel.add(&format!("{info}/METADATA"), metadata(&readme).as_bytes())?;
    wheel.add(
        &format!("{info}/WHEEL"),
        format!(
            "Wheel-Version: 1.0\nGenerator: rhosync {VERSION}\nRoot-Is-Purelib: false\nTag: {tag}\n"
        )
        .as_bytes(),
    )?;
    let content = wheel.finish(&format!("{info}/RECORD"))?;
    if to.is_dir() {
        fs::remove_dir_all(to)?;
    }
    write(to.join(format!("{PACKAGE}-{VERSION}-{tag}.whl")), content)
}

fn metadata(readme: &str) -> String {
    format!(
        "Metadata-Version: 2.4\nName: {PACKAGE}\nVersion: {VERSION}\n\
         Summary: An offline database that keeps itself in sync with a RhoSync server\n\
         License-Expression: MIT OR Apache-2.0\nRequires-Python: >=3.10\n\
         Description-Content-Type: text/markdown\n\n{readme}"
    )
}

/// The system that the native library is for, as wheels call it.
fn platform() -> String {
    match (OS, ARCH) {
        ("macos", "aarch64") => "macosx_11_0_arm64".to_owned(),
        ("macos", arch) => format!("macosx_10_12_{arch}"),
        ("windows", "x86_64") => "win_amd64".to_owned(),
        ("windows", _) => "win_arm64".to_owned(),
        (os, arch) => format!("{os}_{arch}"),
    }
}

/// An archive that has a list of its files with their digests.
struct Wheel {
    archive: ZipWriter<Cursor<Vec<u8>>>,
    record: String,
}

impl Wheel {
    fn new() -> Self {
        Self {
            archive: ZipWriter::new(Cursor::new(Vec::new())),
            record: String::new(),
        }
    }

    fn add(&mut self, name: &str, content: &[u8]) -> Result<()> {
        self.write(name, content)?;
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(content));
        self.record += &format!("{name},sha256={digest},{}\n", content.len());
        Ok(())
    }

    fn write(&mut self, name: &str, content: &[u8]) -> Result<()> {
        self.archive
            .start_file(name, SimpleFileOptions::default())?;
        self.archive.write_all(content)?;
        Ok(())
    }

    fn finish(mut self, record: &str) -> Result<Vec<u8>> {
        let list = format!("{}{record},,\n", self.record);
        self.write(record, list.as_bytes())?;
        Ok(self.archive.finish()?.into_inner())
    }
}
