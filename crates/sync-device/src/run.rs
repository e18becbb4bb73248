//! What a sync does next.

use std::collections::BTreeSet;

use sync_proto::sync::{EndReason, SyncEnd};

/// Answers in a row that say that there is more and bring nothing, after which a run ends.
const MOST_EMPTY: u32 = 3;

/// Comparisons of one source in a run: each brings at most 2 MiB of objects.
const MOST_COMPARISONS: u32 = 256;

/// Times that a run gets new tokens, as a clock that jumps may make good ones look old.
const MOST_REFRESHES: u32 = 2;

/// Most that one request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Changes, and changes asked after.
    pub changes: usize,
    /// Bytes of changes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            changes: 1_000,
            bytes: 4 * 1024 * 1024,
        }
    }
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// New tokens, by the refresh token.
    Refresh,
    /// Changes go up, news come down.
    Sync,
    /// A source is compared.
    Compare(String),
    /// The image that a source begins with is downloaded.
    Image(String),
    /// A file that changes refer to goes up, by its digest: they go after it.
    Upload(String),
    /// A file that the app wants comes down, by its digest.
    Download(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A request is to be sent; its answer goes to [`SyncRun::answered`].
    Do(Exchange),
    /// Nothing: the run is over.
    Done(Outcome),
}

/// How a run ended. Whatever it is, nothing that came and nothing that was done on the device is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was said.
    Finished(SyncEnd),
    /// No whole answer came.
    Offline,
    /// The server is busy: come back later.
    Wait {
        /// In so many seconds, if the server said so.
        after: Option<u64>,
        /// For programs.
        code: String,
        /// For people.
        reason: String,
    },
    /// The session has ended.
    SignedOut,
    /// The server does not know this device any more.
    UnknownClient,
    /// The server does not take what this device says.
    Refused {
        /// The answer's status.
        status: u16,
        /// For programs.
        code: String,
        /// For people.
        reason: String,
    },
}

/// What became of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was answered, to the end. A sync has its last line.
    Whole(Option<SyncEnd>),
    /// Some of an image or of a file came, or went up: the rest is to follow.
    Part,
    /// An image is not there any more, or is not what it should be: its source is to begin by pages. Or a file cannot go up, or come
    /// down.
    Useless,
    /// There was an error.
    Error {
        /// The answer's status.
        status: u16,
        /// For programs.
        code: String,
        /// For people.
        reason: String,
        /// How long the server asks to wait, in seconds.
        retry_after: Option<u64>,
    },
    /// It broke off, or there was none.
    Broken,
}

/// One sync: as many requests as it takes until everything is said.
#[derive(Debug)]
pub struct SyncRun {
    limits: Limits,
    is_spoiled: bool,
    refreshes: u32,
    wants_sync: bool,
    has_progressed: bool,
    empty: u32,
    to_compare: BTreeSet<String>,
    compared: BTreeSet<String>,
    comparisons: u32,
    brought: bool,
    images: BTreeSet<String>,
    declines_images: bool,
    uploads: BTreeSet<String>,
    uploaded: BTreeSet<String>,
    downloads: BTreeSet<String>,
    last: SyncEnd,
    outcome: Option<Outcome>,
}

impl Default for SyncRun {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            is_spoiled: false,
            refreshes: 0,
            wants_sync: true,
            has_progressed: false,
            empty: 0,
            to_compare: BTreeSet::new(),
            compared: BTreeSet::new(),
            comparisons: 0,
            brought: false,
            images: BTreeSet::new(),
            declines_images: false,
            uploads: BTreeSet::new(),
            uploaded: BTreeSet::new(),
            downloads: BTreeSet::new(),
            last: SyncEnd {
                after: 0,
                why: EndReason::Idle,
            },
            outcome: None,
        }
    }
}

