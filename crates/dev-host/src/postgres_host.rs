//! `spin:postgres`: lets components use PostgreSQL.
//!
//! Of the types that Spin knows this host passes those that need no crate of their own: truth values, whole and floating
//! numbers, texts, bytes, JSON and UUIDs. There is no pool, and only what is asynchronous.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sync_sql::Postgres;
use tokio::sync::oneshot;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, Row};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use crate::allow::AllowedHosts;
use crate::bindings::postgres::{
    self, Column, DbDataType, DbError, DbValue, Error, Host, HostConnection, HostConnectionBuilder,
    HostConnectionBuilderWithStore, HostConnectionWithStore, ParameterValue, QueryError, RowSet,
};
use crate::row_stream::rows;
use crate::state::{Platform, PlatformView};

/// How long a server may take to let a component connect. Spin waits without end.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection, as components hold it.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection(Arc<Client>);

/// The address of a connection that is not open yet.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Builder(String);

type Answer<T> = wasmtime::Result<Result<T, Error>>;
type Parameter = Box<dyn ToSql + Sync + Send>;

/// What a component gets for a query.
type Found = (
    Vec<Column>,
    StreamReader<postgres::Row>,
    FutureReader<Result<(), Error>>,
);

async fn connect(address: &str, allowed: &AllowedHosts) -> Result<Connection, Error> {
    let failed = |reason: String| Error::ConnectionFailed(reason);
    let database = Postgres::parse(address).map_err(|error| failed(error.to_string()))?;
    for (host, port) in database.servers() {
        if !allowed.allows("postgres", host, Some(port)) {
            let reason = format!("address postgres://{host}:{port} is not permitted");
            return Err(failed(reason));
        }
    }
    match tokio::time::timeout(CONNECT_TIMEOUT, database.connect()).await {
        Ok(Ok(client)) => Ok(Connection(Arc::new(client))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(failed(format!("no connection within {seconds} s")))
        }
    }
}

/// What a component is told of a statement that failed.
#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn query_failed(error: tokio_postgres::Error) -> Error {
    let as_text = format!("{error:?}");
    Error::QueryFailed(match error.as_db_error() {
        None => QueryError::Text(as_text),
        Some(said) => {
            let extras = [
                ("column", said.column()),
                ("constraint", said.constraint()),
                ("table", said.table()),
            ];
            let extras = extras.into_iter();
            QueryError::DbError(DbError {
                as_text,
                severity: said.severity().to_owned(),
                code: said.code().code().to_owned(),
                message: said.message().to_owned(),
                detail: said.detail().map(str::to_owned),
                extras: extras
                    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                    .collect(),
            })
        }
    })
}

/// Says what is wrong with a parameter that this host does not pass.
fn to_parameters(values: Vec<ParameterValue>) -> Result<Vec<Parameter>, &'static str> {
    let to_parameter = |value| -> Result<Parameter, &'static str> {
        Ok(match value {
            ParameterValue::Boolean(it) => Box::new(it),
            ParameterValue::Int8(it) => Box::new(it),
            ParameterValue::Int16(it) => Box::new(it),
            ParameterValue::Int32(it) => Box::new(it),
            ParameterValue::Int64(it) => Box::new(it),
            ParameterValue::Floating32(it) => Box::new(it),
            ParameterValue::Floating64(it) => Box::new(it),
            ParameterValue::Str(it) => Box::new(it),
            ParameterValue::Binary(it) => Box::new(it),
            ParameterValue::DbNull => Box::new(Null),
            _ => {
                return Err("dev-host passes no parameters of this type: cast a text in the query");
            }
        })
    };
    values.into_iter().map(to_parameter).collect()
}

/// NULL, whatever the type is.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(
        &self,
        _: &Type,
        _: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value as the database sends it.
struct Raw(Vec<u8>);

impl FromSql<'_> for Raw {
    fn from_sql(_: &Type, bytes: &[u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn to_type(kind: &Type) -> DbDataType {
    match *kind {
        Type::BOOL => DbDataType::Boolean,
        Type::CHAR => DbDataType::Int8,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::BYTEA => DbDataType::Binary,
        Type::JSON | Type::JSONB => DbDataType::Jsonb,
        Type::UUID => DbDataType::Uuid,
        ref other => DbDataType::Other(other.name().to_owned()),
    }
}

fn to_value(row: &Row, number: usize, kind: &Type) -> Result<DbValue, tokio_postgres::Error> {
    fn read<'a, T: FromSql<'a>>(
        row: &'a Row,
        number: usize,
        to_value: impl FnOnce(T) -> DbValue,
    ) -> Result<DbValue, tokio_postgres::Error> {
        let value: Option<T> = row.try_get(number)?;
        Ok(value.map_or(DbValue::DbNull, to_value))
    }
    match *kind {
        Type::BOOL => read(row, number, DbValue::Boolean),
        Type::CHAR => read(row, number, DbValue::Int8),
        Type::INT2 => read(row, number, DbValue::Int16),
        Type::INT4 => read(row, number, DbValue::Int32),
        Type::INT8 => read(row, number, DbValue::Int64),
        Type::FLOAT4 => read(row, number, DbValue::Floating32),
        Type::FLOAT8 => read(row, number, DbValue::Floating64),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => read(row, number, DbValue::Str),
        Type::BYTEA => read(row, number, DbValue::Binary),
        Type::JSON => read(row, number, |Raw(bytes)| DbValue::Jsonb(bytes)),
        // Its first byte is the version of its form.
        Type::JSONB => read(row, number, |Raw(bytes)| {
            DbValue::Jsonb(bytes.get(1..).unwrap_or_default().to_vec())
        }),
        Type::UUID => read(row, number, |Raw(bytes)| DbValue::Uuid(to_uuid(&bytes))),
        _ => read(row, number, |Raw(bytes)| DbValue::Unsupported(bytes)),
    }
}

fn to_uuid(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, digits) in base16ct::lower::encode_string(bytes).chars().enumerate() {
        if matches!(number, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digits);
    }
    text
}

fn to_row(row: &Row) -> Result<postgres::Row, tokio_postgres::Error> {
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(number, column)| to_value(row, number, column.type_()))
        .collect()
}

