//! What a database says of a table, for settings to begin with.

use std::time::Duration;

use anyhow::{Result, anyhow};
use futures_executor::block_on;
use sync_core::{SqlClient as _, SqlStatement};

use crate::source::databases::Databases;

/// How long the database may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type, as the database calls it.
    pub(super) kind: String,
    /// Whether it is the primary key, or a part of it.
    pub(super) is_key: bool,
}

/// The columns of a table, in their order.
const POSTGRES: &str = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod)::text, \
    CASE WHEN i.indrelid IS NULL THEN '' ELSE 'key' END \
    FROM pg_catalog.pg_attribute AS a \
    LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey) \
    WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
const MYSQL: &str = "SELECT column_name, CAST(column_type AS CHAR), IF(column_key = 'PRI', 'key', '') \
    FROM information_schema.columns \
    WHERE table_name = ? AND table_schema = COALESCE(?, DATABASE()) ORDER BY ordinal_position";

/// Asks the database at an address.
pub(super) fn columns(address: &str, table: &str) -> Result<Vec<Column>> {
    let names: Vec<&str> = table.split('.').collect();
    let (text, parameters) = if address.starts_with("mysql:") {
        let mut names = names.iter().rev().map(|name| (*name).to_owned());
        (MYSQL, vec![names.next(), names.next()])
    } else {
        let quoted = |name: &&str| format!("\"{}\"", name.replace('"', "\"\""));
        let names: Vec<String> = names.iter().map(quoted).collect();
        (POSTGRES, vec![Some(names.join("."))])
    };
    let statement = SqlStatement {
        text: text.to_owned(),
        parameters,
    };
    let mut columns = Vec::new();
    let mut take = |row: Vec<Option<String>>| {
        if let [Some(name), Some(kind), Some(key)] = &row[..] {
            columns.push(Column {
                name: name.clone(),
                kind: kind.clone(),
                is_key: key == "key",
            });
        }
        Ok(())
    };
    let databases = Databases::new()?;
    block_on(databases.query(address, statement, TIMEOUT, &mut take))?;
    match columns.is_empty() {
        true => Err(anyhow!("there is no table {table}")),
        false => Ok(columns),
    }
}
