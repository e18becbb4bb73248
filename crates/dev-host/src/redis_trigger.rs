//! The Redis trigger: components that hear messages.
//!
//! One connection and one task for each distinct address. A message goes to all components of its channel at once,
//! each in a fresh instance; the next message of that address waits for all of them. Unlike Spin, which ends, this
//! host waits for a server that is away; what was published meanwhile is lost, as always with pub/sub.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::StreamExt;
use futures_util::future::join_all;
use redis::aio::PubSub;
use redis::{Client, RedisResult};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use wasmtime::component::InstancePre;

use crate::bindings::RedisTriggerPre;
use crate::state::{Component, State};

/// The first wait before connecting again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A component that hears messages.
pub(crate) struct Listener {
    component: Arc<Component>,
    pre: RedisTriggerPre<State>,
}

impl Listener {
    /// # Errors
    ///
    /// The component does not export a Redis handler.
    pub(crate) fn new(component: Arc<Component>, pre: InstancePre<State>) -> Result<Self> {
        let pre = RedisTriggerPre::new(pre)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("component {:?} exports no Redis handler", component.id))?;
        Ok(Self { component, pre })
    }

    async fn hear(&self, message: Vec<u8>) -> Result<()> {
        let mut store = self.component.store(self.pre.engine())?;
        let guest = self.pre.instantiate_async(&mut store).await?;
        let handled = store
            .run_concurrent(async |accessor| {
                guest
                    .spin_redis_inbound_redis()
                    .call_handle_message(accessor, message)
                    .await
            })
            .await??;
        handled.map_err(|error| anyhow!("the handler answered {error:?}"))
    }
}

/// All that is heard from one address.
pub(crate) struct Subscription {
    client: Client,
    /// By channel.
    listeners: BTreeMap<String, Vec<Arc<Listener>>>,
}

impl Subscription {
    /// # Errors
    ///
    /// The address is not one of a Redis server.
    pub(crate) fn new(
        address: &str,
        listeners: BTreeMap<String, Vec<Arc<Listener>>>,
    ) -> Result<Self> {
        let client = Client::open(address).context("the address of a Redis trigger is not one")?;
        Ok(Self { client, listeners })
    }

    /// Hears messages until `stop`, and ends what it is handling then.
    ///
    /// When the server is away it connects again, ever more slowly.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let server = self.client.get_connection_info().addr().to_string();
        let mut wait = FIRST_WAIT;
        let mut away = false;
        while let Some(connected) = stop.run_until_cancelled(self.connect()).await {
            match connected {
                Ok(mut connection) => {
                    let channels = self
                        .listeners
                        .keys()
                        .map(String::as_str)
                        .collect::<Vec<_>>();
                    tracing::info!("listening on {server} to {}", channels.join(", "));
                    (wait, away) = (FIRST_WAIT, false);
                    let mut messages = connection.on_message();
                    while let Some(message) =
                        stop.run_until_cancelled(messages.next()).await.flatten()
                    {
                        self.dispatch(message.get_channel_name(), message.get_payload_bytes())
                            .await;
                    }
                    if stop.is_cancelled() {
                        return;
                    }
                    tracing::error!("lost the connection to {server}; connecting again");
                }
                Err(error) if !away => {
                    tracing::error!("cannot listen on {server}, trying again: {error}");
                    away = true;
                }
                Err(error) => tracing::debug!("cannot listen on {server}: {error}"),
            }
            stop.run_until_cancelled(sleep(wait)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn connect(&self) -> RedisResult<PubSub> {
        let mut connection = self.client.get_async_pubsub().await?;
        for channel in self.listeners.keys() {
            connection.subscribe(channel).await?;
        }
        Ok(connection)
    }

    async fn dispatch(&self, channel: &str, message: &[u8]) {
        let listeners = self
            .listeners
            .get(channel)
            .map(Vec::as_slice)
            .unwrap_or_default();
        join_all(listeners.iter().map(async |listener| {
            if let Err(error) = listener.hear(message.to_vec()).await {
                let component = &*listener.component.id;
                tracing::error!(
                    component,
                    channel,
                    "a message failed: {}",
                    error.root_cause()
                );
                tracing::debug!(component, channel, "{error:?}");
            }
        }))
        .await;
    }
}
