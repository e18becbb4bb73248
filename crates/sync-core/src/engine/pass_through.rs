//! Sources whose objects the server does not keep: every pull is answered by the back end.
//!
//! There is nothing to give without it, so a back end that does not answer in time is an error, which the device sees.

use std::collections::BTreeMap;

use futures_util::join;
use sync_proto::{ErrorMessage, Fields, Page};

use crate::account::Session;
use crate::adapter::{AdapterError, AnswerCollector, StashError, logged_in};
use crate::engine::by_jobs::changes_queue;
use crate::engine::page::page;
use crate::engine::partitions::{Asked, NO_PARTITION};
use crate::engine::pull::Pull;
use crate::engine::refresh::{logoff_error, refusal_error, source_error};
use crate::engine::{Engine, SyncError};
use crate::model::{PageBuilder, Reader, Version};
use crate::ports::Ports;
use crate::store::{Acknowledged, PageLimit};

/// Most objects of an answer: devices get them in one page.
const MAX_OBJECTS: usize = 50_000;

/// Most bytes of an answer.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Most entries of a log that is passed over: there is one only if the source's objects were kept once.
const MAX_LOG: usize = 1_000_000;

impl<P: Ports> Engine<P> {
    /// Answers all objects the back end has, and what became of the client's own changes.
    ///
    /// The page has a token, as devices expect, but they never acknowledge it: with every pull, what the page before
    /// told counts as arrived.
    pub(super) async fn pass_through(
        &self,
        session: &Session,
        pull: &Pull<'_>,
    ) -> Result<Page, SyncError> {
        self.accounts.check_session(session).await?;
        let pull = &Pull {
            // What the page before told counts as a whole.
            limit: PageLimit {
                objects: MAX_LOG,
                bytes: u32::MAX as usize,
            },
            ..*pull
        };
        let (document, state) = self.locate(pull, Acknowledged::Given).await?;
        if state.waiting > 0 {
            let queue = changes_queue(pull.source);
            self.work_soon(queue, &document, pull.user, pull.client)
                .await?;
        }
        let asked = self.asked_for(pull.source, pull.user, &document).await?;
        let partition = match &asked {
            Asked::For(partition) => partition.as_ref(),
            Asked::NotAtAll => None,
        };
        let call = self.question(pull.source, pull.user, partition, pull.parameters);
        let mut answer = AnswerCollector::new(MAX_OBJECTS, MAX_BYTES);
        let adapter = pull.source.adapter;
        let query = async {
            match asked {
                Asked::For(_) => adapter.query(&call, None, &mut answer).await,
                Asked::NotAtAll => Err(AdapterError::Rejected {
                    message: NO_PARTITION.to_owned(),
                }),
            }
        };
        let query = logged_in(adapter, &call, query);
        let query = self.within_wait(pull.source, query);
        let store = self.document(&document);
        let outbox = async {
            if state.has_outbox {
                store.outbox(pull.client, state.cursor, state.version).await
            } else {
                Ok(Vec::new())
            }
        };
        let (asked, outbox) = join!(query, outbox);

        let mut builder = PageBuilder::new(Reader {
            client: pull.client,
            base: Version::ZERO,
            since: Version::ZERO,
        });
        for item in outbox? {
            builder.add_outbox_item(item, &BTreeMap::new())?;
        }
        let mut commands = builder.finish();
        match asked {
            Ok((_, left)) => {
                let refused = refusal_error(pull.source.name, &answer.refused);
                for error in left.as_ref().map(logoff_error).into_iter().chain(refused) {
                    let message = ErrorMessage {
                        message: error.message,
                    };
                    commands.source_error.insert(error.kind, message);
                }
                let objects = answer.objects.into_iter();
                commands.insert = objects
                    .map(|(id, attributes)| (id.into_string(), Fields::Map(attributes)))
                    .collect();
                let total = commands.insert.len() as u64;
                // Devices read 0 and 1 as the absence of a token.
                let token = state.token(state.version.max(Version::FIRST));
                Ok(page(Some(token), 0, total, commands))
            }
            Err(AdapterError::Stash(StashError::Store(error))) => Err(error.into()),
            Err(error) => {
                tracing::warn!(source.name = %pull.source.name, %error, "the back end could not be asked");
                let error = source_error(&error);
                let message = ErrorMessage {
                    message: error.message,
                };
                commands.source_error.insert(error.kind, message);
                Ok(page(None, 0, 0, commands))
            }
        }
    }
}
