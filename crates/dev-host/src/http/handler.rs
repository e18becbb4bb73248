//! Runs a component for HTTP requests.
//!
//! An instance takes many requests, some at once, and is dropped when it has been idle: see [`REQUESTS`], [`AT_ONCE`]
//! and [`IDLE`]. What one request does to its instance, a trap or a busy loop, ends the others in it; no others.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::time::{Sleep, sleep};
use wasmtime::component::{GuestTaskId, InstancePre};
use wasmtime::{Store, StoreContextMut, ToWasmtimeResult};
use wasmtime_wasi_http::handler::{
    ExpirationError, HandlerState, Instance, InstantiationError, ProxyHandler, ProxyPre,
    ShouldAccept, TrapOrPanicError, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiBody, WasiHttpView, p2, p3};

use super::body::{Failure, Watched};
use super::empty;
use crate::state::{Component, State};

/// How many requests an instance takes in its life, as in Spin.
const REQUESTS: usize = 128;

/// How many of them at once, as in Spin.
const AT_ONCE: usize = 16;

/// How long an instance without a request is kept, as in Spin.
const IDLE: Duration = Duration::from_secs(1);

/// Answers requests with the instances of one component.
pub(crate) struct Handler {
    instances: ProxyHandler<Instances>,
}

impl Handler {
    /// A handler that gives a request its time to begin its response, and another to end it.
    ///
    /// # Errors
    ///
    /// The component does not export an HTTP handler.
    pub(crate) fn new(
        component: Arc<Component>,
        pre: InstancePre<State>,
        times: Times,
    ) -> anyhow::Result<Self> {
        let reuse = p3::bindings::ServicePre::new(pre.clone()).map(ProxyPre::P3);
        let (pre, requests) = match reuse {
            Ok(pre) => (pre, REQUESTS),
            // Components of the generation before know nothing of reuse.
            Err(not_p3) => match p2::bindings::ProxyPre::new(pre) {
                Ok(pre) => (ProxyPre::P2(pre), 1),
                Err(_) => {
                    return Err(anyhow::Error::from(not_p3)).with_context(|| {
                        format!("component {:?} exports no HTTP handler", component.id)
                    });
                }
            },
        };
        let instances = ProxyHandler::new(Instances {
            component,
            pre,
            requests,
            times,
        });
        Ok(Self { instances })
    }

    /// The component's answer, or the host's own where there is none: 500 after a trap, 503 when no further instance
    /// fits, 504 when it took too long.
    pub(crate) async fn handle(&self, request: Request<WasiBody>) -> Response<WasiBody> {
        let Instances {
            component, times, ..
        } = self.instances.state();
        let timeout = &times.to_begin;
        let (started, failure) = (Instant::now(), Failure::default());
        let (component, error) = match self.instances.handle(failure.clone(), request).await {
            Ok(response) => {
                return response.map(|body| Watched { body, failure }.boxed_unsync());
            }
            Err(error) => (&*component.id, error),
        };
        let out_of_time = started.elapsed() >= *timeout;
        empty(
            if error.is::<ExpirationError>() || (error.is::<TrapOrPanicError>() && out_of_time) {
                tracing::error!(component, "no response within {timeout:?}");
                StatusCode::GATEWAY_TIMEOUT
            } else if error.is::<TrapOrPanicError>() {
                // The instance says why when it is dropped.
                StatusCode::INTERNAL_SERVER_ERROR
            } else if error.is::<InstantiationError<Failure>>() {
                tracing::error!(component, "{error:#}");
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                tracing::error!(component, "the handler failed: {error:#}");
                StatusCode::INTERNAL_SERVER_ERROR
            },
        )
    }
}

/// Makes instances of one component.
struct Instances {
    component: Arc<Component>,
    pre: ProxyPre<State>,
    /// How many requests each takes.
    requests: usize,
    times: Times,
}

/// How long a component may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// To begin a response.
    pub(crate) to_begin: Duration,
    /// To end it: streams last.
    pub(crate) to_end: Duration,
}

impl Instances {
    fn engine(&self) -> &wasmtime::Engine {
        match &self.pre {
            ProxyPre::P2(pre) => pre.engine(),
            ProxyPre::P3(pre) => pre.engine(),
        }
    }
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let mut store = self.component.store(self.engine()).to_wasmtime_result()?;
        let proxy = self.pre.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: Expiration {
                times: self.times,
                sleep: Box::pin(sleep(IDLE)),
            },
            state: Worker {
                component: Arc::clone(&self.component.id),
                requests: self.requests,
                timeout: self.times.to_begin,
                failures: Mutex::default(),
            },
        })
    }
}

/// Ends an instance that is idle, or whose youngest request or response is out of time.
///
/// It is polled whatever the component does, so it also ends one that never gives way.
struct Expiration {
    times: Times,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let limit = match status {
            WorkerStatus::Idle => IDLE,
            WorkerStatus::Requests => self.times.to_begin,
            WorkerStatus::PostReturn => self.times.to_end,
        };
        let deadline = (start + limit).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Rules of one instance.
struct Worker {
    component: Arc<str>,
    requests: usize,
    timeout: Duration,
    /// Of every request so far.
    failures: Mutex<Vec<Failure>>,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Failure;

    fn should_accept_request(&self, concurrent_count: usize, total_count: usize) -> ShouldAccept {
        if total_count >= self.requests {
            ShouldAccept::Never
        } else if concurrent_count >= AT_ONCE {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        failure: Failure,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let failures = self.failures.lock();
        failures
            .unwrap_or_else(PoisonError::into_inner)
            .push(failure);
        Box::pin(sleep(self.timeout))
    }

    fn drop(&self, store: Store<State>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.iter().for_each(Failure::set);
            let component = &*self.component;
            tracing::error!(component, "the instance failed: {}", error.root_cause());
            tracing::debug!(component, "{error:?}");
        }
        drop(store);
    }
}
