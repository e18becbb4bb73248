//! What UniFFI makes of the library for a language.

use std::path::Path;

use anyhow::{Context as _, Result};
use camino::Utf8PathBuf;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate_with_bindgen_paths};
use uniffi_bindgen::{BindgenPaths, BindgenPathsLayer};

/// The crate that the bindings are made of, as its library is called.
const CRATE: &str = "sync_client_ffi";

/// Where its sources are: `uniffi.toml` is there.
struct Sources(Utf8PathBuf);

impl BindgenPathsLayer for Sources {
    fn get_crate_root(&self, crate_name: &str) -> Option<Utf8PathBuf> {
        (crate_name == CRATE).then(|| self.0.clone())
    }
}

/// Writes the bindings for a language to a folder. The library must have its symbols.
pub(crate) fn generate(
    language: TargetLanguage,
    binding: &Path,
    library: &Path,
    to: &Path,
) -> Result<()> {
    let sources = binding.with_file_name("uniffi");
    let mut paths = BindgenPaths::default();
    paths.add_layer(Sources(utf8(&sources)?));
    let options = GenerateOptions {
        languages: vec![language],
        source: utf8(library)?,
        out_dir: utf8(to)?,
        crate_filter: Some(CRATE.to_owned()),
        ..GenerateOptions::default()
    };
    generate_with_bindgen_paths(options, paths)
        .with_context(|| format!("UniFFI makes no bindings of {}", library.display()))
}

fn utf8(path: &Path) -> Result<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(path.to_owned())
        .ok()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
