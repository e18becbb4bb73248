//! A sync: changes go up, news come down.

mod calls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sync_device::{
    Answer, Exchange, Line, LineReader, Outcome as RunOutcome, ResetReason, Step, SyncRun,
};
use sync_proto::sync::{EndReason, NDJSON, SessionGrant, SyncEnd, VerifyRequest};
use sync_store::{FileState, Kept, Store, SyncLock, Told};

use crate::conversation::{Answered, Asked, Head, Outcome, Stop, Topic};
use crate::download::{Download, TakenIn, take_in};
use crate::error::Error;
use crate::options::SyncOptions;
use crate::report::{
    AppliedChange, Ended, Progress, ProgressListener, Removal, RemovalReason, SyncReport,
};
use crate::shared::Shared;
use crate::sign_in::{refresh_request, session_of};
use crate::upload::{Upload, Uploaded};

const SYNC: &str = "/sync/v1/sync";
const VERIFY: &str = "/sync/v1/verify";

/// How long before its end an access token is not used any more.
const MARGIN_MS: u64 = 30_000;

/// How often a copy is counted by what really is in the file.
const COUNT_EVERY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A sync that is under way.
pub(crate) struct Syncing {
    run: SyncRun,
    exchange: Option<Exchange>,
    options: SyncOptions,
    listener: Option<Arc<dyn ProgressListener>>,
    reader: LineReader,
    end: Option<SyncEnd>,
    garbled: Option<String>,
    bucket: Option<(u8, BTreeMap<String, String>)>,
    broken: Option<String>,
    download: Option<Download>,
    upload: Option<Upload>,
    report: SyncReport,
    verdicts: u64,
    /// What the request says of changes that were settled here.
    settled: BTreeMap<String, Vec<String>>,
    /// How many seconds the first answer may wait for something that is new.
    wait: u64,
    lock: Option<SyncLock>,
}

impl Syncing {
    fn new(
        store: &mut Store,
        now_ms: u64,
        options: SyncOptions,
        listener: Option<Arc<dyn ProgressListener>>,
        wait: u64,
        lock: SyncLock,
    ) -> Result<Self, Error> {
        let mut run = SyncRun::default();
        for source in store.uncounted_since(now_ms.saturating_sub(COUNT_EVERY_MS))? {
            if store.count(&source, now_ms)? {
                run.differs(&source);
            }
        }
        if options.verify {
            for source in store.sources()? {
                if options.sources.is_empty() || options.sources.contains(&source.name) {
                    run.differs(&source.name);
                }
            }
        }
        store.drop_orphans(now_ms)?;
        for file in store.files_to_send()? {
            run.waits_for_upload(&file);
        }
        for file in store.wanted_files()? {
            run.wants_file(&file);
        }
        for source in store.sources_with_images()? {
            if options.sources.is_empty() || options.sources.contains(&source) {
                run.begins_with_image(&source);
            }
        }
        Ok(Self {
            run,
            exchange: None,
            options,
            listener,
            reader: LineReader::default(),
            end: None,
            garbled: None,
            bucket: None,
            broken: None,
            download: None,
            upload: None,
            report: SyncReport::default(),
            verdicts: 0,
            settled: BTreeMap::new(),
            wait,
            lock: Some(lock),
        })
    }

