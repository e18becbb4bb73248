//! Redis, time and randomness outside a component.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use redis::Value;
use redis::aio::MultiplexedConnection;
use sync_redis::{Clock, Millis, Random, RedisConn, RedisError, RedisValue, StorePorts};

use crate::redis_server::TestRedis;
use crate::turns::Turns;

/// A connection through the `redis` crate. Replies are flattened as Spin's host does it.
pub struct NativeRedis {
    connection: MultiplexedConnection,
    breaks_at: Cell<Option<(usize, Break)>>,
    held_before: Cell<Option<usize>>,
    released: tokio::sync::Notify,
    holds: tokio::sync::Notify,
    turns: Turns,
    fails_at: Cell<Option<(usize, Break)>>,
    time: Option<ManualClock>,
}

/// What becomes of the command at which a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// It does not arrive.
    Before,
    /// It is carried out, but its answer is lost.
    After,
}

impl NativeRedis {
    /// Connects.
    pub async fn connect(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a Redis address");
        // The crate's own time-outs are short for a machine that is busy testing.
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .expect("a connection to Redis");
        Self {
            connection,
            breaks_at: Cell::new(None),
            held_before: Cell::new(None),
            released: tokio::sync::Notify::new(),
            holds: tokio::sync::Notify::new(),
            turns: Turns::default(),
            fails_at: Cell::new(None),
            time: None,
        }
    }

    /// The same, to a server whose time is this clock's, as far as scripts go by time.
    #[must_use]
    pub fn with_time(self, clock: &ManualClock) -> Self {
        Self {
            time: Some(clock.clone()),
            ..self
        }
    }

    /// Holds a command to come back, the first is 1, until it is released.
    pub fn hold_before(&self, command: usize) {
        self.held_before.set(Some(command));
    }

    /// Waits until the command is held back.
    pub async fn holds(&self) {
        self.holds.notified().await;
    }

    /// Lets the command go that is held back.
    pub fn release(&self) {
        self.held_before.set(None);
        self.released.notify_one();
    }

    /// Does work whose parts run at the same time, so that it is the same every time: while it is done, one command is under
    /// way, and whose it is the schedule says. Each of its numbers, modulo how many wait, picks one; after its end the one that
    /// has waited longest comes first.
    pub async fn in_turns<F: Future>(&self, schedule: &[u8], work: F) -> F::Output {
        let carry_out = async |command| self.carry_out(command).await;
        self.turns.take(schedule, work, carry_out).await
    }

    /// Does work, and counts the round trips to the store that it waits for.
    pub async fn in_round_trips<F: Future>(&self, work: F) -> (F::Output, usize) {
        let carry_out = async |command| self.carry_out(command).await;
        self.turns.count(work, carry_out).await
    }

    /// Lets time pass for keys that expire, which go by the server's own clock.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub async fn let_keys_expire(&self, passed: Duration) {
        let passed = i64::try_from(passed.as_millis()).expect("a short time");
        let mut connection = self.connection.clone();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut connection)
            .await
            .expect("the keys");
        let mut pipeline = redis::pipe();
        for key in &keys {
            pipeline.cmd("PTTL").arg(key);
        }
        let left: Vec<i64> = pipeline
            .query_async(&mut connection)
            .await
            .expect("how long they are kept");
        let mut pipeline = redis::pipe();
        for (key, left) in keys.iter().zip(left).filter(|(_, left)| *left >= 0) {
            // A time that has passed deletes the key.
            pipeline.cmd("PEXPIRE").arg(key).arg(left - passed).ignore();
        }
        let _: () = pipeline
            .query_async(&mut connection)
            .await
            .expect("to let keys expire");
    }

    /// Breaks the connection at a command to come, the first is 1, for good: it is as if the server had crashed there.
    pub fn break_at(&self, command: usize, at: Break) {
        self.breaks_at.set(Some((command, at)));
    }

    /// Lets one command to come fail, the first is 1; the connection stays as it is.
    pub fn fail_at(&self, command: usize, at: Break) {
        self.fails_at.set(Some((command, at)));
    }

    /// Whether the command that was to fail has come.
    pub fn has_failed(&self) -> bool {
        self.fails_at.get().is_none()
    }

    /// Whether the connection has broken.
    pub fn is_broken(&self) -> bool {
        matches!(self.breaks_at.get(), Some((0, _)))
    }

    /// Mends the connection. Says whether it had broken.
    pub fn mend(&self) -> bool {
        matches!(self.breaks_at.take(), Some((0, _)))
    }
}

impl RedisConn for NativeRedis {
    async fn run(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        match self.held_before.get() {
            Some(1) => {
                self.held_before.set(None);
                self.holds.notify_one();
                self.released.notified().await;
            }
            left => self.held_before.set(left.map(|left| left - 1)),
        }
        if self.turns.are_taken() {
            self.turns.wait(command).await
        } else {
            self.carry_out(command).await
        }
    }

