//! Statements with names in the places of values: `… WHERE owner = :user`.
//!
//! A value never becomes part of a statement's text: it is bound to a parameter, whatever it has in it.

use std::fmt;

use super::Dialect;

/// A statement, cut where values go.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Statement(pub(crate) Vec<Piece>);

/// A part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text of the settings.
    Text(String),
    /// The place of a value.
    Value(ValueName),
}

/// What may stand in the place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueName {
    /// `:user`
    User,
    /// The partition whose rows are meant, where its name is computed.
    Partition,
    /// `:id`
    Id,
    /// `:since`
    Since,
    /// `:idempotency_key`
    IdempotencyKey,
    /// `:parameters.region`: what a device asks by.
    Parameter(String),
    /// `:object.name`: what a device sends.
    Object(String),
    /// `:before.name`: what the server had before the change.
    Before(String),
}

/// What a statement is for, which decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Query,
    Search,
    Create,
    Change,
}

/// The settings have it, so it may be shown; the values are not in it.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl Statement {
    /// Reads a statement. Colons in texts, quoted names and comments are left alone, and so are `::` casts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str, dialect: Dialect, purpose: Purpose) -> Result<Self, String> {
        let text = text.trim().trim_end_matches(';').trim_end();
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        let mut pieces = Vec::new();
        let mut kept = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let quoted = quoted_length(rest, dialect)?;
            let taken = if quoted > 0 {
                quoted
            } else if rest.starts_with("::") {
                2
            } else if let Some(name) = rest.strip_prefix(':').and_then(name_at_begin) {
                pieces.push(Piece::Text(std::mem::take(&mut kept)));
                pieces.push(Piece::Value(ValueName::parse(name, purpose)?));
                rest = rest.get(1 + name.len()..).unwrap_or_default();
                continue;
            } else if is_foreign_parameter(rest, dialect) {
                return Err("write the places of values as names: :user for instance".to_owned());
            } else if first == ';' {
                return Err("is more than one statement".to_owned());
            } else {
                first.len_utf8()
            };
            let (before, behind) = rest.split_at(taken);
            kept.push_str(before);
            rest = behind;
        }
        pieces.push(Piece::Text(kept));
        Ok(Self(pieces))
    }
}

impl ValueName {
    fn parse(name: &str, purpose: Purpose) -> Result<Self, String> {
        use Purpose::{Change, Create, Query, Search};
        let (found, purposes): (_, &[Purpose]) = match name.split_once('.') {
            None => match name {
                "user" => (Self::User, &[Query, Search, Create, Change]),
                "partition" => (Self::Partition, &[Query, Search, Create, Change]),
                "since" => (Self::Since, &[Query]),
                "id" => (Self::Id, &[Change]),
                "idempotency_key" => (Self::IdempotencyKey, &[Create, Change]),
                _ => return Err(format!(":{name} is nothing that the server knows")),
            },
            Some(("parameters", name)) => (Self::Parameter(name.to_owned()), &[Query, Search]),
            Some(("object", name)) => (Self::Object(name.to_owned()), &[Create, Change]),
            Some(("before", name)) => (Self::Before(name.to_owned()), &[Change]),
            Some(_) => return Err(format!(":{name} is nothing that the server knows")),
        };
        if purposes.contains(&purpose) {
            Ok(found)
        } else {
            Err(format!(":{name} is not known here"))
        }
    }
}

/// How long the text, quoted name or comment is that begins here; 0 if none does.
fn quoted_length(rest: &str, dialect: Dialect) -> Result<usize, String> {
    let ended = |begin: usize, end: &str| {
        let inner = rest.get(begin..).unwrap_or_default();
        let found = inner.find(end).map(|at| begin + at + end.len());
        found.ok_or_else(|| "has a text, a name or a comment without an end".to_owned())
    };
    if rest.starts_with("--") || (dialect == Dialect::MySql && rest.starts_with('#')) {
        return Ok(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return ended(2, "*/");
    }
    if rest.starts_with('"') || rest.starts_with('`') {
        return ended(1, rest.get(..1).unwrap_or_default());
    }
    if rest.starts_with('\'') {
        // A doubled quotation mark ends one text and begins the next.
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' if dialect == Dialect::MySql => escaped = true,
                '\'' => return Ok(at + 1),
                _ => {}
            }
        }
        return ended(rest.len(), "'");
    }
    if dialect == Dialect::Postgres
        && let Some(behind) = rest.strip_prefix('$')
        && let Some(length) = behind.find('$')
        && let Some(tag) = rest.get(..length + 2)
        && behind
            .chars()
            .take(length)
            .all(|c| c.is_alphanumeric() || c == '_')
        && !behind.starts_with(|c: char| c.is_ascii_digit())
    {
        return ended(tag.len(), tag);
    }
    Ok(0)
}

/// The name that a place of a value has.
fn name_at_begin(rest: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let name = rest.get(..length)?.trim_end_matches('.');
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        .then_some(name)
}

/// Whether a place of a value begins here as the database writes it. Those are the server's to number.
fn is_foreign_parameter(rest: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => {
            let digits = rest.strip_prefix('$');
            digits.is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
        }
        Dialect::MySql => rest.starts_with('?'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Piece>, String> {
        Statement::parse(text, Dialect::Postgres, Purpose::Change).map(|it| it.0)
    }

    #[test]
    fn values_are_found_and_what_is_quoted_is_left_alone() {
        let text = "UPDATE a SET b = :object.b::numeric, \":c\" = ':user' -- :id\n, d = $x$:id$x$ WHERE id = :id;";
        let pieces = parse(text).unwrap();
        let values: Vec<_> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Value(name) => Some(name.clone()),
                Piece::Text(_) => None,
            })
            .collect();
        assert_eq!(values, [ValueName::Object("b".to_owned()), ValueName::Id]);
        let texts: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Value(_) => "?",
                Piece::Text(text) => text,
            })
            .collect();
        assert_eq!(
            texts,
            "UPDATE a SET b = ?::numeric, \":c\" = ':user' -- :id\n, d = $x$:id$x$ WHERE id = ?"
        );
    }

    #[test]
    fn what_cannot_be_a_statement_is_refused() {
        for text in [
            "",
            " ; ",
            "UPDATE a SET b = :nobody",
            "UPDATE a SET b = :parameters.b",
            "UPDATE a SET b = $1",
            "UPDATE a SET b = 'c",
            "UPDATE a SET b = 1; DELETE FROM a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let mysql = |text| Statement::parse(text, Dialect::MySql, Purpose::Change);
        assert!(mysql("UPDATE a SET b = 'it\\'s :user' WHERE id = :id").is_ok());
        assert!(mysql("UPDATE a SET b = ?").is_err());
    }
}
