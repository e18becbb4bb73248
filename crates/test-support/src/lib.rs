#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot set up its world has failed, and the place says why"
)]

#[cfg(feature = "deployment")]
mod authority;
#[cfg(feature = "deployment")]
mod database;
#[cfg(feature = "deployment")]
mod deployment;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "redis")]
mod native;
mod redis_server;
#[cfg(feature = "rest")]
mod rest;
#[cfg(feature = "redis")]
mod turns;
mod wait;

#[cfg(feature = "deployment")]
pub use authority::TestAuthority;
#[cfg(feature = "deployment")]
pub use database::{DATABASE_PASSWORD, DatabaseKind, TestDatabase};
#[cfg(feature = "deployment")]
pub use deployment::{
    ADMIN_PASSWORD, Admin, AnotherHost, Deployment, Device, Host, JobQueue, Loss, LossyTransport,
    Network, NetworkFault, Options, Plugin, RedisContent, ShopBackEnd, Source, component_dir,
    converge, password_of, program, workspace,
};
#[cfg(feature = "engine")]
pub use engine::{
    AdapterTest, BackEnd, Backup, ENGINE_PASSWORD, Fault, NoHttp, NoSql, ScriptedHttp, TestPorts,
    TokenKey, World, engine, engine_with, open_elliptic, page, unsigned, work,
};
#[cfg(feature = "redis")]
pub use native::{Break, ManualClock, NativeRedis, SeededRandom, TestStorePorts, local};
pub use redis_server::TestRedis;
#[cfg(feature = "rest")]
pub use rest::{Rest, json_of, text_of};
pub use wait::{until, until_or};