impl SyncRun {
    /// Most that the next request carries.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What to do now. `has_access` says whether there is an access token that looks good.
    pub fn next(&self, has_access: bool) -> Step {
        if let Some(outcome) = &self.outcome {
            return Step::Done(outcome.clone());
        }
        if self.is_spoiled || !has_access {
            return match self.refreshes < MOST_REFRESHES {
                true => Step::Do(Exchange::Refresh),
                false => Step::Done(Outcome::SignedOut),
            };
        }
        if self.wants_sync {
            return Step::Do(Exchange::Sync);
        }
        if let Some(file) = self.uploads.first() {
            return Step::Do(Exchange::Upload(file.clone()));
        }
        if let Some(source) = self.images.first() {
            return Step::Do(Exchange::Image(source.clone()));
        }
        if let Some(file) = self.downloads.first() {
            return Step::Do(Exchange::Download(file.clone()));
        }
        match self.to_compare.first() {
            Some(source) => Step::Do(Exchange::Compare(source.clone())),
            None => Step::Done(Outcome::Finished(self.last)),
        }
    }

    /// Says that a source begins with an image, which is downloaded when the changes are up.
    pub fn begins_with_image(&mut self, source: &str) {
        self.images.insert(source.to_owned());
    }

    /// Says that changes wait for a file to go up: after what can go without it. In one run a file goes up once.
    pub fn waits_for_upload(&mut self, file: &str) {
        if !self.uploaded.contains(file) {
            self.uploads.insert(file.to_owned());
        }
    }

    /// Says that the app wants a file.
    pub fn wants_file(&mut self, file: &str) {
        self.downloads.insert(file.to_owned());
    }

    /// Whether sources may begin with images. Once one was useless, they begin by pages.
    pub fn takes_images(&self) -> bool {
        !self.declines_images
    }

    /// Says that a line was kept that changed something.
    pub fn progressed(&mut self) {
        self.has_progressed = true;
        self.brought = true;
    }

    /// Says that the copy of a source is not what the server says it should be, or that somebody wants to know.
    pub fn differs(&mut self, source: &str) {
        if !self.compared.contains(source) {
            self.to_compare.insert(source.to_owned());
        }
    }

    /// Says what became of the exchange that [`Self::next`] asked for. `has_unsent` tells whether changes can be sent that have
    /// not been yet.
    pub fn answered(&mut self, exchange: &Exchange, answer: Answer, has_unsent: bool) {
        match (exchange, answer) {
            (_, Answer::Broken) | (Exchange::Sync, Answer::Whole(None)) => {
                self.outcome = Some(Outcome::Offline);
            }
            (Exchange::Refresh, Answer::Whole(_)) => {
                self.is_spoiled = false;
                self.refreshes += 1;
            }
            (Exchange::Sync, Answer::Whole(Some(end))) => self.synced(end, has_unsent),
            (Exchange::Image(source), Answer::Whole(_)) => {
                self.images.remove(source);
                self.wants_sync = true;
            }
            (Exchange::Image(source), Answer::Useless) => {
                self.images.remove(source);
                self.declines_images = true;
                self.wants_sync = true;
            }
            (Exchange::Upload(file), Answer::Whole(_) | Answer::Useless) => {
                self.uploads.remove(file);
                self.uploaded.insert(file.clone());
                self.wants_sync |= has_unsent;
            }
            (Exchange::Download(file), Answer::Whole(_) | Answer::Useless) => {
                self.downloads.remove(file);
            }
            (_, Answer::Part | Answer::Useless) => {}
            (Exchange::Compare(source), Answer::Whole(_)) => {
                self.comparisons += 1;
                if !std::mem::take(&mut self.brought) || self.comparisons >= MOST_COMPARISONS {
                    self.is_compared(source);
                }
            }
            (
                exchange,
                Answer::Error {
                    status,
                    code,
                    reason,
                    retry_after,
                },
            ) => self.failed(exchange, status, code, reason, retry_after),
        }
    }

    fn synced(&mut self, end: SyncEnd, has_unsent: bool) {
        self.last = end;
        self.brought = false;
        let has_progressed = std::mem::take(&mut self.has_progressed);
        self.empty = if has_progressed { 0 } else { self.empty + 1 };
        self.wants_sync = end.why == EndReason::More || has_unsent;
        if self.wants_sync && self.empty >= MOST_EMPTY {
            self.outcome = Some(Outcome::Wait {
                after: None,
                code: "no_progress".to_owned(),
                reason: "the server says that there is more, and sends nothing".to_owned(),
            });
        }
    }

