//! What keeps a database current while its app is open: when to sync, and when to open an event stream.

use crate::backoff::backoff_ms;

/// How long a stream may say nothing before it counts as broken: the server gives a sign of life every twenty seconds.
const SILENCE_MS: u64 = 60_000;

/// After so long without a sign of life a stream may have died while the device slept.
const DOUBT_MS: u64 = 25_000;

/// How long a sync waits for news where there is no stream, in seconds.
const WAIT_S: u64 = 25;

/// A sync that was to wait and took less has not waited: it is not repeated at once.
const NO_WAIT_MS: u64 = 1_000;

/// When to come back where the server did not say, in milliseconds.
const RETRY_MS: u64 = 3_000;

/// When a sync that was cut short is made again.
const INTERRUPTED_MS: u64 = 5_000;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowStep {
    /// Everything is synced. What became of it goes to [`Follow::synced`].
    Sync {
        /// How many seconds the answer may wait for something that is new.
        wait: u64,
    },
    /// An event stream is opened, beside everything else.
    Listen {
        /// Its number, by which it is told from earlier ones.
        stream: u64,
    },
    /// Nothing, for so many milliseconds, or until something happens.
    Wait {
        /// How many.
        ms: u64,
    },
    /// Nothing any more.
    Over(FollowEnd),
}

/// Why a database is not followed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowEnd {
    /// The app has said so.
    Stopped,
    /// Nobody is signed in, or the session has ended.
    SignedOut,
}

/// What became of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowedSync {
    /// Everything was said.
    Complete {
        /// When the next is due, in milliseconds.
        next_in_ms: u64,
        /// Whether anything went up or came down.
        has_moved: bool,
    },
    /// It came to nothing.
    Failed {
        /// When the next is due, in milliseconds.
        next_in_ms: u64,
    },
    /// It was cut short.
    Interrupted,
    /// The session has ended.
    SignedOut,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// It broke, or ended, or there was no answer.
    Broken,
    /// The server asks to come back in so many milliseconds.
    Later(u64),
    /// The server did not let the device in: a sync finds out why.
    NotLetIn,
    /// The server has no streams.
    NoStreams,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// There is none, and none can be had.
    Unavailable,
    Closed {
        open_at_ms: u64,
    },
    Open {
        /// When it said something, or was asked for.
        heard_ms: u64,
        has_begun: bool,
    },
}

/// A database that is followed. Times are milliseconds since any moment, of a clock that does not jump.
#[derive(Debug)]
pub struct Follow {
    stream: Stream,
    /// How many streams there were.
    streams: u64,
    retry_ms: u64,
    /// Streams in a row that did not begin.
    failures: u32,
    /// When the next sync is due; nothing while one is under way.
    due_ms: Option<u64>,
    /// When that one began, and how long it was to wait.
    began_ms: u64,
    wait: u64,
    /// Whether something has happened meanwhile.
    is_due_again: bool,
    is_failing: bool,
    has_synced: bool,
    end: Option<FollowEnd>,
}

impl Follow {
    /// Begins: a sync is due at once. `can_listen` says whether event streams can be read here; `streams` is how many there were before,
    /// some of which may still end.
    pub fn new(can_listen: bool, streams: u64, now_ms: u64) -> Self {
        Self {
            stream: match can_listen {
                true => Stream::Closed { open_at_ms: now_ms },
                false => Stream::Unavailable,
            },
            streams,
            retry_ms: RETRY_MS,
            failures: 0,
            due_ms: Some(now_ms),
            began_ms: now_ms,
            wait: 0,
            is_due_again: false,
            is_failing: false,
            has_synced: false,
            end: None,
        }
    }

    /// How many streams there were.
    pub fn streams(&self) -> u64 {
        self.streams
    }

