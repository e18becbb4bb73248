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
    let script = without_comment_lines(output.js());
    Ok(Program {
        script,
        wasm: output.wasm_mut().emit_wasm(),
    })
}

/// A script as `wasm-bindgen` writes it, without its documentation and its indentation: nobody reads it where it goes. Comments have lines of
/// their own there.
fn without_comment_lines(script: &str) -> String {
    let is_comment = |line: &&str| ["//", "/*", "*"].iter().any(|mark| line.starts_with(mark));
    let lines = script.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !is_comment(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A style sheet without its comments and its indentation.
///
/// # Errors
/// That a comment has no end.
pub fn short_style(style: &str) -> Result<String> {
    let (first, commented) = style.split_once("/*").unwrap_or((style, ""));
    let mut text = first.to_owned();
    for part in commented.split("/*").filter(|part| !part.is_empty()) {
        let (_, rest) = part.split_once("*/").context("a comment has no end")?;
        text.push_str(rest);
    }
    let words: Vec<_> = text.split_whitespace().collect();
    Ok(words.join(" "))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_people_read_is_left_out() {
        let script = "/**\n * What it does.\n */\nfunction it() {\n    // Why.\n    return 1 /* one */;\n}\n";
        assert_eq!(
            without_comment_lines(script),
            "function it() {\nreturn 1 /* one */;\n}\n"
        );
        let style = "/* a */\nq {\n  quotes: \"“\" \"”\";\n}\n/* b */ p {}";
        let short = short_style(style).expect("a style sheet");
        assert_eq!(short, "q { quotes: \"“\" \"”\"; } p {}");
        assert!(short_style("p {} /* no end").is_err());
    }
}
