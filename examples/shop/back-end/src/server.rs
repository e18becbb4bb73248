//! The listening socket and the life of the process: start, serve, stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{self, Table};
use crate::control::{self, Control, DropConnection};
use crate::database::{Database, Location};
use crate::dialects;
use crate::error::ApiError;
use crate::resource::{CUSTOMERS, PRODUCTS};
use crate::seed::Amounts;

/// How long a stop waits for requests that are being answered.
const GRACE: Duration = Duration::from_secs(1);
/// How long to wait after a failed `accept` (out of file descriptors, mostly) before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How to run a shop.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the records are.
    pub database: Location,
    /// What a new database is filled with.
    pub seed: Amounts,
    /// Whether there is `/_control`. It has no password, so it works on the loopback interface only.
    pub control: bool,
}

impl Default for Config {
    /// A shop for tests: free port, in memory, the usual records, with `/_control`.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: Location::Memory,
            seed: Amounts::of_products(200),
            control: true,
        }
    }
}

/// Why a shop did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `/_control` would be open to the network.
    #[error("the control switches have no password, so they need a loopback address, not {0}")]
    ControlExposed(SocketAddr),
    /// The database can't be opened or filled.
    #[error("can't open the database {location:?}")]
    Database {
        /// Where it should be.
        location: Location,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// A running shop. It stops when this is dropped.
#[derive(Debug)]
pub struct Shop {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Shop {
    /// Starts a shop in this process, on the current Tokio runtime. It takes requests when this returns.
    ///
    /// # Errors
    ///
    /// Fails when the database or the address can't be used; see [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Config {
            listen,
            database: location,
            seed,
            control,
        } = config;
        if control && !listen.ip().is_loopback() {
            return Err(StartError::ControlExposed(listen));
        }
        let database = Database::open(&location, seed)
            .map_err(|source| StartError::Database { location, source })?;
        let bind = async {
            let listener = TcpListener::bind(listen).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bind.await.map_err(|source| StartError::Listen {
            address: listen,
            source,
        })?;

        let router = router(database, seed, control);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, stopped));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// The address it listens on, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL without a path: `http://127.0.0.1:9293`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the shop: answers what is being answered, waits a second at most, and closes the database.
    pub async fn stop(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        if let Err(error) = task.await {
            tracing::error!(cause = %error, "the shop ended badly");
        }
    }
}

fn router(database: Database, seed: Amounts, enabled: bool) -> Router {
    let control = Arc::new(Control::new(enabled));
    let tables = [&PRODUCTS, &CUSTOMERS].map(|resource| {
        let (database, control) = (database.clone(), Arc::clone(&control));
        api::routes(Table {
            resource,
            database,
            control,
        })
    });
    let mut router = tables.into_iter().fold(Router::new(), Router::merge);
    router = router.merge(dialects::routes(database.clone(), Arc::clone(&control)));
    if enabled {
        router = router
            .route_layer(from_fn_with_state(Arc::clone(&control), control::interfere))
            .merge(control::routes(control, database, seed));
    }
    router.fallback(async || ApiError::NotFound)
}

/// Takes connections until told to stop.
///
/// This is not `axum::serve` because a fault must be able to close a connection instead of answering.
async fn serve(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, router.clone(), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(cause = %error, "can't accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // What still hangs after the grace ends with `connections`.
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("stopped with requests unanswered");
    }
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Small answers in two writes would otherwise wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(cause = %error, "can't set TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answer = hyper::service::Service::call(&router, request);
        async move {
            let response: Response = answer.await.unwrap_or_else(|never| match never {});
            match response.extensions().get::<DropConnection>() {
                Some(DropConnection) => Err("dropped on purpose"),
                None => Ok(response),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(cause = %error, "connection ended");
    }
}
