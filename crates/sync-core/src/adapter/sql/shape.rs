//! The columns of a table or a query, and of which types the database says they are.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::adapter::exchange::bad_answer;
use crate::adapter::sql::SqlAdapter;
use crate::adapter::sql::text::Values;
use crate::adapter::{AdapterError, Call};
use crate::mapping::Selection;
use crate::ports::{Ports, SqlStatement};
use crate::settings::{Dialect, Relation};

/// What the database says of the columns.
#[derive(Debug)]
pub(super) struct Shape {
    /// The columns that are known, and their types as a cast names them.
    pub(super) types: BTreeMap<String, String>,
    /// Whether a row may be without a key.
    pub(super) key_may_be_null: bool,
}

impl Shape {
    /// The columns' names.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    pub(super) fn type_of(&self, column: &str) -> Option<&str> {
        self.types.get(column).map(String::as_str)
    }

    /// Whether a column is of texts: only there is an empty text a value.
    pub(super) fn is_text(&self, column: &str) -> bool {
        let kind = self.type_of(column).unwrap_or_default();
        let kind = kind.split('(').next().unwrap_or_default().trim();
        matches!(
            kind,
            "text"
                | "character varying"
                | "character"
                | "citext"
                | "varchar"
                | "char"
                | "tinytext"
                | "mediumtext"
                | "longtext"
        )
    }
}

impl<P: Ports> SqlAdapter<P> {
    /// What the database says of the columns. It is asked once in the life of an instance; nothing is known of a query without rows.
    pub(super) async fn shape(&self, call: &Call<'_>) -> Result<Option<Rc<Shape>>, AdapterError> {
        if let Some(shape) = self.shape.borrow().clone() {
            return Ok(Some(shape));
        }
        let shape = match &self.settings.relation {
            Relation::Table(names) => Some(self.shape_of_table(call, names).await?),
            Relation::Query(_) => self.shape_of_query(call).await?,
        };
        let shape = shape.map(Rc::new);
        self.shape.borrow_mut().clone_from(&shape);
        Ok(shape)
    }

    async fn shape_of_table(
        &self,
        call: &Call<'_>,
        names: &[String],
    ) -> Result<Shape, AdapterError> {
        let (text, parameters) = match self.settings.dialect {
            Dialect::Postgres => {
                let names: Vec<String> = names
                    .iter()
                    .map(|name| Dialect::Postgres.quoted(name))
                    .collect();
                (
                    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod)::text, a.attnotnull::text \
                     FROM pg_catalog.pg_attribute AS a \
                     WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped",
                    vec![Some(names.join("."))],
                )
            }
            Dialect::MySql => {
                let mut names = names.iter().rev().cloned();
                (
                    "SELECT column_name, CAST(data_type AS CHAR(64)), IF(is_nullable = 'NO', 'true', 'false') \
                     FROM information_schema.columns \
                     WHERE table_name = ? AND table_schema = COALESCE(?, DATABASE())",
                    vec![names.next(), names.next()],
                )
            }
        };
        let text = text.to_owned();
        let asked = self.rows(call, SqlStatement { text, parameters });
        let (rows, _) = asked.await?;
        let mut types = BTreeMap::new();
        let mut never_null = BTreeSet::new();
        for row in rows {
            if let [Some(name), Some(kind), is_never_null] = &row[..] {
                types.insert(name.clone(), kind.clone());
                if is_never_null.as_deref() == Some("true") {
                    never_null.insert(name.clone());
                }
            }
        }
        let key = &self.settings.key;
        let column = self.settings.changed_at();
        let needed = [Some(key), column, self.settings.idempotency_key.as_ref()];
        if let Some(missing) = needed
            .into_iter()
            .flatten()
            .find(|it| !types.contains_key(*it))
        {
            let table = names.join(".");
            return Err(bad_answer(format!(
                "there is no column {missing} in a table {table}"
            )));
        }
        Ok(Shape {
            types,
            key_may_be_null: !never_null.contains(key),
        })
    }

    async fn shape_of_query(&self, call: &Call<'_>) -> Result<Option<Shape>, AdapterError> {
        let settings = &self.settings;
        let mut columns: Vec<&str> = vec![&settings.key];
        columns.extend(settings.changed_at().map(String::as_str));
        if settings.dialect == Dialect::MySql {
            // It converts texts by itself. What it has to know is the names.
            let Selection::Named(names) = &settings.mapping.selection else {
                return Err(bad_answer(
                    "a query in MySQL needs a list of its columns: attributes = [\"name\", …]",
                ));
            };
            columns.extend(names.iter().map(String::as_str));
            columns.extend(settings.deleted_if.as_ref().and_then(|path| path.member()));
            let columns = columns.into_iter();
            return Ok(Some(Shape {
                types: columns.map(|it| (it.to_owned(), String::new())).collect(),
                key_may_be_null: true,
            }));
        }
        let values = Values::of(call);
        let mut sql = self.sql(&values).text("SELECT ");
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                sql = sql.text(", ");
            }
            sql = sql.text("pg_typeof(").column(column).text(")::text");
        }
        let statement = sql.from().text(" LIMIT 1").done();
        let (rows, _) = self.rows(call, statement).await?;
        Ok(rows.into_iter().next().map(|row| Shape {
            types: columns
                .into_iter()
                .zip(row)
                .filter_map(|(column, kind)| Some((column.to_owned(), kind?)))
                .collect(),
            key_may_be_null: true,
        }))
    }
}
