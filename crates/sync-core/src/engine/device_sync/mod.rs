//! `/sync/v1`: devices that keep their cursors themselves ask for all their sources at once.

mod blobs;
mod changes;
mod heads;
mod news;
mod part;
mod place;
mod search;
mod verdicts;
mod verify;
mod wait;

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};
use futures_util::join;
use sync_proto::sync::{
    EndReason, Line, ResetReason, SourceFailure, SourceNews, SourceParameters, SyncEnd,
    VerdictStatus,
};

use crate::account::DeviceSession;
use crate::engine::changes::Insurance;
use crate::engine::device_sync::part::Part;
use crate::engine::images::NamedImage;
use crate::engine::pull::PAGE_COST;
use crate::engine::registry::FoundSource;
use crate::engine::unknown_source::NamedSource;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{ClientEventKind, DeviceCursor, DocumentId, ImageForm, ReadingPlace};
use crate::ports::{Clock as _, Ports};
use crate::store::{DevicePlace, News};
use crate::trace::TraceContext;
pub use changes::{SentChanges, TakenChanges};
pub(super) use heads::SharedHeads;
pub use search::DeviceSearchRequest;
pub use verify::VerifyRequest;
pub(super) use wait::SharedHints;

/// Bytes of an answer's objects where the device does not say.
const DEFAULT_BYTES: usize = 1024 * 1024;

/// Fewest and most that it may ask for.
const BYTES: std::ops::RangeInclusive<usize> = 16 * 1024..=4 * 1024 * 1024;

/// Most bytes of what is new of a source that is read before anybody knows whether that is all.
const AHEAD_BYTES: usize = 64 * 1024;

/// When a device comes again that waits for verdicts.
const PENDING_SECONDS: u64 = 5;

/// What a cursor is sealed for.
const CURSOR: &[u8] = b"cursor";

/// Whether what other requests of this instance have read a moment ago will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// It will.
    Shared,
    /// The device has just changed something, and is to see it.
    Fresh,
}

/// What a device asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewsRequest<'a> {
    /// The sources it wants, with the cursors it has.
    pub have: &'a BTreeMap<String, Option<String>>,
    /// What it narrows them down by.
    pub parameters: &'a SourceParameters,
    /// Most bytes of objects.
    pub max_bytes: Option<usize>,
    /// In which forms it begins with images, where there are some; the one that it likes best first.
    pub images: &'a [ImageForm],
    /// What ties it to the calls of back ends it leads to.
    pub trace: Option<&'a TraceContext>,
}

/// A source that a device reads.
struct Reading<'a> {
    found: FoundSource<'a>,
    document: DocumentId,
    /// What the back end is asked by for this copy.
    parameters: Vec<(String, String)>,
    place: ReadingPlace,
    cursor: Option<DeviceCursor>,
    /// Why the cursor that it sent is none.
    reset: Option<ResetReason>,
    /// Whether the device has to keep another cursor, also if nothing is new.
    has_moved: bool,
    /// What is new, where it was read with the head.
    ahead: Option<News>,
    /// What the device begins with instead of pages.
    image: Option<NamedImage>,
}

/// What is new of a device's sources.
struct AllNews {
    lines: Vec<Line>,
    has_more: bool,
}

impl<'a> Reading<'a> {
    fn source<'s>(&'s self, trace: Option<&'s TraceContext>) -> Source<'s>
    where
        'a: 's,
    {
        self.found.as_source().traced(trace)
    }

    /// The cursor will not do: the source begins anew.
    fn begin_anew(&mut self, reason: ResetReason) {
        self.cursor = None;
        self.reset.get_or_insert(reason);
    }

    /// Says that it begins anew, if it does.
    fn reset_line(&self) -> Option<Line> {
        self.reset.map(|reset| Line::Reset {
            source: self.document.source.to_string(),
            reset,
            cursor: (),
        })
    }
}

impl<P: Ports> Engine<P> {
    /// Answers a device: what became of its changes by now, and what is new of all sources that it names, as far as there is room.
    /// `done` is what is not needed any more by changes that were carried out.
    ///
    /// All that is asked of the store goes together. For a device that has everything and has sent nothing this is at most one round
    /// trip, and none where another request of this instance has asked a moment ago.
    ///
    /// # Errors
    /// A session that has ended, a client that is gone, and the store's. What is wrong with a source is a line.
    pub async fn answer_device(
        &self,
        session: &DeviceSession,
        taken: TakenChanges,
        done: &[Insurance],
        request: NewsRequest<'_>,
    ) -> Result<Vec<Line>, SyncError> {
        let sharing = match taken.is_empty() {
            true => Sharing::Shared,
            false => Sharing::Fresh,
        };
        let (withdrawn, verdicts, news) = join!(
            try_join_all(done.iter().map(|insurance| self.withdraw(insurance))),
            self.device_verdicts(session, taken),
            self.device_news(session, request, sharing)
        );
        withdrawn?;
        let (mut lines, news) = (verdicts?, news?);
        let waits = |line: &Line| matches!(line, Line::Verdict { verdict } if verdict.status == VerdictStatus::Accepted);
        let (after, why) = match (news.has_more, lines.iter().any(waits)) {
            (true, _) => (0, EndReason::More),
            (false, true) => (PENDING_SECONDS, EndReason::Pending),
            (false, false) => {
                let devices = &self.settings.devices;
                (devices.idle_seconds(&session.device_type), EndReason::Idle)
            }
        };
        lines.extend(news.lines);
        lines.push(Line::End {
            end: SyncEnd { after, why },
        });
        Ok(lines)
    }

