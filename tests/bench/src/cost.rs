//! What one request costs the store and the network, counted rather than timed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;

use crate::load::Client;

/// Requests that are counted: two lives of an instance, so that its first request's extra work has its share.
const REQUESTS: u32 = 256;
/// How long the store may take to tell what it did.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cost of one request, on average.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    /// Commands the store was sent, by name.
    pub(crate) commands: BTreeMap<String, f64>,
    /// Commands that its scripts ran, by name.
    pub(crate) inside_scripts: BTreeMap<String, f64>,
    /// How often the store read from a connection: commands sent together arrive together.
    pub(crate) round_trips: f64,
    /// Bytes the device sent.
    pub(crate) sent: f64,
    /// Bytes the device received.
    pub(crate) received: f64,
}

/// Counts what this client's requests cost. Nobody else may use the store meanwhile.
pub(crate) async fn count(
    store: &redis::Client,
    connection: &mut MultiplexedConnection,
    client: &mut Client,
) -> Result<Cost> {
    let reads_before = reads(connection).await?;
    let (sent, received) = client.repeat(REQUESTS).await?;
    // The last question is answered with the questions themselves counted: one read.
    let reads = reads(connection).await? - reads_before - 1;
    let mut cost = Cost {
        round_trips: f64::from(u32::try_from(reads)?) / f64::from(REQUESTS),
        sent,
        received,
        ..Cost::default()
    };

    let monitor = store.get_async_monitor().await?;
    client.repeat(REQUESTS).await?;
    let end = uuid::Uuid::new_v4().to_string();
    let _: String = redis::cmd("ECHO").arg(&end).query_async(connection).await?;
    let mut seen = monitor.into_on_message::<String>();
    loop {
        let line = tokio::time::timeout(PATIENCE, seen.next())
            .await
            .ok()
            .flatten()
            .context("the store did not tell what it did")?;
        if line.contains(&end) {
            return Ok(cost);
        }
        if let Some((is_script, name)) = parse(&line) {
            let of = if is_script {
                &mut cost.inside_scripts
            } else {
                &mut cost.commands
            };
            *of.entry(name).or_default() += 1.0 / f64::from(REQUESTS);
        }
    }
}

async fn reads(connection: &mut MultiplexedConnection) -> Result<u64> {
    Ok(info(connection, "stats", "total_reads_processed")
        .await?
        .parse()?)
}

/// What the store knows about itself.
pub(crate) async fn info(
    connection: &mut MultiplexedConnection,
    section: &str,
    field: &str,
) -> Result<String> {
    let text: String = redis::cmd("INFO")
        .arg(section)
        .query_async(connection)
        .await?;
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .map(str::to_owned)
        .with_context(|| format!("the store does not tell its {field}"))
}

/// Whether a script ran it, and the command's name: `1.5 [0 lua] "hget" "key"`.
fn parse(line: &str) -> Option<(bool, String)> {
    let (_, rest) = line.split_once(" [")?;
    let (origin, command) = rest.split_once("] \"")?;
    let (name, _) = command.split_once('"')?;
    Some((origin.ends_with(" lua"), name.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_monitor_says_is_understood() {
        let sent = r#"1700000000.123456 [0 127.0.0.1:51234] "evalsha" "abc" "1""#;
        assert_eq!(parse(sent), Some((false, "EVALSHA".to_owned())));
        let inside = r#"1700000000.123457 [0 lua] "HGET" "key" "field""#;
        assert_eq!(parse(inside), Some((true, "HGET".to_owned())));
        assert_eq!(parse("OK"), None);
    }
}
