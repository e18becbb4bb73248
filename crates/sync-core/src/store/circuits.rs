//! Circuit breakers: which back ends have failed how often, and until when they are left alone.

use crate::model::SourceName;
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// Failures in a row after which a back end is left alone.
const MOST_FAILURES: u64 = 5;

/// How long it is left alone first, in milliseconds; twice as long after each trial that fails.
const FIRST_REST_MS: u64 = 10_000;

/// How long it is left alone at most, in milliseconds.
const LONGEST_REST_MS: u64 = 300_000;

/// Whether a back end may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CircuitPass {
    /// It may; it has failed so often since it last answered.
    Closed { failures: u64 },
    /// By whoever asks, to find out whether it is there again; by nobody else meanwhile.
    Trial,
    /// Not for so long.
    Open { wait_ms: u64 },
}

/// The circuits of all sources.
pub(crate) struct CircuitStore<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> CircuitStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Asks whether a source's back end may be called. Whoever may try has `trial_ms` for it.
    pub(crate) async fn enter(
        &self,
        source: &SourceName,
        trial_ms: u64,
    ) -> Result<CircuitPass, StoreError> {
        let args = args![source.as_str(), self.time_of_test(), trial_ms];
        let mut reply = script::ENTER_CIRCUIT
            .run(self.redis, &[keys::circuits()], args)
            .await?;
        match reply.required_text()?.as_str() {
            "closed" => Ok(CircuitPass::Closed {
                failures: reply.number()?,
            }),
            "trial" => Ok(CircuitPass::Trial),
            "open" => Ok(CircuitPass::Open {
                wait_ms: reply.number()?,
            }),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Counts that a back end did not answer, or that it wants to be left alone for so long. Says for how long it is
    /// left alone, in milliseconds, if it is.
    pub(crate) async fn failed(
        &self,
        source: &SourceName,
        retry_after_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        let args = args![
            source.as_str(),
            self.time_of_test(),
            MOST_FAILURES,
            FIRST_REST_MS,
            LONGEST_REST_MS,
            retry_after_ms.min(LONGEST_REST_MS)
        ];
        let mut reply = script::FAIL_CIRCUIT
            .run(self.redis, &[keys::circuits()], args)
            .await?;
        let wait_ms = reply.number()?;
        Ok(Some(wait_ms).filter(|wait_ms| *wait_ms > 0))
    }

    /// The time where a test has one of its own. Otherwise it is the store's: hosts' clocks need not agree.
    fn time_of_test(&self) -> String {
        let time = self.redis.time_of_test().map(|time| time.to_string());
        time.unwrap_or_default()
    }

    /// Forgets a back end's failures: it answers.
    pub(crate) async fn close(&self, source: &SourceName) -> Result<(), StoreError> {
        let command = args!["HDEL", keys::circuits(), source.as_str()];
        self.redis.run(command).await?;
        Ok(())
    }

    /// The sources whose back ends have failed lately, and whether they are left alone.
    pub(crate) async fn all(&self) -> Result<Vec<(String, bool)>, StoreError> {
        let command = args!["HGETALL", keys::circuits()];
        let mut reply = Reply::new("HGETALL", self.redis.run(command).await?);
        let mut all = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            let (source, entry) = (reply.required_text()?, reply.required_text()?);
            all.push((source, !entry.ends_with(" 0")));
        }
        all.sort_unstable();
        Ok(all)
    }
}
