//! Who shares a copy of a source, as the settings say it.

use serde::{Deserialize, Serialize};

use crate::mapping::{Escape, Template};
use crate::model::PartitionRule;
use crate::settings::{KeyError, wrong};

/// Most partitions of a source that a user is in at once: every idle poll looks at each of them.
const MAX_MEMBERS: usize = 8;

/// A partition, or several of which a user's copy is made.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum PartitionEntry {
    One(String),
    Several(Vec<String>),
}

impl Default for PartitionEntry {
    fn default() -> Self {
        Self::One(PartitionRule::default().as_str().to_owned())
    }
}

/// How the partitions that are a user's are named, where that is computed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Naming {
    /// What the name is made by; by the adapter where this is missing and there are no members.
    pub(crate) template: Option<Template>,
    /// The partitions that a user is in at once; none where it is one at a time. Of an object in several, the first counts.
    pub(crate) members: Vec<MemberRule>,
    /// To which of them what devices and feeds create belongs, by its place. Who is not in it creates in the first.
    pub(crate) create_in: usize,
}

/// One of the partitions that a user is in at once.
#[derive(Debug, Clone)]
pub(crate) enum MemberRule {
    /// Everybody's.
    App,
    /// The user's own.
    User,
    /// That of all users for whom the template makes the same name. Every name begins with the key and a slash, so it is never that of
    /// another member.
    Named { key: String, template: Template },
}

impl MemberRule {
    fn parse(text: &str) -> Result<Self, KeyError> {
        match text {
            "app" => return Ok(Self::App),
            "user" => return Ok(Self::User),
            _ => {}
        }
        let is_word = |key: &str| {
            let mut chars = key.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphabetic())
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !["app", "user"].contains(&key)
        };
        match text.split_once('/') {
            Some((key, value)) if is_word(key) && value.contains("{{") => Ok(Self::Named {
                key: key.to_owned(),
                template: compiled(text)?,
            }),
            _ => wrong(
                "partition",
                "of a list is \"app\", \"user\", or another word, a slash and a template: \"region/{{ user.region }}\"",
            ),
        }
    }

    /// What tells it from the other members.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::App => "app",
            Self::User => "user",
            Self::Named { key, .. } => key,
        }
    }
}

/// Reads who shares a copy. `create_in` is the key of the partition in which devices create.
pub(super) fn read(
    entry: Option<&PartitionEntry>,
    create_in: Option<&str>,
) -> Result<(PartitionRule, Naming), KeyError> {
    let text = match entry {
        None => PartitionRule::default().as_str(),
        Some(PartitionEntry::One(text)) => text,
        Some(PartitionEntry::Several(texts)) => {
            let members = members(texts)?;
            let create_in = match create_in {
                Some(key) => place_of(key, &members)?,
                None => 0,
            };
            let naming = Naming {
                template: None,
                members,
                create_in,
            };
            return Ok((PartitionRule::Computed, naming));
        }
    };
    if create_in.is_some() {
        return wrong("create_in", "needs a partition that is a list of several");
    }
    if let Some(rule) = PartitionRule::parse(text) {
        return Ok((rule, Naming::default()));
    }
    if text == "adapter" {
        return Ok((PartitionRule::Computed, Naming::default()));
    }
    if !text.contains("{{") {
        let rules = "is \"app\", \"user\", \"adapter\", a template: \"{{ user.region }}\", or a list of several";
        return wrong("partition", rules);
    }
    let naming = Naming {
        template: Some(compiled(text)?),
        ..Naming::default()
    };
    Ok((PartitionRule::Computed, naming))
}

fn compiled(text: &str) -> Result<Template, KeyError> {
    Template::compile(text, Escape::Plain).map_err(|reason| ("partition".to_owned(), reason))
}

fn members(texts: &[String]) -> Result<Vec<MemberRule>, KeyError> {
    if !(2..=MAX_MEMBERS).contains(&texts.len()) {
        let count = format!("is a list of 2 to {MAX_MEMBERS} partitions, or a single one");
        return wrong("partition", count);
    }
    let mut members: Vec<MemberRule> = Vec::with_capacity(texts.len());
    for text in texts {
        let member = MemberRule::parse(text)?;
        let key = member.key();
        if members.iter().any(|other| other.key() == key) {
            let twice = format!("has {key:?} twice: the names of two partitions could be the same");
            return wrong("partition", twice);
        }
        members.push(member);
    }
    Ok(members)
}

fn place_of(key: &str, members: &[MemberRule]) -> Result<usize, KeyError> {
    match members.iter().position(|member| member.key() == key) {
        Some(at) => Ok(at),
        None => wrong(
            "create_in",
            "names no partition of the list: it is \"app\", \"user\", or the word before a slash",
        ),
    }
}
