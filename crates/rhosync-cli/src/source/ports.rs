//! What adapters need of the world, at a command line.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use async_trait::async_trait;
use sync_core::{
    Blob, BlobOpener, Clock, ContentError, Credentials, Millis, Ports, Random, RedisConn,
    RedisError, RedisValue, Secret, ServerToken, StoreError, StorePorts, UserCredentials, UserId,
};

use super::databases::Databases;
use super::network::Network;

/// The world of an adapter that is tried out: a network, databases, and no store.
pub(super) struct CheckPorts {
    pub(super) network: Network,
    databases: Databases,
    clock: SystemClock,
}

impl CheckPorts {
    pub(super) fn new(network: Network) -> Result<Self> {
        Ok(Self {
            network,
            databases: Databases::new()?,
            clock: SystemClock(Instant::now()),
        })
    }
}

impl Ports for CheckPorts {
    type Http = Network;
    type Sql = Databases;

    fn http(&self) -> &Network {
        &self.network
    }

    fn sql(&self) -> &Databases {
        &self.databases
    }
}

impl StorePorts for CheckPorts {
    type Redis = NoStore;
    type Clock = SystemClock;
    type Random = SystemRandom;

    fn redis(&self) -> &NoStore {
        &NoStore
    }

    fn clock(&self) -> &SystemClock {
        &self.clock
    }

    fn random(&self) -> &SystemRandom {
        &SystemRandom
    }
}

/// Adapters keep nothing themselves.
pub(super) struct NoStore;

impl RedisConn for NoStore {
    async fn run(&self, _: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        Err(RedisError::Unreachable("there is none here".to_owned()))
    }
}

/// The system's time. Nothing else is done while somebody waits.
pub(super) struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        Millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

/// The system's randomness.
pub(super) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // A key that is the same twice makes a back end take the second call for the first, and nothing worse.
        let _ = getrandom::fill(buffer);
    }
}

/// Plugins are shown no token: there is no server that they could feed.
pub(super) struct NoToken;

#[async_trait(?Send)]
impl ServerToken for NoToken {
    async fn current(&self) -> Result<Secret, StoreError> {
        Ok(Secret::new(""))
    }
}

/// Whoever asks is signed in with what was typed in.
pub(super) struct GivenCredentials(pub(super) Credentials);

#[async_trait(?Send)]
impl UserCredentials for GivenCredentials {
    async fn of(&self, _: &UserId) -> Result<Option<Credentials>, StoreError> {
        Ok(Some(self.0.clone()))
    }
}

/// There are no files of devices here.
pub(super) struct NoBlobs;

#[async_trait(?Send)]
impl BlobOpener for NoBlobs {
    async fn open_blob_at(&self, _: &str) -> Result<Option<Blob>, ContentError> {
        Ok(None)
    }
}
