//! `spin:redis`: lets components use Redis.
//!
//! Every `open` is a connection of its own; commands that run at once on one connection share its round trips.
//! Nothing reconnects, as in Spin: a component that finds its connection broken opens another. Unlike in Spin, a server that
//! does not answer is not waited for without end.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, FromRedisValue, IntoConnectionInfo, ParsingError,
    RedisError, Value,
};
use wasmtime::component::{Accessor, Resource};

use crate::bindings::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, Payload, RedisParameter, RedisResult,
};
use crate::state::{Platform, PlatformView};

/// How long a server may take to let a component connect. Spin waits without end.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a server may take to answer a command. Spin waits without end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes one reply may have for a component, as in Spin.
const MAX_REPLY: usize = 128 << 20;

/// An open connection, as components hold it.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection(MultiplexedConnection);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// Runs one command on the connection behind `handle`.
async fn run<T, S, F>(
    accessor: &Accessor<T, Platform>,
    handle: &Resource<Connection>,
    command: impl FnOnce(MultiplexedConnection) -> F,
) -> Answer<S>
where
    F: Future<Output = redis::RedisResult<S>>,
{
    let Connection(connection) =
        accessor.with(|mut access| access.get().table.get(handle).cloned())?;
    Ok(command(connection).await.map_err(other))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn other(error: RedisError) -> Error {
    Error::Other(error.to_string())
}

async fn connect(address: &str) -> Result<Connection, Error> {
    let server = address
        .into_connection_info()
        .map_err(|_| Error::InvalidAddress)?;
    let server = server.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    let client = Client::open(server).map_err(|_| Error::InvalidAddress)?;
    let connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await;
    connection.map(Connection).map_err(other)
}

fn within_limit<T>(value: T, size: usize) -> Result<T, Error> {
    if size > MAX_REPLY {
        return Err(Error::Other(format!(
            "query result exceeds limit of {MAX_REPLY} bytes"
        )));
    }
    Ok(value)
}

impl<T: Send> HostConnectionWithStore<T> for Platform {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Answer<Resource<Connection>> {
        let component = accessor.with(|mut access| access.get().component.clone());
        if !component.allowed.allows_address(&address) {
            tracing::warn!(
                component = &*component.id,
                "Redis refused: its host is not in the component's allowed_outbound_hosts"
            );
            return Ok(Err(Error::InvalidAddress));
        }
        match connect(&address).await {
            Ok(connection) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(connection))?
            )),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Payload,
    ) -> Answer<()> {
        run(accessor, &connection, async |mut redis| {
            redis.publish(channel, payload).await
        })
        .await
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Option<Payload>> {
        let value: Result<Option<Payload>, _> = run(accessor, &connection, async |mut redis| {
            redis.get(key).await
        })
        .await?;
        Ok(value.and_then(|value| {
            let size = value.as_ref().map_or(0, Vec::len);
            within_limit(value, size)
        }))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Payload,
    ) -> Answer<()> {
        run(accessor, &connection, async |mut redis| {
            redis.set(key, value).await
        })
        .await
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<i64> {
        run(accessor, &connection, async |mut redis| {
            redis.incr(key, 1).await
        })
        .await
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Answer<u32> {
        run(accessor, &connection, async |mut redis| {
            redis.del(keys).await
        })
        .await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        run(accessor, &connection, async |mut redis| {
            redis.sadd(key, values).await
        })
        .await
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Vec<String>> {
        run(accessor, &connection, async |mut redis| {
            redis.smembers(key).await
        })
        .await
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        run(accessor, &connection, async |mut redis| {
            redis.srem(key, values).await
        })
        .await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let mut command = redis::cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let reply = run(accessor, &connection, async |mut redis| {
            command.query_async(&mut redis).await
        })
        .await?;
        Ok(reply.and_then(|Flat(values): Flat| {
            let size = values.iter().map(size_of_result).sum();
            within_limit(values, size)
        }))
    }
}

impl HostConnection for PlatformView<'_> {
    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl Host for PlatformView<'_> {}

/// A reply as the interface can carry it: nested arrays become one list.
#[derive(Debug)]
struct Flat(Vec<RedisResult>);

impl FromRedisValue for Flat {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut values = Vec::new();
        flatten(value, &mut values)?;
        Ok(Self(values))
    }
}

fn flatten(value: Value, into: &mut Vec<RedisResult>) -> Result<(), ParsingError> {
    into.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(truth) => RedisResult::Int64(truth.into()),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::BigNumber(digits) => RedisResult::Binary(digits),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::SimpleString(status) => RedisResult::Status(status),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Array(items) | Value::Set(items) => {
            into.reserve(items.len());
            return items.into_iter().try_for_each(|item| flatten(item, into));
        }
        Value::ServerError(error) => {
            return Err(format!("server error inside a reply: {error:?}").into());
        }
        unsupported => return Err(format!("unsupported type of reply: {unsupported:?}").into()),
    });
    Ok(())
}

fn size_of_result(value: &RedisResult) -> usize {
    size_of::<RedisResult>()
        + match value {
            RedisResult::Nil | RedisResult::Int64(_) => 0,
            RedisResult::Status(status) => status.len(),
            RedisResult::Binary(bytes) => bytes.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_replies_become_one_list() {
        let reply = Value::Array(vec![
            Value::Int(1),
            Value::Array(vec![
                Value::Nil,
                Value::Set(vec![Value::BulkString(b"a".to_vec())]),
            ]),
            Value::Okay,
        ]);
        let Flat(values) = Flat::from_redis_value(reply).unwrap();
        assert!(matches!(
            &*values,
            [RedisResult::Int64(1), RedisResult::Nil, RedisResult::Binary(a), RedisResult::Status(ok)]
                if a == b"a" && ok == "OK"
        ));
    }

    #[test]
    fn maps_are_refused() {
        Flat::from_redis_value(Value::Map(vec![(Value::Nil, Value::Nil)])).unwrap_err();
    }

    #[test]
    fn replies_beyond_the_limit_are_refused() {
        assert!(within_limit((), MAX_REPLY).is_ok());
        assert!(within_limit((), MAX_REPLY + 1).is_err());
    }
}
