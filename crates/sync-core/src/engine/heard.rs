//! What is noted of clients' requests, for administrators: a moment later, when the answers are out.

use std::time::Duration;

use sync_proto::sync::Line;
use sync_proto::{Commands, Page};

use crate::engine::{Engine, SyncError};
use crate::metrics::RequestEnd;
use crate::model::{ClientEvent, ClientEventKind, ClientId, SourceName, short};
use crate::ports::{Clock as _, Ports};

/// Status of an answer that says to try again.
const TRY_AGAIN: u16 = 503;

impl<P: Ports> Engine<P> {
    /// Notes a pull. One that found nothing new only tells that the client was there.
    pub(super) fn note_pull(
        &self,
        client: &ClientId,
        source: &SourceName,
        acknowledges: bool,
        began: Duration,
        answered: &Result<Page, SyncError>,
    ) {
        let mut event = self.event(ClientEventKind::Pull, Some(source), began);
        event.sent = u64::from(acknowledges);
        let (end, is_idle) = match answered {
            Ok(page) => {
                let failed = page.commands.source_error.values().next();
                let refused = failed.or_else(|| refusal(&page.commands));
                event.error = refused.map(|error| short(&error.message));
                event.received = page.count as u64;
                let brings = page.count > 0
                    || event.error.is_some()
                    || !page.commands.links.is_empty()
                    || page.commands.schema_changed.is_some();
                let end = match failed {
                    Some(_) => RequestEnd::Failed,
                    None => RequestEnd::Done,
                };
                (end, !brings)
            }
            Err(error) => match failure(error) {
                Some(message) => {
                    event.status = TRY_AGAIN;
                    event.error = Some(message);
                    (RequestEnd::Failed, false)
                }
                None => return,
            },
        };
        let event = Some(event).filter(|_| !is_idle);
        let meter = self.metrics.meter();
        meter.heard_of(client, Some((source, end)), event);
    }

    /// Notes what a device was told of a source that keeps its cursor itself. Nothing new only tells that it was there.
    pub(super) fn note_news(
        &self,
        client: &ClientId,
        line: &Line,
        source: &SourceName,
        began: Duration,
    ) {
        let (kind, received, error, is_end) = match line {
            Line::News(news) => {
                let unset = news.unset.keys();
                let unset = unset.filter(|id| !news.objects.contains_key(*id));
                let received = news.objects.len() + news.deleted.len() + unset.count();
                let error = news.error.as_ref();
                (ClientEventKind::Pull, received, error, !news.more)
            }
            _ => (ClientEventKind::BulkData, 0, None, true),
        };
        let mut event = self.event(kind, Some(source), began);
        event.received = received as u64;
        event.error = error.map(|error| short(&error.message));
        let end = match event.error {
            Some(_) => RequestEnd::Failed,
            None => RequestEnd::Done,
        };
        let is_idle = kind == ClientEventKind::Pull && received == 0 && error.is_none();
        let event = Some(event).filter(|_| !is_idle);
        // Whether the source's back end is well is said with the last page.
        let end = Some((source, end)).filter(|_| is_end);
        self.metrics.meter().heard_of(client, end, event);
    }

    /// Notes that a client sent changes.
    pub(super) fn note_push(
        &self,
        client: &ClientId,
        source: &SourceName,
        operations: usize,
        began: Duration,
        refused: Option<&SyncError>,
    ) {
        let mut event = self.event(ClientEventKind::Push, Some(source), began);
        event.sent = operations as u64;
        if let Some(error) = refused {
            let Some(message) = failure(error) else {
                return;
            };
            event.status = TRY_AGAIN;
            event.error = Some(message);
        }
        self.metrics.meter().heard_of(client, None, Some(event));
    }

    /// Notes something else that a client did, or that was done with it.
    pub(super) fn note_event(
        &self,
        client: &ClientId,
        kind: ClientEventKind,
        source: Option<&SourceName>,
        began: Duration,
    ) {
        let event = self.event(kind, source, began);
        self.metrics.meter().heard_of(client, None, Some(event));
    }

    fn event(
        &self,
        kind: ClientEventKind,
        source: Option<&SourceName>,
        began: Duration,
    ) -> ClientEvent {
        let clock = self.ports.clock();
        let took = clock.monotonic().saturating_sub(began);
        ClientEvent {
            source: source.cloned(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            ..ClientEvent::new(clock.now(), kind)
        }
    }
}

/// What a page says of a change that was refused.
fn refusal(commands: &Commands) -> Option<&sync_proto::ErrorMessage> {
    let errors = [
        &commands.create_error,
        &commands.update_error,
        &commands.delete_error,
    ];
    let mut errors = errors.into_iter().flat_map(|errors| errors.0.values());
    errors.next().map(|(_, error)| error)
}

/// What went wrong with a request of a client that was let in. What may have gone wrong before is not the client's.
fn failure(error: &SyncError) -> Option<String> {
    let is_told = matches!(
        error,
        SyncError::Busy | SyncError::QueueFull | SyncError::BackEndUnavailable { .. }
    );
    is_told.then(|| short(&error.to_string()))
}