    /// What to do now.
    pub fn next(&mut self, now_ms: u64) -> FollowStep {
        if let Some(end) = self.end {
            return FollowStep::Over(end);
        }
        if let Stream::Open { heard_ms, .. } = self.stream
            && now_ms >= heard_ms.saturating_add(SILENCE_MS)
        {
            self.stream = Stream::Closed { open_at_ms: now_ms };
        }
        if self.due_ms.is_some_and(|due| due <= now_ms) {
            (self.due_ms, self.began_ms, self.is_due_again) = (None, now_ms, false);
            let can_wait =
                self.stream == Stream::Unavailable && self.has_synced && !self.is_failing;
            self.wait = if can_wait { WAIT_S } else { 0 };
            return FollowStep::Sync { wait: self.wait };
        }
        // The server tells of the sources that were synced before the stream was opened.
        let opens_at_ms = match self.stream {
            Stream::Closed { open_at_ms } if self.has_synced && self.due_ms.is_some() => open_at_ms,
            Stream::Open { heard_ms, .. } => heard_ms.saturating_add(SILENCE_MS),
            Stream::Closed { .. } | Stream::Unavailable => u64::MAX,
        };
        if opens_at_ms <= now_ms {
            self.streams += 1;
            self.stream = Stream::Open {
                heard_ms: now_ms,
                has_begun: false,
            };
            return FollowStep::Listen {
                stream: self.streams,
            };
        }
        let until_ms = self.due_ms.unwrap_or(u64::MAX).min(opens_at_ms);
        FollowStep::Wait {
            ms: until_ms - now_ms,
        }
    }

    /// Says what became of a sync.
    pub fn synced(&mut self, sync: FollowedSync, now_ms: u64) {
        let (mut in_ms, is_failing) = match sync {
            FollowedSync::Complete {
                next_in_ms,
                has_moved,
            } => {
                self.has_synced = true;
                let took_ms = now_ms.saturating_sub(self.began_ms);
                let may_wait = self.wait == 0 || has_moved || took_ms >= NO_WAIT_MS;
                match self.stream == Stream::Unavailable && may_wait {
                    true => (0, false),
                    false => (next_in_ms, false),
                }
            }
            FollowedSync::Failed { next_in_ms } => (next_in_ms, true),
            FollowedSync::Interrupted => (INTERRUPTED_MS, self.is_failing),
            FollowedSync::SignedOut => {
                self.end.get_or_insert(FollowEnd::SignedOut);
                (u64::MAX, true)
            }
        };
        self.is_failing = is_failing;
        if std::mem::take(&mut self.is_due_again) && !is_failing {
            in_ms = 0;
        }
        self.due_ms = Some(now_ms.saturating_add(in_ms));
    }

    /// Says that there is something to send, or to ask for. Where syncs fail, it waits for the next one that is due.
    pub fn has_news(&mut self, now_ms: u64) {
        match self.due_ms {
            None => self.is_due_again = true,
            Some(due_ms) if !self.is_failing => self.due_ms = Some(due_ms.min(now_ms)),
            Some(_) => {}
        }
    }

    /// Says that a stream gives a sign of life.
    pub fn heard(&mut self, stream: u64, now_ms: u64) {
        let Stream::Open {
            heard_ms,
            has_begun,
        } = &mut self.stream
        else {
            return;
        };
        if stream != self.streams {
            return;
        }
        *heard_ms = now_ms;
        if !std::mem::replace(has_begun, true) {
            // What has changed before it began it does not tell; and the server is there again.
            (self.failures, self.is_failing) = (0, false);
            self.has_news(now_ms);
        }
    }

    /// Says when to come back after the stream.
    pub fn retry_in(&mut self, ms: u64) {
        self.retry_ms = ms;
    }

