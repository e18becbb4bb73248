//! The handlers: parse, call the engine, answer.

pub(crate) mod admin;
pub(crate) mod api;
pub(crate) mod blobs;
pub(crate) mod bulk_data;
pub(crate) mod device;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod metrics;
pub(crate) mod sync;