    async fn device_news(
        &self,
        session: &DeviceSession,
        request: NewsRequest<'_>,
        sharing: Sharing,
    ) -> Result<AllNews, SyncError> {
        let trace = request.trace;
        let began = self.ports.clock().monotonic();
        let wanted = request.max_bytes.unwrap_or(DEFAULT_BYTES);
        let most = wanted.clamp(*BYTES.start(), *BYTES.end());
        let mut lines = Vec::new();
        let mut readings = Vec::new();
        for (name, cursor) in request.have {
            match self
                .reading(session, name, cursor.as_deref(), request.parameters, trace)
                .await?
            {
                Ok(reading) => readings.push(reading),
                Err(line) => lines.push(line),
            }
        }
        let ahead = (most / readings.len().max(1)).min(AHEAD_BYTES);
        let heads = readings
            .iter()
            .map(|reading| self.look(reading, sharing, ahead));
        let (checked, registry, heads) = join!(
            self.accounts.check_device(session),
            self.registry(),
            join_all(heads)
        );
        checked?;
        registry?;
        let prepared = readings
            .iter_mut()
            .zip(heads)
            .map(|(reading, head)| async { self.prepare(session, reading, head?, request).await });
        let heads = try_join_all(prepared).await?;
        let share = self.memory.share(PAGE_COST * most);
        let mut room = share.bytes() / PAGE_COST;
        let mut has_more = false;
        for (reading, head) in readings.iter_mut().zip(&heads) {
            let kept = reading.cursor.clone();
            let line = match reading.image.take() {
                Some(image) => image.into_line(reading.document.source.to_string()),
                None => {
                    let news = self.news_of(session, reading, head, &mut room).await?;
                    has_more |= news.more;
                    Line::News(Box::new(news))
                }
            };
            self.metrics.meter().pull(reading.document.source.as_str());
            self.note_sent(session, reading, kept);
            if reading.reset.is_some() {
                let (kind, source) = (ClientEventKind::Reset, Some(&reading.document.source));
                self.note_event(session.client(), kind, source, began);
            }
            self.note_news(session.client(), &line, &reading.document.source, began);
            lines.extend(reading.reset_line());
            lines.push(line);
        }
        Ok(AllNews { lines, has_more })
    }

    /// Notes for administrators how far the device is: it came with a cursor, and is sent more.
    fn note_sent(
        &self,
        session: &DeviceSession,
        reading: &Reading<'_>,
        kept: Option<DeviceCursor>,
    ) {
        if let (Some(kept), Some(sent)) = (kept, &reading.cursor)
            && sent.version > kept.version
        {
            let place = DevicePlace {
                user: session.user().clone(),
                kept,
                sent: sent.version,
                is_end: sent.is_at_end(),
            };
            let meter = self.metrics.meter();
            meter.place(session.client(), &reading.document, place);
        }
    }

    /// Looks a source up, and reads the cursor; or says why it cannot be read.
    async fn reading(
        &self,
        session: &DeviceSession,
        name: &str,
        cursor: Option<&str>,
        parameters: &SourceParameters,
        trace: Option<&TraceContext>,
    ) -> Result<Result<Reading<'_>, Line>, SyncError> {
        let (user, client) = (session.user(), session.client());
        let failed = |code: &str, message: String| Line::Failed {
            source: name.to_owned(),
            error: SourceFailure {
                code: code.to_owned(),
                message,
            },
        };
        let named = self.named_source(&session.session, client.as_str(), name, trace);
        let found = match named.await {
            Ok(NamedSource::Known(found)) => found,
            Err(SyncError::UnknownSource { .. }) | Ok(NamedSource::Unknown { .. }) => {
                return Ok(Err(match cursor {
                    Some(_) => Line::Reset {
                        source: name.to_owned(),
                        reset: ResetReason::Revoked,
                        cursor: (),
                    },
                    None => failed("unknown_source", format!("there is no source {name:?}")),
                }));
            }
            Err(error) => return Err(error),
        };
        let source = found.as_source();
        if source.settings.pass_through {
            let message = format!("the server keeps no objects of {name:?}");
            return Ok(Err(failed("not_served", message)));
        }
        let Part {
            document,
            parameters,
        } = self.part_read(source, user, parameters).await?;
        let place = ReadingPlace::of(client, &document);
        let mut reading = Reading {
            found,
            document,
            parameters,
            place,
            cursor: None,
            reset: None,
            has_moved: false,
            ahead: None,
            image: None,
        };
        if let Some(text) = cursor {
            match self.accounts.sessions().open::<DeviceCursor>(CURSOR, text) {
                None => reading.begin_anew(ResetReason::Restored),
                Some(cursor) if cursor.place != reading.place => {
                    reading.begin_anew(ResetReason::Moved);
                }
                Some(cursor) => reading.cursor = Some(cursor),
            }
        }
        Ok(Ok(reading))
    }

    /// A source of which there was no room to say anything: the device asks again.
    fn left_for_later(&self, reading: &Reading<'_>) -> SourceNews {
        SourceNews {
            source: reading.document.source.to_string(),
            cursor: self.kept_cursor(reading),
            more: true,
            ..SourceNews::default()
        }
    }

    /// The cursor that the device is to keep, where it is another than it sent.
    fn kept_cursor(&self, reading: &Reading<'_>) -> Option<String> {
        let cursor = reading.cursor.as_ref().filter(|_| reading.has_moved)?;
        Some(self.accounts.sessions().seal(CURSOR, cursor))
    }
}
