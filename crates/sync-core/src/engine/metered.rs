//! Counts the calls of an adapter.

use std::rc::Rc;

use async_trait::async_trait;

use crate::adapter::{
    Adapter, AdapterError, Call, Change, Done, QueryEnd, Reading, Stash, StashError,
};
use crate::metrics::Meter;
use crate::model::{Attributes, ObjectId, SourceName};
use crate::ports::{Clock as _, Ports};

/// An adapter whose calls are counted. Metadata and schema are not: most adapters have none to ask for.
pub(crate) struct MeteredAdapter<P> {
    inner: Rc<dyn Adapter>,
    ports: Rc<P>,
    meter: Rc<Meter>,
}

impl<P: Ports> MeteredAdapter<P> {
    pub(crate) fn new(inner: Rc<dyn Adapter>, ports: &Rc<P>, meter: &Rc<Meter>) -> Self {
        Self {
            inner,
            ports: Rc::clone(ports),
            meter: Rc::clone(meter),
        }
    }

    fn metered<'a>(&'a self, call: &Call<'a>, inner: &'a mut dyn Stash) -> MeteredStash<'a> {
        MeteredStash {
            inner,
            meter: &self.meter,
            source: call.source,
        }
    }

    /// Makes a call, and counts it.
    async fn counted<T>(
        &self,
        call: &Call<'_>,
        operation: &str,
        made: impl Future<Output = Result<T, AdapterError>>,
    ) -> Result<T, AdapterError> {
        let clock = self.ports.clock();
        let began = clock.monotonic();
        let result = made.await;
        let took = clock.monotonic().saturating_sub(began);
        let outcome = result.as_ref().err().map_or("ok", outcome);
        self.meter
            .adapter_call(call.source.as_str(), operation, outcome, took);
        result
    }
}

/// A stash that counts what an answer has that cannot be kept.
struct MeteredStash<'a> {
    inner: &'a mut dyn Stash,
    meter: &'a Meter,
    source: &'a SourceName,
}

#[async_trait(?Send)]
impl Stash for MeteredStash<'_> {
    async fn stash(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        self.inner.stash(part).await
    }

    fn refuse(&mut self, id: &str, reason: &str) {
        self.meter.refused_object(self.source.as_str());
        self.inner.refuse(id, reason);
    }

    fn describe(&mut self, metadata: String) {
        self.inner.describe(metadata);
    }

    fn goes_on_at(&self) -> Option<&str> {
        self.inner.goes_on_at()
    }

    fn mark(&self) -> Option<&str> {
        self.inner.mark()
    }

    async fn remove(&mut self, ids: Vec<ObjectId>) -> Result<(), StashError> {
        self.inner.remove(ids).await
    }

    async fn reached(&mut self, position: &str) -> Result<(), StashError> {
        self.inner.reached(position).await
    }
}

fn outcome(error: &AdapterError) -> &'static str {
    match error {
        AdapterError::Login { .. } => "login",
        AdapterError::Unauthorized { .. } => "unauthorized",
        AdapterError::Rejected { .. } => "rejected",
        AdapterError::Conflict { .. } => "conflict",
        AdapterError::NotFound { .. } => "not_found",
        AdapterError::Unavailable { .. } => "unavailable",
        AdapterError::Throttled { .. } => "throttled",
        AdapterError::CircuitOpen { .. } => "circuit_open",
        AdapterError::BadAnswer { .. } | AdapterError::Misfit { .. } => "bad_answer",
        AdapterError::Stash(StashError::TooMuch { .. }) => "too_much",
        AdapterError::Stash(StashError::Fenced) => "fenced",
        AdapterError::Stash(StashError::OutOfTime) => "unfinished",
        AdapterError::Stash(StashError::Store(_)) => "store",
    }
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for MeteredAdapter<P> {
    async fn login(&self, call: &Call<'_>) -> Result<(), AdapterError> {
        self.inner.login(call).await
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
        let stash = &mut self.metered(call, stash);
        self.counted(call, "query", self.inner.query(call, etag, stash))
            .await
    }

    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError> {
        self.counted(call, "create", self.inner.create(call, attributes))
            .await
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        self.counted(call, "update", self.inner.update(call, id, attributes))
            .await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        self.counted(call, "delete", self.inner.delete(call, id, attributes))
            .await
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        let stash = &mut self.metered(call, stash);
        self.counted(call, "search", self.inner.search(call, stash))
            .await
    }

    async fn read(&self, call: &Call<'_>, id: &ObjectId) -> Result<Reading, AdapterError> {
        self.counted(call, "read", self.inner.read(call, id)).await
    }

    async fn validate(&self, call: &Call<'_>, change: Change<'_>) -> Result<(), AdapterError> {
        self.inner.validate(call, change).await
    }

    async fn partition(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.inner.partition(call).await
    }

    async fn metadata(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.inner.metadata(call).await
    }

    async fn schema(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.inner.schema(call).await
    }
}