    /// Says that a stream is over. `random` is any number.
    pub fn closed(&mut self, stream: u64, end: StreamEnd, now_ms: u64, random: u64) {
        let Stream::Open { has_begun, .. } = self.stream else {
            return;
        };
        if stream != self.streams {
            return;
        }
        let mut in_ms = self.retry_ms;
        if !has_begun {
            self.failures += 1;
            in_ms = backoff_ms(self.failures, random);
        }
        match end {
            StreamEnd::Broken => {}
            StreamEnd::Later(ms) => in_ms = ms,
            StreamEnd::NotLetIn => self.has_news(now_ms),
            StreamEnd::NoStreams => {
                self.stream = Stream::Unavailable;
                self.has_news(now_ms);
                return;
            }
        }
        self.stream = Stream::Closed {
            open_at_ms: now_ms.saturating_add(in_ms),
        };
    }

    /// Says that things may be better than they were: the network is back, or the app is seen again.
    pub fn wake(&mut self, now_ms: u64) {
        (self.failures, self.is_failing) = (0, false);
        self.has_news(now_ms);
        let is_doubtful = match self.stream {
            Stream::Unavailable => false,
            Stream::Closed { .. } => true,
            Stream::Open { heard_ms, .. } => now_ms.saturating_sub(heard_ms) > DOUBT_MS,
        };
        if is_doubtful {
            self.stream = Stream::Closed { open_at_ms: now_ms };
        }
    }

