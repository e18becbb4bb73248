//! Which names templates use: the engine says so only when it fills one in.

use std::collections::BTreeSet;

/// Words of the templates' own.
const KEYWORDS: [&str; 14] = [
    "if", "elif", "else", "endif", "for", "in", "endfor", "with", "as", "endwith", "include",
    "not", "true", "false",
];

/// The marks around what a template computes, and around comments.
const MARKS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];

/// The first name that is neither known nor the template's own.
pub(super) fn unknown_name(text: &str, known: &[&str]) -> Option<String> {
    let (mut own, mut used) = (BTreeSet::new(), Vec::new());
    for tag in tags(text) {
        let mut keyword = "";
        for name in names(tag) {
            match KEYWORDS.iter().find(|word| **word == name) {
                Some(word) => keyword = word,
                None if matches!(keyword, "for" | "as") => drop(own.insert(name)),
                None => used.push(name),
            }
        }
    }
    let is_unknown = |name: &String| !known.contains(&name.as_str()) && !own.contains(name);
    used.into_iter().find(is_unknown)
}

/// What stands within marks.
fn tags(mut rest: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let first = |rest: &str| {
        let marks = MARKS
            .into_iter()
            .filter_map(|(begin, end)| Some((rest.find(begin)?, end)));
        marks.min()
    };
    while let Some((begin, end)) = first(rest) {
        let behind = rest.get(begin + 2..).unwrap_or_default();
        let Some((inside, behind)) = behind.split_once(end) else {
            break;
        };
        if end != "#}" {
            tags.push(inside);
        }
        rest = behind;
    }
    tags
}

/// The names in an expression that are no members of others.
fn names(expression: &str) -> Vec<String> {
    let plain = expression.replace("\\\"", "");
    let is_between = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '?'));
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    // Every second part stands within quotation marks.
    let words = plain
        .split('"')
        .step_by(2)
        .flat_map(|part| part.split(is_between));
    let first = words.filter_map(|word| word.split(['.', '?']).next());
    first.filter(is_name).map(str::to_owned).collect()
}
