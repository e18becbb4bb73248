#![doc = include_str!("../README.md")]

mod report;

#[cfg(target_arch = "wasm32")]
mod entry;

pub use report::Report;
