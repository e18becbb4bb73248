//! Texts with placeholders: `{{name}}` stands for a value that is known, `{{name:kind}}` for one to be remembered.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use regex::Regex;

/// Values by name.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<String, String>);

impl Values {
    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    pub(crate) fn get(&self, name: &str) -> Result<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .with_context(|| format!("nothing has set {{{{{name}}}}}"))
    }

    /// The text with every placeholder replaced.
    pub(crate) fn fill(&self, template: &str) -> Result<String> {
        parts(template)?
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Ok(text),
                Part::Value(name) => self.get(name),
                Part::Capture(..) => bail!("{template:?}: only answers can be taken from"),
            })
            .collect()
    }

    /// Whether a text is as the template says. If it is, what the template takes from it is remembered.
    pub(crate) fn matches(&mut self, template: &str, text: &str) -> Result<bool> {
        let mut pattern = "(?s)^".to_owned();
        let mut names = Vec::new();
        let mut tokens = Vec::new();
        for part in parts(template)? {
            match part {
                Part::Text(text) => pattern += &regex::escape(text),
                Part::Value(name) => pattern += &regex::escape(self.get(name)?),
                Part::Capture(name, kind) => {
                    pattern += kind.pattern();
                    names.push(name);
                    tokens.push(kind == Kind::Token);
                }
            }
        }
        pattern.push('$');
        let pattern = Regex::new(&pattern).context("a template")?;
        let Some(found) = pattern.captures(text) else {
            return Ok(false);
        };
        let found: Vec<&str> = found
            .iter()
            .skip(1)
            .map(|group| group.map_or("", |group| group.as_str()))
            .collect();
        if found
            .iter()
            .zip(tokens)
            .any(|(text, is_token)| is_token && !is_token_text(text))
        {
            return Ok(false);
        }
        for (name, text) in names.into_iter().zip(found) {
            if !name.is_empty() {
                self.set(name, text);
            }
        }
        Ok(true)
    }
}

/// Clients take 0 and 1 for the end, and some parse tokens as doubles.
fn is_token_text(text: &str) -> bool {
    text.parse::<u64>()
        .is_ok_and(|token| (2..1 << 53).contains(&token))
}

enum Part<'a> {
    Text(&'a str),
    Value(&'a str),
    Capture(&'a str, Kind),
}

/// What a value looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anything, also nothing.
    Any,
    /// At least one character.
    Text,
    Number,
    /// 32 hexadecimal digits.
    Id,
    /// 64 hexadecimal digits.
    Digest,
    /// A decimal number above 1 and below 2^53.
    Token,
}

impl Kind {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "any" => Self::Any,
            "text" => Self::Text,
            "number" => Self::Number,
            "id" => Self::Id,
            "digest" => Self::Digest,
            "token" => Self::Token,
            _ => bail!("there is no kind {name:?}"),
        })
    }

    const fn pattern(self) -> &'static str {
        match self {
            Self::Any => "(.*?)",
            Self::Text => "(.+?)",
            Self::Number => r"(-?[0-9]+(?:\.[0-9]+)?)",
            Self::Id => "([0-9a-f]{32})",
            Self::Digest => "([0-9a-f]{64})",
            Self::Token => "([0-9]+)",
        }
    }
}

fn parts(template: &str) -> Result<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .with_context(|| format!("{template:?}: a placeholder does not end"))?;
        parts.push(Part::Text(text));
        parts.push(match name.split_once(':') {
            None => Part::Value(name),
            Some((name, kind)) => Part::Capture(name, Kind::parse(kind)?),
        });
        rest = after;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}
