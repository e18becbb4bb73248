//! The component whose jobs call back ends, for whatever adapters an application has compiled in.

use bytes::Bytes;
use http::Response;
use spin_sdk::http::FullBody;
use sync_core::{RustAdapters, adapter_handlers};

use crate::{Component, LoadError, load_back_ends};

const COMPONENT: Component = Component::waiting("adapter");

/// Answers a message, with adapters that are compiled in; see [`Component::answer_ring`].
///
/// # Errors
/// Settings or variables that are wrong, and the store's errors.
pub async fn answer_ring(
    message: &[u8],
    adapters: impl FnOnce() -> RustAdapters,
) -> Result<(), LoadError> {
    let load = async || load_back_ends(adapters()).await;
    COMPONENT
        .answer_ring(message, &adapter_handlers(), load)
        .await
}

/// Answers a request to work; see [`Component::answer_request`].
pub async fn answer_request(adapters: impl FnOnce() -> RustAdapters) -> Response<FullBody<Bytes>> {
    let load = async || load_back_ends(adapters()).await;
    COMPONENT.answer_request(&adapter_handlers(), load).await
}
