#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![expect(
    unreachable_pub,
    reason = "the component macro makes the types of properties public"
)]

mod api;
mod app;
mod components;
mod page;
mod pages;
mod refresh;
mod summary;

fn main() {
    leptos::mount::mount_to_body(app::App);
}
