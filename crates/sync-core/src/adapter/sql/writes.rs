//! Statements that change rows.

use serde_json::{Map, Value};

use crate::adapter::exchange::bad_answer;
use crate::adapter::sql::refusal::{is_constraint, to_adapter_error};
use crate::adapter::sql::shape::Shape;
use crate::adapter::sql::text::{Sql, Values, bound_text};
use crate::adapter::sql::{SqlAdapter, first_of};
use crate::adapter::{AdapterError, Call};
use crate::model::{Attributes, ObjectId};
use crate::ports::{Ports, SqlClient as _, SqlError, SqlStatement};
use crate::settings::{Dialect, Relation};

impl<P: Ports> SqlAdapter<P> {
    /// Creates a row; answers its key.
    ///
    /// What tells a create that comes again is a column with a unique constraint: where it refuses the row, or no key was answered, the
    /// row is looked for there.
    pub(super) async fn insert(
        &self,
        call: &Call<'_>,
        attributes: &Attributes,
    ) -> Result<Option<ObjectId>, AdapterError> {
        let values = self.values(call, None, attributes)?;
        let statement = match (&self.settings.create, &self.settings.relation) {
            (Some(statement), _) => self.sql(&values).statement(statement).done(),
            (None, Relation::Table(names)) => {
                let shape = self.shape_of(call).await?;
                self.insert_into(&values, names, &shape, attributes)?
            }
            (None, Relation::Query(_)) => return Err(not_declared()),
        };
        let inserted = self.run_insert(statement).await;
        let key = match inserted {
            Ok(Some(key)) => Some(key),
            Ok(None) => self.key_of_create(call, &values).await?,
            Err(error) if is_constraint(&error) => {
                let found = self.key_of_create(call, &values).await?;
                Some(found.ok_or_else(|| to_adapter_error(error))?)
            }
            Err(error) => return Err(to_adapter_error(error)),
        };
        key.map(ObjectId::parse)
            .transpose()
            .map_err(|error| bad_answer(error.to_string()))
    }

    async fn run_insert(&self, statement: SqlStatement) -> Result<Option<String>, SqlError> {
        let (url, client) = (self.settings.url.expose(), self.ports.sql());
        match self.settings.dialect {
            Dialect::Postgres => {
                let mut key = None;
                let mut take = |row| {
                    key = key.take().or(first_of(row));
                    Ok(())
                };
                let asked = client.query(url, statement, self.timeout(), &mut take);
                asked.await?;
                Ok(key)
            }
            Dialect::MySql => {
                let done = client.execute(url, statement, self.timeout()).await?;
                Ok(done.last_id)
            }
        }
    }

    fn insert_into(
        &self,
        values: &Values<'_>,
        names: &[String],
        shape: &Shape,
        attributes: &Attributes,
    ) -> Result<SqlStatement, AdapterError> {
        let mut columns = self.columns_of(shape, attributes)?;
        if let Some(column) = &self.settings.idempotency_key {
            let key = values.call.idempotency_key.to_owned();
            columns.push((column.clone(), Some(key)));
        }
        let mut sql = self
            .sql(values)
            .text("INSERT INTO ")
            .table(names)
            .text(" (");
        for (number, (name, _)) in columns.iter().enumerate() {
            sql = comma(sql, number).name(name);
        }
        sql = sql.text(") VALUES (");
        for (number, (name, value)) in columns.iter().enumerate() {
            sql = comma(sql, number).typed(value.clone(), shape.type_of(name));
        }
        sql = sql.text(")");
        Ok(match self.settings.dialect {
            Dialect::Postgres => {
                let sql = sql.text(" RETURNING ").name(&self.settings.key);
                sql.text("::text").done()
            }
            Dialect::MySql => sql.done(),
        })
    }

