//! The settings of the SQL adapter.

mod statement;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::mapping::{AttributeType, Format, Mapping, Nested, Path};
use crate::settings::connection::{DEFAULT_TIMEOUT_MS, HIGHEST_TIMEOUT_MS};
use crate::settings::mapping::{AttributesEntry, IdEntry, MappingEntry};
use crate::settings::{KeyError, Secret, Text, text, wrong};

use statement::Purpose;
pub(crate) use statement::{Piece, Statement, ValueName};

/// The column with the key where the file does not say.
const DEFAULT_KEY: &str = "id";

/// Rows of a page where the file does not say, and at most.
const DEFAULT_PAGE_SIZE: usize = 1_000;
const HIGHEST_PAGE_SIZE: usize = 10_000;

/// How far the times of changes may be wrong where the file does not say, in seconds.
const DEFAULT_OVERLAP_SECONDS: u64 = 60;

/// How often everything is asked for where the file does not say, in seconds.
const DEFAULT_FULL_EVERY_SECONDS: u64 = 86_400;

/// A database.
#[derive(Debug, Clone)]
pub struct SqlSettings {
    /// Its address, with user and password.
    pub url: Secret,
    /// How long a statement may take, in milliseconds.
    pub timeout_ms: u64,
    pub(crate) dialect: Dialect,
    pub(crate) relation: Relation,
    pub(crate) key: String,
    pub(crate) changes: Option<SqlChanges>,
    pub(crate) deleted_if: Option<Path>,
    pub(crate) page_size: usize,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) unless_changed: bool,
    pub(crate) search: Option<Statement>,
    pub(crate) create: Option<Statement>,
    pub(crate) update: Option<Statement>,
    pub(crate) delete: Option<Statement>,
    pub(crate) mapping: Mapping,
}

impl SqlSettings {
    /// The column with the time of a row's last change.
    pub(crate) fn changed_at(&self) -> Option<&String> {
        match &self.changes.as_ref()?.told_by {
            ChangesToldBy::Column(column) => Some(column),
            ChangesToldBy::Log(_) => None,
        }
    }
}

/// Which language the database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    MySql,
}

impl Dialect {
    /// A name between quotation marks.
    pub(crate) fn quoted(self, name: &str) -> String {
        let mark = match self {
            Self::Postgres => '"',
            Self::MySql => '`',
        };
        let inner = name.replace(mark, &format!("{mark}{mark}"));
        format!("{mark}{inner}{mark}")
    }
}

/// What has the rows.
#[derive(Debug, Clone)]
pub(crate) enum Relation {
    /// The names of schema and table.
    Table(Vec<String>),
    Query(Statement),
}

/// How it is asked for what has changed.
#[derive(Debug, Clone)]
pub(crate) struct SqlChanges {
    pub(crate) told_by: ChangesToldBy,
    pub(crate) overlap_seconds: u64,
    pub(crate) full_every_seconds: u64,
}

/// What says which rows have changed.
#[derive(Debug, Clone)]
pub(crate) enum ChangesToldBy {
    /// A column of the rows, with the time of the last change.
    Column(String),
    /// A table that triggers keep: the names of its schema and its own.
    Log(Vec<String>),
}

