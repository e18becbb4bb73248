//! The adapter of dynamic sources while no app server is set.

use async_trait::async_trait;

use crate::adapter::{Adapter, AdapterError, Call, Done, QueryEnd, Stash};
use crate::model::{Attributes, ObjectId};

/// Back ends push what such a source has. Nobody takes what devices change: it is refused, for an app server that is set
/// later would know nothing of it.
pub(crate) struct NoAppServerAdapter;

fn refused(call: &Call<'_>) -> AdapterError {
    AdapterError::Rejected {
        message: format!(
            "no app server is set that could take changes of {}",
            call.source
        ),
    }
}

#[async_trait(?Send)]
impl Adapter for NoAppServerAdapter {
    async fn query(
        &self,
        _: &Call<'_>,
        _: Option<&str>,
        _: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        Ok(QueryEnd::NotModified)
    }

    async fn create(&self, call: &Call<'_>, _: &Attributes) -> Result<Done, AdapterError> {
        Err(refused(call))
    }

    async fn update(
        &self,
        call: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Err(refused(call))
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Err(refused(call))
    }
}
