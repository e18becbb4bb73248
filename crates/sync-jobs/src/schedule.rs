//! When jobs that recur are due.

use std::fmt;
use std::str::FromStr as _;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sync_redis::Millis;

use crate::NewJob;

/// A job that recurs.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// When.
    pub rule: Rule,
    /// What. Its unique key keeps two of a schedule from running at once.
    pub job: NewJob,
}

/// When a job recurs.
#[derive(Debug, Clone)]
pub struct Rule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Every so many seconds.
    Every(u64),
    /// At the times of a cron expression, in UTC.
    Cron(Box<Cron>),
}

impl Schedule {
    /// What a schedule's ticks are kept by: those of another rule of the same name are others.
    pub fn field(&self, name: &str) -> String {
        format!("{name} {}", self.rule)
    }
}

impl Rule {
    /// How many seconds are between two of its times, where those are always as many.
    pub fn seconds(&self) -> Option<u64> {
        match &self.0 {
            Kind::Every(seconds) => Some(*seconds),
            Kind::Cron(_) => None,
        }
    }

    /// The cron expression, where it is one.
    pub fn expression(&self) -> Option<String> {
        match &self.0 {
            Kind::Every(_) => None,
            Kind::Cron(cron) => Some(cron.pattern.to_string()),
        }
    }

    /// Every so many seconds.
    pub fn every(seconds: u64) -> Self {
        Self(Kind::Every(seconds))
    }

    /// Reads a cron expression of five fields, or of six with seconds first.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn cron(expression: &str) -> Result<Self, String> {
        let cron = Cron::from_str(expression).map_err(|error| error.to_string())?;
        let rule = Self(Kind::Cron(Box::new(cron)));
        match rule.after(Millis(0)) {
            Some(_) => Ok(rule),
            None => Err("this never comes".to_owned()),
        }
    }

    /// The first time after another.
    pub fn after(&self, time: Millis) -> Option<Millis> {
        match &self.0 {
            Kind::Every(seconds) => Some(time.plus(seconds.saturating_mul(1_000))),
            Kind::Cron(cron) => {
                let time = Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
                let next = cron
                    .find_next_occurrence(&time.to_zoned(TimeZone::UTC), false)
                    .ok()?;
                u64::try_from(next.timestamp().as_millisecond())
                    .ok()
                    .map(Millis)
            }
        }
    }
}

/// The rule as it was given: ticks of another rule are others.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Every(seconds) => write!(f, "every {seconds} s"),
            Kind::Cron(cron) => write!(f, "{}", cron.pattern),
        }
    }
}
