//! From a manifest to something that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use http::uri::Authority;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

use crate::allow::AllowedHosts;
use crate::engine;
use crate::files;
use crate::http::{Handler, Server, Target, static_response};
use crate::manifest::{self, Manifest, Route};
use crate::outbound::Network;
use crate::redis_trigger::{Listener, Subscription};
use crate::state::{Component, State};
use crate::variables::Variables;

/// How an application is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path of `spin.toml`.
    pub manifest: PathBuf,
    /// Values of application variables; they win over `SPIN_VARIABLE_*` in the environment.
    pub variables: BTreeMap<String, String>,
    /// Where compiled components are kept; `None`: in the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// How long a component may take to begin a response, and again to end it.
    pub request_timeout: Duration,
    /// The most memory of an instance, in bytes.
    pub memory_limit: usize,
    /// Run only the components with these ids; empty: all.
    pub only: BTreeSet<String>,
}

/// An application that is ready to run: compiled, checked, not yet listening.
pub struct Application {
    server: Server,
    subscriptions: Vec<Subscription>,
    network: Arc<Network>,
}

impl Application {
    /// Reads the manifest and prepares everything it names.
    ///
    /// # Errors
    ///
    /// The manifest, a variable, a file or a component is not as it has to be; the message says which and why.
    pub fn load(options: &Options) -> Result<Self> {
        let manifest = Manifest::load(&options.manifest)?;
        let variables = Variables::resolve(&manifest.variables, &options.variables, |name| {
            std::env::var(name).ok()
        })?;
        let selection = Selection::new(&manifest, &options.only)?;
        let loader = Loader::new(options, &variables)?;

        let mut loaded = BTreeMap::new();
        for id in selection.http.union(&selection.redis) {
            let component = manifest
                .components
                .get(id)
                .context("the selection is of the manifest's components")?;
            let component = loader
                .load(id, component)
                .with_context(|| format!("component.{id}"))?;
            selection.check_chaining(&component.0)?;
            loaded.insert(id.clone(), component);
        }
        let get = |id: &String| {
            loaded
                .get(id)
                .cloned()
                .with_context(|| format!("component {id:?} is not selected"))
        };

        let handlers = selection.http.iter().map(|id| {
            let (component, pre) = get(id)?;
            Ok((
                id.clone(),
                Handler::new(component, pre, options.request_timeout)?,
            ))
        });
        let listeners = selection.redis.iter().map(|id| {
            let (component, pre) = get(id)?;
            Ok((id.clone(), Arc::new(Listener::new(component, pre)?)))
        });
        Ok(Self {
            server: Server::new(
                routes(&manifest, &selection)?,
                handlers.collect::<Result<_>>()?,
            )?,
            subscriptions: subscriptions(
                &manifest,
                &variables,
                &listeners.collect::<Result<_>>()?,
            )?,
            network: loader.network,
        })
    }

    /// Listens at `address`; port 0 means any that is free.
    ///
    /// # Errors
    ///
    /// The address is taken or is none of this machine's.
    pub async fn listen(self, address: SocketAddr) -> Result<Host> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen at {address}"))?;
        let address = listener.local_addr()?;
        let server = Arc::new(self.server);
        self.network
            .set_own(Authority::try_from(address.to_string())?, &server);
        Ok(Host {
            address,
            listener,
            server,
            subscriptions: self.subscriptions,
        })
    }
}

/// An application that listens, and runs when [`Host::run`] is awaited.
pub struct Host {
    address: SocketAddr,
    listener: TcpListener,
    server: Arc<Server>,
    subscriptions: Vec<Subscription>,
}

impl Host {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its public routes: the id of a component (or of a trigger without one), and the route as in the manifest.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.server.routes()
    }

    /// Runs until `stop`, then lets what is under way end, for a bounded time.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let stopping = CancellationToken::new();
        let mut subscriptions = JoinSet::new();
        for subscription in self.subscriptions {
            subscriptions.spawn(subscription.run(stopping.clone()));
        }
        let stop = async {
            stop.await;
            stopping.cancel();
        };
        self.server.run(self.listener, stop).await;
        if tokio::time::timeout(crate::http::GRACE, subscriptions.join_all())
            .await
            .is_err()
        {
            tracing::warn!("some messages were not handled to their end");
        }
    }
}

/// Which components run, by their triggers.
struct Selection {
    all: BTreeSet<String>,
    http: BTreeSet<String>,
    redis: BTreeSet<String>,
    is_partial: bool,
}

