//! Sources that back ends only feed, through the REST API.

use std::rc::Rc;

use async_trait::async_trait;

use crate::adapter::{Adapter, AdapterError, Call, Done, QueryEnd, Stash};
use crate::model::{Attributes, ObjectId};
use crate::ports::{Ports, Random as _};

/// There is nothing to ask: the master document is the source's only copy here. What devices change is taken into it,
/// and what they create gets a random id.
pub(crate) struct PushOnlyAdapter<P> {
    ports: Rc<P>,
}

impl<P: Ports> PushOnlyAdapter<P> {
    pub(crate) fn new(ports: Rc<P>) -> Self {
        Self { ports }
    }
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for PushOnlyAdapter<P> {
    async fn query(
        &self,
        _: &Call<'_>,
        _: Option<&str>,
        _: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        Ok(QueryEnd::NotModified)
    }

    async fn create(&self, _: &Call<'_>, _: &Attributes) -> Result<Done, AdapterError> {
        let id = self.ports.random().hex::<16>();
        ObjectId::parse(id)
            .map(Done::created)
            .map_err(|error| AdapterError::BadAnswer {
                message: error.to_string(),
            })
    }

    async fn update(
        &self,
        _: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Ok(Done::default())
    }

    async fn delete(
        &self,
        _: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Ok(Done::default())
    }
}
