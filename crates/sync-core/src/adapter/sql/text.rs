//! Statements as they are sent: the settings' texts and names with values bound to parameters.

use serde_json::{Map, Value};

use crate::adapter::Call;
use crate::model::{Attributes, ObjectId, to_text};
use crate::ports::SqlStatement;
use crate::settings::{ChangesToldBy, Dialect, Piece, Relation, SqlSettings, Statement, ValueName};

/// What a row is called: no column has this name.
const ROW: &str = "rhosync_row";

/// Characters of the longest text that MySQL is asked for at once: what may have more than 65 535 bytes is of a type that Spin does not
/// read, and a character has up to four.
pub(super) const LONGEST_TEXT: usize = 16_000;

/// What an entry of a change log is called.
const CHANGE: &str = "rhosync_change";

/// What may be bound.
pub(super) struct Values<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) id: Option<&'a ObjectId>,
    pub(super) since: Option<&'a str>,
    /// What the device sent, with its types.
    pub(super) object: Map<String, Value>,
}

impl<'a> Values<'a> {
    /// Those of a call that changes nothing.
    pub(super) fn of(call: &'a Call<'a>) -> Self {
        Self {
            call,
            id: None,
            since: None,
            object: Map::new(),
        }
    }

    fn get(&self, name: &ValueName, dialect: Dialect) -> Option<String> {
        let before = |name: &String| -> Option<String> {
            let before: Option<&Attributes> = self.call.before;
            before?.get(name).cloned()
        };
        match name {
            ValueName::User => Some(self.call.user.as_str().to_owned()),
            ValueName::Partition => self.call.partition.map(str::to_owned),
            ValueName::Id => self.id.map(|id| id.as_str().to_owned()),
            ValueName::Since => self.since.map(str::to_owned),
            ValueName::IdempotencyKey => Some(self.call.idempotency_key.to_owned()),
            ValueName::Parameter(name) => {
                let mut parameters = self.call.parameters.iter();
                parameters
                    .find(|(other, _)| other == name)
                    .map(|(_, value)| value.clone())
            }
            ValueName::Object(name) => self
                .object
                .get(name)
                .and_then(|value| bound_text(value.clone(), dialect)),
            ValueName::Before(name) => before(name),
        }
    }
}

/// A value as the database reads it.
pub(super) fn bound_text(value: Value, dialect: Dialect) -> Option<String> {
    match (value, dialect) {
        (Value::Null, _) => None,
        (Value::Bool(it), Dialect::MySql) => Some(u8::from(it).to_string()),
        (value, _) => Some(to_text(value)),
    }
}

/// A statement that is being written.
pub(super) struct Sql<'a> {
    settings: &'a SqlSettings,
    values: &'a Values<'a>,
    statement: SqlStatement,
}

impl<'a> Sql<'a> {
    pub(super) fn new(settings: &'a SqlSettings, values: &'a Values<'a>) -> Self {
        Self {
            settings,
            values,
            statement: SqlStatement::default(),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.settings.dialect
    }

    pub(super) fn done(self) -> SqlStatement {
        self.statement
    }

    /// Text of this program.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.statement.text.push_str(text);
        self
    }

    /// The name of a column or a table.
    pub(super) fn name(self, name: &str) -> Self {
        let name = self.settings.dialect.quoted(name);
        self.text(&name)
    }

    /// A column of a row.
    pub(super) fn column(self, name: &str) -> Self {
        self.text(ROW).text(".").name(name)
    }

    /// A column of a row, as text.
    pub(super) fn column_text(self, name: &str) -> Self {
        self.text_of(|sql| sql.column(name))
    }

    /// What is written, as text.
    pub(super) fn text_of(self, write: impl FnOnce(Self) -> Self) -> Self {
        match self.settings.dialect {
            Dialect::Postgres => write(self).text("::text"),
            Dialect::MySql => write(self.text("CAST(")).text(&format!(" AS CHAR({LONGEST_TEXT}))")),
        }
    }

