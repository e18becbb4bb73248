//! Devices name a source nobody knows.

use std::collections::BTreeMap;

use sync_proto::{Commands, ErrorMessage, Page};

use crate::account::Session;
use crate::engine::binding::known_form;
use crate::engine::{Engine, SyncError};
use crate::ports::Ports;

impl<P: Ports> Engine<P> {
    /// Answers a pull of a source nobody knows: with what is wrong, and an end of the sync.
    ///
    /// Nothing is kept: a device could fill the store with whatever it names.
    pub(super) async fn unknown_source_page(
        &self,
        session: &Session,
        client: &str,
        source: &str,
    ) -> Result<Page, SyncError> {
        self.check_session(session).await?;
        self.owner(&known_form(client)?).await?;
        let message =
            format!("there is no source {source:?}, and no app server is set to ask for it");
        let error = BTreeMap::from([("query-error".to_owned(), ErrorMessage { message })]);
        Ok(Page {
            token: None,
            count: 0,
            progress_count: 0,
            total_count: 0,
            commands: Commands {
                source_error: error,
                ..Commands::default()
            },
        })
    }
}
