#![doc = include_str!("../README.md")]

mod answer;

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(target_arch = "wasm32")]
mod entry;
#[cfg(target_arch = "wasm32")]
mod writers;

pub use answer::{Answer, answer, without_settings, without_store};