/// A database.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SqlEntry {
    /// Address of the database, with user and password: `postgres://user:password@host:5432/database` or
    /// `mysql://user:password@host:3306/database`. With `?sslmode=verify-full` the server has to prove over TLS who it is.
    #[serde(serialize_with = "text::shown")]
    url: Text,
    /// Table or view with the rows: `products`, or `shop.products`.
    table: Option<String>,
    /// In place of a table: a `SELECT` that gives the rows.
    query: Option<String>,
    /// Column with the key, which is unique and never null; `id` where nothing is said.
    key: Option<String>,
    /// Column with the time of a row's last change. With it, the database is asked for what has changed since.
    changed_at: Option<String>,
    /// In place of that: table in which triggers note the keys of rows that were changed or deleted. `rhosync source triggers` prints
    /// the script that makes it.
    change_log: Option<String>,
    /// How many seconds a change may become visible after the time that it bears, because clocks differ or its transaction is long;
    /// 60 where nothing is said.
    overlap: Option<u64>,
    /// How often everything is asked for all the same, in seconds; 86 400 where nothing is said. Only that finds rows that were
    /// deleted without a trace.
    full_every: Option<u64>,
    /// Column that says that a row is deleted: true, or anything but 0 and nothing.
    deleted_if: Option<String>,
    /// Rows of a page, at most 10 000; 1 000 where nothing is said.
    page_size: Option<usize>,
    /// Columns that devices get: a list of names, or a table of names and paths. All where nothing is said.
    attributes: Option<AttributesEntry>,
    /// Columns that devices do not get.
    #[serde(default)]
    omit: BTreeSet<String>,
    /// What becomes of JSON objects in a row.
    #[serde(default)]
    nested: Nested,
    /// What attributes are, where the database's own types do not say it: `{ changed = "date" }`.
    #[serde(default)]
    types: BTreeMap<String, AttributeType>,
    /// Column with a unique constraint that takes the key of a create, so that one that is repeated does nothing.
    idempotency_key: Option<String>,
    /// Whether an update is a conflict if the table's row has other values by now than the server knows of.
    #[serde(default)]
    unless_changed: bool,
    /// Statement that finds rows by what a device searches for.
    search: Option<String>,
    /// Statement that creates a row. Where there is a table, none is needed.
    create: Option<String>,
    /// Statement that changes a row. Where there is a table, none is needed.
    update: Option<String>,
    /// Statement that deletes a row. Where there is a table, none is needed.
    delete: Option<String>,
    /// How long a statement may take, in milliseconds (1 to 20 000); 10 000 where nothing is said.
    timeout_ms: Option<u64>,
}

impl SqlEntry {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.timeout_ms.get_or_insert(DEFAULT_TIMEOUT_MS);
        self.page_size.get_or_insert(DEFAULT_PAGE_SIZE);
        self.key.get_or_insert_with(|| DEFAULT_KEY.to_owned());
    }

    /// The text that may be a variable.
    pub(super) fn url(&self) -> &Text {
        &self.url
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if self.table.is_some() == self.query.is_some() {
            return wrong("sql.table", "say either table or query");
        }
        if !(1..=HIGHEST_PAGE_SIZE).contains(&self.page_size.unwrap_or(DEFAULT_PAGE_SIZE)) {
            let reason = format!("must be between 1 and {HIGHEST_PAGE_SIZE}");
            return wrong("sql.page_size", reason);
        }
        if !(1..=HIGHEST_TIMEOUT_MS).contains(&self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS)) {
            let reason = format!("must be between 1 and {HIGHEST_TIMEOUT_MS}");
            return wrong("sql.timeout_ms", reason);
        }
        if self.changed_at.is_none() && self.change_log.is_none() {
            for (key, value) in [("overlap", self.overlap), ("full_every", self.full_every)] {
                if value.is_some() {
                    return wrong(&format!("sql.{key}"), "needs changed_at or change_log");
                }
            }
        }
        if self.change_log.is_some() && self.changed_at.is_some() {
            return wrong(
                "sql.change_log",
                "takes the place of changed_at: say one of them",
            );
        }
        if self.change_log.is_some() && self.table.is_none() {
            return wrong(
                "sql.change_log",
                "is of a table: say that in place of a query",
            );
        }
        if self.unless_changed && (self.table.is_none() || self.update.is_some()) {
            return wrong(
                "sql.unless_changed",
                "is for updates of a table; a statement says it itself by :before.name",
            );
        }
        self.mapping().map(drop)
    }

    fn mapping(&self) -> Result<Mapping, KeyError> {
        let id = IdEntry::One(self.key().to_owned());
        MappingEntry {
            table: "sql",
            format: Format::Json,
            delimiter: None,
            records: "",
            children: None,
            id: Some(&id),
            attributes: self.attributes.as_ref(),
            omit: &self.omit,
            nested: self.nested,
            types: &self.types,
        }
        .resolve()
    }

    fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(DEFAULT_KEY)
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<SqlSettings, KeyError> {
        let key = |name: &str| format!("sql.{name}");
        let url = self.url.resolve(variable);
        let url = url.map_err(|reason| (key("url"), reason))?;
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let dialect = match scheme {
            Some("postgres" | "postgresql") => Dialect::Postgres,
            Some("mysql") => Dialect::MySql,
            _ => return wrong("sql.url", "begins with postgres:// or mysql://"),
        };
        let statement = |name: &str, text: &Option<String>, purpose| {
            let parse = |text: &String| Statement::parse(text, dialect, purpose);
            let parsed = text.as_ref().map(parse).transpose();
            parsed.map_err(|reason| (key(name), reason))
        };
        let query = statement("query", &self.query, Purpose::Query)?;
        let relation = match (query, &self.table) {
            (Some(query), _) => Relation::Query(query),
            (None, table) => Relation::Table(table.as_deref().map(names).unwrap_or_default()),
        };
        let log = self.change_log.as_deref().map(names);
        let column = self.changed_at.clone().map(ChangesToldBy::Column);
        let told_by = log.map(ChangesToldBy::Log).or(column);
        let deleted_if = self.deleted_if.as_deref().map(Path::parse).transpose();
        Ok(SqlSettings {
            timeout_ms: self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
            dialect,
            relation,
            key: self.key().to_owned(),
            deleted_if: deleted_if.map_err(|reason| (key("deleted_if"), reason))?,
            page_size: self.page_size.unwrap_or(DEFAULT_PAGE_SIZE),
            unless_changed: self.unless_changed,
            search: statement("search", &self.search, Purpose::Search)?,
            create: statement("create", &self.create, Purpose::Create)?,
            update: statement("update", &self.update, Purpose::Change)?,
            delete: statement("delete", &self.delete, Purpose::Change)?,
            mapping: self.mapping()?,
            changes: told_by.map(|told_by| SqlChanges {
                told_by,
                overlap_seconds: self.overlap.unwrap_or(DEFAULT_OVERLAP_SECONDS),
                full_every_seconds: self.full_every.unwrap_or(DEFAULT_FULL_EVERY_SECONDS),
            }),
            idempotency_key: self.idempotency_key,
            url: Secret::new(url),
        })
    }
}

