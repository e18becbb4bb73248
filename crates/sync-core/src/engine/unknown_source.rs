//! What happens when a device names a source nobody knows.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sync_proto::{Commands, ErrorMessage, Page};

use crate::account::Session;
use crate::adapter::{AdapterError, Call, Stash, StashError};
use crate::engine::binding::known_form;
use crate::engine::{Engine, FoundSource, SyncError};
use crate::model::{Attributes, ObjectId, PartitionRule, SourceName};
use crate::ports::Ports;
use crate::trace::TraceContext;

/// A source that a device named.
pub(super) enum NamedSource<'a> {
    /// It is known, now if not before.
    Known(FoundSource<'a>),
    /// Nobody knows it; this is why.
    Unknown { error: AdapterError },
}

impl<P: Ports> Engine<P> {
    /// Looks a source up that a device names. One that is not known is asked for at the app server, and becomes a source
    /// if it has it.
    ///
    /// Nothing is kept otherwise: a device could fill the store with whatever it names.
    pub(super) async fn named_source(
        &self,
        session: &Session,
        client: &str,
        name: &str,
        trace: Option<&TraceContext>,
    ) -> Result<NamedSource<'_>, SyncError> {
        match self.source(name).await {
            Err(SyncError::UnknownSource { .. }) => {}
            found => return found.map(NamedSource::Known),
        }
        let Ok(source) = SourceName::parse(name) else {
            return Err(SyncError::UnknownSource {
                name: name.to_owned(),
            });
        };
        self.accounts.check_session(session).await?;
        self.owner(&known_form(client)?).await?;
        let Some(url) = self.app_server().await? else {
            let message =
                format!("there is no source {name:?}, and no app server is set to ask for it");
            let error = AdapterError::NotFound { message };
            return Ok(NamedSource::Unknown { error });
        };
        let partition = PartitionRule::default();
        let call = Call {
            source: &source,
            user: &session.user,
            partition: None,
            client: None,
            idempotency_key: "",
            parameters: &[],
            before: None,
            blobs: &self.blobs,
            memory: &self.memory,
            trace,
        };
        let app_server = self.app_server_adapter(Some(&url));
        match app_server.query(&call, None, &mut Nowhere).await {
            Ok(_) => {
                self.create_dynamic_source(name, partition).await?;
                self.source(name).await.map(NamedSource::Known)
            }
            Err(AdapterError::Stash(StashError::Store(error))) => Err(error.into()),
            Err(error) => Ok(NamedSource::Unknown { error }),
        }
    }
}

/// Answers a pull of a source nobody knows: with what is wrong, and an end of the sync.
pub(super) fn unknown_source_page(error: &AdapterError) -> Page {
    let message = error.to_string();
    let source_error = BTreeMap::from([("query-error".to_owned(), ErrorMessage { message })]);
    Page {
        token: None,
        count: 0,
        progress_count: 0,
        total_count: 0,
        commands: Commands {
            source_error,
            ..Commands::default()
        },
    }
}

/// Answers a push to a source nobody knows. It may be known when the app server is there again.
pub(super) fn unknown_source_error(name: &str, error: AdapterError) -> SyncError {
    if error.is_retryable() {
        SyncError::BackEndUnavailable {
            message: error.to_string(),
        }
    } else {
        SyncError::UnknownSource {
            name: name.to_owned(),
        }
    }
}

/// Takes objects and forgets them: only whether there are any is of interest.
struct Nowhere;

#[async_trait(?Send)]
impl Stash for Nowhere {
    async fn stash(&mut self, _: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        Ok(())
    }

    fn refuse(&mut self, _: &str, _: &str) {}
}
