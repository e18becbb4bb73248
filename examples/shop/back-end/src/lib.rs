#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod api;
mod control;
mod database;
mod dialects;
mod error;
mod resource;
mod seed;
mod server;

pub use database::Location;
pub use seed::Amounts;
pub use server::{Config, Shop, StartError};
