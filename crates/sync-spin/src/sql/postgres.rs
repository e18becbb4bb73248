//! `spin:postgres`.

use sync_core::{OutOfMemory, SqlDone, SqlError, SqlRow, SqlStatement};

use crate::sql::bindings::postgres::{Connection, DbValue, Error, ParameterValue, QueryError};
use crate::sql::idle::Idle;
use crate::sql::{broken, not_connected};

thread_local! {
    static IDLE: Idle<Connection> = const { Idle::new() };
}

pub(super) async fn query(
    address: &str,
    statement: SqlStatement,
    take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
) -> Result<(), SqlError> {
    let connection = connect(address).await?;
    let answer = read(&connection, statement, take).await;
    IDLE.with(|idle| idle.keep(address, connection, &answer));
    answer
}

async fn read(
    connection: &Connection,
    statement: SqlStatement,
    take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
) -> Result<(), SqlError> {
    let asked = connection.query_async(statement.text, parameters(statement.parameters));
    let (_, mut rows, end) = asked.await.map_err(to_error)?;
    while let Some(row) = rows.next().await {
        let row: SqlRow = row.into_iter().map(to_text).collect::<Result<_, _>>()?;
        take(row)?;
    }
    end.await.map_err(to_error)
}

pub(super) async fn execute(address: &str, statement: SqlStatement) -> Result<SqlDone, SqlError> {
    let connection = connect(address).await?;
    let done = connection.execute_async(statement.text, parameters(statement.parameters));
    let answer = done.await.map_err(to_error).map(|rows| SqlDone {
        rows,
        last_id: None,
    });
    IDLE.with(|idle| idle.keep(address, connection, &answer));
    answer
}

async fn connect(address: &str) -> Result<Connection, SqlError> {
    match IDLE.with(|idle| idle.take(address)) {
        Some(connection) => Ok(connection),
        None => {
            let opened = Connection::open_async(address.to_owned()).await;
            opened.map_err(|error| match error {
                Error::ConnectionFailed(said) => not_connected(address, &said),
                error => to_error(error),
            })
        }
    }
}

fn parameters(values: Vec<Option<String>>) -> Vec<ParameterValue> {
    let values = values.into_iter();
    values
        .map(|value| value.map_or(ParameterValue::DbNull, ParameterValue::Str))
        .collect()
}

fn to_text(value: DbValue) -> Result<Option<String>, SqlError> {
    match value {
        DbValue::Str(text) => Ok(Some(text)),
        DbValue::DbNull => Ok(None),
        _ => Err(SqlError::NotText),
    }
}

fn to_error(error: Error) -> SqlError {
    match error {
        Error::QueryFailed(QueryError::DbError(said)) => SqlError::Refused {
            state: said.code,
            message: said.message,
        },
        Error::ConnectionFailed(_) | Error::QueryFailed(QueryError::Text(_)) | Error::Other(_) => {
            broken()
        }
        Error::BadParameter(message) | Error::ValueConversionFailed(message) => SqlError::Refused {
            state: String::new(),
            message,
        },
    }
}
