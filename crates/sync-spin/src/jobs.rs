//! How a component that works on jobs is reached: by the doorbell, and by requests of the application's own.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use spin_sdk::http::FullBody;
use sync_core::{Engine, PingContext};
use sync_jobs::{Budget, JobHandlers, JobsSettings, Worked, Worker, is_ring};
use sync_proto::api::JobsRun;
use sync_redis::StoreError;

use crate::{LoadError, SpinPorts, unless_store_is_silent};

/// How long jobs are worked on for one request: whoever sends it waits.
const REQUEST_TIME: Duration = Duration::from_secs(20);

/// A component that works on jobs.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    /// What its queues begin with.
    pub name: &'static str,
    /// How many jobs it does at once.
    pub at_once: usize,
}

/// What handlers work with, in a component.
pub trait Context {
    /// The ports it is built on.
    fn ports(&self) -> &SpinPorts;
    /// How jobs run.
    fn jobs(&self) -> &JobsSettings;
    /// Brings what was noted meanwhile to the store.
    fn end(&self) -> impl Future<Output = ()>;
}

impl Context for Engine<SpinPorts> {
    fn ports(&self) -> &SpinPorts {
        self.ports()
    }

    fn jobs(&self) -> &JobsSettings {
        &self.settings().jobs
    }

    async fn end(&self) {
        self.metrics().flush().await;
    }
}

impl Context for PingContext<SpinPorts> {
    fn ports(&self) -> &SpinPorts {
        self.ports()
    }

    fn jobs(&self) -> &JobsSettings {
        &self.settings().jobs
    }

    // What becomes of pings is noted at once.
    async fn end(&self) {}
}

impl Component {
    /// A component whose jobs wait for others most of the time, so that many can be done at once.
    pub const fn waiting(name: &'static str) -> Self {
        Self {
            name,
            at_once: Budget::RING.at_once,
        }
    }

    /// Answers a message: works on the component's jobs until there are none.
    ///
    /// Messages are the doorbell's, or tell of a key of the store that has expired: then it may be time to sweep. What the
    /// message says is not needed otherwise. Only then is the context loaded.
    ///
    /// # Errors
    /// A context that cannot be loaded, and the store's errors.
    pub async fn answer_ring<C: Context>(
        self,
        message: &[u8],
        handlers: &JobHandlers<C>,
        load: impl AsyncFnOnce() -> Result<C, LoadError>,
    ) -> Result<(), LoadError> {
        crate::start_log(tracing::Level::INFO);
        if !is_ring(message) {
            return Ok(());
        }
        let worked = self.work(handlers, load, Budget::RING.time).await?;
        if worked != Worked::default() {
            tracing::info!(
                jobs.done = worked.done,
                jobs.failed = worked.failed,
                "worked on jobs"
            );
        }
        Ok(())
    }

    /// Answers a request to work, which the application's `sync-handler` has checked and passed on: the route is private.
    ///
    /// It says how much was done, or nothing but that it cannot: why is in the log.
    pub async fn answer_request<C: Context>(
        self,
        handlers: &JobHandlers<C>,
        load: impl AsyncFnOnce() -> Result<C, LoadError>,
    ) -> Response<FullBody<Bytes>> {
        crate::start_log(tracing::Level::INFO);
        match self.work(handlers, load, REQUEST_TIME).await {
            Ok(Worked { done, failed }) => {
                // Two numbers can be written.
                let body = serde_json::to_vec(&JobsRun { done, failed }).unwrap_or_default();
                answer(StatusCode::OK, body)
            }
            Err(error) => {
                tracing::error!(%error, "jobs could not be worked on");
                answer(StatusCode::SERVICE_UNAVAILABLE, Vec::new())
            }
        }
    }

    async fn work<C: Context>(
        self,
        handlers: &JobHandlers<C>,
        load: impl AsyncFnOnce() -> Result<C, LoadError>,
        time: Duration,
    ) -> Result<Worked, LoadError> {
        let worked = async {
            let context = load().await?;
            let worker = Worker::new(
                context.ports(),
                context.jobs(),
                self.name,
                handlers,
                &context,
            );
            let budget = Budget {
                time,
                at_once: self.at_once,
            };
            let worked = worker.run(budget).await;
            context.end().await;
            Ok(worked?)
        };
        unless_store_is_silent(worked)
            .await
            .map_err(StoreError::from)?
    }
}

fn answer(status: StatusCode, body: Vec<u8>) -> Response<FullBody<Bytes>> {
    let length = body.len();
    let mut answer = Response::new(FullBody::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    answer
}
