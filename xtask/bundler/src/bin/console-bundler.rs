//! Makes the console's bundle: the program, and the files beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use bundler::{Program, arguments, bindgen, compressed, read, report, short_style};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// Where the component serves the bundle.
const BASE: &str = "/console";
/// The folder of files that have their content's hash in their name; the component lets them be cached for ever.
const ASSETS: &str = "assets";
/// What a browser may have to download before it shows the first page, in bytes.
const MAX_DOWNLOAD: usize = 350_000;

fn main() -> Result<()> {
    let [wasm, folder] = arguments("console-bundler")?;
    bundle(&wasm, &folder)
}

/// Writes the bundle to `dist` in the console's folder.
fn bundle(wasm: &Path, folder: &Path) -> Result<()> {
    let Program { script, wasm } = bindgen(wasm)?;

    let mut bundle = Bundle::default();
    let wasm = bundle.add_hashed("console", "wasm", wasm)?;
    // The script starts the program itself: the content security policy forbids inline scripts.
    let script = format!("{script}\nawait __wbg_init({{ module_or_path: \"{wasm}\" }});\n");
    let script = bundle.add_hashed("console", "js", script.into_bytes())?;
    let style = String::from_utf8(read(&folder.join("style.css"))?)?;
    let style = short_style(&style)?.into_bytes();
    let style = bundle.add_hashed("console", "css", style)?;
    let icon = bundle.add_hashed("icon", "svg", read(&folder.join("icon.svg"))?)?;

    let mut index = String::from_utf8(read(&folder.join("index.html"))?)?;
    for (name, url) in [
        ("wasm", wasm),
        ("script", script),
        ("style", style),
        ("icon", icon),
    ] {
        let placeholder = format!("{{{{{name}}}}}");
        ensure!(
            index.contains(&placeholder),
            "index.html does not mention {placeholder}"
        );
        index = index.replace(&placeholder, &url);
    }
    bundle.add("index.html".into(), index.into_bytes())?;
    report("the console's first page", bundle.download(), MAX_DOWNLOAD)?;
    bundle.write(&folder.join("dist"))
}

/// The files of a bundle by their path.
#[derive(Debug, Default)]
struct Bundle(BTreeMap<PathBuf, Vec<u8>>);

impl Bundle {
    /// Adds a file under a name that changes with its content, and answers its URL.
    fn add_hashed(&mut self, stem: &str, extension: &str, content: Vec<u8>) -> Result<String> {
        let hash = Sha256::digest(&content);
        let hash = base16ct::lower::encode_string(hash.get(..8).unwrap_or(&hash));
        let path = format!("{ASSETS}/{stem}-{hash}.{extension}");
        let url = format!("{BASE}/{path}");
        self.add(path.into(), content)?;
        Ok(url)
    }

    /// Adds a file, and its compressed forms beside it.
    fn add(&mut self, path: PathBuf, content: Vec<u8>) -> Result<()> {
        self.0
            .insert(path.with_added_extension("br"), compressed(&content)?);
        let mut compressor = GzEncoder::new(Vec::new(), Compression::best());
        compressor.write_all(&content)?;
        self.0
            .insert(path.with_added_extension("gz"), compressor.finish()?);
        self.0.insert(path, content);
        Ok(())
    }

    /// How many bytes a browser downloads that takes Brotli: the first page loads all files.
    fn download(&self) -> usize {
        let is_compressed = |path: &Path| path.extension().is_some_and(|it| it == "br");
        let files = self.0.iter().filter(|(path, _)| is_compressed(path));
        files.map(|(_, content)| content.len()).sum()
    }

    /// Makes `folder` contain these files and no others.
    fn write(&self, folder: &Path) -> Result<()> {
        if read_folder(folder)? == self.0 {
            return Ok(());
        }
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for (path, content) in &self.0 {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// The files in a folder and the folders below it; none where there is no folder.
fn read_folder(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = Vec::from_iter(folder.is_dir().then(|| folder.to_owned()));
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder)?.to_owned(), read(&path)?);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_name_follows_the_content_and_the_compressed_copies_are_the_same_file() {
        let mut bundle = Bundle::default();
        let one = bundle.add_hashed("app", "js", b"one".to_vec()).unwrap();
        let two = bundle.add_hashed("app", "js", b"two".to_vec()).unwrap();
        assert_ne!(one, two);

        let path = one.strip_prefix("/console/").unwrap();
        assert!(
            path.starts_with("assets/app-") && path.ends_with(".js"),
            "{path}"
        );
        let compressed = &bundle.0[Path::new(&format!("{path}.br"))];
        let mut content = Vec::new();
        brotli::BrotliDecompress(&mut compressed.as_slice(), &mut content).unwrap();
        assert_eq!(content, bundle.0[Path::new(path)]);
        let compressed = &bundle.0[Path::new(&format!("{path}.gz"))];
        content.clear();
        flate2::read::GzDecoder::new(compressed.as_slice())
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(content, bundle.0[Path::new(path)]);
    }

    #[test]
    fn a_download_is_what_is_compressed() {
        let mut bundle = Bundle::default();
        bundle.add("index.html".into(), vec![b'a'; 10_000]).unwrap();
        let compressed = bundle.0[Path::new("index.html.br")].len();
        assert_eq!(bundle.download(), compressed);
    }

    #[test]
    fn the_folder_holds_the_bundle_and_nothing_else_and_stays_when_nothing_changed() {
        let folder = tempfile::tempdir().unwrap();
        let dist = folder.path().join("dist");
        let mut bundle = Bundle::default();
        bundle.add("index.html".into(), b"index".to_vec()).unwrap();
        bundle.add_hashed("app", "js", b"one".to_vec()).unwrap();

        fs::create_dir_all(dist.join("assets")).unwrap();
        fs::write(dist.join("assets/app-old.js"), "old").unwrap();
        bundle.write(&dist).unwrap();
        assert_eq!(read_folder(&dist).unwrap(), bundle.0);

        let written = |path: &str| fs::metadata(dist.join(path)).unwrap().modified().unwrap();
        let before = written("index.html");
        bundle.write(&dist).unwrap();
        assert_eq!(written("index.html"), before);
    }
}