    /// The key of the row that this create, or an earlier attempt at it, has made.
    async fn key_of_create(
        &self,
        call: &Call<'_>,
        values: &Values<'_>,
    ) -> Result<Option<String>, AdapterError> {
        let Some(column) = &self.settings.idempotency_key else {
            return Ok(None);
        };
        let sql = self.sql(values).text("SELECT ");
        let sql = sql.column_text(&self.settings.key).from().text(" WHERE ");
        let sql = sql.column(column).text(" = ");
        let statement = sql.value(Some(call.idempotency_key.to_owned())).done();
        self.value(call, statement).await
    }

    /// Changes a row.
    pub(super) async fn change(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<(), AdapterError> {
        let values = self.values(call, Some(id), attributes)?;
        let statement = match (&self.settings.update, &self.settings.relation) {
            (Some(statement), _) => self.sql(&values).statement(statement).done(),
            (None, Relation::Table(names)) => {
                let shape = self.shape_of(call).await?;
                let columns = self.columns_of(&shape, attributes)?;
                if columns.is_empty() {
                    return Ok(());
                }
                let mut sql = self.sql(&values).text("UPDATE ").table(names).text(" SET ");
                for (number, (name, value)) in columns.iter().enumerate() {
                    sql = comma(sql, number).name(name).text(" = ");
                    sql = sql.typed(value.clone(), shape.type_of(name));
                }
                sql = self.where_key(sql, &shape, id);
                if let (true, Some(before)) = (self.settings.unless_changed, call.before) {
                    sql = self.unless_changed(sql, &shape, before, &columns)?;
                }
                sql.done()
            }
            (None, Relation::Query(_)) => return Err(not_declared()),
        };
        self.run_change(call, &values, id, statement).await
    }

    /// Deletes a row.
    pub(super) async fn remove(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<(), AdapterError> {
        let values = self.values(call, Some(id), attributes)?;
        let statement = match (&self.settings.delete, &self.settings.relation) {
            (Some(statement), _) => self.sql(&values).statement(statement).done(),
            (None, Relation::Table(names)) => {
                let shape = self.shape_of(call).await?;
                let sql = self.sql(&values).text("DELETE FROM ").table(names);
                self.where_key(sql, &shape, id).done()
            }
            (None, Relation::Query(_)) => return Err(not_declared()),
        };
        self.run_change(call, &values, id, statement).await
    }

    /// Runs a statement that should change a row. If it finds none, the row is gone, or not as the statement wants it.
    async fn run_change(
        &self,
        call: &Call<'_>,
        values: &Values<'_>,
        id: &ObjectId,
        statement: SqlStatement,
    ) -> Result<(), AdapterError> {
        let url = self.settings.url.expose();
        let client = self.ports.sql();
        let done = client.execute(url, statement, self.timeout()).await;
        if done.map_err(to_adapter_error)?.rows > 0 {
            return Ok(());
        }
        let shape = self.shape(call).await?;
        let sql = self.sql(values).text("SELECT 'x'").from().text(" WHERE ");
        let sql = sql.column(&self.settings.key).text(" = ");
        let kind = shape.as_ref().and_then(|it| it.type_of(&self.settings.key));
        let sql = sql.typed(Some(id.as_str().to_owned()), kind);
        Err(match self.value(call, sql.done()).await? {
            None => AdapterError::NotFound {
                message: "the database has no such row".to_owned(),
            },
            Some(_) => AdapterError::Conflict {
                message: "somebody else has changed this meanwhile".to_owned(),
            },
        })
    }

    fn where_key<'a>(&self, sql: Sql<'a>, shape: &Shape, id: &ObjectId) -> Sql<'a> {
        let key = &self.settings.key;
        let sql = sql.text(" WHERE ").name(key).text(" = ");
        sql.typed(Some(id.as_str().to_owned()), shape.type_of(key))
    }

