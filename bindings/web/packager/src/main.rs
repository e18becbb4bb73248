//! Makes the npm package: the scripts beside this program's folder, and what cargo has compiled for the browser.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use brotli::CompressorWriter;
use wasm_bindgen_cli_support::Bindgen;

/// The script that connects the worker and the program, and the program.
const MODULE: &str = "sync_client_web.js";
const PROGRAM: &str = "sync_client_web_bg.wasm";

/// Files of the package that are as they are.
const FILES: [&str; 5] = [
    "index.js",
    "index.d.ts",
    "library.d.ts",
    "worker.js",
    "package.json",
];

/// What a browser may have to download, compressed, in bytes.
const MAX_DOWNLOAD: usize = 520 * 1000;

const QUALITY: u32 = 11;
const WINDOW: u32 = 24;
const BUFFER: usize = 64 * 1024;

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [wasm, folder] = &*arguments else {
        bail!("usage: web-packager WASM FOLDER");
    };
    package(wasm, folder)
}

/// Writes the package to `dist` in the binding's folder.
fn package(wasm: &Path, folder: &Path) -> Result<()> {
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
        "a crate brings JavaScript files of its own, which the package has no place for"
    );
    let module = output.js().to_owned().into_bytes();
    let program = output.wasm_mut().emit_wasm();

    let mut files = vec![(MODULE, module), (PROGRAM, program)];
    for name in FILES {
        files.push((name, read(&folder.join("js").join(name))?));
    }
    files.push(("README.md", read(&folder.join("README.md"))?));

    let mut download = 0;
    for (name, content) in &files {
        if matches!(Path::new(name).extension(), Some(it) if it == "js" || it == "wasm") {
            download += compressed(content)?;
        }
    }
    report(download);
    ensure!(
        download <= MAX_DOWNLOAD,
        "the package has {download} bytes to download, and may have {MAX_DOWNLOAD}"
    );
    let dist = folder.join("dist");
    fs::create_dir_all(&dist)?;
    for (name, content) in files {
        let path = dist.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the program's own report")]
fn report(download: usize) {
    println!(
        "the library for browsers has {download} bytes to download, of {MAX_DOWNLOAD} that it may"
    );
}

fn compressed(content: &[u8]) -> Result<usize> {
    let mut compressor = CompressorWriter::new(Vec::new(), BUFFER, QUALITY, WINDOW);
    compressor.write_all(content)?;
    Ok(compressor.into_inner().len())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
