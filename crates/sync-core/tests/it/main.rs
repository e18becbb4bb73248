//! The engine on a private Redis, with back ends and a network of the test's own.

mod accepted;
mod background;
mod bindings;
mod blobs;
mod collecting;
mod documents;
mod idempotency;
mod metadata;
mod metrics;
mod narrowed;
mod pass_through;
mod plugin;
mod push;
mod push_services;
mod races;
mod refresh;
mod registry;
mod rest;
mod s3;
mod search;
mod set_back;
mod sign_in;
mod slow_back_ends;
mod sync;
mod users;
mod year;
