#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use brotli::CompressorWriter;
use wasm_bindgen_cli_support::Bindgen;

/// Brotli's best quality and largest window: this is done once, and downloaded often.
const QUALITY: u32 = 11;
const WINDOW: u32 = 24;
const BUFFER: usize = 64 * 1024;

/// A program for browsers, and the script that connects the two.
#[derive(Debug)]
pub struct Program {
    /// The script, a module.
    pub script: String,
    /// The program.
    pub wasm: Vec<u8>,
}

/// The two paths that a program is called with: what cargo has compiled, and the folder of the files beside it.
///
/// # Errors
/// How the program is called, where it was called otherwise.
pub fn arguments(program: &str) -> Result<[PathBuf; 2]> {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    match <[PathBuf; 2]>::try_from(arguments) {
        Ok(paths) => Ok(paths),
        Err(_) => bail!("usage: {program} WASM FOLDER"),
    }
}

/// Makes what a browser loads of what cargo has compiled.
///
/// # Errors
/// Why `wasm-bindgen` cannot, or that a crate brings scripts of its own, for which neither program has a place.
pub fn bindgen(wasm: &Path) -> Result<Program> {
    let mut output = Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen cannot read what cargo has built")?;
    let brings_scripts = output
        .snippets()
        .values()
        .any(|scripts| !scripts.is_empty());
    ensure!(
        !brings_scripts && output.local_modules().is_empty(),
        "a crate brings JavaScript files of its own, for which there is no place"
    );
    let script = output.js().to_owned();
    Ok(Program {
        script,
        wasm: output.wasm_mut().emit_wasm(),
    })
}

/// A file as browsers download it that take Brotli.
///
/// # Errors
/// The compressor's.
pub fn compressed(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = CompressorWriter::new(Vec::new(), BUFFER, QUALITY, WINDOW);
    compressor.write_all(content)?;
    Ok(compressor.into_inner())
}

/// Says how many bytes a browser downloads.
///
/// # Errors
/// That it is more than it may be.
#[expect(clippy::print_stdout, reason = "the programs' own report")]
pub fn report(what: &str, download: usize, most: usize) -> Result<()> {
    println!("{what}: {download} bytes to download, of {most} that it may have");
    ensure!(
        download <= most,
        "{what} has {download} bytes to download, and may have {most}"
    );
    Ok(())
}

/// Reads a file.
///
/// # Errors
/// Why it cannot be read, with its path.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
