//! Makes the npm package: the scripts beside this program's folder, and what cargo has compiled for the browser.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use bundler::{Program, arguments, bindgen, compressed, read, report};

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
const MAX_DOWNLOAD: usize = 556 * 1000;

fn main() -> Result<()> {
    let [wasm, folder] = arguments("web-packager")?;
    package(&wasm, &folder)
}

/// Writes the package to `dist` in the binding's folder.
fn package(wasm: &Path, folder: &Path) -> Result<()> {
    let Program { script, wasm } = bindgen(wasm)?;
    let mut files = vec![(MODULE, script.into_bytes()), (PROGRAM, wasm)];
    for name in FILES {
        files.push((name, read(&folder.join("js").join(name))?));
    }
    files.push(("README.md", read(&folder.join("README.md"))?));

    let mut download = 0;
    for (name, content) in &files {
        if matches!(Path::new(name).extension(), Some(it) if it == "js" || it == "wasm") {
            download += compressed(content)?.len();
        }
    }
    report("the library for browsers", download, MAX_DOWNLOAD)?;
    let dist = folder.join("dist");
    fs::create_dir_all(&dist)?;
    for (name, content) in files {
        let path = dist.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
