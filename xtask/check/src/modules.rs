//! Which module of a crate uses which: read from the sources.
//!
//! An arrow is a path that begins with `crate`, `self` or `super`, wherever it stands: in a `use`, in code, in a
//! macro. What only tests use is free.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::vec;

use anyhow::{Context as _, Result};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The top modules of the library in this folder, each with those it uses and the first place where it does.
pub(crate) fn read(src: &Path) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let reexports = reexports(parse(&src.join("lib.rs"))?);
    let mut modules: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in rust_files(src)? {
        let path = module_path(file.strip_prefix(src)?);
        let Some(module) = path.first() else {
            continue;
        };
        let used = modules.entry(module.clone()).or_default();
        let mut paths = Vec::new();
        collect(parse(&file)?, &path, &mut paths);
        for (line, segments) in paths {
            let Some(first) = segments.first() else {
                continue;
            };
            let to = reexports.get(first).unwrap_or(first);
            if to != module {
                used.entry(to.clone())
                    .or_insert_with(|| format!("{}:{line}", file.display()));
            }
        }
    }
    // What is left are items of the root itself, which stands above no module.
    let names: BTreeSet<String> = modules.keys().cloned().collect();
    for used in modules.values_mut() {
        used.retain(|to, _| names.contains(to));
    }
    Ok(modules)
}

fn parse(file: &Path) -> Result<TokenStream> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.parse()
        .map_err(|error| anyhow::anyhow!("{} is not Rust: {error}", file.display()))
}

/// All sources below a folder, except for those of programs.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in
            fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && path != folder.join("main.rs")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The path of the module in a file: `store/mod.rs` is `store`, `lib.rs` the crate itself.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<_> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        path.pop();
    }
    path
}

type Tokens = Peekable<vec::IntoIter<TokenTree>>;

fn tokens(stream: TokenStream) -> Tokens {
    stream
        .into_iter()
        .collect::<Vec<_>>()
        .into_iter()
        .peekable()
}

