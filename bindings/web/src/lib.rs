#![doc = include_str!("../README.md")]
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod core;
mod platform;

pub use crate::core::{Core, Exchange, Request, Step};
