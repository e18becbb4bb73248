//! The engine in a test's own process.

mod adapter_test;
mod back_end;
mod backup;
mod ports;
mod scripted_http;
mod stored;
mod token_key;
mod world;

use std::rc::Rc;

use serde_json::{Value, json};
use sync_core::{Engine, HttpClient, RustAdapters, Secret, SessionKey, SettingsFile};

use crate::redis_server::TestRedis;

pub use adapter_test::AdapterTest;
pub use back_end::{BackEnd, Fault};
pub use backup::Backup;
pub use ports::{NoHttp, NoSql, TestPorts};
pub use scripted_http::ScriptedHttp;
pub use token_key::{TokenKey, open_elliptic, unsigned};
pub use world::{World, work};

/// The administrator's password at an engine of a test.
pub const ENGINE_PASSWORD: &str = "admin-password";

/// An engine with a network of the test's own.
///
/// # Panics
///
/// When the settings are wrong.
pub async fn engine<H: HttpClient + Default + 'static>(
    redis: &TestRedis,
    settings: &str,
    seed: u64,
) -> Engine<TestPorts<H>> {
    engine_with(redis, settings, &RustAdapters::new(), seed).await
}

/// The same, with these adapters in Rust.
///
/// # Panics
///
/// When the settings are wrong.
pub async fn engine_with<H: HttpClient + Default + 'static>(
    redis: &TestRedis,
    settings: &str,
    adapters: &RustAdapters,
    seed: u64,
) -> Engine<TestPorts<H>> {
    engine_on(TestPorts::to(redis, seed).await, settings, adapters)
}

/// The same, on ports of the test's own.
fn engine_on<H: HttpClient + Default + 'static>(
    ports: TestPorts<H>,
    settings: &str,
    adapters: &RustAdapters,
) -> Engine<TestPorts<H>> {
    let settings = SettingsFile::parse("rhosync.toml", settings)
        .and_then(|file| file.resolve(|_| None))
        .expect("the test's settings");
    let key = SessionKey::new("test");
    let password = Secret::new(ENGINE_PASSWORD);
    let adapters = Rc::new(adapters.clone());
    Engine::new(Rc::new(ports), settings, adapters, key, password).expect("an engine")
}

/// A page as it stands on the wire.
pub fn page(token: &str, count: u64, progress: u64, total: u64, commands: Value) -> Value {
    json!([
        {"version": 3},
        {"token": token},
        {"count": count},
        {"progress_count": progress},
        {"total_count": total},
        commands
    ])
}
