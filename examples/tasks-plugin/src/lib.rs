#![doc = include_str!("../README.md")]

mod plugin;

#[cfg(target_arch = "wasm32")]
mod entry;

pub use plugin::{Command, Refusal, command, is_let_in};