impl<T: Send> HostConnectionWithStore<T> for Platform {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Answer<Resource<Connection>> {
        let component = accessor.with(|mut access| access.get().component.clone());
        match connect(&address, &component.allowed).await {
            Ok(connection) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(connection))?
            )),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Answer<Found> {
        let Connection(client) =
            accessor.with(|mut access| access.get().table.get(&connection).cloned())?;
        let parameters = match to_parameters(parameters) {
            Ok(parameters) => parameters,
            Err(reason) => return Ok(Err(Error::BadParameter(reason.to_owned()))),
        };
        let prepared = match client.prepare(&statement).await {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(query_failed(error))),
        };
        let columns = prepared.columns().iter().map(|column| Column {
            name: column.name().to_owned(),
            data_type: to_type(column.type_()),
        });
        let columns = columns.collect();
        let found = match client.query_raw(&prepared, parameters).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(query_failed(error))),
        };
        let (sender, reader) = rows();
        let (ended, end) = oneshot::channel();
        tokio::spawn(async move {
            let mut found = std::pin::pin!(found);
            let end = loop {
                let row = match found.try_next().await {
                    Ok(Some(row)) => to_row(&row),
                    Ok(None) => break Ok(()),
                    Err(error) => Err(error),
                };
                match row {
                    Ok(row) => {
                        // The component may read no further.
                        if sender.send(row).await.is_err() {
                            break Ok(());
                        }
                    }
                    Err(error) => break Err(query_failed(error)),
                }
            };
            // Nobody need wait for it.
            let _ = ended.send(end);
        });
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, reader)?;
            let end = FutureReader::new(&mut access, end)?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Answer<u64> {
        let Connection(client) =
            accessor.with(|mut access| access.get().table.get(&connection).cloned())?;
        let parameters = match to_parameters(parameters) {
            Ok(parameters) => parameters,
            Err(reason) => return Ok(Err(Error::BadParameter(reason.to_owned()))),
        };
        let done = client.execute_raw(&statement, parameters).await;
        Ok(done.map_err(query_failed))
    }
}

/// What this host does not do.
fn only_asynchronous<T>() -> Answer<T> {
    let reason = "dev-host has only the asynchronous functions of spin:postgres";
    Ok(Err(Error::Other(reason.to_owned())))
}

impl HostConnection for PlatformView<'_> {
    fn open(&mut self, _: String) -> Answer<Resource<Connection>> {
        only_asynchronous()
    }

    fn query(
        &mut self,
        _: Resource<Connection>,
        _: String,
        _: Vec<ParameterValue>,
    ) -> Answer<RowSet> {
        only_asynchronous()
    }

    fn execute(
        &mut self,
        _: Resource<Connection>,
        _: String,
        _: Vec<ParameterValue>,
    ) -> Answer<u64> {
        only_asynchronous()
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionBuilderWithStore<T> for Platform {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        builder: Resource<Builder>,
    ) -> Answer<Resource<Connection>> {
        let Builder(address) =
            accessor.with(|mut access| access.get().table.get(&builder).cloned())?;
        <Self as HostConnectionWithStore<T>>::open_async(accessor, address).await
    }
}

impl HostConnectionBuilder for PlatformView<'_> {
    fn new(&mut self, address: String) -> wasmtime::Result<Resource<Builder>> {
        Ok(self.table.push(Builder(address))?)
    }

    fn set_ca_root(&mut self, _: Resource<Builder>, _: String) -> Answer<()> {
        let reason = "dev-host takes certificate authorities only from the address, as sslrootcert";
        Ok(Err(Error::Other(reason.to_owned())))
    }

    fn build(&mut self, _: Resource<Builder>) -> Answer<Resource<Connection>> {
        only_asynchronous()
    }

    fn drop(&mut self, builder: Resource<Builder>) -> wasmtime::Result<()> {
        self.table.delete(builder)?;
        Ok(())
    }
}

impl Host for PlatformView<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_written_as_the_database_writes_them() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(to_uuid(&bytes), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
