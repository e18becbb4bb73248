//! A device asks for bulk data.

use std::collections::{BTreeSet, HashSet};

use sync_jobs::QueueName;

use crate::account::Session;
use crate::engine::binding::known_form;
use crate::engine::bulk_data::path;
use crate::engine::{Engine, Source, SyncError};
use crate::jobs::bulk_data_job;
use crate::model::{BulkSelection, ClientEventKind, ClientId, DocumentId, PartitionRule, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{BulkOutcome, Pin, StartOutcome};

/// Where jobs that make files wait.
const QUEUE: QueueName = QueueName::constant("bulk");

/// How often a client is given a cursor within one request, because it lost it in that very moment.
const MAX_BINDS: usize = 2;

/// What a device asks for.
#[derive(Debug, Clone, Copy)]
pub struct BulkDataRequest<'a> {
    /// The client id as it was sent.
    pub client: &'a str,
    /// Sources that all share, or the user's own.
    pub partition: PartitionRule,
    /// Names of sources, or all there are. Devices send the names of all they have: those that are not of this partition,
    /// or not known here, are passed over.
    pub sources: Option<&'a [String]>,
}

/// What a device that asks for bulk data is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkDataAnswer {
    /// There is nothing to download: no source of the partition was asked for, or no files are made.
    Nothing,
    /// A file is being made.
    Wait,
    /// The file is at this path, and the device's next pulls bring what came after it.
    Ready {
        /// Where.
        path: String,
    },
    /// No file could be made.
    Failed,
}

/// What became of handing a file to a client.
#[derive(Debug, PartialEq, Eq)]
enum HandOutOutcome {
    Yes,
    Stale,
    Waiting,
}

impl<P: Ports> Engine<P> {
    /// Says where a device finds a file with everything, or has one made.
    ///
    /// When the path is told, the client's cursors move to what the file has: whatever the device had before is thrown
    /// away with it. A device that does not get the file in the end has to reset its client, or to ask again.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`](crate::AccountError::NotAuthenticated), [`SyncError::UnknownClient`], and the store's.
    pub async fn ask_for_bulk_data(
        &self,
        session: &Session,
        request: BulkDataRequest<'_>,
    ) -> Result<BulkDataAnswer, SyncError> {
        let began = self.ports.clock().monotonic();
        self.accounts.check_session(session).await?;
        let client = known_form(request.client)?;
        let owner = self.owner(&client).await?;
        if owner != session.user {
            self.hand_over(&client, &owner, &session.user).await?;
        }
        let selection = self.select(&session.user, request).await?;
        if selection.sources.is_empty() || self.settings.bulk_sync_poll_interval == 0 {
            return Ok(BulkDataAnswer::Nothing);
        }
        let (id, now) = (selection.id(), self.ports.clock().now());
        match self.bulk_data().made(&id).await? {
            Some(BulkOutcome::File {
                file,
                fresh_until,
                pins,
            }) if now < fresh_until => {
                match self
                    .hand_out(&client, &session.user, &selection, &pins)
                    .await?
                {
                    HandOutOutcome::Yes => {
                        self.note_event(&client, ClientEventKind::BulkData, None, began);
                        let path = path(&id, &file);
                        return Ok(BulkDataAnswer::Ready { path });
                    }
                    HandOutOutcome::Waiting => return Ok(BulkDataAnswer::Wait),
                    HandOutOutcome::Stale => {}
                }
            }
            Some(BulkOutcome::Failed { .. }) => return Ok(BulkDataAnswer::Failed),
            _ => {}
        }
        let job = bulk_data_job(QUEUE, &selection);
        self.enqueue_own_once(&job).await?;
        Ok(BulkDataAnswer::Wait)
    }

