//! `spin:mysql`: lets components use MySQL and MariaDB.
//!
//! A connection runs one statement at a time; others wait for it, as in Spin.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::Queryable as _;
use mysql_async::{BinaryProtocol, Conn, Params, QueryResult, Value};
use sync_sql::Mysql;
use tokio::sync::{Mutex, oneshot};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use crate::bindings::mysql::{
    self, Column, DbDataType, DbValue, Error, Host, HostConnection, HostConnectionWithStore,
    ParameterValue,
};
use crate::row_stream::rows;
use crate::state::{Platform, PlatformView};

/// How long a server may take to let a component connect. Spin waits without end.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection, as components hold it.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection(Arc<Mutex<Conn>>);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// What a component gets for a query.
type Found = (
    Vec<Column>,
    StreamReader<mysql::Row>,
    FutureReader<Result<(), Error>>,
);

async fn connect(address: &str) -> Result<Connection, Error> {
    let failed = |reason: String| Error::ConnectionFailed(reason);
    let server = Mysql::parse(address).map_err(|error| failed(error.to_string()))?;
    match tokio::time::timeout(CONNECT_TIMEOUT, server.connect()).await {
        Ok(Ok(connection)) => Ok(Connection(Arc::new(Mutex::new(connection)))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(failed(format!("no connection within {seconds} s")))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn query_failed(error: mysql_async::Error) -> Error {
    Error::QueryFailed(format!("{error:?}"))
}

fn to_parameters(values: Vec<ParameterValue>) -> Params {
    let to_parameter = |value| match value {
        ParameterValue::Boolean(it) => it.into(),
        ParameterValue::Int8(it) => it.into(),
        ParameterValue::Int16(it) => it.into(),
        ParameterValue::Int32(it) => it.into(),
        ParameterValue::Int64(it) => it.into(),
        ParameterValue::Uint8(it) => it.into(),
        ParameterValue::Uint16(it) => it.into(),
        ParameterValue::Uint32(it) => it.into(),
        ParameterValue::Uint64(it) => it.into(),
        ParameterValue::Floating32(it) => it.into(),
        ParameterValue::Floating64(it) => it.into(),
        ParameterValue::Str(it) => it.into(),
        ParameterValue::Binary(it) => it.into(),
        ParameterValue::DbNull => Value::NULL,
    };
    let values: Vec<Value> = values.into_iter().map(to_parameter).collect();
    if values.is_empty() {
        Params::Empty
    } else {
        Params::Positional(values)
    }
}

fn to_type(column: &mysql_async::Column) -> DbDataType {
    use ColumnType as T;
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let is_binary = column.flags().contains(ColumnFlags::BINARY_FLAG);
    match (column.column_type(), is_unsigned) {
        (T::MYSQL_TYPE_TINY, false) => DbDataType::Int8,
        (T::MYSQL_TYPE_TINY, true) => DbDataType::Uint8,
        (T::MYSQL_TYPE_SHORT, false) => DbDataType::Int16,
        (T::MYSQL_TYPE_SHORT, true) => DbDataType::Uint16,
        (T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_LONG, false) => DbDataType::Int32,
        (T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_LONG, true) => DbDataType::Uint32,
        (T::MYSQL_TYPE_LONGLONG, false) => DbDataType::Int64,
        (T::MYSQL_TYPE_LONGLONG, true) => DbDataType::Uint64,
        (T::MYSQL_TYPE_FLOAT, _) => DbDataType::Floating32,
        (T::MYSQL_TYPE_DOUBLE, _) => DbDataType::Floating64,
        (T::MYSQL_TYPE_BLOB | T::MYSQL_TYPE_STRING | T::MYSQL_TYPE_VAR_STRING, _) if !is_binary => {
            DbDataType::Str
        }
        (T::MYSQL_TYPE_BLOB | T::MYSQL_TYPE_STRING | T::MYSQL_TYPE_VAR_STRING, _) => {
            DbDataType::Binary
        }
        // As in Spin, whose types of texts are those three: it reads no MEDIUMTEXT, LONGTEXT or TINYTEXT.
        _ => DbDataType::Other,
    }
}

fn to_value(value: Value, column: &Column) -> Result<DbValue, Error> {
    fn read<T: mysql_async::prelude::FromValue>(value: Value) -> Result<T, Error> {
        mysql_async::from_value_opt(value)
            .map_err(|error| Error::ValueConversionFailed(error.to_string()))
    }
    Ok(match (value, column.data_type) {
        (Value::NULL, _) => DbValue::DbNull,
        (value, DbDataType::Boolean) => DbValue::Boolean(read(value)?),
        (value, DbDataType::Int8) => DbValue::Int8(read(value)?),
        (value, DbDataType::Int16) => DbValue::Int16(read(value)?),
        (value, DbDataType::Int32) => DbValue::Int32(read(value)?),
        (value, DbDataType::Int64) => DbValue::Int64(read(value)?),
        (value, DbDataType::Uint8) => DbValue::Uint8(read(value)?),
        (value, DbDataType::Uint16) => DbValue::Uint16(read(value)?),
        (value, DbDataType::Uint32) => DbValue::Uint32(read(value)?),
        (value, DbDataType::Uint64) => DbValue::Uint64(read(value)?),
        (value, DbDataType::Floating32) => DbValue::Floating32(read(value)?),
        (value, DbDataType::Floating64) => DbValue::Floating64(read(value)?),
        (value, DbDataType::Str) => DbValue::Str(read(value)?),
        (value, DbDataType::Binary) => DbValue::Binary(read(value)?),
        (_, DbDataType::Other) => {
            let name = &column.name;
            let reason = format!("the type of column {name} has no place in spin:mysql");
            return Err(Error::ValueConversionFailed(reason));
        }
    })
}

fn to_row(row: mysql_async::Row, columns: &[Column]) -> Result<mysql::Row, Error> {
    let values = row.unwrap().into_iter();
    values
        .zip(columns)
        .map(|(value, column)| to_value(value, column))
        .collect()
}

impl<T: Send> HostConnectionWithStore<T> for Platform {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Answer<Resource<Connection>> {
        let component = accessor.with(|mut access| access.get().component.clone());
        if !component.allowed.allows_address(&address) {
            let reason = "the address is not permitted".to_owned();
            return Ok(Err(Error::ConnectionFailed(reason)));
        }
        match connect(&address).await {
            Ok(connection) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(connection))?
            )),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Answer<Found> {
        let Connection(connection) =
            accessor.with(|mut access| access.get().table.get(&connection).cloned())?;
        let (sender, reader) = rows();
        let (ended, end) = oneshot::channel();
        let (began, columns) = oneshot::channel();
        tokio::spawn(async move {
            let mut connection = connection.lock().await;
            let found = connection.exec_iter(&statement, to_parameters(parameters));
            let mut found = match found.await {
                Ok(found) => found,
                Err(error) => {
                    // The component has gone away if nobody hears.
                    let _ = began.send(Err(query_failed(error)));
                    return;
                }
            };
            let columns: Vec<Column> = found
                .columns_ref()
                .iter()
                .map(|column| Column {
                    name: column.name_str().into_owned(),
                    data_type: to_type(column),
                })
                .collect();
            let _ = began.send(Ok(columns.clone()));
            let _ = ended.send(pass_rows(&mut found, &columns, &sender).await);
        });
        let columns = match columns.await? {
            Ok(columns) => columns,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, reader)?;
            let end = FutureReader::new(&mut access, end)?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Answer<()> {
        let Connection(connection) =
            accessor.with(|mut access| access.get().table.get(&connection).cloned())?;
        // In a task of its own: a statement that a component waits for no longer ends all the same.
        let done = tokio::spawn(async move {
            let mut connection = connection.lock().await;
            connection
                .exec_drop(&statement, to_parameters(parameters))
                .await
        });
        Ok(done.await?.map_err(query_failed))
    }
}

async fn pass_rows(
    found: &mut QueryResult<'_, 'static, BinaryProtocol>,
    columns: &[Column],
    sender: &tokio::sync::mpsc::Sender<mysql::Row>,
) -> Result<(), Error> {
    let stream = found.stream().await.map_err(query_failed)?;
    let Some(mut stream) = stream else {
        let reason = "unable to stream query result".to_owned();
        return Err(Error::Other(reason));
    };
    while let Some(row) = stream.try_next().await.map_err(query_failed)? {
        // A component that has gone away reads no further.
        if sender.send(to_row(row, columns)?).await.is_err() {
            break;
        }
    }
    Ok(())
}

impl HostConnection for PlatformView<'_> {
    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl Host for PlatformView<'_> {}
