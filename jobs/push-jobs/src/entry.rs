//! The Spin entry points: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::ping_handlers;
use sync_spin::{Component, load_pings};

/// What works on jobs here.
const COMPONENT: Component = Component::waiting("push");

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(COMPONENT
        .answer_ring(&message, &ping_handlers(), load_pings)
        .await?)
}

#[http_service]
async fn on_request(_: Request) -> Response<FullBody<Bytes>> {
    COMPONENT.answer_request(&ping_handlers(), load_pings).await
}
