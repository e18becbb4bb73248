//! Queries in SQL, which may read the sources and nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, params_from_iter};
use sync_device::Value;

use crate::error::StoreError;
use crate::file::Store;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, with a value for each column.
    pub rows: Vec<Vec<Value>>,
}

/// A value as SQLite takes it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Boolean(it) => ValueRef::Integer((*it).into()),
            Value::Integer(it) => ValueRef::Integer(*it),
            Value::Float(it) => ValueRef::Real(*it),
            Value::Text(it) => ValueRef::Text(it.as_bytes()),
        }))
    }
}

impl Store {
    /// Asks a query over the views, which are named like the sources. It may read nothing else, and write nothing.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Rows, StoreError> {
        let (mut statement, _) = self.prepare(sql)?;
        let columns = statement.column_names();
        let columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
        let mut answer = Rows {
            columns,
            rows: Vec::new(),
        };
        let bound = params_from_iter(params.iter().map(Bound));
        let mut rows = statement.query(bound).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            let values = (0..answer.columns.len()).map(|at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(it) => Value::Integer(it),
                    ValueRef::Real(it) => Value::Float(it),
                    ValueRef::Text(it) | ValueRef::Blob(it) => {
                        Value::Text(String::from_utf8_lossy(it).into_owned())
                    }
                })
            });
            let values: rusqlite::Result<Vec<Value>> = values.collect();
            answer.rows.push(values.map_err(wrong)?);
        }
        Ok(answer)
    }

    /// The sources that a query reads.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub fn sources_of(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let tables = self.prepare(sql)?.1;
        let mut names = Vec::new();
        for table in tables {
            let number = ["_object_", "_search_"]
                .iter()
                .find_map(|prefix| table.strip_prefix(prefix))
                .and_then(|number| number.parse::<i64>().ok());
            if let Some(number) = number {
                names.push(crate::sources::by_number(&self.connection, number)?.name);
            }
        }
        Ok(names)
    }

    /// Prepares a query under watch of what it reads.
    fn prepare(&self, sql: &str) -> Result<(Statement<'_>, BTreeSet<String>), StoreError> {
        self.guard.begin();
        let prepared = self.connection.prepare(sql);
        let read = self.guard.end();
        let statement = prepared.map_err(wrong)?;
        if !statement.readonly() {
            return Err(StoreError::Query {
                reason: "it may not write".to_owned(),
            });
        }
        Ok((statement, read))
    }
}

/// Notes what a query reads, and lets it read nothing of the library's own. What the library itself asks is not its business.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard(Arc<Mutex<Option<BTreeSet<String>>>>);

impl Guard {
    /// Watches a connection.
    pub(crate) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let guard = self.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            match (&mut *guard.lock(), context.action) {
                // It would write the whole of a database into another one.
                (
                    Some(_),
                    AuthAction::Function {
                        function_name: "sqlcipher_export",
                    },
                ) => Authorization::Deny,
                (None, _)
                | (
                    Some(_),
                    AuthAction::Select | AuthAction::Recursive | AuthAction::Function { .. },
                ) => Authorization::Allow,
                (Some(read), AuthAction::Read { table_name, .. }) if !is_private(table_name) => {
                    read.insert(table_name.to_owned());
                    Authorization::Allow
                }
                (Some(_), _) => Authorization::Deny,
            }
        }))
    }

    fn begin(&self) {
        *self.lock() = Some(BTreeSet::new());
    }

    fn end(&self) -> BTreeSet<String> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tables of the library's own: tokens are in one of them.
fn is_private(table: &str) -> bool {
    let is_object = table.starts_with("_object_") || table.starts_with("_search_");
    table.starts_with('_') && !is_object
}

fn wrong(error: rusqlite::Error) -> StoreError {
    let mut reason = error.to_string();
    if reason.starts_with("no such column") {
        reason.push_str(
            "; name it in the source's `attributes` if it may be asked for before an object has it",
        );
    }
    StoreError::Query { reason }
}