    fn begin_next(
        &mut self,
        database: &Shared,
        stop: &dyn Fn() -> Option<Stop>,
    ) -> Result<Option<Asked>, Error> {
        loop {
            let mut store = database.store();
            let mut session = store.session()?;
            let exchange = match self.run.next(has_access(database, &session)) {
                Step::Done(outcome) => {
                    self.finish(database, &mut store, outcome)?;
                    return Ok(None);
                }
                Step::Do(exchange) => exchange,
            };
            self.reader = LineReader::default();
            (self.end, self.garbled, self.bucket) = (None, None, None);
            self.exchange = Some(exchange.clone());
            let asked = match &exchange {
                Exchange::Refresh => {
                    let asked = refresh_request(&mut store, &mut session, database)?;
                    if asked.is_none() {
                        self.finish(database, &mut store, RunOutcome::SignedOut)?;
                    }
                    return Ok(asked);
                }
                Exchange::Image(source) => {
                    let Some(image) = store.image(source)? else {
                        self.run.answered(&exchange, Answer::Useless, false);
                        continue;
                    };
                    if image.got < image.bytes {
                        let download = Download::of_image(source, image, self.download.take());
                        let asked = download.asked(session.access);
                        self.download = Some(download);
                        return Ok(Some(asked));
                    }
                    drop(store);
                    match take_in(database, source, stop, |kept| self.note(kept))? {
                        TakenIn::Done => self.run.answered(&exchange, Answer::Whole(None), false),
                        TakenIn::Useless => self.run.answered(&exchange, Answer::Useless, false),
                        TakenIn::Stopped(why) => {
                            self.stopped(why);
                            return Ok(None);
                        }
                    }
                    continue;
                }
                Exchange::Upload(file) => {
                    let Some(upload) = Upload::next(&store, file, self.upload.take())? else {
                        self.run.answered(&exchange, Answer::Whole(None), false);
                        continue;
                    };
                    let asked = upload.asked(&store, session.access)?;
                    self.upload = Some(upload);
                    return Ok(Some(asked));
                }
                Exchange::Download(file) => {
                    let known = store.file(file)?;
                    let wanted = known.filter(|it| it.state == FileState::Wanted);
                    let Some(wanted) = wanted else {
                        self.run.answered(&exchange, Answer::Whole(None), false);
                        continue;
                    };
                    // The app may have been killed when all had come.
                    if wanted.bytes > 0 && store.end_file(file, database.platform.now_ms())? {
                        self.run.answered(&exchange, Answer::Whole(None), false);
                        continue;
                    }
                    let download = Download::of_file(file, &wanted, self.download.take());
                    let asked = download.asked(session.access);
                    self.download = Some(download);
                    return Ok(Some(asked));
                }
                Exchange::Sync => {
                    let mut request = store.outgoing(self.run.limits(), &self.options.sources)?;
                    request.wait = Some(std::mem::take(&mut self.wait)).filter(|wait| *wait > 0);
                    if self.run.takes_images() && request.have.values().any(Option::is_none) {
                        request.images = vec![NDJSON.to_owned()];
                    }
                    self.report.sent += request.changes.len() as u64;
                    self.settled.clone_from(&request.settled);
                    Asked::post(SYNC, session.access, &request)
                }
                Exchange::Compare(source) => {
                    let Some((cursor, buckets)) = store.sums(source)? else {
                        self.run.answered(&exchange, Answer::Whole(None), false);
                        continue;
                    };
                    let parameters = store.stated_parameters()?.remove(source);
                    let request = VerifyRequest {
                        source: source.clone(),
                        parameters: parameters.unwrap_or_default(),
                        cursor,
                        buckets,
                    };
                    Asked::post(VERIFY, session.access, &request)
                }
            };
            return Ok(Some(asked));
        }
    }

    /// Reads lines. `false` if the rest of the answer is of no use.
    fn read(
        &mut self,
        database: &Shared,
        bytes: &[u8],
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        for line in self.reader.push(bytes) {
            // What comes after a line that is none is not trusted, nor is what comes after the end.
            if self.garbled.is_some() || self.end.is_some() || !is_wanted() {
                break;
            }
            match Line::parse(&line) {
                Ok(line) => self.take_line(database, line)?,
                Err(error) => self.garbled = Some(error.to_string()),
            }
        }
        if self.reader.is_too_long() {
            let what = "a line of the answer does not end: it is not the server's";
            self.garbled.get_or_insert_with(|| what.to_owned());
        }
        Ok(self.garbled.is_none())
    }

