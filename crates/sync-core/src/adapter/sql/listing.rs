//! Queries for everything, and for what has changed.
//!
//! Rows come page by page: in the order of their keys, or of their changes, each page beginning behind the last row of the one before. So
//! neither the database nor an instance ever has more than a page at hand, and a query that broke off goes on where it was.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::adapter::exchange::{bad_answer, read_object};
use crate::adapter::rest::is_said;
use crate::adapter::sql::SqlAdapter;
use crate::adapter::sql::rows::OrderedBy;
use crate::adapter::sql::shape::Shape;
use crate::adapter::sql::text::{Sql, Values};
use crate::adapter::{AdapterError, Call, QueryEnd, Stash};
use crate::mapping::Mapped;
use crate::model::{Millis, ObjectId};
use crate::ports::{Clock as _, Ports, hex};
use crate::settings::{ChangesToldBy, Dialect, SqlChanges, SqlSettings};

/// How far the clocks of instances may be apart, in milliseconds.
const CLOCKS_APART_MS: u64 = 5_000;

/// Up to where the server has all changes.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Mark {
    /// Of the settings that it is for.
    settings: String,
    /// When everything was asked for.
    full_at: u64,
    /// When the highest time was seen first.
    moved_at: u64,
    /// Whether everything with the highest time or an earlier one was there when changes were asked for last.
    is_settled: bool,
    /// The highest time that a row has, as the database writes it.
    highest: String,
}

/// How far a query for everything has come.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Position {
    settings: String,
    began: u64,
    /// The highest time when it began.
    highest: Option<String>,
    /// The last key that was handed over.
    key: String,
}

/// What tells settings from others that would understand a mark in another way.
fn fingerprint(settings: &SqlSettings) -> String {
    let SqlSettings {
        relation,
        key,
        changes,
        deleted_if,
        mapping,
        ..
    } = settings;
    let text = format!("{relation:?} {key} {changes:?} {deleted_if:?} {mapping:?}");
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(16);
    digest
}

fn read<T: for<'de> Deserialize<'de>>(text: Option<&str>) -> Option<T> {
    serde_json::from_str(text?).ok()
}

fn written<T: Serialize>(value: &T) -> Result<String, AdapterError> {
    serde_json::to_string(value).map_err(|error| bad_answer(error.to_string()))
}

impl<P: Ports> SqlAdapter<P> {
    pub(super) async fn list(
        &self,
        call: &Call<'_>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let now = self.ports.clock().now();
        let settings = fingerprint(&self.settings);
        let position = read::<Position>(stash.goes_on_at()).filter(|it| it.settings == settings);
        // A query for everything that broke off goes on.
        let mark = match &self.settings.changes {
            Some(changes) if stash.goes_on_at().is_none() => read::<Mark>(stash.mark())
                .filter(|mark| {
                    let full_due = changes.full_every_seconds.saturating_mul(1_000);
                    mark.settings == settings && now < Millis(mark.full_at).plus(full_due)
                })
                .map(|mark| (changes, mark)),
            _ => None,
        };
        match mark {
            Some((changes, mark)) => self.list_changes(call, changes, mark, stash).await,
            None => self.list_all(call, settings, position, stash).await,
        }
    }

    async fn list_all(
        &self,
        call: &Call<'_>,
        settings: String,
        position: Option<Position>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let Some(shape) = self.shape(call).await? else {
            return Ok(QueryEnd::Complete { etag: None });
        };
        let values = Values::of(call);
        let SqlSettings { key, page_size, .. } = &self.settings;
        let (began, highest, mut last) = match position {
            Some(it) => (Millis(it.began), it.highest, Some(it.key)),
            None => {
                // What changes while pages are read is later than this.
                let began = self.ports.clock().now();
                (began, self.highest(call, &values).await?, None)
            }
        };
        loop {
            let page = self.sql(&values).rows(
                [OrderedBy::Key(key)],
                Some(*page_size),
                |sql| sql.json(shape.columns()),
                |sql| match &last {
                    None => sql.from(),
                    Some(last) => sql
                        .from()
                        .text(" WHERE ")
                        .column(key)
                        .text(" > ")
                        .typed(Some(last.clone()), shape.type_of(key)),
                },
            );
            let (rows, _held) = self.documents(call, page).await?;
            let found = rows.len();
            let mut texts = Vec::with_capacity(found);
            for ([key], text) in rows {
                last = Some(key.ok_or_else(|| without_key(&self.settings.key))?);
                texts.extend(text);
            }
            self.hand_over(texts, stash).await?;
            match &last {
                Some(key) if found >= *page_size => {
                    let position = Position {
                        settings: settings.clone(),
                        began: began.0,
                        highest: highest.clone(),
                        key: key.clone(),
                    };
                    stash.reached(&written(&position)?).await?;
                }
                _ => break,
            }
        }
        if shape.key_may_be_null {
            self.find_rows_without_key(call, &values).await?;
        }
        let Some(highest) = highest else {
            return Ok(QueryEnd::Complete { etag: None });
        };
        let mark = Mark {
            settings,
            full_at: began.0,
            moved_at: self.ports.clock().now().0,
            is_settled: false,
            highest,
        };
        Ok(QueryEnd::CompleteUpTo {
            mark: written(&mark)?,
        })
    }

