#![doc = include_str!("../README.md")]

mod rates;

#[cfg(target_arch = "wasm32")]
mod entry;

pub use rates::{ExchangeRates, adapters};