    fn take_line(&mut self, database: &Shared, line: Line) -> Result<(), Error> {
        match (&self.exchange, line) {
            (Some(Exchange::Compare(_)), Line::Bucket { bucket, hashes }) => {
                self.bucket = Some((bucket, hashes));
            }
            (Some(Exchange::Compare(source)), Line::News(news)) => {
                if let Some((bucket, hashes)) = self.bucket.take()
                    && *source == news.source
                {
                    let mut store = database.store();
                    let mended = store.mend(source, bucket, &hashes, &news.objects)?;
                    self.report.mended += mended;
                    if mended > 0 {
                        self.run.progressed();
                    }
                }
            }
            (Some(Exchange::Sync), Line::End(end)) => self.end = Some(end),
            (Some(Exchange::Sync), line) => {
                let kept = database.store().keep(&line)?;
                self.note(kept);
            }
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, kept: Kept) {
        let Kept {
            told,
            reset,
            received,
            deleted,
            is_news,
            differs,
            image,
        } = kept;
        if is_news {
            self.run.progressed();
        }
        if let Some(source) = differs {
            self.run.differs(&source);
        }
        if let Some(source) = image {
            self.run.begins_with_image(&source);
        }
        self.report.received += received;
        self.report.deleted += deleted;
        if let Some((source, reason)) = reset {
            self.report.removed.push(Removal {
                source,
                reason: removal(reason),
            });
        }
        self.verdicts += u64::from(told.is_some());
        match told {
            Some(Told::Applied {
                change,
                source,
                object,
                message,
            }) => self.report.applied.push(AppliedChange {
                id: change,
                source,
                object,
                message,
            }),
            Some(Told::Failed(failed)) => self.report.failed.push(failed.into()),
            None => {}
        }
        if let Some(listener) = self.listener.as_ref().filter(|_| is_news) {
            listener.progressed(Progress {
                sent: self.report.sent,
                verdicts: self.verdicts,
                objects: self.report.received + self.report.deleted,
            });
        }
    }

    fn end_exchange(&mut self, database: &Shared, answer: Answered) -> Result<(), Error> {
        let Some(exchange) = self.exchange.take() else {
            return Ok(());
        };
        if let (Exchange::Upload(_), Some(upload)) = (&exchange, &mut self.upload) {
            let mut store = database.store();
            let uploaded = upload.ended(&mut store, answer)?;
            let has_unsent = store.has_unsent()?;
            drop(store);
            let answer = match uploaded {
                Uploaded::So(answer) => answer,
                Uploaded::Broken(reason) => self.is_broken(reason),
                Uploaded::Refused(failed) => {
                    self.note_all(failed);
                    Answer::Useless
                }
            };
            self.run.answered(&exchange, answer, has_unsent);
            return Ok(());
        }
        if let (Exchange::Image(_) | Exchange::Download(_), Some(download)) =
            (&exchange, &mut self.download)
        {
            let answer = download.ended(database, answer)?;
            if answer == Answer::Broken {
                self.broken = Some("the download broke off".to_owned());
            }
            self.run.answered(&exchange, answer, false);
            return Ok(());
        }
        let mut store = database.store();
        let answer = match answer {
            Answered::Error {
                status,
                code,
                reason,
                retry_after,
            } => Answer::Error {
                status,
                code,
                reason,
                retry_after,
            },
            Answered::Broken(reason) => {
                // What was not to be understood was cut off here.
                let garbled = self.garbled.take();
                self.is_broken(garbled.unwrap_or(reason))
            }
            Answered::Whole(body) => match &exchange {
                Exchange::Refresh => match serde_json::from_slice::<SessionGrant>(&body) {
                    Ok(grant) => {
                        store.set_session(&session_of(grant, database.platform.now_ms()))?;
                        Answer::Whole(None)
                    }
                    Err(error) => self.is_broken(error.to_string()),
                },
                _ if self.garbled.is_some() => {
                    let reason = self.garbled.take().unwrap_or_default();
                    self.is_broken(reason)
                }
                Exchange::Compare(_) if self.reader.is_broken_off() => {
                    self.is_broken("the answer broke off".to_owned())
                }
                Exchange::Sync if self.end.is_none() => {
                    self.is_broken("the answer broke off".to_owned())
                }
                Exchange::Sync => {
                    store.told_settled(&std::mem::take(&mut self.settled))?;
                    Answer::Whole(self.end)
                }
                Exchange::Compare(_)
                | Exchange::Image(_)
                | Exchange::Upload(_)
                | Exchange::Download(_) => Answer::Whole(self.end),
            },
        };
        for file in store.files_to_send()? {
            self.run.waits_for_upload(&file);
        }
        let has_unsent = store.has_unsent()?;
        self.run.answered(&exchange, answer, has_unsent);
        Ok(())
    }

    fn note_all(&mut self, told: Vec<Told>) {
        for told in told {
            self.note(Kept {
                told: Some(told),
                is_news: true,
                ..Kept::default()
            });
        }
    }

    fn is_broken(&mut self, reason: String) -> Answer {
        self.broken = Some(reason);
        Answer::Broken
    }

    fn finish(
        &mut self,
        database: &Shared,
        store: &mut Store,
        outcome: RunOutcome,
    ) -> Result<(), Error> {
        let (ended, next_in_ms) = match outcome {
            RunOutcome::Finished(end) => {
                database.failures.store(0, Ordering::Relaxed);
                let after = match end.why {
                    EndReason::More => 0,
                    EndReason::Pending | EndReason::Idle => end.after,
                };
                (Ended::Complete, database.spread_ms(after))
            }
            RunOutcome::Offline => {
                let reason = self.broken.take().unwrap_or_default();
                (Ended::Offline { reason }, database.wait_ms(None))
            }
            RunOutcome::Wait {
                after,
                code,
                reason,
            } => (Ended::ServerBusy { code, reason }, database.wait_ms(after)),
            RunOutcome::SignedOut | RunOutcome::UnknownClient => {
                let mut session = store.session()?;
                if session.refresh.is_some() || session.access.is_some() {
                    (session.access, session.refresh, session.attempt) = (None, None, None);
                    store.set_session(&session)?;
                }
                (Ended::SignedOut, database.wait_ms(None))
            }
            RunOutcome::Refused {
                status,
                code,
                reason,
            } => {
                let ended = Ended::Refused {
                    status,
                    code,
                    reason,
                };
                (ended, database.wait_ms(None))
            }
        };
        (self.report.ended, self.report.next_in_ms) = (ended, next_in_ms);
        self.lock = None;
        Ok(())
    }
}

impl Topic for Syncing {
    fn next(
        &mut self,
        database: &Shared,
        stop: &dyn Fn() -> Option<Stop>,
    ) -> Result<Option<Asked>, Error> {
        self.begin_next(database, stop)
    }