impl Selection {
    fn new(manifest: &Manifest, only: &BTreeSet<String>) -> Result<Self> {
        if let Some(id) = only
            .iter()
            .find(|id| !manifest.components.contains_key(*id))
        {
            bail!(
                "--component {id}: the manifest has {:?}",
                manifest.components.keys().collect::<Vec<_>>()
            );
        }
        let selected = |id: &&String| only.is_empty() || only.contains(*id);
        let http = manifest
            .triggers
            .http
            .iter()
            .filter_map(|trigger| trigger.component.as_ref());
        let redis = manifest
            .triggers
            .redis
            .iter()
            .map(|trigger| &trigger.component);
        Ok(Self {
            all: manifest.components.keys().cloned().collect(),
            http: http.filter(selected).cloned().collect(),
            redis: redis.filter(selected).cloned().collect(),
            is_partial: !only.is_empty(),
        })
    }

    /// Refuses what Spin refuses: calls to components that do not run, and any from a Redis trigger.
    fn check_chaining(&self, component: &Component) -> Result<()> {
        let id = &*component.id;
        for target in component.allowed.chained() {
            let at =
                format!("component.{id}.allowed_outbound_hosts: http://{target}.spin.internal");
            ensure!(
                !self.redis.contains(id),
                "{at}: a component with a Redis trigger cannot call others of its application by that name; \
                 let it use the application's public address"
            );
            match target {
                "*" => ensure!(
                    !self.is_partial,
                    "{at}: not all components run (--component)"
                ),
                _ if !self.all.contains(target) => bail!("{at}: there is no component {target:?}"),
                _ => ensure!(
                    self.http.contains(target),
                    "{at}: component {target:?} has no HTTP trigger that runs"
                ),
            }
        }
        Ok(())
    }
}

/// What all components are made with.
struct Loader<'a> {
    /// The manifest's folder, which its paths are relative to.
    base: &'a Path,
    options: &'a Options,
    variables: &'a Variables,
    engine: Engine,
    linker: Linker<State>,
    network: Arc<Network>,
}

impl<'a> Loader<'a> {
    fn new(options: &'a Options, variables: &'a Variables) -> Result<Self> {
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

    fn load(
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
        let path = self.base.join(&component.source);
        if !path.is_file() {
            let build = component
                .build
                .as_ref()
                .map(|build| format!("; build it with: {}", build.command()));
            bail!(
                "source: there is no file {path:?}{}",
                build.unwrap_or_default()
            );
        }
        let compiled =
            wasmtime::component::Component::from_file(&self.engine, &path).map_err(|error| {
                anyhow!(error).context(format!("source: {path:?} is no WebAssembly component"))
            })?;
        self.linker
            .instantiate_pre(&compiled)
            .map_err(|error| anyhow!(error).context("it imports what this host does not offer"))
    }
}

fn routes(manifest: &Manifest, selection: &Selection) -> Result<Vec<(String, Target)>> {
    let mut routes = Vec::new();
    for (index, trigger) in manifest.triggers.http.iter().enumerate() {
        let Route::Public(route) = &trigger.route else {
            continue;
        };
        let target = match (&trigger.component, &trigger.static_response) {
            (Some(id), _) if selection.http.contains(id) => Target::Component(id.clone()),
            (None, Some(response)) if !selection.is_partial => {
                let at = format!("trigger.http[{index}]");
                let response = static_response(response).with_context(|| at.clone())?;
                let id = if trigger.id.is_empty() {
                    at
                } else {
                    trigger.id.clone()
                };
                Target::Static(id, Box::new(response))
            }
            _ => continue,
        };
        routes.push((route.clone(), target));
    }
    Ok(routes)
}

/// One subscription for each distinct address, as it is written.
fn subscriptions(
    manifest: &Manifest,
    variables: &Variables,
    listeners: &BTreeMap<String, Arc<Listener>>,
) -> Result<Vec<Subscription>> {
    let mut by_address: BTreeMap<String, BTreeMap<String, Vec<Arc<Listener>>>> = BTreeMap::new();
    let default = manifest
        .application
        .trigger
        .redis
        .as_ref()
        .map(|redis| &redis.address);
    for (index, trigger) in manifest.triggers.redis.iter().enumerate() {
        let Some(listener) = listeners.get(&trigger.component) else {
            continue;
        };
        let at = || format!("trigger.redis[{index}]");
        let address = trigger.address.as_ref().or(default).with_context(at)?;
        let address = variables.render(address).with_context(at)?;
        let channel = variables.render(&trigger.channel).with_context(at)?;
        by_address
            .entry(address)
            .or_default()
            .entry(channel)
            .or_default()
            .push(Arc::clone(listener));
    }
    by_address
        .into_iter()
        .map(|(address, channels)| Subscription::new(&address, channels))
        .collect()
}
