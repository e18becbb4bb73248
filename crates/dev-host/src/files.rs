//! The files a component can read. They are copied at the start, so that nothing changes while it runs and nothing leads out
//! of its folder.

use std::fs;
use std::path::{Component as PathPart, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use glob::Pattern;
use tempfile::TempDir;

use crate::manifest::Files;

/// Copies what `files` names, without what `exclude` matches, into a new folder that is the component's root.
///
/// Returns `None` when there is nothing to read. The folder is removed when it is dropped.
///
/// # Errors
///
/// A path does not exist, is outside `base`, or cannot be copied.
pub(crate) fn copy(base: &Path, files: &[Files], exclude: &[String]) -> Result<Option<TempDir>> {
    if files.is_empty() {
        return Ok(None);
    }
    let exclude = exclude
        .iter()
        .map(|pattern| Pattern::new(pattern))
        .collect::<Result<_, _>>()?;
    let root = tempfile::Builder::new()
        .prefix("dev-host-files-")
        .tempdir()?;
    let copy = Copy {
        base: &base.canonicalize()?,
        root: root.path(),
        exclude,
    };
    for entry in files {
        match entry {
            Files::Pattern(pattern) => copy.pattern(pattern),
            Files::Placed {
                source,
                destination,
            } => copy.placed(source, destination),
        }
        .with_context(|| format!("files: {entry:?}"))?;
    }
    Ok(Some(root))
}

struct Copy<'a> {
    base: &'a Path,
    root: &'a Path,
    exclude: Vec<Pattern>,
}

impl Copy<'_> {
    /// A file, a folder or a glob pattern: everything keeps its path relative to the manifest.
    fn pattern(&self, pattern: &str) -> Result<()> {
        let path = self.base.join(pattern);
        if path.exists() {
            return self.tree(&path, &self.root.join(relative(pattern)?));
        }
        ensure!(Pattern::escape(pattern) != pattern, "it does not exist");
        let text = path.to_str().context("it is not UTF-8")?;
        for found in glob::glob(text)? {
            let found = found?;
            if found.is_file() {
                self.file(&found, &self.root.join(self.within(&found)?))?;
            }
        }
        Ok(())
    }

    /// A file or folder under another name.
    fn placed(&self, source: &str, destination: &str) -> Result<()> {
        let path = self.base.join(source);
        ensure!(path.exists(), "the source does not exist");
        self.tree(&path, &self.root.join(relative(destination)?))
    }

    fn tree(&self, from: &Path, to: &Path) -> Result<()> {
        if !from.is_dir() {
            return self.file(from, to);
        }
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            self.tree(&entry.path(), &to.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn file(&self, from: &Path, to: &Path) -> Result<()> {
        let within = self.within(from)?;
        if self
            .exclude
            .iter()
            .any(|pattern| pattern.matches_path(&within))
        {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from, to).with_context(|| format!("cannot copy {from:?}"))?;
        Ok(())
    }

    /// The path below the manifest's folder, whatever links lead there.
    fn within(&self, path: &Path) -> Result<PathBuf> {
        let real = path.canonicalize()?;
        let within = real.strip_prefix(self.base);
        Ok(within
            .with_context(|| format!("{path:?} is outside the application's folder"))?
            .to_owned())
    }
}

/// A path as the component sees it, without its root, and without a way out of it.
fn relative(path: &str) -> Result<PathBuf> {
    Path::new(path)
        .components()
        .filter(|part| !matches!(part, PathPart::RootDir | PathPart::CurDir))
        .map(|part| match part {
            PathPart::Normal(name) => Ok(name),
            _ => bail!("{path:?} must not contain `..`"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An application's folder with `site/a.txt`, `site/b.txt`, `site/deep/c.txt`; the file beside it must not leak.
    fn application() -> (TempDir, PathBuf) {
        let world = tempfile::tempdir().unwrap();
        let base = world.path().join("app");
        fs::create_dir_all(base.join("site/deep")).unwrap();
        for file in [
            "site/a.txt",
            "site/b.txt",
            "site/deep/c.txt",
            "../outside.txt",
        ] {
            fs::write(base.join(file), file).unwrap();
        }
        (world, base)
    }

    fn copied(files: &[Files], exclude: &[&str]) -> Result<Vec<String>> {
        let (_world, base) = application();
        let exclude: Vec<_> = exclude
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect();
        let root = copy(&base, files, &exclude)?.context("nothing was copied")?;
        let mut found: Vec<_> = glob::glob(&format!("{}/**/*.txt", root.path().display()))
            .unwrap()
            .map(|path| {
                path.unwrap()
                    .strip_prefix(root.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        found.sort();
        Ok(found)
    }

    fn pattern(pattern: &str) -> Files {
        Files::Pattern(pattern.to_owned())
    }

    fn placed(source: &str, destination: &str) -> Files {
        Files::Placed {
            source: source.to_owned(),
            destination: destination.to_owned(),
        }
    }

    #[test]
    fn folders_files_and_patterns_are_copied() {
        for (files, expected) in [
            (pattern("site/a.txt"), vec!["site/a.txt"]),
            (
                pattern("site"),
                vec!["site/a.txt", "site/b.txt", "site/deep/c.txt"],
            ),
            (pattern("site/*.txt"), vec!["site/a.txt", "site/b.txt"]),
            (pattern("**/c.txt"), vec!["site/deep/c.txt"]),
            (placed("site", "/"), vec!["a.txt", "b.txt", "deep/c.txt"]),
            (
                placed("site/a.txt", "/else/where.txt"),
                vec!["else/where.txt"],
            ),
        ] {
            assert_eq!(copied(&[files], &[]).unwrap(), expected);
        }
    }

    #[test]
    fn excluded_files_stay_out() {
        assert_eq!(
            copied(&[placed("site", "/")], &["site/*.txt"]).unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            copied(&[placed("site", "/")], &["**/a.txt"]).unwrap(),
            ["b.txt", "deep/c.txt"]
        );
    }

    #[test]
    fn nothing_outside_the_application_is_copied() {
        for files in [
            placed("../outside.txt", "/x"),
            pattern("../outside.txt"),
            placed("site", "/../x"),
            pattern("no"),
        ] {
            copied(&[files], &[]).unwrap_err();
        }
    }
}
