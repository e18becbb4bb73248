//! Where a setting stands in its file.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

/// A settings file as it was written.
pub(super) struct Written {
    text: String,
    document: Option<Document<String>>,
}

impl Written {
    /// Reads it; of a text that is no TOML, no places are known.
    pub(super) fn new(text: String) -> Self {
        let document = Document::parse(text.clone()).ok();
        Self { text, document }
    }

    /// The line of a key, `sources.Order.rest.records` for instance, or of the innermost table around it.
    pub(super) fn line_of(&self, key: &str) -> Option<usize> {
        let table = self.document.as_ref()?.as_table();
        let before = self.text.get(..innermost(table, key)?.start)?;
        Some(before.matches('\n').count() + 1)
    }

    /// What a key has.
    pub(super) fn get(&self, key: &str) -> Option<&Item> {
        let mut table: &dyn TableLike = self.document.as_ref()?.as_table();
        let mut rest = key;
        loop {
            let (name, behind) = step(table, rest)?;
            let item = table.get(name)?;
            if behind.is_empty() {
                return Some(item);
            }
            (table, rest) = (item.as_table_like()?, behind);
        }
    }

    /// The text that a key has.
    pub(super) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The names in a table, or in a list of names.
    pub(super) fn names_at(&self, key: &str) -> Vec<String> {
        let Some(item) = self.get(key) else {
            return Vec::new();
        };
        if let Some(table) = item.as_table_like() {
            return table.iter().map(|(name, _)| name.to_owned()).collect();
        }
        let list = item.as_array().into_iter().flatten();
        list.filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }
}

/// The place of the last name of a key that is there.
fn innermost<'a>(mut table: &'a dyn TableLike, mut key: &'a str) -> Option<Range<usize>> {
    let mut found = None;
    while let Some((name, behind)) = step(table, key) {
        let (written, item) = table.get_key_value(name)?;
        // A table with a header has a name in each header that it stands in.
        let header = item.as_table().and_then(|table| table.span());
        found = header.or_else(|| written.span()).or(found);
        match item.as_table_like() {
            Some(inner) if !behind.is_empty() => (table, key) = (inner, behind),
            _ => break,
        }
    }
    found
}

/// The name in a table that a key begins with, and what comes behind it. Names may have dots of their own, or be quoted.
fn step<'a>(table: &'a dyn TableLike, key: &'a str) -> Option<(&'a str, &'a str)> {
    let names = table.iter().filter_map(|(name, _)| {
        let quoted = format!("{name:?}");
        let rest = key
            .strip_prefix(name)
            .or_else(|| key.strip_prefix(&*quoted))?;
        let behind = match rest {
            "" => rest,
            rest => rest.strip_prefix('.')?,
        };
        Some((name, behind))
    });
    names.max_by_key(|(name, _)| name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_it_stands_or_where_it_should() {
        let written = Written::new(
            "# first\n[sources.Order]\nadapter = \"rest\"\n\n[sources.Order.rest]\nurl = \"http://a\"\nlist = { path = \"/x\" }\n\n[sources.Order.rest.headers]\n\"X.Y\" = \"z\"\n"
                .to_owned(),
        );
        for (key, line) in [
            ("sources.Order.adapter", 3),
            ("sources.Order.rest.url", 6),
            ("sources.Order.rest.list.path", 7),
            ("sources.Order.rest.list.records", 7),
            ("sources.Order.rest.records", 5),
            ("sources.Order.rest.headers.X.Y", 10),
            ("sources.Order.poll_interval", 2),
        ] {
            assert_eq!(written.line_of(key), Some(line), "{key}");
        }
        assert_eq!(written.line_of("retention_days"), None);
        assert_eq!(written.text_at("sources.Order.rest.url"), Some("http://a"));
        assert_eq!(written.names_at("sources.Order.rest.headers"), ["X.Y"]);
    }
}
