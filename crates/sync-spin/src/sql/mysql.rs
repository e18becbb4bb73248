//! `spin:mysql`.

use sync_core::{OutOfMemory, SqlDone, SqlError, SqlRow, SqlStatement};

use crate::sql::bindings::mysql::{Connection, DbValue, Error, ParameterValue};
use crate::sql::idle::Idle;
use crate::sql::{broken, not_connected};

/// Rows that a statement has found count as changed, also those that had the values before.
const FOUND_ROWS: &str = "client_found_rows=true";

/// What a statement has done. The interface tells it only to who asks on the same connection.
const DONE: &str = "SELECT CAST(ROW_COUNT() AS CHAR), CAST(LAST_INSERT_ID() AS CHAR)";

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

pub(super) async fn execute(address: &str, statement: SqlStatement) -> Result<SqlDone, SqlError> {
    let connection = connect(address).await?;
    let answer = run(&connection, statement).await;
    IDLE.with(|idle| idle.keep(address, connection, &answer));
    answer
}

async fn read(
    connection: &Connection,
    statement: SqlStatement,
    take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
) -> Result<(), SqlError> {
    let asked = connection.query(statement.text, parameters(statement.parameters));
    let (_, mut rows, end) = asked.await.map_err(to_error)?;
    while let Some(row) = rows.next().await {
        let row: SqlRow = row.into_iter().map(to_text).collect::<Result<_, _>>()?;
        take(row)?;
    }
    end.await.map_err(to_error)
}

async fn run(connection: &Connection, statement: SqlStatement) -> Result<SqlDone, SqlError> {
    let done = connection.execute(statement.text, parameters(statement.parameters));
    done.await.map_err(to_error)?;
    let mut told = None;
    let statement = SqlStatement {
        text: DONE.to_owned(),
        parameters: Vec::new(),
    };
    read(connection, statement, &mut |row| {
        told = Some(row);
        Ok(())
    })
    .await?;
    let mut told = told.unwrap_or_default().into_iter().flatten();
    let rows = told.next().and_then(|rows| rows.parse().ok());
    Ok(SqlDone {
        rows: rows.unwrap_or_default(),
        last_id: told.next().filter(|id| id != "0"),
    })
}

async fn connect(address: &str) -> Result<Connection, SqlError> {
    if let Some(connection) = IDLE.with(|idle| idle.take(address)) {
        return Ok(connection);
    }
    let before = if address.contains('?') { '&' } else { '?' };
    let opened = Connection::open(format!("{address}{before}{FOUND_ROWS}")).await;
    opened.map_err(|error| match error {
        Error::ConnectionFailed(said) => not_connected(address, &said),
        error => to_error(error),
    })
}

fn parameters(values: Vec<Option<String>>) -> Vec<ParameterValue> {
    let values = values.into_iter();
    values
        .map(|value| value.map_or(ParameterValue::DbNull, ParameterValue::Str))
        .collect()
}

/// Long texts come as bytes: the interface takes their columns for binary ones.
fn to_text(value: DbValue) -> Result<Option<String>, SqlError> {
    match value {
        DbValue::Str(text) => Ok(Some(text)),
        DbValue::Binary(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| SqlError::NotText),
        DbValue::DbNull => Ok(None),
        _ => Err(SqlError::NotText),
    }
}

fn to_error(error: Error) -> SqlError {
    match error {
        Error::ConnectionFailed(_) => broken(),
        Error::QueryFailed(said) | Error::Other(said) => refusal(&said).unwrap_or_else(broken),
        Error::BadParameter(message) | Error::ValueConversionFailed(message) => SqlError::Refused {
            state: String::new(),
            message,
        },
    }
}

/// Reads what the host says of a refused statement: `Server(ServerError { code: 1062, message: "…", state: "23000" })`. There is no
/// other form of it.
fn refusal(said: &str) -> Option<SqlError> {
    let (_, said) = said.split_once("ServerError {")?;
    let (_, behind) = said.split_once("code: ")?;
    let code = behind.split(|c: char| !c.is_ascii_digit()).next()?;
    let (_, behind) = said.split_once("message: \"")?;
    let (message, behind) = behind.rsplit_once("\", state: \"")?;
    let state = behind.get(..5)?;
    // Where the server's own state says too little.
    let state = match code {
        "1364" | "1366" | "3819" => "23000",
        "1265" | "1292" => "22000",
        "1205" | "1290" | "1836" => "55P03",
        "1044" | "1142" | "1143" => "42501",
        _ => state,
    };
    Some(SqlError::Refused {
        state: state.to_owned(),
        message: message.replace("\\'", "'").replace("\\\"", "\""),
    })
}