    fn began(&mut self, head: &Head) -> bool {
        match (&self.exchange, &mut self.download) {
            (Some(Exchange::Image(_) | Exchange::Download(_)), Some(download)) => {
                download.began(head)
            }
            _ => true,
        }
    }

    fn reads_pieces(&self) -> bool {
        !matches!(
            self.exchange,
            Some(Exchange::Refresh | Exchange::Upload(_)) | None
        )
    }

    fn take(
        &mut self,
        database: &Shared,
        bytes: &[u8],
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        match (&self.exchange, &mut self.download) {
            (Some(Exchange::Image(_) | Exchange::Download(_)), Some(download)) => {
                download.take(database, bytes)
            }
            _ => self.read(database, bytes, is_wanted),
        }
    }

    fn answered(&mut self, database: &Shared, answer: Answered) -> Result<(), Error> {
        self.end_exchange(database, answer)
    }

    fn stopped(&mut self, why: Stop) {
        self.report.ended = match why {
            Stop::Cancelled => Ended::Cancelled,
            Stop::DeadlinePassed => Ended::DeadlinePassed,
        };
        self.lock = None;
    }

    fn end(&mut self) -> Outcome {
        self.lock = None;
        Outcome::Synced(Box::new(self.report.clone()))
    }
}

/// Whether there is an access token that looks good. A clock that has jumped back makes it look bad.
pub(crate) fn has_access(database: &Shared, session: &sync_store::SessionState) -> bool {
    let since = database.platform.now_ms().checked_sub(session.access_at_ms);
    session.access.is_some() && since.is_some_and(|since| since + MARGIN_MS < session.access_for_ms)
}

fn removal(reason: ResetReason) -> RemovalReason {
    match reason {
        ResetReason::Moved => RemovalReason::Moved,
        ResetReason::Revoked => RemovalReason::Revoked,
        ResetReason::Restored => RemovalReason::Restored,
        ResetReason::Schema => RemovalReason::Schema,
        ResetReason::TooOld => RemovalReason::TooOld,
        ResetReason::Requested => RemovalReason::Requested,
    }
}
