//! Circuit breakers: a back end that has not answered again and again is left alone for a while.
//!
//! How a source's back end stands is in the store, so that all instances know it. Who is about to call one looks there, at
//! most once a second; who calls none, does not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::join;

use crate::adapter::{Adapter, AdapterError, Call, Change, Done, QueryEnd, Reading, Stash};
use crate::engine::{Engine, Source};
use crate::model::{Attributes, Millis, ObjectId, SourceName};
use crate::ports::{Clock as _, Ports};
use crate::store::{CircuitPass, CircuitStore, Registry, StoreError};

/// How long an instance relies on what it has read, in milliseconds.
const MAX_AGE_MS: u64 = 1_000;

/// How long one who tries whether a back end is there again has for it, in milliseconds; then another may.
const TRIAL_MS: u64 = 30_000;

/// After how long a change of a paused source looks whether it still is, in milliseconds.
const PAUSED_FOR_MS: u64 = 60_000;

/// The circuits of all sources, as an instance knows them.
pub(super) struct Circuits<P> {
    ports: Rc<P>,
    passes: RefCell<BTreeMap<SourceName, Pass>>,
}

/// That a back end may be called.
#[derive(Clone, Copy)]
struct Pass {
    until: Millis,
    /// Whether it has failed lately.
    has_failed: bool,
}

impl<P: Ports> Circuits<P> {
    pub(super) fn new(ports: &Rc<P>) -> Self {
        Self {
            ports: Rc::clone(ports),
            passes: RefCell::default(),
        }
    }

    fn store(&self) -> CircuitStore<'_, P::Redis> {
        CircuitStore::new(self.ports.redis())
    }

    fn pass(&self, source: &SourceName) -> Option<Pass> {
        self.passes.borrow().get(source).copied()
    }

    fn keep(&self, source: &SourceName, pass: Pass) {
        self.passes.borrow_mut().insert(source.clone(), pass);
    }

    /// Forgets what is known of a source, so that the next call looks again.
    pub(super) fn forget(&self, source: &SourceName) {
        self.passes.borrow_mut().remove(source);
    }

    /// Says whether a source's back end may be called: not one that is left alone, be it by an administrator.
    async fn enter(&self, source: &SourceName) -> Result<(), AdapterError> {
        let now = self.ports.clock().now();
        if self.pass(source).is_some_and(|pass| now < pass.until) {
            return Ok(());
        }
        let (store, registry) = (self.store(), Registry::new(self.ports.redis()));
        let (entered, paused) = join!(store.enter(source, TRIAL_MS), registry.is_paused(source));
        if paused.map_err(store_error)? {
            return Err(AdapterError::CircuitOpen {
                message: "the source is paused".to_owned(),
                wait_ms: PAUSED_FOR_MS,
            });
        }
        let (until, has_failed) = match entered.map_err(store_error)? {
            CircuitPass::Closed { failures } => (now.plus(MAX_AGE_MS), failures > 0),
            CircuitPass::Trial => (now.plus(TRIAL_MS), true),
            CircuitPass::Open { wait_ms } => {
                let seconds = wait_ms.div_ceil(1_000);
                let message = format!(
                    "the back end has not answered again and again; it is asked again in {seconds} s"
                );
                return Err(AdapterError::CircuitOpen { message, wait_ms });
            }
        };
        self.keep(source, Pass { until, has_failed });
        Ok(())
    }

    async fn failed(&self, source: &SourceName, retry_after_ms: u64) -> Result<(), StoreError> {
        self.passes.borrow_mut().remove(source);
        if let Some(wait_ms) = self.store().failed(source, retry_after_ms).await? {
            tracing::warn!(source.name = %source, wait_ms, "a back end that does not answer is left alone");
        }
        Ok(())
    }

    async fn succeeded(&self, source: &SourceName) -> Result<(), StoreError> {
        let Some(pass) = self.pass(source).filter(|pass| pass.has_failed) else {
            return Ok(());
        };
        let has_failed = false;
        self.keep(source, Pass { has_failed, ..pass });
        self.store().close(source).await
    }
}

fn store_error(error: StoreError) -> AdapterError {
    AdapterError::Stash(error.into())
}

