//! The Spin entry points: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::{BULK_DATA, JobHandlers, SettingsPart};
use sync_spin::{Component, SpinPorts};

use crate::MakeBulkData;

/// Files are made in memory, one after another: more at once would want as many times as much.
const COMPONENT: Component = Component {
    name: "bulk",
    at_once: 1,
    settings: &[SettingsPart::BlobStore],
};

#[redis_subscriber]
async fn on_ring(message: Bytes) -> anyhow::Result<()> {
    Ok(COMPONENT.answer_ring(&handlers(), &message).await?)
}

#[http_service]
async fn on_request(request: Request) -> Response<FullBody<Bytes>> {
    COMPONENT.answer_request(&handlers(), &request).await
}

fn handlers() -> JobHandlers<SpinPorts> {
    JobHandlers::new().with(BULK_DATA, MakeBulkData)
}