    fn is_compared(&mut self, source: &str) {
        self.to_compare.remove(source);
        self.compared.insert(source.to_owned());
        self.comparisons = 0;
    }

    fn failed(
        &mut self,
        exchange: &Exchange,
        status: u16,
        code: String,
        reason: String,
        retry_after: Option<u64>,
    ) {
        let outcome = match (exchange, status) {
            (Exchange::Refresh, 401) => Outcome::SignedOut,
            (_, 401) => {
                self.is_spoiled = true;
                return;
            }
            (Exchange::Sync, 413) if self.limits.changes > 1 => {
                self.limits.changes /= 2;
                self.limits.bytes /= 2;
                return;
            }
            (Exchange::Compare(source), 409) => {
                // Somebody has written meanwhile: the news first. What differs still is found out by their check.
                let source = source.clone();
                self.comparisons += 1;
                match self.comparisons < 3 {
                    true => self.wants_sync = true,
                    false => self.is_compared(&source),
                }
                return;
            }
            (_, 404) if code == "unknown_client" => Outcome::UnknownClient,
            (_, 408 | 429 | 500..) => Outcome::Wait {
                after: retry_after,
                code,
                reason,
            },
            _ => Outcome::Refused {
                status,
                code,
                reason,
            },
        };
        self.outcome = Some(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: SyncEnd = SyncEnd {
        after: 30,
        why: EndReason::Idle,
    };
    const MORE: SyncEnd = SyncEnd {
        after: 0,
        why: EndReason::More,
    };

    fn error(status: u16, code: &str) -> Answer {
        Answer::Error {
            status,
            code: code.to_owned(),
            reason: String::new(),
            retry_after: None,
        }
    }

    fn answer(run: &mut SyncRun, answer: Answer) {
        let Step::Do(exchange) = run.next(true) else {
            panic!("the run is over");
        };
        run.answered(&exchange, answer, false);
    }

    fn outcome(run: &SyncRun) -> Outcome {
        match run.next(true) {
            Step::Done(outcome) => outcome,
            step => panic!("the run goes on: {step:?}"),
        }
    }

    #[test]
    fn a_run_asks_until_everything_is_said() {
        let mut run = SyncRun::default();
        assert_eq!(run.next(false), Step::Do(Exchange::Refresh));
        run.answered(&Exchange::Refresh, Answer::Whole(None), false);
        run.progressed();
        answer(&mut run, Answer::Whole(Some(MORE)));
        run.answered(&Exchange::Sync, Answer::Whole(Some(IDLE)), true);
        assert_eq!(run.next(true), Step::Do(Exchange::Sync), "unsent changes");
        answer(&mut run, Answer::Whole(Some(IDLE)));
        assert_eq!(outcome(&run), Outcome::Finished(IDLE));
    }

    #[test]
    fn more_that_never_comes_ends_the_run() {
        let mut run = SyncRun::default();
        for _ in 0..MOST_EMPTY {
            answer(&mut run, Answer::Whole(Some(MORE)));
        }
        assert!(matches!(outcome(&run), Outcome::Wait { .. }));
    }

    #[test]
    fn a_token_that_is_refused_is_refreshed_and_a_refused_refresh_ends_the_session() {
        let mut run = SyncRun::default();
        answer(&mut run, error(401, "not_authenticated"));
        assert_eq!(run.next(true), Step::Do(Exchange::Refresh));
        answer(&mut run, error(401, "not_authenticated"));
        assert_eq!(outcome(&run), Outcome::SignedOut);
        // A server that refuses even fresh ones is not asked for ever.
        let mut run = SyncRun::default();
        for _ in 0..MOST_REFRESHES {
            answer(&mut run, error(401, "not_authenticated"));
            answer(&mut run, Answer::Whole(None));
        }
        answer(&mut run, error(401, "not_authenticated"));
        assert_eq!(outcome(&run), Outcome::SignedOut);
    }

    #[test]
    fn a_copy_that_differs_is_compared_until_nothing_comes() {
        let mut run = SyncRun::default();
        run.differs("A");
        answer(&mut run, Answer::Whole(Some(IDLE)));
        let compare = Exchange::Compare("A".to_owned());
        assert_eq!(run.next(true), Step::Do(compare.clone()));
        run.progressed();
        answer(&mut run, Answer::Whole(None));
        assert_eq!(run.next(true), Step::Do(compare.clone()));
        answer(&mut run, error(409, "wrong_state"));
        assert_eq!(run.next(true), Step::Do(Exchange::Sync));
        answer(&mut run, Answer::Whole(Some(IDLE)));
        answer(&mut run, Answer::Whole(None));
        // What still differs then is the next run's.
        run.differs("A");
        assert_eq!(outcome(&run), Outcome::Finished(IDLE));
    }

    #[test]
    fn images_come_after_the_changes_and_the_news_after_the_images() {
        let mut run = SyncRun::default();
        run.begins_with_image("A");
        run.begins_with_image("B");
        answer(&mut run, Answer::Whole(Some(IDLE)));
        let image = |source: &str| Step::Do(Exchange::Image(source.to_owned()));
        assert_eq!(run.next(true), image("A"));
        answer(&mut run, Answer::Part);
        assert_eq!(run.next(true), image("A"));
        answer(&mut run, error(401, "not_authenticated"));
        assert_eq!(run.next(true), Step::Do(Exchange::Refresh));
        answer(&mut run, Answer::Whole(None));
        assert_eq!(run.next(true), image("A"));
        answer(&mut run, Answer::Whole(None));
        assert_eq!(run.next(true), Step::Do(Exchange::Sync));
        answer(&mut run, Answer::Whole(Some(IDLE)));
        assert!(run.takes_images());
        answer(&mut run, Answer::Useless);
        assert_eq!(run.next(true), Step::Do(Exchange::Sync));
        assert!(!run.takes_images());
        answer(&mut run, Answer::Whole(Some(IDLE)));
        assert_eq!(outcome(&run), Outcome::Finished(IDLE));
        let mut run = SyncRun::default();
        run.begins_with_image("A");
        answer(&mut run, Answer::Whole(Some(IDLE)));
        answer(&mut run, Answer::Broken);
        assert_eq!(outcome(&run), Outcome::Offline);
    }

    #[test]
    fn files_go_up_after_what_can_go_without_them_and_come_down_at_the_end() {
        let mut run = SyncRun::default();
        run.waits_for_upload("f");
        run.begins_with_image("A");
        run.wants_file("g");
        answer(&mut run, Answer::Whole(Some(IDLE)));
        let upload = Exchange::Upload("f".to_owned());
        assert_eq!(run.next(true), Step::Do(upload.clone()));
        answer(&mut run, Answer::Part);
        assert_eq!(run.next(true), Step::Do(upload.clone()));
        run.answered(&upload, Answer::Whole(None), true);
        assert_eq!(run.next(true), Step::Do(Exchange::Sync));
        // The server says that it is not there after all: that is for the next run.
        run.waits_for_upload("f");
        answer(&mut run, Answer::Whole(Some(IDLE)));
        answer(&mut run, Answer::Whole(None));
        answer(&mut run, Answer::Whole(Some(IDLE)));
        assert_eq!(run.next(true), Step::Do(Exchange::Download("g".to_owned())));
        answer(&mut run, Answer::Useless);
        assert_eq!(outcome(&run), Outcome::Finished(IDLE));
    }

    #[test]
    fn errors_end_a_run_by_what_they_say() {
        let ended = |status, code| {
            let mut run = SyncRun::default();
            answer(&mut run, error(status, code));
            outcome(&run)
        };
        assert_eq!(ended(404, "unknown_client"), Outcome::UnknownClient);
        assert!(matches!(ended(429, "queue_full"), Outcome::Wait { .. }));
        assert!(matches!(ended(503, "busy"), Outcome::Wait { .. }));
        assert!(matches!(
            ended(400, "x"),
            Outcome::Refused { status: 400, .. }
        ));
        let mut run = SyncRun::default();
        answer(&mut run, error(413, "too_large"));
        assert_eq!(run.limits().changes, Limits::default().changes / 2);
        assert_eq!(run.next(true), Step::Do(Exchange::Sync));
        answer(&mut run, Answer::Broken);
        assert_eq!(outcome(&run), Outcome::Offline);
    }
}
