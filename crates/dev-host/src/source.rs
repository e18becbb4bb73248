//! Where a component's `.wasm` file comes from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::manifest::{Component, Download, Source};

/// The places where `.wasm` files are.
pub(crate) struct Sources<'a> {
    /// The manifest's folder, which paths are relative to.
    pub(crate) base: &'a Path,
    /// Where the files are that Spin would download.
    pub(crate) components: Option<&'a Path>,
}

/// A `.wasm` file.
#[derive(Debug)]
pub(crate) struct ComponentFile {
    pub(crate) path: PathBuf,
    pub(crate) content: Vec<u8>,
}

impl Sources<'_> {
    /// Reads the file that a component's `source` names.
    ///
    /// # Errors
    ///
    /// There is no such file, or it is another one than the manifest means; the message says what to do.
    pub(crate) fn find(&self, component: &Component) -> Result<ComponentFile> {
        match &component.source {
            Source::File(path) => {
                let path = self.base.join(path);
                if !path.is_file() {
                    let build = component
                        .build
                        .as_ref()
                        .map(|build| format!("; build it with: {}", build.command()));
                    bail!("there is no file {path:?}{}", build.unwrap_or_default());
                }
                read(path)
            }
            Source::Url(download) => self.find_download(download),
            Source::Package { package, .. } => {
                bail!("this host knows no registry to get the package {package:?} from")
            }
        }
    }

    fn find_download(&self, Download { url, digest }: &Download) -> Result<ComponentFile> {
        let is_digest = digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_lower_hex));
        ensure!(
            is_digest,
            "{digest:?} is no digest: it is \"sha256:\" and 64 lower-case hexadecimal digits"
        );
        let name =
            file_name(url).with_context(|| format!("{url:?} is not the address of a file"))?;
        let folder = self.components.with_context(|| {
            format!("this host downloads nothing: put {url} into a folder and name it with --components-dir")
        })?;
        let path = folder.join(&name);
        ensure!(
            path.is_file(),
            "there is no {name:?} in {folder:?} (--components-dir): it is to be had from {url}"
        );
        let found = read(path)?;
        let actual = Sha256::digest(&found.content);
        let actual = format!("sha256:{}", base16ct::lower::encode_string(&actual));
        ensure!(
            actual == *digest,
            "{:?} is not the file that the manifest means: it has the digest {actual}, not {digest}",
            found.path
        );
        Ok(found)
    }
}

fn read(path: PathBuf) -> Result<ComponentFile> {
    let content = fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
    Ok(ComponentFile { path, content })
}

/// The last part of an address of the web.
fn file_name(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let name = url.path_segments()?.next_back()?;
    let is_on_the_web = matches!(url.scheme(), "http" | "https");
    (is_on_the_web && !name.is_empty()).then(|| name.to_owned())
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "a component";
    const DIGEST: &str = "sha256:626d0ce33ca550dc06351c3ea7b698be557ff5d35bf25edc44221b561838594c";

    fn component(source: &str) -> Component {
        toml::from_str(&format!("source = {source}")).unwrap()
    }

    fn download(url: &str, digest: &str) -> Component {
        component(&format!("{{ url = {url:?}, digest = {digest:?} }}"))
    }

    #[test]
    fn a_path_is_relative_to_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), CONTENT).unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        let sources = Sources {
            base: &folder.path().join("app"),
            components: None,
        };
        let found = sources.find(&component("\"../a.wasm\"")).unwrap();
        assert_eq!(found.content, CONTENT.as_bytes());
        let error = sources.find(&component("\"a.wasm\"")).unwrap_err();
        assert!(error.to_string().contains("there is no file"), "{error}");
    }

    #[test]
    fn a_file_of_the_web_is_taken_from_a_folder_if_it_is_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), CONTENT).unwrap();
        let (base, url) = (Path::new("."), "https://x.test/v1/a.wasm");
        let sources = Sources {
            base,
            components: Some(folder.path()),
        };
        let found = sources.find(&download(url, DIGEST)).unwrap();
        assert_eq!(found.content, CONTENT.as_bytes());

        let other = format!("sha256:{:064}", 0);
        let nowhere = Sources {
            base,
            components: None,
        };
        for (sources, url, digest, expected) in [
            (
                &sources,
                url,
                other.as_str(),
                "is not the file that the manifest means",
            ),
            (
                &sources,
                "https://x.test/b.wasm",
                DIGEST,
                "there is no \"b.wasm\"",
            ),
            (
                &sources,
                "https://x.test/",
                DIGEST,
                "is not the address of a file",
            ),
            (
                &sources,
                "file:///a.wasm",
                DIGEST,
                "is not the address of a file",
            ),
            (&sources, url, &DIGEST.to_uppercase(), "is no digest"),
            (&sources, url, "sha256:00", "is no digest"),
            (&nowhere, url, DIGEST, "--components-dir"),
        ] {
            let error = sources.find(&download(url, digest)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
