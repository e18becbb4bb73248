//! Loads a component: from its table in the manifest to something that can be instantiated.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

use crate::allow::AllowedHosts;
use crate::options::Options;
use crate::outbound::Network;
use crate::source::Sources;
use crate::state::{Component, State};
use crate::variables::Variables;
use crate::{engine, files, manifest};

/// What all components are made with.
pub(crate) struct Loader<'a> {
    /// The manifest's folder, which its paths are relative to.
    base: &'a Path,
    options: &'a Options,
    variables: &'a Variables,
    engine: Engine,
    linker: Linker<State>,
    pub(crate) network: Arc<Network>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(options: &'a Options, variables: &'a Variables) -> Result<Self> {
        let engine = engine::engine(options.cache_dir.as_deref(), options.memory_limit)?;
        let base = options
            .manifest
            .parent()
            .filter(|base| !base.as_os_str().is_empty());
        Ok(Self {
            base: base.unwrap_or(Path::new(".")),
            options,
            variables,
            linker: engine::linker(&engine)?,
            engine,
            network: Arc::new(Network::new()),
        })
    }

    pub(crate) fn load(
        &self,
        id: &str,
        component: &manifest::Component,
    ) -> Result<(Arc<Component>, InstancePre<State>)> {
        let render = |template: &String| self.variables.render(template);
        let values = component
            .variables
            .iter()
            .map(|(name, template)| Ok((name.clone(), render(template)?)))
            .collect::<Result<_>>()
            .context("variables")?;
        let hosts: Vec<_> = component
            .allowed_outbound_hosts
            .iter()
            .map(render)
            .collect::<Result<_>>()?;
        let allowed = AllowedHosts::parse(hosts.iter().map(String::as_str))
            .context("allowed_outbound_hosts")?;
        let pre = self.compile(component)?;
        let component = Component {
            id: id.into(),
            variables: values,
            allowed,
            environment: component.environment.clone().into_iter().collect(),
            files: files::copy(self.base, &component.files, &component.exclude_files)?,
            memory_limit: self.options.memory_limit,
            network: Arc::clone(&self.network),
        };
        Ok((Arc::new(component), pre))
    }

    fn compile(&self, component: &manifest::Component) -> Result<InstancePre<State>> {
        let sources = Sources {
            base: self.base,
            components: self.options.components_dir.as_deref(),
        };
        let found = sources.find(component).context("source")?;
        let compiled = wasmtime::component::Component::from_binary(&self.engine, &found.content)
            .map_err(|error| {
                anyhow!(error).context(format!(
                    "source: {:?} is no WebAssembly component",
                    found.path
                ))
            })?;
        self.linker
            .instantiate_pre(&compiled)
            .map_err(|error| anyhow!(error).context("it imports what this host does not offer"))
    }
}