impl<P: Ports> Engine<P> {
    /// Waits for the back end as long as a pull of the source may. What takes longer is broken off, and counts as no answer.
    pub(super) async fn within_wait<T>(
        &self,
        source: Source<'_>,
        call: impl Future<Output = Result<T, AdapterError>>,
    ) -> Result<T, AdapterError> {
        let wait_ms = source.settings.pull_wait_ms;
        let limit = self.ports.clock().timer(Duration::from_millis(wait_ms));
        match select(pin!(call), pin!(limit)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => {
                self.circuits
                    .failed(source.name, 0)
                    .await
                    .map_err(store_error)?;
                Err(AdapterError::Unavailable {
                    message: format!("the back end has not answered within {wait_ms} ms"),
                })
            }
        }
    }
}

/// An adapter that is not called while its source's circuit is open.
pub(super) struct GuardedAdapter<P> {
    inner: Rc<dyn Adapter>,
    circuits: Rc<Circuits<P>>,
}

/// What it says about a back end that a call of the adapter succeeds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Success {
    /// It answers.
    Answers,
    /// Nothing: many adapters need no back end for this.
    Nothing,
}

impl<P: Ports> GuardedAdapter<P> {
    pub(super) fn new(inner: Rc<dyn Adapter>, circuits: &Rc<Circuits<P>>) -> Self {
        let circuits = Rc::clone(circuits);
        Self { inner, circuits }
    }

    async fn guarded<T>(
        &self,
        call: &Call<'_>,
        success: Success,
        made: impl Future<Output = Result<T, AdapterError>>,
    ) -> Result<T, AdapterError> {
        self.before(call).await?;
        let result = made.await;
        self.after(call, success, result.as_ref().err()).await;
        result
    }

    // In boxes, so that a component has what stands around a call once, and not for each kind of call.
    fn before<'a>(&'a self, call: &'a Call<'_>) -> LocalBoxFuture<'a, Result<(), AdapterError>> {
        Box::pin(self.circuits.enter(call.source))
    }

    fn after<'a>(
        &'a self,
        call: &'a Call<'_>,
        success: Success,
        error: Option<&'a AdapterError>,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let noted = match error {
                Some(AdapterError::Unavailable { .. }) => {
                    self.circuits.failed(call.source, 0).await
                }
                Some(AdapterError::Throttled { retry_after_ms, .. }) => {
                    self.circuits.failed(call.source, *retry_after_ms).await
                }
                // Whatever a back end says, it answers.
                None | Some(AdapterError::Rejected { .. } | AdapterError::NotFound { .. })
                    if success == Success::Answers =>
                {
                    self.circuits.succeeded(call.source).await
                }
                _ => Ok(()),
            };
            if let Err(error) = noted {
                // What the back end has said counts all the same.
                tracing::warn!(source.name = %call.source, %error, "how a back end stands is not known to others");
            }
        })
    }
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for GuardedAdapter<P> {
    async fn login(&self, call: &Call<'_>) -> Result<(), AdapterError> {
        self.guarded(call, Success::Nothing, self.inner.login(call))
            .await
    }

    async fn logoff(&self, call: &Call<'_>) -> Result<(), AdapterError> {
        self.inner.logoff(call).await
    }

    async fn query(
        &self,
        call: &Call<'_>,
        etag: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        self.guarded(call, Success::Answers, self.inner.query(call, etag, stash))
            .await
    }

    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError> {
        self.guarded(call, Success::Answers, self.inner.create(call, attributes))
            .await
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        let made = self.inner.update(call, id, attributes);
        self.guarded(call, Success::Answers, made).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        let made = self.inner.delete(call, id, attributes);
        self.guarded(call, Success::Answers, made).await
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        self.guarded(call, Success::Answers, self.inner.search(call, stash))
            .await
    }

    async fn read(&self, call: &Call<'_>, id: &ObjectId) -> Result<Reading, AdapterError> {
        self.guarded(call, Success::Nothing, self.inner.read(call, id))
            .await
    }

    async fn validate(&self, call: &Call<'_>, change: Change<'_>) -> Result<(), AdapterError> {
        self.guarded(call, Success::Nothing, self.inner.validate(call, change))
            .await
    }

    async fn partition(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.guarded(call, Success::Nothing, self.inner.partition(call))
            .await
    }

    async fn metadata(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.guarded(call, Success::Nothing, self.inner.metadata(call))
            .await
    }

    async fn schema(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.guarded(call, Success::Nothing, self.inner.schema(call))
            .await
    }
}
