//! The engine's ports outside a component.

use std::time::Duration;

use bytes::Bytes;
use sync_core::{
    AnswerRoom, HttpClient, HttpError, OutOfMemory, Ports, SqlClient, SqlDone, SqlError, SqlRow,
    SqlStatement,
};
use sync_redis::StorePorts;

use crate::native::{ManualClock, NativeRedis, SeededRandom};
use crate::redis_server::TestRedis;

/// A network without anybody.
#[derive(Debug, Default)]
pub struct NoHttp;

impl HttpClient for NoHttp {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
        _: &mut AnswerRoom,
    ) -> Result<http::Response<Bytes>, HttpError> {
        Err(HttpError::NoAnswer {
            host: request.uri().host().unwrap_or_default().to_owned(),
            reason: "tests have no network".to_owned(),
        })
    }
}

/// A network without databases.
#[derive(Debug)]
pub struct NoSql;

impl SqlClient for NoSql {
    async fn query(
        &self,
        _: &str,
        _: SqlStatement,
        _: Duration,
        _: &mut dyn FnMut(SqlRow) -> Result<(), OutOfMemory>,
    ) -> Result<(), SqlError> {
        Err(SqlError::NoAnswer("tests have no network".to_owned()))
    }

    async fn execute(&self, _: &str, _: SqlStatement, _: Duration) -> Result<SqlDone, SqlError> {
        Err(SqlError::NoAnswer("tests have no network".to_owned()))
    }
}

/// The ports of a test.
pub struct TestPorts<H = NoHttp> {
    /// The test's Redis.
    pub redis: NativeRedis,
    /// The test's network.
    pub http: H,
    /// The test's time.
    pub clock: ManualClock,
    /// The test's randomness.
    pub random: SeededRandom,
}

impl<H: Default> TestPorts<H> {
    /// Ports to this store, which goes by the clock too.
    pub async fn to(redis: &TestRedis, seed: u64) -> Self {
        let clock = ManualClock::default();
        Self {
            redis: NativeRedis::connect(&redis.url()).await.with_time(&clock),
            http: H::default(),
            clock,
            random: SeededRandom::new(seed),
        }
    }
}

impl<H: HttpClient + 'static> Ports for TestPorts<H> {
    type Http = H;
    type Sql = NoSql;

    fn http(&self) -> &H {
        &self.http
    }

    fn sql(&self) -> &NoSql {
        &NoSql
    }
}

impl<H: HttpClient + 'static> StorePorts for TestPorts<H> {
    type Redis = NativeRedis;
    type Clock = ManualClock;
    type Random = SeededRandom;

    fn redis(&self) -> &NativeRedis {
        &self.redis
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn random(&self) -> &SeededRandom {
        &self.random
    }
}