    /// Leaves rows alone that have other values than the server knows of. One that has the new value is what an earlier attempt has made of it.
    fn unless_changed<'a>(
        &self,
        mut sql: Sql<'a>,
        shape: &Shape,
        before: &Attributes,
        columns: &[(String, Option<String>)],
    ) -> Result<Sql<'a>, AdapterError> {
        let known = self.mapping_of(before)?;
        for (name, new) in columns {
            let known = known.get(name).cloned();
            let known = known.and_then(|value| self.bound(shape, name, value));
            sql = sql.text(" AND (");
            sql = self.is_same(sql, shape, name, known);
            sql = sql.text(" OR ");
            sql = self.is_same(sql, shape, name, new.clone()).text(")");
        }
        Ok(sql)
    }

    /// Compares as texts: not every type can be compared.
    fn is_same<'a>(
        &self,
        sql: Sql<'a>,
        shape: &Shape,
        name: &str,
        value: Option<String>,
    ) -> Sql<'a> {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            // Devices know nothing and the empty text as the same.
            let sql = sql.text("coalesce(").name(name);
            return match self.settings.dialect {
                Dialect::Postgres => sql.text("::text, '') = ''"),
                Dialect::MySql => sql.text(", '') = ''"),
            };
        };
        match (self.settings.dialect, shape.type_of(name)) {
            (Dialect::Postgres, kind) => {
                let kind = if kind == Some("json") {
                    Some("jsonb")
                } else {
                    kind
                };
                let cast = format!("::{}::text = ", kind.unwrap_or("text"));
                sql.name(name)
                    .text(&cast)
                    .typed(Some(value), kind)
                    .text("::text")
            }
            (Dialect::MySql, _) => sql.name(name).text(" <=> ").value(Some(value)),
        }
    }

    fn values<'a>(
        &'a self,
        call: &'a Call<'a>,
        id: Option<&'a ObjectId>,
        attributes: &Attributes,
    ) -> Result<Values<'a>, AdapterError> {
        let object = self.settings.mapping.typed(attributes).map_err(rejected)?;
        Ok(Values {
            id,
            object,
            ..Values::of(call)
        })
    }

    /// What a change sets, by the table's columns. A device cannot name another.
    fn columns_of(
        &self,
        shape: &Shape,
        attributes: &Attributes,
    ) -> Result<Vec<(String, Option<String>)>, AdapterError> {
        let object = self.mapping_of(attributes)?;
        object
            .into_iter()
            .map(|(name, value)| {
                if !shape.types.contains_key(&name) || self.settings.mapping.omit.contains(&name) {
                    return Err(rejected(format!("the table has no column {name}")));
                }
                let value = self.bound(shape, &name, value);
                Ok((name, value))
            })
            .collect()
    }

    fn mapping_of(&self, attributes: &Attributes) -> Result<Map<String, Value>, AdapterError> {
        self.settings
            .mapping
            .to_back_end(attributes)
            .map_err(rejected)
    }

    /// A value as a column takes it. An empty text is nothing, unless the column has texts.
    fn bound(&self, shape: &Shape, name: &str, value: Value) -> Option<String> {
        let text = bound_text(value, self.settings.dialect)?;
        if text.is_empty() && !shape.is_text(name) {
            return None;
        }
        let kind = shape.type_of(name).unwrap_or_default();
        let is_time = matches!(kind, "datetime" | "timestamp");
        Some(match self.settings.dialect {
            // It reads neither the T of RFC 3339 nor its Z.
            Dialect::MySql if is_time => {
                text.replacen('T', " ", 1).trim_end_matches('Z').to_owned()
            }
            _ => text,
        })
    }

    async fn shape_of(&self, call: &Call<'_>) -> Result<std::rc::Rc<Shape>, AdapterError> {
        let shape = self.shape(call).await?;
        shape.ok_or_else(|| bad_answer("the table has no columns"))
    }
}

fn comma(sql: Sql<'_>, number: usize) -> Sql<'_> {
    if number > 0 { sql.text(", ") } else { sql }
}

fn rejected(message: String) -> AdapterError {
    AdapterError::Rejected { message }
}

/// The settings declare no statement for this.
fn not_declared() -> AdapterError {
    rejected("the back end has no statement for this".to_owned())
}