/// The paths into the crate in these tokens, as they are from the crate's root, with their lines.
fn collect(stream: TokenStream, module: &[String], found: &mut Vec<(usize, Vec<String>)>) {
    let mut tokens = tokens(stream);
    let mut after_colons = false;
    while let Some(token) = tokens.next() {
        let starts = !std::mem::take(&mut after_colons);
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if take_test_attribute(&mut tokens) {
                    skip_item(&mut tokens);
                }
            }
            TokenTree::Punct(punct) => after_colons = punct.as_char() == ':',
            TokenTree::Group(group) => collect(group.stream(), module, found),
            TokenTree::Ident(word) if word == "pub" => {
                // `pub(in crate::x)` uses nothing.
                tokens.next_if(|next| is_group(next, Delimiter::Parenthesis));
            }
            TokenTree::Ident(word) if word == "mod" => {
                let name = tokens.next().map(|name| name.to_string());
                if let Some(TokenTree::Group(body)) =
                    tokens.next_if(|next| is_group(next, Delimiter::Brace))
                {
                    let module: Vec<_> = module.iter().cloned().chain(name).collect();
                    collect(body.stream(), &module, found);
                }
            }
            TokenTree::Ident(word)
                if starts && (word == "crate" || word == "self" || word == "super") =>
            {
                let line = word.span().start().line;
                let base = match word.to_string().as_str() {
                    "crate" => Vec::new(),
                    "self" => module.to_vec(),
                    _ => parent(module),
                };
                if take_colons(&mut tokens) {
                    let mut paths = Vec::new();
                    read_tree(&mut tokens, base, &mut paths);
                    found.extend(paths.into_iter().map(|path| (line, path)));
                }
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn parent(module: &[String]) -> Vec<String> {
    module
        .split_last()
        .map(|(_, rest)| rest.to_vec())
        .unwrap_or_default()
}

/// Reads what follows `::`, in a `use` or in code, as the paths it names.
fn read_tree(tokens: &mut Tokens, mut path: Vec<String>, found: &mut Vec<Vec<String>>) {
    match tokens.peek() {
        Some(TokenTree::Ident(word)) => {
            let word = word.to_string();
            tokens.next();
            if word == "super" {
                path.pop();
            } else if word != "self" && word != "crate" {
                path.push(word);
            }
            if take_colons(tokens) {
                read_tree(tokens, path, found);
            } else {
                found.push(path);
            }
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let branches = branches(group);
            tokens.next();
            for branch in branches {
                read_tree(&mut branch.into_iter().peekable(), path.clone(), found);
            }
        }
        // `*`, or the generics of what was named.
        _ => found.push(path),
    }
}

/// The branches of `{a, b::c}`.
fn branches(group: &Group) -> Vec<Vec<TokenTree>> {
    let all: Vec<_> = group.stream().into_iter().collect();
    all.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
        .filter(|branch| !branch.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

/// Takes `::`, if it is next.
fn take_colons(tokens: &mut Tokens) -> bool {
    let colon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    let mut ahead = tokens.clone();
    if ahead.next_if(colon).is_some() && ahead.next_if(colon).is_some() {
        *tokens = ahead;
        return true;
    }
    false
}

/// Takes the rest of an attribute, and says whether it leaves an item to tests.
fn take_test_attribute(tokens: &mut Tokens) -> bool {
    let attribute = tokens.next_if(|next| is_group(next, Delimiter::Bracket));
    attribute.is_some_and(|attribute| attribute.to_string().replace(' ', "") == "[cfg(test)]")
}

/// Takes an item: up to its semicolon or its braces.
fn skip_item(tokens: &mut Tokens) {
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            token if is_group(&token, Delimiter::Brace) => return,
            _ => {}
        }
    }
}

/// What a crate's root names of its modules, and the module each name comes from.
fn reexports(root: TokenStream) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut tokens = tokens(root);
    while let Some(token) = tokens.next() {
        if !matches!(&token, TokenTree::Ident(word) if word == "use") {
            continue;
        }
        let mut tree: Tokens = tokens
            .by_ref()
            .take_while(|token| !matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';'))
            .collect::<Vec<_>>()
            .into_iter()
            .peekable();
        let mut paths = Vec::new();
        read_tree(&mut tree, Vec::new(), &mut paths);
        for path in paths {
            if let [module, .., name] = path.as_slice() {
                names.insert(name.clone(), module.clone());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<String> {
        let mut paths = Vec::new();
        let module = ["store".to_owned(), "redis".to_owned()];
        collect(code.parse().unwrap(), &module, &mut paths);
        paths.into_iter().map(|(_, path)| path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        assert_eq!(
            found("use crate::{a::{B, c::D}, e::*, f as g};"),
            ["a::B", "a::c::D", "e", "f"]
        );
        assert_eq!(
            found("fn f() -> crate::a::B<u8> { super::x() }"),
            ["a::B", "store::x"]
        );
        assert_eq!(
            found("assert!(crate::a::b() == self::c)"),
            ["a::b", "store::redis::c"]
        );
        assert_eq!(
            found("use super::super::engine::Engine;"),
            ["engine::Engine"]
        );
        assert_eq!(
            found("mod inner { use super::x; use crate::y; }"),
            ["store::redis::x", "y"]
        );
    }

    #[test]
    fn what_only_looks_like_a_path_is_none() {
        assert!(
            found("pub(in crate::engine) fn f(self) { self.crate_name(\"crate::a\") }").is_empty()
        );
        assert!(found("#[cfg(test)] mod tests { use crate::engine::Engine; }").is_empty());
        assert!(found("/// [`crate::engine`]\nfn f() {}").is_empty());
    }

    #[test]
    fn a_name_at_the_root_is_its_modules() {
        let names = reexports("mod a; pub use a::{B, c::D}; use e::F;".parse().unwrap());
        assert_eq!(names["B"], "a");
        assert_eq!(names["D"], "a");
        assert_eq!(names["F"], "e");
    }

    #[test]
    fn files_are_modules() {
        for (file, module) in [
            ("lib.rs", ""),
            ("a.rs", "a"),
            ("a/mod.rs", "a"),
            ("a/b.rs", "a::b"),
        ] {
            assert_eq!(module_path(Path::new(file)).join("::"), module);
        }
    }
}
