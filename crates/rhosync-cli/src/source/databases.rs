//! The way to databases, at a command line: a connection for each statement.

use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use futures_util::TryStreamExt as _;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Params, Value};
use sync_core::{OutOfMemory, SqlClient, SqlDone, SqlError, SqlRow, SqlStatement};
use sync_sql::{ConnectError, Mysql, Postgres, chain};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;

/// PostgreSQL and MySQL.
pub(super) struct Databases(Runtime);

impl Databases {
    pub(super) fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self(runtime))
    }

    /// Does work that needs the runtime, within a time.
    fn within<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, SqlError>>,
    ) -> Result<T, SqlError> {
        let millis = timeout.as_millis();
        let work = async { tokio::time::timeout(timeout, work).await };
        self.0
            .block_on(work)
            .unwrap_or(Err(SqlError::TimedOut { millis }))
    }
}

impl SqlClient for Databases {
    async fn query(
        &self,
        database: &str,
        statement: SqlStatement,
        timeout: Duration,
        take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
    ) -> Result<(), SqlError> {
        self.within(timeout, async {
            match is_mysql(database) {
                true => query_mysql(database, statement, take).await,
                false => query_postgres(database, statement, take).await,
            }
        })
    }

    async fn execute(
        &self,
        database: &str,
        statement: SqlStatement,
        timeout: Duration,
    ) -> Result<SqlDone, SqlError> {
        self.within(timeout, async {
            match is_mysql(database) {
                true => execute_mysql(database, statement).await,
                false => execute_postgres(database, statement).await,
            }
        })
    }
}

fn is_mysql(database: &str) -> bool {
    database.starts_with("mysql:")
}

async fn connect_postgres(address: &str) -> Result<Client, SqlError> {
    let database = Postgres::parse(address).map_err(no_connection)?;
    database.connect().await.map_err(no_connection)
}

async fn query_postgres(
    address: &str,
    SqlStatement { text, parameters }: SqlStatement,
    take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
) -> Result<(), SqlError> {
    let client = connect_postgres(address).await?;
    let rows = client.query_raw(text.as_str(), parameters).await;
    let mut rows = pin!(rows.map_err(of_postgres)?);
    while let Some(row) = rows.try_next().await.map_err(of_postgres)? {
        let values = (0..row.len()).map(|at| row.try_get(at).map_err(|_| SqlError::NotText));
        take(values.collect::<Result<_, _>>()?)?;
    }
    Ok(())
}

async fn execute_postgres(
    address: &str,
    SqlStatement { text, parameters }: SqlStatement,
) -> Result<SqlDone, SqlError> {
    let client = connect_postgres(address).await?;
    let done = client.execute_raw(text.as_str(), parameters).await;
    Ok(SqlDone {
        rows: done.map_err(of_postgres)?,
        last_id: None,
    })
}

async fn connect_mysql(address: &str) -> Result<Conn, SqlError> {
    let database = Mysql::parse(address).map_err(no_connection)?;
    // Rows that have the values already count, as they do for the server.
    let connected = database.count_found_rows().connect().await;
    connected.map_err(no_connection)
}

async fn query_mysql(
    address: &str,
    SqlStatement { text, parameters }: SqlStatement,
    take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
) -> Result<(), SqlError> {
    let mut connection = connect_mysql(address).await?;
    let found = connection.exec_iter(text, to_params(parameters)).await;
    let mut found = found.map_err(of_mysql)?;
    while let Some(row) = found.next().await.map_err(of_mysql)? {
        let values = row.unwrap().into_iter().map(to_text);
        take(values.collect::<Result<_, _>>()?)?;
    }
    Ok(())
}

async fn execute_mysql(
    address: &str,
    SqlStatement { text, parameters }: SqlStatement,
) -> Result<SqlDone, SqlError> {
    let mut connection = connect_mysql(address).await?;
    let done = connection.exec_drop(text, to_params(parameters)).await;
    done.map_err(of_mysql)?;
    Ok(SqlDone {
        rows: connection.affected_rows(),
        last_id: connection.last_insert_id().map(|id| id.to_string()),
    })
}

fn to_params(values: Vec<Option<String>>) -> Params {
    match values.is_empty() {
        true => Params::Empty,
        false => Params::Positional(values.into_iter().map(Value::from).collect()),
    }
}

fn to_text(value: Value) -> Result<Option<String>, SqlError> {
    match value {
        Value::NULL => Ok(None),
        Value::Bytes(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| SqlError::NotText),
        _ => Err(SqlError::NotText),
    }
}

fn no_connection(error: ConnectError) -> SqlError {
    match error {
        ConnectError::Refused { state, message } => SqlError::Refused { state, message },
        error => SqlError::NoAnswer(error.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn of_postgres(error: tokio_postgres::Error) -> SqlError {
    match error.as_db_error() {
        Some(said) => SqlError::Refused {
            state: said.code().code().to_owned(),
            message: said.message().to_owned(),
        },
        None => SqlError::NoAnswer(chain(&error)),
    }
}

fn of_mysql(error: mysql_async::Error) -> SqlError {
    match error {
        mysql_async::Error::Server(said) => SqlError::Refused {
            state: said.state,
            message: said.message,
        },
        error => SqlError::NoAnswer(chain(&error)),
    }
}
