#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod mysql;
mod postgres;
mod tls;

pub use error::{ConnectError, chain};
pub use mysql::Mysql;
pub use postgres::Postgres;