    async fn list_changes(
        &self,
        call: &Call<'_>,
        changes: &SqlChanges,
        mut mark: Mark,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let began = self.ports.clock().now();
        let SqlSettings { key, page_size, .. } = &self.settings;
        let told_by = &changes.told_by;
        let mut values = Values::of(call);
        let since = mark.highest.clone();
        values.since = Some(&since);
        let (mut last, mut has_moved) = (None::<(String, String)>, false);
        // Without rows there is nothing that has changed; what is gone is found by a query for everything.
        let shape = self.shape(call).await?;
        while let Some(shape) = &shape {
            let kind = type_of_time(told_by, shape);
            let page = self.sql(&values).rows(
                [
                    OrderedBy::ChangeTime(told_by),
                    OrderedBy::ChangeKey(told_by),
                ],
                Some(*page_size),
                |sql| {
                    let sql = sql.text("CASE WHEN ").column(key);
                    let sql = sql.text(" IS NOT NULL THEN ").json(shape.columns());
                    sql.text(" END")
                },
                |sql| {
                    let sql = sql.changes(told_by).text(" WHERE ");
                    match &last {
                        Some((time, last)) => sql
                            .text("(")
                            .change_time(told_by)
                            .text(", ")
                            .change_key(told_by)
                            .text(") > (")
                            .typed(Some(time.clone()), kind)
                            .text(", ")
                            .typed(Some(last.clone()), shape.type_of(key))
                            .text(")"),
                        None if mark.is_settled => sql
                            .change_time(told_by)
                            .text(" > ")
                            .typed(Some(since.clone()), kind),
                        None => {
                            let sql = sql.change_time(told_by).text(" >= ");
                            let overlap = changes.overlap_seconds;
                            earlier(sql, self.settings.dialect, &since, overlap, kind)
                        }
                    }
                },
            );
            let (rows, _held) = self.documents(call, page).await?;
            let found = rows.len();
            let (mut texts, mut gone) = (Vec::with_capacity(found), Vec::new());
            for ([time, key], text) in rows {
                let key = key.ok_or_else(|| without_key(&self.settings.key))?;
                match text {
                    Some(text) => texts.push(text),
                    None => gone.extend(ObjectId::parse(key.as_str())),
                }
                last = Some((time.unwrap_or_default(), key));
            }
            self.hand_over(texts, stash).await?;
            if !gone.is_empty() {
                stash.remove(gone).await?;
            }
            if found < *page_size {
                break;
            }
        }
        if let Some((time, _)) = last
            && time != mark.highest
        {
            mark.highest = time;
            has_moved = true;
        }
        let overlap = changes.overlap_seconds.saturating_mul(1_000);
        let settled_at = Millis(mark.moved_at).plus(overlap.saturating_add(CLOCKS_APART_MS));
        mark.is_settled = !has_moved && (mark.is_settled || began >= settled_at);
        if has_moved {
            mark.moved_at = self.ports.clock().now().0;
        }
        Ok(QueryEnd::Changes {
            mark: written(&mark)?,
        })
    }

    /// Finds what a device searches for.
    pub(super) async fn find(
        &self,
        call: &Call<'_>,
        stash: &mut dyn Stash,
    ) -> Result<(), AdapterError> {
        let Some(search) = &self.settings.search else {
            return Err(AdapterError::Rejected {
                message: "this source cannot be searched".to_owned(),
            });
        };
        let Some(shape) = self.shape(call).await? else {
            return Ok(());
        };
        let values = Values::of(call);
        let found = self.sql(&values).rows(
            [OrderedBy::Key(&self.settings.key)],
            None,
            |sql| sql.json(shape.columns()),
            |sql| sql.rows_of_search(search),
        );
        let (rows, _held) = self.documents(call, found).await?;
        let texts = rows.into_iter().filter_map(|([_], json)| json).collect();
        self.hand_over(texts, stash).await
    }

