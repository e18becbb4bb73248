#![doc = include_str!("../README.md")]

mod core;
mod exchange;
mod work;

pub use crate::core::{Core, new_id, open_core};
pub use exchange::Exchange;
