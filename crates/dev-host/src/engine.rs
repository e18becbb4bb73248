//! The WebAssembly engine, and everything that components can import from it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use wasmtime::component::Linker;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::bindings::{mysql, postgres, redis, variables};
use crate::state::{Platform, State};

/// How often a busy component gives way to others, and is looked at whether it is out of time.
const TICK: Duration = Duration::from_millis(2);

/// How many instances there can be at once, of all components together.
const INSTANCES: u32 = 1000;

/// A component consists of a few core modules: its own and those that adapt it.
const MODULES_PER_INSTANCE: u32 = 4;

/// The most functions a component may call by pointer.
const TABLE_ELEMENTS: usize = 100_000;

/// An engine whose instances have at most `memory_limit` bytes, and which keeps what it compiled in `cache`.
///
/// Without `cache`, the user's cache folder is used.
///
/// # Errors
///
/// The cache folder cannot be used, or the machine has too little address space.
pub(crate) fn engine(cache: Option<&Path>, memory_limit: usize) -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * MODULES_PER_INSTANCE)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * MODULES_PER_INSTANCE)
        .total_stacks(INSTANCES * 2)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(memory_limit);
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cache(Some(compiled(cache).context(
            "cannot use the cache of compiled components; see --cache-dir",
        )?));
    let engine = Engine::new(&config)
        .map_err(anyhow::Error::from)
        .context("cannot make a WebAssembly engine")?;
    tick(&engine)?;
    Ok(engine)
}

fn compiled(directory: Option<&Path>) -> Result<Cache> {
    let mut config = CacheConfig::new();
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)?;
        config.with_directory(directory.canonicalize()?);
    }
    Ok(Cache::new(config)?)
}

/// Counts the engine's epochs, on a thread of its own: components may keep all others busy.
fn tick(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("epochs".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
    Ok(())
}

/// Everything a component can import: WASI 0.2 and 0.3, HTTP in both, and Spin's own interfaces.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    mysql::add_to_linker::<_, Platform>(&mut linker, State::platform)?;
    postgres::add_to_linker::<_, Platform>(&mut linker, State::platform)?;
    redis::add_to_linker::<_, Platform>(&mut linker, State::platform)?;
    variables::add_to_linker::<_, Platform>(&mut linker, State::platform)?;
    Ok(linker)
}
