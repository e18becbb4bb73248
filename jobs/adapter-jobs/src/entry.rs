//! The Spin entry points: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::{Cud, Deliver, JobHandlers, Noop, Query, QueryAll, SettingsPart};
use sync_spin::{Component, SpinPorts};

/// What works on jobs here.
const COMPONENT: Component = Component::waiting("adapter", &[SettingsPart::BackEnds]);

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(COMPONENT.answer_ring(&handlers(), &message).await?)
}

#[http_service]
async fn on_request(request: Request) -> Response<FullBody<Bytes>> {
    COMPONENT.answer_request(&handlers(), &request).await
}

fn handlers() -> JobHandlers<SpinPorts> {
    JobHandlers::new()
        .with(Query::NAME, Query)
        .with(QueryAll::NAME, QueryAll)
        .with(Cud::NAME, Cud)
        .with(Deliver::NAME, Deliver)
        .with(Noop::NAME, Noop)
}
