//! What the tests share.

use std::rc::Rc;

use serde_json::{Value, json};
use sync_core::test_support::{ManualClock, NativeRedis, SeededRandom, TestPorts, TestRedis};
use sync_core::{Engine, HttpClient, RustAdapters, Secret, SessionKey, SettingsFile};

/// An engine with a network of the test's own.
#[expect(clippy::unwrap_used, reason = "a test without an engine has failed")]
pub(crate) async fn engine<H: HttpClient + Default + 'static>(
    redis: &TestRedis,
    settings: &str,
    seed: u64,
) -> Engine<TestPorts<H>> {
    let ports = TestPorts {
        redis: NativeRedis::connect(&redis.url()).await,
        http: H::default(),
        clock: ManualClock::default(),
        random: SeededRandom::new(seed),
    };
    let settings = SettingsFile::parse("rhosync.toml", settings)
        .and_then(|file| file.resolve(|_| None))
        .unwrap();
    let (key, password) = (SessionKey::new("test"), Secret::new("admin"));
    let adapters = RustAdapters::new();
    Engine::new(Rc::new(ports), settings, &adapters, key, password).unwrap()
}

/// Runs a test on one thread, as a component runs.
#[expect(clippy::unwrap_used, reason = "a test without a runtime has failed")]
pub(crate) fn local<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// A page as it stands on the wire.
pub(crate) fn page(token: &str, count: u64, progress: u64, total: u64, commands: Value) -> Value {
    json!([
        {"version": 3},
        {"token": token},
        {"count": count},
        {"progress_count": progress},
        {"total_count": total},
        commands
    ])
}
