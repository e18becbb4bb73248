//! The Spin entry point.

use bytes::Bytes;
use http::Response;
use spin_sdk::http::{FullBody, Request};
use spin_sdk::http_service;

/// The bundle that `cargo xtask build console` made.
#[derive(rust_embed::Embed)]
#[folder = "../dist"]
// The build script sees to it that only lints do without a bundle.
#[allow_missing = true]
struct Bundle;

#[http_service]
async fn handle(request: Request) -> Response<FullBody<Bytes>> {
    let (parts, _) = request.into_parts();
    crate::answer::<Bundle>(&parts).map(FullBody::new)
}
