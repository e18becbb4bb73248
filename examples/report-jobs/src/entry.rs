//! The Spin entry points: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::Engine;
use sync_jobs::JobHandlers;
use sync_spin::{Component, SpinPorts, load_documents};

use crate::Report;

/// What works on jobs here.
const COMPONENT: Component = Component::waiting("report");

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(COMPONENT
        .answer_ring(&message, &handlers(), load_documents)
        .await?)
}

#[http_service]
async fn on_request(_: Request) -> Response<FullBody<Bytes>> {
    COMPONENT.answer_request(&handlers(), load_documents).await
}

fn handlers() -> JobHandlers<Engine<SpinPorts>> {
    JobHandlers::new().with(Report::NAME, Report)
}
