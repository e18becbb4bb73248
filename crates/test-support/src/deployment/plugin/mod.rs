//! A back end that speaks the plugin protocol, does what it is told, and remembers what it was asked. See the README.

mod calls;
mod control;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::rest::Rest;
use state::State;

/// A running plugin. It stops when this is dropped.
#[derive(Debug)]
pub struct Plugin {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Plugin {
    /// Starts one on a free port.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::start_at(any_port).await.expect("a free port")
    }

    /// Starts one at an address.
    ///
    /// # Errors
    ///
    /// When nothing can listen there.
    pub async fn start_at(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        // Small answers in two writes would otherwise wait for the client's delayed acknowledgement.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let shared = Shared::default();
        let router = Router::new()
            .merge(calls::routes())
            .merge(control::routes())
            .with_state(shared);
        let task = tokio::spawn(async {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    /// Its address, `http://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its switches: everything below `/_control`.
    pub fn control(&self) -> Rest {
        Rest::new(format!("{}/_control", self.url()))
            .with_header("content-type", "application/json")
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all requests share.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A request that panicked has failed its test already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
