//! Makes a running application out of a manifest.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::uri::Authority;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::{Handler, Server, Target, Times, static_response};
use crate::loader::Loader;
use crate::manifest::{Manifest, Route};
use crate::options::Options;
use crate::outbound::Network;
use crate::redis_trigger::{Listener, Subscription};
use crate::selection::Selection;
use crate::variables::Variables;

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

        let (mut handlers, mut listeners) = (BTreeMap::new(), BTreeMap::new());
        for (id, component) in &manifest.components {
            let (for_http, for_redis) = (selection.http.contains(id), selection.redis.contains(id));
            if !for_http && !for_redis {
                continue;
            }
            let (component, pre) = loader
                .load(id, component)
                .with_context(|| format!("component.{id}"))?;
            selection.check_chaining(&component)?;
            if for_http {
                let times = Times {
                    to_begin: options.request_timeout,
                    to_end: options.response_timeout,
                };
                let handler = Handler::new(Arc::clone(&component), pre.clone(), times)?;
                handlers.insert(id.clone(), handler);
            }
            if for_redis {
                listeners.insert(id.clone(), Arc::new(Listener::new(component, pre)?));
            }
        }
        Ok(Self {
            server: Server::new(routes(&manifest, &selection)?, handlers)?,
            subscriptions: subscriptions(&manifest, &variables, &listeners)?,
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
