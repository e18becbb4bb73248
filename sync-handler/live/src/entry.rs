//! The Spin entry point.

use spin_sdk::http::Request;
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::{ErrorCode, Response};

/// As in `sync-handler`.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[http_service]
async fn on_request(request: Request) -> Result<Response, ErrorCode> {
    crate::component::handle(request).await
}