    /// What a device wants, of what there is; nothing where no file is made of that.
    async fn select(
        &self,
        user: &UserId,
        request: BulkDataRequest<'_>,
    ) -> Result<BulkSelection, SyncError> {
        let partition = request.partition;
        let named: Option<HashSet<&str>> = request
            .sources
            .map(|names| names.iter().map(String::as_str).collect());
        let is_named = |name: &str| named.as_ref().is_none_or(|names| names.contains(name));
        let known = self.sources(Some(partition)).await?;
        let all: BTreeSet<_> = known
            .into_iter()
            .filter(|source| !source.settings.pass_through)
            .map(|source| source.name)
            .collect();
        let mut sources = all.clone();
        sources.retain(|name| is_named(name.as_str()));
        // Every other choice would be a file of its own, in nobody's quota: a user could have 2^n made.
        let offered = &self.settings.bulk_selections;
        let is_offered = sources.len() <= 1
            || sources == all
            || offered
                .iter()
                .any(|offer| all.intersection(offer).eq(&sources));
        if !is_offered {
            tracing::info!(
                user.id = %user, sources = ?sources,
                "no bulk data for sources that no selection in the settings has together"
            );
            sources.clear();
        }
        Ok(BulkSelection {
            partition,
            user: user.clone(),
            sources,
        })
    }

    /// Moves a client's cursors to what a file has: all of them, or none.
    async fn hand_out(
        &self,
        client: &ClientId,
        user: &UserId,
        selection: &BulkSelection,
        pins: &[Pin],
    ) -> Result<HandOutOutcome, SyncError> {
        if !self.are_current(selection, pins).await? {
            return Ok(HandOutOutcome::Stale);
        }
        for pin in pins {
            let found = self.source(pin.source.as_str()).await?;
            if self.waits(user, client, found.as_source()).await? {
                return Ok(HandOutOutcome::Waiting);
            }
        }
        for (place, pin) in pins.iter().enumerate() {
            let document = selection.document(&pin.source);
            let refused = match self.start_from(client, user, &document, pin).await? {
                StartOutcome::Yes => continue,
                StartOutcome::Stale => HandOutOutcome::Stale,
                StartOutcome::Waiting => HandOutOutcome::Waiting,
                StartOutcome::Unbound => return Err(SyncError::Busy),
            };
            // Something has changed in this very moment, and the device gets no file: it has nothing of what it was about to
            // go on from.
            for pin in pins.iter().take(place) {
                let document = selection.document(&pin.source);
                let nothing = pin.clone().without_content();
                let started = self.start_from(client, user, &document, &nothing).await?;
                if started != StartOutcome::Yes {
                    self.document(&document).restart(client, user).await?;
                }
            }
            return Ok(refused);
        }
        Ok(HandOutOutcome::Yes)
    }

    /// Whether changes of the client wait for their verdict, after those have been seen to that can have it: what they come
    /// to is not in the file.
    async fn waits(
        &self,
        user: &UserId,
        client: &ClientId,
        source: Source<'_>,
    ) -> Result<bool, SyncError> {
        let id = self.document_for(source, user).await?;
        let document = self.document(&id);
        let is_waiting = async || {
            let position = document.position(client).await?;
            Ok::<_, SyncError>(position.is_some_and(|position| position.waiting > 0))
        };
        if !is_waiting().await? {
            return Ok(false);
        }
        match &source.settings.cud_queue {
            Some(queue) => self.work_soon(queue, &id, user, client).await?,
            None => self.work_on_waiting(client, source, &id).await?,
        }
        is_waiting().await
    }

    async fn start_from(
        &self,
        client: &ClientId,
        user: &UserId,
        document: &DocumentId,
        pin: &Pin,
    ) -> Result<StartOutcome, SyncError> {
        let now = self.ports.clock().now();
        for _ in 0..MAX_BINDS {
            let started = self
                .document(document)
                .start_from(client, user, pin, now)
                .await?;
            if started != StartOutcome::Unbound {
                return Ok(started);
            }
            self.attach_anew(user, client, document).await?;
        }
        Ok(StartOutcome::Unbound)
    }
}
