//! Outbound HTTP: who may call whom, and how.
//!
//! A request goes to one of three places: another component of the application (`http://<id>.spin.internal`), inside
//! this process; the application's own address (`http://self.alt`); or anywhere else.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;
use tower_http::timeout::TimeoutBody;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::allow::CHAINING_SUFFIX;
use crate::http::Server;
use crate::state::Component;

/// What a component waits at most for a response that it sets no limit for, as in Spin.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// The name under which a component calls its own application.
const SELF_HOST: &str = "self.alt";

/// The way out that all components share, so that they share its kept connections.
pub(crate) struct Network {
    client: Client<HttpsConnector<HttpConnector>, WasiBody>,
    own: OnceLock<Own>,
}

/// The application's own address and server, known once it listens.
struct Own {
    authority: Authority,
    server: Weak<Server>,
}

impl Network {
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new();
        let tls = HttpsConnectorBuilder::with_native_roots(tls).unwrap_or_else(|error| {
            tracing::warn!(
                "no certificates found on this machine, using the built-in ones: {error}"
            );
            HttpsConnectorBuilder::new().with_webpki_roots()
        });
        let connector = tls
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            client,
            own: OnceLock::new(),
        }
    }

    /// Tells components where their own application listens.
    pub(crate) fn set_own(&self, authority: Authority, server: &Arc<Server>) {
        let server = Arc::downgrade(server);
        self.own.get_or_init(|| Own { authority, server });
    }

    async fn send(
        &self,
        caller: &Component,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        // Derived from the address by whoever sends the request; a stale one would contradict it.
        request.headers_mut().remove(header::HOST);
        let uri = request.uri();
        let host = uri.host().unwrap_or_default().to_owned();
        let is_own = host == SELF_HOST;
        let allowed = match is_own {
            true => caller.allowed.allows_itself(),
            false => {
                caller
                    .allowed
                    .allows(uri.scheme_str().unwrap_or("https"), &host, uri.port_u16())
            }
        };
        if !allowed {
            tracing::warn!(
                component = &*caller.id,
                "HTTP request to {:?} refused: its host is not in the component's allowed_outbound_hosts",
                uri.authority().map_or("self", Authority::as_str)
            );
            return Err(Error::HttpRequestDenied);
        }
        let limit = options.connect_timeout.unwrap_or_default()
            + options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let response = timeout(limit, async {
            if let Some(id) = host.strip_suffix(CHAINING_SUFFIX) {
                let server = self
                    .own()?
                    .server
                    .upgrade()
                    .ok_or(Error::DestinationUnavailable)?;
                return server
                    .call(id, request)
                    .await
                    .ok_or(Error::DestinationNotFound);
            }
            if is_own {
                *request.uri_mut() = self.own()?.address(request.uri())?;
            }
            let response = self.client.request(request).await.map_err(from_client)?;
            Ok(response.map(|body| body.map_err(Error::from).boxed_unsync()))
        });
        let response = response.await.map_err(|_| Error::ConnectionReadTimeout)??;
        Ok(match options.between_bytes_timeout {
            Some(limit) => response.map(|body| {
                let body = TimeoutBody::new(limit, body);
                body.map_err(|error| {
                    error
                        .downcast()
                        .map_or(Error::ConnectionReadTimeout, |error| *error)
                })
                .boxed_unsync()
            }),
            None => response,
        })
    }

    fn own(&self) -> Result<&Own, Error> {
        self.own.get().ok_or(Error::DestinationUnavailable)
    }
}

impl Own {
    fn address(&self, uri: &Uri) -> Result<Uri, Error> {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)
    }
}

/// The nearest of WASI's errors for what went wrong on the way.
#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn from_client(error: legacy::Error) -> Error {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match innermost_kind(error) {
                io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    return Error::ConnectionTerminated;
                }
                io::ErrorKind::TimedOut => return Error::ConnectionTimeout,
                io::ErrorKind::InvalidData => return Error::TlsProtocolError,
                _ => {}
            }
        }
        cause = error.source();
    }
    if error.is_connect() {
        Error::DestinationUnavailable
    } else {
        Error::HttpProtocolError
    }
}

/// The kind of an error that may be wrapped in others of its type, which hide it.
fn innermost_kind(error: &io::Error) -> io::ErrorKind {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error.kind(), innermost_kind)
}

/// Sends a component's requests through the [`Network`].
pub(crate) struct Hooks(pub(crate) Arc<Component>);

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _consumed: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        let caller = Arc::clone(&self.0);
        Box::new(async move {
            let response = caller
                .network
                .send(&caller, request, options.unwrap_or_default())
                .await?;
            let io: Io = Box::new(async { Ok(()) });
            Ok((response, io))
        })
    }
}
