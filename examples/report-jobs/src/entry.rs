//! The Spin entry points: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::JobHandlers;
use sync_spin::{Component, SpinPorts};

use crate::Report;

/// What works on jobs here.
const COMPONENT: Component = Component::waiting("report", &[]);

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(COMPONENT.answer_ring(&handlers(), &message).await?)
}

#[http_service]
async fn on_request(request: Request) -> Response<FullBody<Bytes>> {
    COMPONENT.answer_request(&handlers(), &request).await
}

fn handlers() -> JobHandlers<SpinPorts> {
    JobHandlers::new().with(Report::NAME, Report)
}
