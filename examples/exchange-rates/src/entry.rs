//! The Spin entry point: the server, with the adapter compiled in.

use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;

use crate::adapters;

#[http_service]
async fn on_request(request: Request) -> Response<sync_handler::Body> {
    sync_handler::handle(request, adapters).await
}
