//! What the host keeps per instance of a component, and how it makes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use tempfile::TempDir;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::allow::AllowedHosts;
use crate::guest_log::GuestLog;
use crate::outbound::{Hooks, Network};

/// What every instance of one component has in common.
pub(crate) struct Component {
    /// As in the manifest.
    pub(crate) id: Arc<str>,
    /// By name, templates rendered.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) allowed: AllowedHosts,
    pub(crate) environment: Vec<(String, String)>,
    /// The root of what the component can read.
    pub(crate) files: Option<TempDir>,
    /// In bytes, for each instance.
    pub(crate) memory_limit: usize,
    pub(crate) network: Arc<Network>,
}

impl Component {
    /// A store for one new instance.
    pub(crate) fn store(self: &Arc<Self>, engine: &Engine) -> Result<Store<State>> {
        let mut store = Store::new(engine, State::new(self)?);
        store.limiter(|state| &mut state.limits);
        // A busy component gives way to others at every tick; its request's time limit ends it.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        Ok(store)
    }
}

/// What the host keeps for one instance.
pub(crate) struct State {
    component: Arc<Component>,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    limits: StoreLimits,
}

impl State {
    fn new(component: &Arc<Component>) -> Result<Self> {
        let log = |stream| GuestLog::new(Arc::clone(&component.id), stream);
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&component.environment)
            .stdout(log("stdout"))
            .stderr(log("stderr"));
        if let Some(files) = &component.files {
            wasi.preopened_dir(files.path(), "/", FsPerms::ReadOnly)
                .map_err(anyhow::Error::from)
                .context("cannot open the component's files")?;
        }
        Ok(Self {
            component: Arc::clone(component),
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks(Arc::clone(component)),
            limits: StoreLimitsBuilder::new()
                .memory_size(component.memory_limit)
                .build(),
        })
    }

    /// What Spin's own interfaces need.
    pub(crate) fn platform(&mut self) -> PlatformView<'_> {
        PlatformView {
            component: &self.component,
            table: &mut self.table,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Names [`PlatformView`] for the generated bindings.
pub(crate) struct Platform;

impl HasData for Platform {
    type Data<'a> = PlatformView<'a>;
}

/// The part of [`State`] that Spin's own interfaces see.
pub(crate) struct PlatformView<'a> {
    pub(crate) component: &'a Arc<Component>,
    pub(crate) table: &'a mut ResourceTable,
}
