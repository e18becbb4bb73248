//! Rows of the database, each as JSON.
//!
//! Spin's `spin:mysql` has no place for `MEDIUMTEXT` and `LONGTEXT`, and those are the types of what MySQL's functions return where it
//! may have more than 65 535 bytes. So a row comes from there in pieces, each of which has less whatever its characters are.

use crate::adapter::exchange::bad_answer;
use crate::adapter::sql::SqlAdapter;
use crate::adapter::sql::text::{LONGEST_TEXT, Sql};
use crate::adapter::{AdapterError, Call};
use crate::memory::Reservation;
use crate::ports::{Ports, SqlRow};
use crate::settings::{ChangesToldBy, Dialect};

/// Digits that count pieces: a row has up to the square of this many.
const DIGITS: usize = 16;

/// The limit of a statement that has none: with one, MySQL does not write each row's JSON again for each of its pieces.
const NO_LIMIT: u64 = u64::MAX;

/// What rows are ordered by.
#[derive(Clone, Copy)]
pub(super) enum OrderedBy<'a> {
    /// The key of a row, whose name this is.
    Key(&'a str),
    ChangeTime(&'a ChangesToldBy),
    ChangeKey(&'a ChangesToldBy),
}

/// What a row is ordered by, and its JSON. There is none of a row that is gone.
pub(super) type Row<const N: usize> = ([Option<String>; N], Option<String>);

impl Sql<'_> {
    /// Asks for rows in an order, up to so many. `json` writes what a row is, and `from` where rows come from, and which.
    pub(super) fn rows<const N: usize>(
        mut self,
        order: [OrderedBy<'_>; N],
        limit: Option<usize>,
        json: impl FnOnce(Self) -> Self,
        from: impl FnOnce(Self) -> Self,
    ) -> Self {
        let is_cut = self.dialect() == Dialect::MySql;
        if is_cut {
            self = cut(self, N);
        }
        self = self.text("SELECT ");
        for (number, by) in order.into_iter().enumerate() {
            self = self.text_of(|sql| sql.ordered_by(by));
            self = self.text(&format!(" AS text_{number}, "));
        }
        self = json(self).text(" AS json");
        if is_cut {
            for (number, by) in order.into_iter().enumerate() {
                self = self.text(", ").ordered_by(by);
                self = self.text(&format!(" AS order_{number}"));
            }
        }
        self = from(self);
        for (number, by) in order.into_iter().enumerate() {
            self = self.text(if number == 0 { " ORDER BY " } else { ", " });
            self = self.ordered_by(by);
        }
        self = match limit {
            Some(limit) => self.text(&format!(" LIMIT {limit}")),
            None if is_cut => self.text(&format!(" LIMIT {NO_LIMIT}")),
            None => self,
        };
        if is_cut { count_pieces(self, N) } else { self }
    }

    fn ordered_by(self, by: OrderedBy<'_>) -> Self {
        match by {
            OrderedBy::Key(key) => self.column(key),
            OrderedBy::ChangeTime(told_by) => self.change_time(told_by),
            OrderedBy::ChangeKey(told_by) => self.change_key(told_by),
        }
    }
}

/// Begins a statement that cuts the rows of the one inside it.
fn cut(mut sql: Sql<'_>, columns: usize) -> Sql<'_> {
    sql = sql.text("SELECT ");
    for number in 0..columns {
        sql = sql.text(&format!("page.text_{number}, "));
    }
    sql.text_of(|sql| sql.text("CHAR_LENGTH(page.json)"))
        .text(&format!(
            ", SUBSTRING(page.json, 1 + (high.digit * {DIGITS} + low.digit) * {LONGEST_TEXT}, {LONGEST_TEXT}) FROM ("
        ))
}

/// Ends it: one row for each piece.
fn count_pieces(sql: Sql<'_>, columns: usize) -> Sql<'_> {
    let digits: Vec<_> = (0..DIGITS)
        .map(|digit| format!("SELECT {digit} AS digit"))
        .collect();
    let digits = digits.join(" UNION ALL ");
    let mut sql = sql.text(&format!(
        ") AS page \
         JOIN ({digits}) AS high ON high.digit = 0 OR high.digit * {} < CHAR_LENGTH(page.json) \
         JOIN ({digits}) AS low ON high.digit + low.digit = 0 \
         OR (high.digit * {DIGITS} + low.digit) * {LONGEST_TEXT} < CHAR_LENGTH(page.json) ORDER BY ",
        DIGITS * LONGEST_TEXT
    ));
    for number in 0..columns {
        sql = sql.text(&format!("page.order_{number}, "));
    }
    sql.text("high.digit, low.digit")
}

impl<P: Ports> SqlAdapter<P> {
    /// The rows that [`Sql::rows`] asks for. What they take is counted until the reservation is gone.
    pub(super) async fn documents<const N: usize>(
        &self,
        call: &Call<'_>,
        sql: Sql<'_>,
    ) -> Result<(Vec<Row<N>>, Reservation), AdapterError> {
        let dialect = sql.dialect();
        let (rows, held) = self.rows(call, sql.done()).await?;
        let rows = match dialect {
            Dialect::Postgres => rows.into_iter().map(whole).collect::<Result<_, _>>()?,
            Dialect::MySql => put_together(rows)?,
        };
        Ok((rows, held))
    }
}

fn whole<const N: usize>(mut row: SqlRow) -> Result<Row<N>, AdapterError> {
    let json = row.pop().flatten();
    Ok((columns(row)?, json))
}

/// Puts the pieces of rows together, which come one after the other.
fn put_together<const N: usize>(pieces: Vec<SqlRow>) -> Result<Vec<Row<N>>, AdapterError> {
    let mut rows = Vec::<Row<N>>::new();
    // Characters of the last row that are still to come.
    let mut missing = 0;
    for mut piece in pieces {
        let text = piece.pop().flatten();
        let length = piece.pop().flatten();
        let order = columns(piece)?;
        let characters = text.as_ref().map_or(0, |text| text.chars().count());
        if missing == 0 {
            let length = length.map_or(Ok(0), |it| it.parse::<usize>());
            missing = length.map_err(|_| bad_answer("a row's length is no number"))?;
            rows.push((order, text));
        } else if let Some((of, Some(begun))) = rows.last_mut()
            && *of == order
            && let Some(text) = text
        {
            begun.push_str(&text);
        } else {
            return Err(too_long());
        }
        missing = missing.checked_sub(characters).ok_or_else(too_long)?;
    }
    match missing {
        0 => Ok(rows),
        _ => Err(too_long()),
    }
}

fn too_long() -> AdapterError {
    let most = DIGITS * DIGITS * LONGEST_TEXT;
    bad_answer(format!(
        "a row cannot be put together: it has more than {most} characters, or its key is not its own"
    ))
}

/// The values of a row that has so many.
fn columns<const N: usize>(row: SqlRow) -> Result<[Option<String>; N], AdapterError> {
    row.try_into()
        .map_err(|_| bad_answer("a row has other columns than were asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(key: &str, length: Option<usize>, text: Option<&str>) -> SqlRow {
        vec![
            Some(key.to_owned()),
            length.map(|it| it.to_string()),
            text.map(str::to_owned),
        ]
    }

    fn read(pieces: Vec<SqlRow>) -> Option<Vec<(String, Option<String>)>> {
        let rows = put_together::<1>(pieces).ok()?;
        let rows = rows
            .into_iter()
            .map(|([key], json)| (key.unwrap_or_default(), json));
        Some(rows.collect())
    }

    #[test]
    fn pieces_are_put_together_by_characters() {
        let row = |key: &str, json: &str| (key.to_owned(), Some(json.to_owned()));
        let pieces = vec![
            piece("1", Some(2), Some("{}")),
            piece("2", Some(6), Some("{\"€")),
            piece("2", Some(6), Some("😀\"}")),
            piece("3", None, None),
            piece("4", Some(2), Some("{}")),
        ];
        let gone = ("3".to_owned(), None);
        let all = [row("1", "{}"), row("2", "{\"€😀\"}"), gone, row("4", "{}")];
        assert_eq!(read(pieces).as_deref(), Some(&all[..]));
        assert_eq!(read(Vec::new()), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_whole_is_no_row() {
        for pieces in [
            // One longer than the pieces that are counted.
            vec![piece("1", Some(4), Some("{ "))],
            // The pieces of two rows with one key.
            vec![
                piece("1", Some(4), Some("{ ")),
                piece("2", Some(2), Some("{}")),
            ],
            vec![
                piece("1", Some(4), Some("{ ")),
                piece("1", Some(4), Some("{ \"a")),
            ],
            vec![piece("1", Some(4), Some("{ ")), piece("1", Some(4), None)],
            vec![vec![Some("1".to_owned()), Some("x".to_owned()), None]],
            vec![vec![Some("2".to_owned()), Some("{}".to_owned())]],
        ] {
            assert_eq!(read(pieces.clone()), None, "{pieces:?}");
        }
    }
}
