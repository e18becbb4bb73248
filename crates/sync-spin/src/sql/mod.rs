//! Statements for databases, by the host's own interfaces.

mod bindings;
mod idle;
mod mysql;
mod postgres;

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use sync_core::{OutOfMemory, SqlClient, SqlDone, SqlError, SqlRow, SqlStatement, hide_password};

/// PostgreSQL and MySQL, within the component's `allowed_outbound_hosts`.
pub struct SpinSql;

impl SqlClient for SpinSql {
    async fn query(
        &self,
        database: &str,
        statement: SqlStatement,
        timeout: Duration,
        take: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
    ) -> Result<(), SqlError> {
        let rows = async {
            if is_mysql(database) {
                mysql::query(database, statement, take).await
            } else {
                postgres::query(database, statement, take).await
            }
        };
        within(timeout, rows).await
    }

    async fn execute(
        &self,
        database: &str,
        statement: SqlStatement,
        timeout: Duration,
    ) -> Result<SqlDone, SqlError> {
        let done = async {
            if is_mysql(database) {
                mysql::execute(database, statement).await
            } else {
                postgres::execute(database, statement).await
            }
        };
        within(timeout, done).await
    }
}

fn is_mysql(database: &str) -> bool {
    database.starts_with("mysql:")
}

/// Waits for an answer so long. The connection of one that does not come is not used again: it goes away with the work.
async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, SqlError>>,
) -> Result<T, SqlError> {
    let deadline = pin!(spin_sdk::time::sleep(timeout));
    match select(pin!(work), deadline).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(SqlError::TimedOut {
            millis: timeout.as_millis(),
        }),
    }
}

/// Reads why there is no connection. What the host says is for the log: devices are told what follows from it.
fn not_connected(address: &str, said: &str) -> SqlError {
    let said = hide_password(address, said);
    tracing::warn!(reason = said, "no connection to a database");
    let refused = ["28P01", "28000"]
        .into_iter()
        .find(|state| said.contains(state));
    if let Some(state) = refused {
        return SqlError::Refused {
            state: state.to_owned(),
            message: "the database does not let the server in".to_owned(),
        };
    }
    let reason = if said.contains("not permitted") {
        "its address is not allowed: add it to `allowed_outbound_hosts` in spin.toml"
    } else if said.contains("ertificate") {
        "its certificate is not accepted: the server's log says why"
    } else {
        "it cannot be reached: the server's log says why"
    };
    SqlError::NoAnswer(reason.to_owned())
}

/// The connection broke.
fn broken() -> SqlError {
    SqlError::NoAnswer("the connection broke".to_owned())
}
