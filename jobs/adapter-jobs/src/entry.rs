//! The ways in from Spin: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::{Cud, Deliver, JobHandlers, Noop, Query, QueryAll};
use sync_spin::SpinPorts;

/// What the component's queues begin with.
const COMPONENT: &str = "adapter";

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(sync_spin::answer_ring(COMPONENT, &handlers(), &message).await?)
}

#[http_service]
async fn on_request(request: Request) -> Response<FullBody<Bytes>> {
    sync_spin::answer_request(COMPONENT, &handlers(), &request).await
}

fn handlers() -> JobHandlers<SpinPorts> {
    JobHandlers::new()
        .with(Query::NAME, Query)
        .with(QueryAll::NAME, QueryAll)
        .with(Cud::NAME, Cud)
        .with(Deliver::NAME, Deliver)
        .with(Noop::NAME, Noop)
}
