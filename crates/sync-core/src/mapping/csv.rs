//! CSV as a list of objects: the first line names the members.

use csv::ReaderBuilder;
use serde_json::{Map, Value};

use crate::mapping::Unreadable;
use crate::memory::{NoRoom, TreeWeight};

/// Reads a table that has columns of these names: any line of text would pass for the names of one without rows. `weigh` is told what each value takes in memory before it is made.
pub(super) fn read_csv(
    text: &str,
    delimiter: u8,
    columns: &[&str],
    weigh: &mut dyn FnMut(usize) -> Result<(), NoRoom>,
) -> Result<Value, Unreadable> {
    let malformed = |error: csv::Error| Unreadable::Malformed(error.to_string());
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(malformed)?.clone();
    let has = |column: &&&str| names.iter().any(|name| name.trim() == **column);
    if let Some(missing) = columns.iter().find(|column| !has(column)) {
        let there: Vec<_> = names
            .iter()
            .map(|name| format!("{:?}", name.trim()))
            .collect();
        return Err(Unreadable::Malformed(format!(
            "there is no column {missing:?}; its columns are {}",
            there.join(", ")
        )));
    }
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(malformed)?;
        weigh(
            TreeWeight::ELEMENT
                + TreeWeight::MAP
                + row.len() * TreeWeight::ENTRY
                + row.as_slice().len(),
        )?;
        let members = names.iter().zip(&row);
        let members: Map<_, _> = members
            .map(|(name, value)| (name.trim().to_owned(), Value::String(value.to_owned())))
            .collect();
        records.push(Value::Object(members));
    }
    Ok(Value::Array(records))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, Unreadable> {
        read_csv(text, b';', &["id"], &mut |_| Ok(()))
    }

    #[test]
    fn rows_become_objects() {
        let text = "id;name\r\n1;\"a;\"\"b\"\"\n\"\r\n2;\r\n";
        assert_eq!(
            read(text).unwrap(),
            json!([{"id": "1", "name": "a;\"b\"\n"}, {"id": "2", "name": ""}])
        );
        assert_eq!(read("id;name\n").unwrap(), json!([]));
    }

    #[test]
    fn rows_of_another_length_and_no_names_at_all_are_refused() {
        assert!(read("id;name\n1;a;b\n").is_err());
        assert!(read("id;name\n1\n").is_err());
        for text in ["", "\n", "<html>", "{\"error\":\"busy\"}"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
