//! Whether the documents' links lead somewhere.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use crate::text;

/// All links between documents that lead to no file or no heading, in words.
pub(crate) fn violations(root: &Path) -> Result<Vec<String>> {
    let files = text::files(root)?;
    let documents = files.iter().filter(|file| file.ends_with(".md"));
    let mut violations = Vec::new();
    for document in documents {
        // What is gone by now links nowhere.
        let Ok(text) = std::fs::read_to_string(root.join(document)) else {
            continue;
        };
        for (number, link) in links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => PathBuf::from(document),
                file => beside(Path::new(document), file),
            };
            let target = root.join(target);
            let leads_somewhere = target.exists()
                && (heading.is_empty()
                    || std::fs::read_to_string(target)
                        .is_ok_and(|text| anchors(&text).contains(heading)));
            if !leads_somewhere {
                violations.push(format!("{document}:{number}: {link} leads nowhere"));
            }
        }
    }
    Ok(violations)
}

/// The file that a link in a document means, as a path from the repository's root.
fn beside(document: &Path, link: &str) -> PathBuf {
    let mut path = document.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// The lines that are no code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The links of a document to files of the repository, with the numbers of their lines.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(number, line)| {
        line.split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link)
            .filter(|link| !link.contains(':'))
            .map(move |link| (number, link))
    })
}

/// What a link can name of a document: its headings, as web pages of it name them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .chars()
                .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'))
                .map(|it| if it == ' ' { '-' } else { it })
                .collect::<String>()
                .to_lowercase()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_outside_code() {
        let text = "See [a](a.md#b) and [site](https://example.com).\n```\n[no](no.md)\n```\n![c](../c.svg)\n";
        let found: Vec<_> = links(text).collect();
        assert_eq!(found, [(1, "a.md#b"), (5, "../c.svg")]);
    }

    #[test]
    fn headings_are_named_as_web_pages_name_them() {
        let text = "# The `x` = 1, or: two\n```\n# no heading\n```\n";
        assert_eq!(
            anchors(text),
            BTreeSet::from(["the-x--1-or-two".to_owned()])
        );
    }

    #[test]
    fn a_link_is_relative_to_its_document() {
        let document = Path::new("docs/decisions/0001.md");
        assert_eq!(
            beside(document, "../errors.md"),
            Path::new("docs/errors.md")
        );
        assert_eq!(beside(Path::new("README.md"), "docs"), Path::new("docs"));
    }
}
