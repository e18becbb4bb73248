#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(
    target_arch = "wasm32",
    expect(
        unreachable_pub,
        reason = "the component macro makes the types of properties public"
    )
)]
// Views are deep trees of types.
#![recursion_limit = "512"]

// What is for browsers is compiled for browsers only: elsewhere nobody waits for a framework that cannot run there.
#[cfg(target_arch = "wasm32")]
mod api;
#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod components;
#[cfg(target_arch = "wasm32")]
mod error;
#[cfg(target_arch = "wasm32")]
mod live;
#[cfg(target_arch = "wasm32")]
mod pages;
#[cfg(target_arch = "wasm32")]
mod session;
#[cfg(target_arch = "wasm32")]
mod shortcuts;
#[cfg(target_arch = "wasm32")]
mod task;
#[cfg(target_arch = "wasm32")]
mod url_state;

#[cfg(any(target_arch = "wasm32", test))]
mod backoff;
#[cfg(any(target_arch = "wasm32", test))]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "what uses the rest is for browsers only")
)]
mod page;
#[cfg(any(target_arch = "wasm32", test))]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(
        dead_code,
        unused_imports,
        reason = "what uses the rest is for browsers only"
    )
)]
mod text;

fn main() {
    #[cfg(target_arch = "wasm32")]
    leptos::mount::mount_to_body(app::App);
}
