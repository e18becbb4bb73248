//! The Spin entry points: the doorbell, and requests to work.

#![expect(unsafe_code, reason = "the subscriber macro's generated bindings")]

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http_service, redis_subscriber};
use sync_core::{BULK_DATA, CollectBlobs, Engine, IMAGE};
use sync_jobs::JobHandlers;
use sync_spin::{Component, SpinPorts, load_documents};

use crate::{MakeBulkData, MakeImage};

/// Files are made in memory, one after another: more at once would want as many times as much.
const COMPONENT: Component = Component {
    name: "bulk",
    at_once: 1,
};

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
    JobHandlers::new()
        .with(BULK_DATA, MakeBulkData)
        .with(IMAGE, MakeImage)
        .with(CollectBlobs::NAME, CollectBlobs)
}
