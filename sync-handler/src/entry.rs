//! The Spin entry point.

use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;
use sync_core::RustAdapters;

use crate::{Body, handle};

/// A request makes some hundred allocations: this takes half the time for them that the C library takes.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[http_service]
async fn on_request(request: Request) -> Response<Body> {
    handle(request, RustAdapters::new).await
}