/// The names of schema and table.
fn names(table: &str) -> Vec<String> {
    table.split('.').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::settings::{AdapterSettings, SettingsFile};

    fn read(sql: &str) -> Result<AdapterSettings, String> {
        let text = format!("[sources.A]\nadapter = \"sql\"\n[sources.A.sql]\n{sql}");
        let settings = SettingsFile::parse("rhosync.toml", &text)
            .and_then(|file| file.resolve(|_| Some("mysql://u:p@db/shop".to_owned())));
        let mut settings = settings.map_err(|error| error.to_string())?;
        let (_, source) = settings.sources.pop_first().ok_or("no source")?;
        Ok(source.adapter)
    }

    #[test]
    fn the_address_says_which_language_is_spoken() {
        let read = |url: &str| read(&format!("url = {url}\ntable = \"a.b\""));
        for (url, spoken) in [
            ("\"postgres://db/shop\"", "Postgres"),
            ("\"postgresql://db/shop\"", "Postgres"),
            ("{ variable = \"shop\" }", "MySql"),
        ] {
            let adapter = format!("{:?}", read(url).unwrap());
            assert!(adapter.contains(&format!("dialect: {spoken}")), "{adapter}");
            assert!(!adapter.contains("u:p@"), "{adapter}");
        }
        assert!(
            read("\"oracle://db/shop\"")
                .unwrap_err()
                .contains("sql.url")
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_its_key() {
        let url = "url = \"postgres://db/shop\"\n";
        for (sql, key) in [
            ("", "sql.table"),
            ("table = \"a\"\nquery = \"SELECT 1\"", "sql.table"),
            ("table = \"a\"\noverlap = 1", "sql.overlap"),
            (
                "table = \"a\"\nchange_log = \"b\"\nchanged_at = \"c\"",
                "sql.change_log",
            ),
            ("query = \"SELECT 1\"\nchange_log = \"b\"", "sql.change_log"),
            ("table = \"a\"\npage_size = 0", "sql.page_size"),
            ("table = \"a\"\ntimeout_ms = 0", "sql.timeout_ms"),
            ("query = \"SELECT :id\"", "sql.query"),
            (
                "query = \"SELECT 1\"\nunless_changed = true",
                "sql.unless_changed",
            ),
            ("table = \"a\"\ncreate = \"INSERT :since\"", "sql.create"),
        ] {
            let error = read(&format!("{url}{sql}")).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }
}
