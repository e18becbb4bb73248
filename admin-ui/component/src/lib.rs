#![doc = include_str!("../README.md")]

mod answer;
#[cfg(target_arch = "wasm32")]
mod entry;
mod negotiation;

pub use answer::answer;