    /// Ends it.
    pub fn stop(&mut self, end: FollowEnd) {
        self.end.get_or_insert(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: FollowStep = FollowStep::Sync { wait: 0 };
    const IDLE: FollowedSync = FollowedSync::Complete {
        next_in_ms: 30_000,
        has_moved: false,
    };
    const FAILED: FollowedSync = FollowedSync::Failed { next_in_ms: 8_000 };

    /// One that has synced and listens, at the time 0.
    fn listening() -> Follow {
        let mut follow = Follow::new(true, 0, 0);
        assert_eq!(follow.next(0), SYNC);
        follow.synced(IDLE, 0);
        assert_eq!(follow.next(0), FollowStep::Listen { stream: 1 });
        assert_eq!(follow.next(0), FollowStep::Wait { ms: 30_000 });
        follow.heard(1, 0);
        assert_eq!(follow.next(0), SYNC, "what came before the stream");
        follow.synced(IDLE, 0);
        follow
    }

    #[test]
    fn it_syncs_at_once_when_told_and_when_due() {
        let mut follow = listening();
        assert_eq!(follow.next(10), FollowStep::Wait { ms: 29_990 });
        follow.has_news(10);
        assert_eq!(follow.next(10), SYNC);
        // What happens meanwhile is another's.
        follow.has_news(11);
        follow.synced(IDLE, 12);
        assert_eq!(follow.next(12), SYNC);
        follow.synced(IDLE, 20);
        follow.heard(1, 29_000);
        assert_eq!(follow.next(30_019), FollowStep::Wait { ms: 1 });
        assert_eq!(follow.next(30_020), SYNC);
    }

    #[test]
    fn where_syncs_fail_it_waits_until_the_server_is_there_again() {
        let mut follow = listening();
        follow.has_news(10);
        assert_eq!(follow.next(10), SYNC);
        follow.has_news(11);
        follow.synced(FAILED, 12);
        follow.has_news(13);
        assert_eq!(follow.next(13), FollowStep::Wait { ms: 7_999 });
        follow.retry_in(2_000);
        follow.closed(1, StreamEnd::Broken, 13, 0);
        assert_eq!(follow.next(2_013), FollowStep::Listen { stream: 2 });
        follow.heard(2, 2_020);
        assert_eq!(follow.next(2_020), SYNC, "a stream that begins says so");
        follow.synced(FAILED, 2_020);
        follow.wake(2_021);
        assert_eq!(follow.next(2_021), SYNC, "or the app does");
    }

    #[test]
    fn a_stream_is_opened_again_as_the_server_says_or_ever_later() {
        let mut follow = listening();
        follow.retry_in(5_000);
        follow.closed(1, StreamEnd::Broken, 1_000, 0);
        assert_eq!(follow.next(1_000), FollowStep::Wait { ms: 5_000 });
        let mut now = 6_000;
        // Nobody answers: half of what doubles from a second on.
        for (stream, wait) in [(2, 500), (3, 1_000), (4, 2_000)] {
            assert_eq!(follow.next(now), FollowStep::Listen { stream });
            follow.closed(stream, StreamEnd::Broken, now, 0);
            assert_eq!(follow.next(now), FollowStep::Wait { ms: wait });
            now += wait;
        }
        assert_eq!(follow.next(now), FollowStep::Listen { stream: 5 });
        follow.closed(5, StreamEnd::Later(7_000), now, 0);
        assert_eq!(follow.next(now), FollowStep::Wait { ms: 7_000 });
        // What an earlier stream still says is nobody's business.
        follow.heard(4, now);
        follow.closed(4, StreamEnd::NoStreams, now, 0);
        assert_eq!(follow.next(now), FollowStep::Wait { ms: 7_000 });
    }

    #[test]
    fn a_stream_that_is_silent_is_given_up() {
        let mut follow = listening();
        for due in [30_000, 60_000] {
            assert_eq!(follow.next(due), SYNC);
            follow.synced(IDLE, due);
        }
        assert_eq!(follow.next(60_000), FollowStep::Listen { stream: 2 });
        // A device that has slept does not wait so long.
        follow.heard(2, 60_000);
        follow.wake(80_000);
        assert_eq!(follow.next(80_000), SYNC);
        follow.synced(IDLE, 80_000);
        assert_eq!(follow.next(80_000), FollowStep::Wait { ms: 30_000 });
        follow.wake(90_000);
        assert_eq!(follow.next(90_000), SYNC);
        follow.synced(IDLE, 90_000);
        assert_eq!(follow.next(90_000), FollowStep::Listen { stream: 3 });
    }

    #[test]
    fn without_streams_syncs_wait_for_news() {
        let mut follow = Follow::new(false, 0, 0);
        assert_eq!(follow.next(0), SYNC);
        follow.synced(IDLE, 10);
        assert_eq!(follow.next(10), FollowStep::Sync { wait: 25 });
        follow.synced(IDLE, 55_010);
        assert_eq!(follow.next(55_010), FollowStep::Sync { wait: 25 });
        // A server that does not wait is not asked again and again.
        follow.synced(IDLE, 55_020);
        assert_eq!(follow.next(55_020), FollowStep::Wait { ms: 30_000 });
        follow.has_news(55_030);
        assert_eq!(follow.next(55_030), FollowStep::Sync { wait: 25 });
        let moved = FollowedSync::Complete {
            next_in_ms: 30_000,
            has_moved: true,
        };
        follow.synced(moved, 55_040);
        assert_eq!(follow.next(55_040), FollowStep::Sync { wait: 25 });
        follow.synced(FAILED, 55_050);
        assert_eq!(follow.next(63_050), SYNC);
        // A server without streams is one like these.
        let mut follow = listening();
        follow.closed(1, StreamEnd::NoStreams, 1, 0);
        assert_eq!(follow.next(1), FollowStep::Sync { wait: 25 });
    }

    #[test]
    fn it_ends_when_nobody_is_signed_in_any_more() {
        let mut follow = listening();
        follow.closed(1, StreamEnd::NotLetIn, 5, 0);
        assert_eq!(follow.next(5), SYNC);
        follow.synced(FollowedSync::SignedOut, 6);
        assert_eq!(follow.next(6), FollowStep::Over(FollowEnd::SignedOut));
        follow.stop(FollowEnd::Stopped);
        assert_eq!(follow.next(7), FollowStep::Over(FollowEnd::SignedOut));
        // What was cut short because there is more is done again at once, else soon.
        let mut follow = listening();
        follow.has_news(10);
        assert_eq!(follow.next(10), SYNC);
        follow.synced(FollowedSync::Interrupted, 11);
        assert_eq!(follow.next(11), FollowStep::Wait { ms: 5_000 });
    }
}
