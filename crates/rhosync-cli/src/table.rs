//! Tables of objects.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use comfy_table::{ContentArrangement, Table, presets};
use sync_client::rhoconnect::Attributes;

/// Most attributes that a table shows.
const COLUMNS: usize = 8;
/// Most characters of a value.
const WIDTH: usize = 40;

/// A table of objects that fits into the terminal, with a mark before each if there are marks.
pub(crate) fn objects(
    shown: &[(&str, Cow<'_, Attributes>)],
    mark: Option<&dyn Fn(&str) -> &'static str>,
) -> Table {
    let columns = columns(shown);
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = terminal_width() {
        table.set_width(width);
    }
    let first = mark.map(|_| "");
    table.set_header(
        first
            .into_iter()
            .chain(iter::once("id"))
            .chain(columns.iter().copied()),
    );
    for (id, attributes) in shown {
        let mark = mark.map(|mark| Cow::Borrowed(mark(id)));
        let values = columns.iter().map(|&name| {
            attributes
                .get(name)
                .map_or(Cow::Borrowed(""), |value| short(value))
        });
        table.add_row(mark.into_iter().chain(iter::once(short(id))).chain(values));
    }
    table
}

/// The attributes that most of these objects have, by name.
fn columns<'a>(objects: &'a [(&str, Cow<'_, Attributes>)]) -> Vec<&'a str> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, attributes) in objects {
        for name in attributes.keys() {
            *uses.entry(name).or_default() += 1;
        }
    }
    let mut names: Vec<_> = uses.into_iter().collect();
    names.sort_by_key(|&(_, uses)| std::cmp::Reverse(uses));
    names.truncate(COLUMNS);
    let names: BTreeSet<_> = names.into_iter().map(|(name, _)| name).collect();
    names.into_iter().collect()
}

/// A value as it fits into a line.
pub(crate) fn short(value: &str) -> Cow<'_, str> {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    if value.chars().count() <= WIDTH && !value.contains(char::is_control) {
        return Cow::Borrowed(value);
    }
    let mut short: String = value.chars().map(plain).take(WIDTH - 1).collect();
    if value.chars().count() > WIDTH {
        short.push('…');
    }
    Cow::Owned(short)
}

/// The width of the terminal that is written to; none when it is a file or a pipe.
fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_control_characters_do_not_reach_the_terminal() {
        assert_eq!(short("Lamp"), "Lamp");
        assert_eq!(short("a\u{1b}[31mb\nc"), "a [31mb c");
        let cut = short(&"ż".repeat(100)).into_owned();
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (WIDTH, true));
    }

    #[test]
    fn the_columns_are_what_most_objects_have() {
        let object = |names: &[&str]| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), String::new()))
                .collect()
        };
        let many: Vec<String> = (0..COLUMNS).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let objects: Vec<(&str, Cow<'_, Attributes>)> = vec![
            ("1", Cow::Owned(object(&many))),
            ("2", Cow::Owned(object(&many))),
            ("3", Cow::Owned(object(&["a"]))),
        ];
        assert_eq!(columns(&objects), many);
    }
}