    /// The highest time of a change.
    async fn highest(
        &self,
        call: &Call<'_>,
        values: &Values<'_>,
    ) -> Result<Option<String>, AdapterError> {
        let Some(changes) = &self.settings.changes else {
            return Ok(None);
        };
        let told_by = &changes.told_by;
        let sql = self.sql(values).text("SELECT ").text_of(|sql| {
            let sql = sql.text("COALESCE(MAX(").change_time(told_by);
            match (told_by, self.settings.dialect) {
                (ChangesToldBy::Column(_), _) => sql.text("))"),
                // What is noted from now on is later, but for what the overlap is for.
                (ChangesToldBy::Log(_), Dialect::Postgres) => sql.text("), now())"),
                (ChangesToldBy::Log(_), Dialect::MySql) => sql.text("), UTC_TIMESTAMP(6))"),
            }
        });
        self.value(call, sql.times(told_by).done()).await
    }

    /// Looks for rows without a key, which no page has: nobody knows which object such a row stands for.
    async fn find_rows_without_key(
        &self,
        call: &Call<'_>,
        values: &Values<'_>,
    ) -> Result<(), AdapterError> {
        let key = &self.settings.key;
        let sql = self.sql(values).text("SELECT 'x'").from().text(" WHERE ");
        let statement = sql.column(key).text(" IS NULL LIMIT 1").done();
        match self.value(call, statement).await? {
            None => Ok(()),
            Some(_) => Err(without_key(key)),
        }
    }

    /// Hands rows over, which are JSON.
    async fn hand_over(
        &self,
        texts: Vec<String>,
        stash: &mut dyn Stash,
    ) -> Result<(), AdapterError> {
        let mapping = &self.settings.mapping;
        let rows = texts.iter().map(|text| serde_json::from_str(text));
        let rows = rows.collect::<Result<Vec<Value>, _>>();
        let rows = rows.map_err(|error| bad_answer(format!("a row cannot be read: {error}")))?;
        let records = mapping.records(Value::Array(rows))?;
        let mut objects = Vec::with_capacity(records.len());
        let mut deleted = Vec::new();
        for record in records {
            let says_deleted = self.settings.deleted_if.as_ref();
            let says_deleted = says_deleted.and_then(|path| path.read(record.value()));
            let is_deleted = is_said(says_deleted.as_deref());
            let Mapped { id, values } = mapping.object(record)?;
            if is_deleted {
                deleted.extend(ObjectId::parse(id));
                continue;
            }
            match values {
                Ok(values) => objects.extend(read_object(id, values, stash)),
                Err(reason) => stash.refuse(&id, &reason),
            }
        }
        stash.stash(objects).await?;
        if !deleted.is_empty() {
            stash.remove(deleted).await?;
        }
        Ok(())
    }
}

/// The type of the times of changes, as a cast names it.
fn type_of_time<'a>(told_by: &ChangesToldBy, shape: &'a Shape) -> Option<&'a str> {
    match told_by {
        ChangesToldBy::Column(column) => shape.type_of(column),
        ChangesToldBy::Log(_) => Some("timestamptz"),
    }
}

/// A time of a change less the overlap.
fn earlier<'a>(
    sql: Sql<'a>,
    dialect: Dialect,
    time: &str,
    overlap: u64,
    kind: Option<&str>,
) -> Sql<'a> {
    let time = Some(time.to_owned());
    let overlap = Some(overlap.to_string());
    match dialect {
        Dialect::Postgres => {
            let is_time = kind.is_some_and(|it| it.starts_with("timestamp") || it == "date");
            let sql = sql.text("(").typed(time, kind).text(" - ");
            if is_time {
                sql.value(overlap).text("::float8 * interval '1 second')")
            } else {
                sql.typed(overlap, kind).text(")")
            }
        }
        Dialect::MySql if time.as_ref().is_some_and(|it| it.parse::<f64>().is_ok()) => sql
            .text("(")
            .value(time)
            .text(" - ")
            .value(overlap)
            .text(")"),
        Dialect::MySql => {
            let sql = sql
                .text("(CAST(")
                .value(time)
                .text(" AS DATETIME(6)) - INTERVAL ");
            sql.value(overlap).text(" SECOND)")
        }
    }
}

fn without_key(key: &str) -> AdapterError {
    bad_answer(format!("a row has no {key:?}"))
}
