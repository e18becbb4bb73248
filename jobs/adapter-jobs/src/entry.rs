//! The way in from Spin.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use anyhow::Context as _;
use bytes::Bytes;
use spin_sdk::redis_subscriber;
use sync_core::Pings;
use sync_spin::{SpinRedis, variable};

#[redis_subscriber]
async fn on_ring(_message: Bytes) -> anyhow::Result<()> {
    sync_spin::start_log(tracing::Level::INFO);
    let address = variable("redis_url")
        .await
        .map_err(anyhow::Error::msg)?
        .context("the component has no variable \"redis_url\": declare it in spin.toml")?;
    let redis = SpinRedis::new(address);
    let answered = Pings::new(&redis)
        .answer()
        .await
        .context("pings could not be answered")?;
    tracing::info!(job.count = answered, "answered pings");
    Ok(())
}
