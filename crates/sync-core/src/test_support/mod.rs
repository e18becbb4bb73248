//! Native ports, a private Redis and a scripted back end, for tests and tools.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot set up its world has failed, and the place says why; servers start in real time"
)]

mod back_end;
mod native;
mod redis_server;
mod scripted_http;
mod world;

pub use back_end::{BackEnd, Fault};
pub use native::{Break, ManualClock, NativeRedis, NoHttp, SeededRandom, TestPorts};
pub use redis_server::TestRedis;
pub use scripted_http::ScriptedHttp;
pub use world::World;