    fn time_of_test(&self) -> Option<Millis> {
        self.time.as_ref().map(Clock::now)
    }
}

impl NativeRedis {
    async fn carry_out(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        let broken = || Err(RedisError::Unreachable("the test's crash".to_owned()));
        match self.breaks_at.get() {
            Some((0, _)) => return broken(),
            Some((1, Break::Before)) => {
                self.breaks_at.set(Some((0, Break::Before)));
                return broken();
            }
            Some((left, at)) => self.breaks_at.set(Some((left - 1, at))),
            None => {}
        }
        let mut fails = None;
        match self.fails_at.take() {
            Some((1, Break::Before)) => return broken(),
            Some((1, at)) => fails = Some(at),
            Some((left, at)) => self.fails_at.set(Some((left - 1, at))),
            None => {}
        }
        let mut redis_command = redis::Cmd::new();
        for part in &command {
            redis_command.arg(part.as_slice());
        }
        let mut connection = self.connection.clone();
        let value: Value = redis_command
            .query_async(&mut connection)
            .await
            .map_err(|error| {
                if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() {
                    RedisError::Unreachable(error.to_string())
                } else {
                    RedisError::Refused(error.to_string())
                }
            })?;
        if fails.is_some() || matches!(self.breaks_at.get(), Some((0, Break::After))) {
            return broken();
        }
        let mut values = Vec::new();
        flatten(value, &mut values)?;
        Ok(values)
    }
}

fn flatten(value: Value, into: &mut Vec<RedisValue>) -> Result<(), RedisError> {
    match value {
        Value::Nil => into.push(RedisValue::Nil),
        Value::Int(number) => into.push(RedisValue::Int(number)),
        Value::BulkString(bytes) => into.push(RedisValue::Bytes(bytes)),
        Value::SimpleString(text) => into.push(RedisValue::Status(text)),
        Value::Okay => into.push(RedisValue::Status("OK".to_owned())),
        Value::Array(values) => {
            for value in values {
                flatten(value, into)?;
            }
        }
        other => {
            return Err(RedisError::Refused(format!(
                "a reply Spin's host does not pass on: {other:?}"
            )));
        }
    }
    Ok(())
}

/// A clock that stands still until it is moved. Waiting moves it. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Rc<Cell<Millis>>,
    ahead: Duration,
}

impl ManualClock {
    /// A clock that goes as this one does, and is ahead of it.
    #[must_use]
    pub fn ahead(&self, ahead: Duration) -> Self {
        Self {
            now: Rc::clone(&self.now),
            ahead,
        }
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.now.set(
            self.now
                .get()
                .plus(u64::try_from(duration.as_millis()).expect("a short time")),
        );
    }
}

impl Default for ManualClock {
    /// A day in 2026.
    fn default() -> Self {
        Self {
            now: Rc::new(Cell::new(Millis(1_790_000_000_000))),
            ahead: Duration::ZERO,
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        let ahead = u64::try_from(self.ahead.as_millis()).expect("a difference of clocks");
        self.now.get().plus(ahead)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.now.get().0)
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        // Whoever is waited for gets a turn.
        tokio::task::yield_now().await;
    }

    async fn timer(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        while self.monotonic() < until {
            tokio::task::yield_now().await;
        }
    }
}

/// Random bytes that are the same in every run.
#[derive(Debug)]
pub struct SeededRandom {
    state: RefCell<u64>,
}

impl SeededRandom {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Self {
            state: RefCell::new(seed),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.state.borrow_mut();
        for byte in buffer {
            // SplitMix64 (Steele, Lea, Flood 2014).
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (mixed ^ (mixed >> 31)).to_le_bytes()[0];
        }
    }
}

/// Redis, time and randomness that a test controls.
pub struct TestStorePorts {
    /// The test's Redis.
    pub redis: NativeRedis,
    /// The test's time.
    pub clock: ManualClock,
    /// The test's randomness.
    pub random: SeededRandom,
}

impl TestStorePorts {
    /// Ports to a server, with randomness of this seed. The clock is the server's too.
    pub async fn to(server: &TestRedis, seed: u64) -> Self {
        let clock = ManualClock::default();
        Self::with_time(server, &clock, clock.clone(), seed).await
    }

    /// Ports of a host whose clock is not that of the server.
    pub async fn with_time(
        server: &TestRedis,
        time: &ManualClock,
        clock: ManualClock,
        seed: u64,
    ) -> Self {
        Self {
            redis: NativeRedis::connect(&server.url()).await.with_time(time),
            clock,
            random: SeededRandom::new(seed),
        }
    }
}

impl StorePorts for TestStorePorts {
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

/// Runs a test on one thread, as a component runs.
///
/// # Panics
///
/// When there is no runtime.
pub fn local<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}
