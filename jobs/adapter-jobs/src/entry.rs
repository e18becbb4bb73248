//! The Spin entry points: the doorbell, and requests to work.
//!
//! An application that has adapters of its own has a component like this one: see `examples/exchange-rates`.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::RustAdapters;
use sync_spin::adapter_jobs;

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(adapter_jobs::answer_ring(&message, RustAdapters::new).await?)
}

#[http_service]
async fn on_request(_: Request) -> Response<FullBody<Bytes>> {
    adapter_jobs::answer_request(RustAdapters::new).await
}
