//! The ports as one value.

use crate::{Clock, Random, RedisConn};

/// Redis, time and randomness: what everything that keeps something in Redis asks of the world.
pub trait StorePorts: 'static {
    /// Redis.
    type Redis: RedisConn;
    /// Time.
    type Clock: Clock;
    /// Randomness.
    type Random: Random;

    /// Redis.
    fn redis(&self) -> &Self::Redis;
    /// Time.
    fn clock(&self) -> &Self::Clock;
    /// Randomness.
    fn random(&self) -> &Self::Random;
}