    /// The time of a change.
    pub(super) fn change_time(self, told_by: &ChangesToldBy) -> Self {
        match told_by {
            ChangesToldBy::Column(column) => self.column(column),
            ChangesToldBy::Log(_) => self.text(CHANGE).text(".changed_at"),
        }
    }

    /// The key of a row that has changed.
    pub(super) fn change_key(self, told_by: &ChangesToldBy) -> Self {
        let settings = self.settings;
        match told_by {
            ChangesToldBy::Column(_) => self.column(&settings.key),
            ChangesToldBy::Log(_) => self.text(CHANGE).text(".row_key"),
        }
    }

    /// What the times of changes come from.
    pub(super) fn times(self, told_by: &ChangesToldBy) -> Self {
        match told_by {
            ChangesToldBy::Column(_) => self.from(),
            ChangesToldBy::Log(names) => self.text(" FROM ").table(names).text(" AS ").text(CHANGE),
        }
    }

    /// What changes come from, with the rows. Of one that is gone a log has an entry.
    pub(super) fn changes(self, told_by: &ChangesToldBy) -> Self {
        let settings = self.settings;
        let sql = self.times(told_by);
        match told_by {
            ChangesToldBy::Column(_) => sql,
            ChangesToldBy::Log(_) => {
                let sql = sql.text(" LEFT JOIN ").relation().named_row();
                let sql = sql.text(" ON ").column(&settings.key);
                sql.text(" = ").change_key(told_by)
            }
        }
    }

    /// The place of a value.
    pub(super) fn value(mut self, value: Option<String>) -> Self {
        self.statement.parameters.push(value);
        let number = self.statement.parameters.len();
        match self.settings.dialect {
            Dialect::Postgres => self.text(&format!("(${number}::text)")),
            Dialect::MySql => self.text("?"),
        }
    }

    /// The place of a value of a type that the database has named. MySQL converts texts by itself.
    pub(super) fn typed(self, value: Option<String>, kind: Option<&str>) -> Self {
        match (self.settings.dialect, kind) {
            (Dialect::Postgres, Some(kind)) => self.value(value).text("::").text(kind),
            _ => self.value(value),
        }
    }

    /// A statement of the settings.
    pub(super) fn statement(mut self, statement: &Statement) -> Self {
        for piece in &statement.0 {
            self = match piece {
                Piece::Text(text) => self.text(text),
                Piece::Value(name) => {
                    let value = self.values.get(name, self.settings.dialect);
                    self.value(value)
                }
            };
        }
        self
    }

    /// The table itself.
    pub(super) fn table(mut self, names: &[String]) -> Self {
        for (number, name) in names.iter().enumerate() {
            if number > 0 {
                self = self.text(".");
            }
            self = self.name(name);
        }
        self
    }

    /// What the rows come from.
    pub(super) fn from(self) -> Self {
        self.text(" FROM ").relation().named_row()
    }

    fn relation(self) -> Self {
        match &self.settings.relation {
            Relation::Table(names) => self.table(names),
            Relation::Query(query) => self.subquery(query),
        }
    }

    /// What the rows of a search come from.
    pub(super) fn rows_of_search(self, search: &Statement) -> Self {
        self.text(" FROM ").subquery(search).named_row()
    }

    fn subquery(self, query: &Statement) -> Self {
        // A comment at its end would take the bracket along.
        self.text("(").statement(query).text("\n)")
    }

    fn named_row(self) -> Self {
        self.text(" AS ").text(ROW)
    }

    /// A whole row as JSON. MySQL has to be told the columns.
    pub(super) fn json<'b>(self, columns: impl Iterator<Item = &'b str>) -> Self {
        match self.settings.dialect {
            Dialect::Postgres => self.text("to_json(").text(ROW).text(")::text"),
            Dialect::MySql => {
                let mut sql = self.text("CAST(JSON_OBJECT(");
                for (number, column) in columns.enumerate() {
                    if number > 0 {
                        sql = sql.text(", ");
                    }
                    sql = sql.value(Some(column.to_owned())).text(", ").column(column);
                }
                sql.text(") AS CHAR)")
            }
        }
    }
}
