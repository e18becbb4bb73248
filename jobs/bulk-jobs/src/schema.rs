//! A source's schema as a table of its own in a device's database.

use serde::Deserialize;
use serde_json::{Map, Value};

/// How devices store the objects of a source.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Schema {
    /// Columns, with what is said of them: `string`, or `blob,overwrite` for instance.
    #[serde(default)]
    property: Map<String, Value>,
    /// Names of indexes, with columns and commas between them.
    #[serde(default)]
    index: Map<String, Value>,
    #[serde(default)]
    unique_index: Map<String, Value>,
}

impl Schema {
    /// Reads a schema.
    pub(crate) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The columns beside that of the objects' ids.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.property.keys().map(String::as_str)
    }

    /// The statement that makes the source's table.
    pub(crate) fn create_table(&self, table: &str) -> String {
        let columns: String = self
            .columns()
            .map(|column| format!(",{} varchar default NULL", quoted(column)))
            .collect();
        format!(
            "CREATE TABLE {}(\"object\" varchar(255) PRIMARY KEY{columns})",
            quoted(table)
        )
    }

    /// The statement that puts an object into the table, in the place of one of the same id.
    pub(crate) fn insert(&self, table: &str) -> String {
        let columns: String = self
            .columns()
            .map(|column| format!(",{}", quoted(column)))
            .collect();
        let values = ",?".repeat(self.property.len());
        format!(
            "INSERT OR REPLACE INTO {}(\"object\"{columns}) VALUES (?{values})",
            quoted(table)
        )
    }

    /// The statement that takes an object out of the table.
    pub(crate) fn delete(&self, table: &str) -> String {
        format!("DELETE FROM {} WHERE \"object\" = ?", quoted(table))
    }

    /// The statements that make the table's indexes.
    pub(crate) fn create_indexes(&self, table: &str) -> Vec<String> {
        let statements = |kind: &str, indexes: &Map<String, Value>| {
            let statement = |(name, columns): (&String, &Value)| {
                let columns: Vec<_> = columns.as_str()?.split(',').map(str::trim).collect();
                let columns: Vec<_> = columns.into_iter().map(quoted).collect();
                let (name, table) = (quoted(name), quoted(table));
                Some(format!(
                    "CREATE {kind} {name} on {table} ({})",
                    columns.join(",")
                ))
            };
            indexes.iter().filter_map(statement).collect::<Vec<_>>()
        };
        let mut all = statements("INDEX", &self.index);
        all.extend(statements("UNIQUE INDEX", &self.unique_index));
        all
    }

    /// Which columns are files' addresses, with 1 where a file that is there is fetched again, else 0.
    pub(crate) fn blob_attributes(&self) -> String {
        let blobs = self.property.iter().filter_map(|(column, said)| {
            let said: Vec<_> = said.as_str()?.split(',').map(str::trim).collect();
            let overwrite = u8::from(said.contains(&"overwrite"));
            said.contains(&"blob")
                .then(|| format!("{column},{overwrite}"))
        });
        let mut blobs: Vec<_> = blobs.collect();
        blobs.sort();
        blobs.join(",")
    }
}

/// A name in a statement, whatever characters it has.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
