//! Time, randomness and variables.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use spin_sdk::variables::{self, Error};
use sync_core::Ports;
use sync_redis::{Clock, Millis, Random, StorePorts};

use crate::{SpinHttp, SpinRedis, SpinSql};

/// The engine's ports in a component.
pub struct SpinPorts {
    redis: SpinRedis,
}

impl SpinPorts {
    /// Ports with the store at `redis_url`, for whose answers is waited as long as the limit says.
    pub fn new(redis_url: String, limit: Duration) -> Self {
        Self {
            redis: SpinRedis::new(redis_url, limit),
        }
    }
}

impl Ports for SpinPorts {
    type Http = SpinHttp;
    type Sql = SpinSql;

    fn http(&self) -> &SpinHttp {
        &SpinHttp
    }

    fn sql(&self) -> &SpinSql {
        &SpinSql
    }
}

impl StorePorts for SpinPorts {
    type Redis = SpinRedis;
    type Clock = SpinClock;
    type Random = SpinRandom;

    fn redis(&self) -> &SpinRedis {
        &self.redis
    }

    fn clock(&self) -> &SpinClock {
        &SpinClock
    }

    fn random(&self) -> &SpinRandom {
        &SpinRandom
    }
}

/// The host's clock.
pub struct SpinClock;

impl Clock for SpinClock {
    fn now(&self) -> Millis {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }
}

/// The host's random bytes.
pub struct SpinRandom;

impl Random for SpinRandom {
    #[expect(
        clippy::expect_used,
        reason = "WASI's random bytes cannot fail, and going on without them would be worse"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("random bytes");
    }
}

/// The value of a variable of this component; `None` where it is not declared.
///
/// # Errors
/// What the host's provider of variables says.
pub async fn variable(name: &str) -> Result<Option<String>, String> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value)),
        Err(Error::Undefined(_)) => Ok(None),
        Err(error) => Err(format!("the variable {name:?} cannot be read: {error}")),
    }
}
