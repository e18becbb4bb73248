#![doc = include_str!("../README.md")]
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod call;
mod core;
mod error;
mod platform;

pub use crate::core::{Core, Exchange};
