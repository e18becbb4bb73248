//! Whether a database is followed, and what happens to who does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sync_device::{Follow, FollowEnd, FollowStep, FollowedSync, LiveEvent, StreamEnd};

use crate::report::{Ended, SyncReport};

/// Ends a conversation when it is set.
pub(crate) type Cancel = Arc<AtomicBool>;

/// Whether a database is followed.
#[derive(Default)]
pub(crate) struct Following {
    state: Mutex<Option<State>>,
    bell: Condvar,
    /// Streams that there were until it was followed last.
    streams: AtomicU64,
}

struct State {
    follow: Follow,
    /// The sync that is under way, and whether it waits for news.
    sync: Option<(Cancel, bool)>,
    stream: Option<Cancel>,
}

impl State {
    /// Breaks off all that is under way.
    fn cancel_all(&mut self) {
        self.cancel_stream();
        if let Some((cancel, _)) = &self.sync {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    fn cancel_stream(&mut self) {
        if let Some(cancel) = self.stream.take() {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// A sync that waits would keep what is new here from going up.
    fn cancel_waiting(&self) {
        if let Some((cancel, true)) = &self.sync {
            cancel.store(true, Ordering::Relaxed);
        }
    }
}

impl Following {
    /// Begins. `false` if it is followed already.
    pub(crate) fn begin(&self, can_listen: bool, now_ms: u64) -> bool {
        let mut state = self.lock();
        if state.is_some() {
            return false;
        }
        *state = Some(State {
            follow: Follow::new(can_listen, self.streams.load(Ordering::Relaxed), now_ms),
            sync: None,
            stream: None,
        });
        true
    }

    /// Ends, with all that is under way.
    pub(crate) fn end(&self) {
        if let Some(mut state) = self.lock().take() {
            let streams = state.follow.streams();
            self.streams.store(streams, Ordering::Relaxed);
            state.cancel_all();
        }
    }

    /// What to do now.
    pub(crate) fn next(&self, now_ms: u64) -> FollowStep {
        next(self.lock().as_mut(), now_ms)
    }

    /// What to do, once there is something.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn wait(&self, now_ms: impl Fn() -> u64) -> FollowStep {
        let mut guard = self.lock();
        loop {
            let step = next(guard.as_mut(), now_ms());
            let FollowStep::Wait { ms } = step else {
                return step;
            };
            let longest = std::time::Duration::from_millis(ms);
            let waited = self.bell.wait_timeout(guard, longest);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A sync has begun.
    pub(crate) fn syncs(&self, cancel: Cancel, is_waiting: bool) {
        self.with(|state| state.sync = Some((cancel, is_waiting)));
    }

    /// A stream is asked for.
    pub(crate) fn listens(&self, cancel: Cancel) {
        self.with(|state| state.stream = Some(cancel));
    }

    /// A sync has ended: one of whoever follows, or of somebody else.
    pub(crate) fn synced(&self, cancel: &Cancel, sync: FollowedSync, now_ms: u64) {
        self.with(|state| {
            let is_own = |(own, _): &(Cancel, bool)| Arc::ptr_eq(own, cancel);
            if state.sync.as_ref().is_some_and(is_own) {
                state.sync = None;
                state.follow.synced(sync, now_ms);
            }
        });
    }

    /// A sync could not begin.
    pub(crate) fn could_not_sync(&self, sync: FollowedSync, now_ms: u64) {
        self.with(|state| state.follow.synced(sync, now_ms));
    }

    /// There is something to send.
    pub(crate) fn has_changes(&self, now_ms: u64) {
        self.with(|state| {
            state.follow.has_news(now_ms);
            state.cancel_waiting();
        });
    }

    /// A stream has brought something.
    pub(crate) fn heard(&self, stream: u64, events: Vec<LiveEvent>, now_ms: u64) {
        self.with(|state| {
            state.follow.heard(stream, now_ms);
            for event in events {
                match event {
                    LiveEvent::Changed => state.follow.has_news(now_ms),
                    LiveEvent::Retry(ms) => state.follow.retry_in(ms),
                }
            }
        });
    }

    /// A stream is over.
    pub(crate) fn closed(&self, stream: u64, end: StreamEnd, now_ms: u64, random: u64) {
        self.with(|state| state.follow.closed(stream, end, now_ms, random));
    }

    pub(crate) fn wake(&self, now_ms: u64) {
        self.with(|state| {
            state.follow.wake(now_ms);
            state.cancel_waiting();
        });
    }

    /// Nobody is to follow any more.
    pub(crate) fn stop(&self, end: FollowEnd) {
        self.with(|state| {
            state.follow.stop(end);
            state.cancel_all();
        });
    }

    fn with(&self, work: impl FnOnce(&mut State)) {
        if let Some(state) = &mut *self.lock() {
            work(state);
        }
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(state: Option<&mut State>, now_ms: u64) -> FollowStep {
    let Some(state) = state else {
        return FollowStep::Over(FollowEnd::Stopped);
    };
    let step = state.follow.next(now_ms);
    if matches!(step, FollowStep::Listen { .. }) {
        // The one before may be silent, and not over.
        state.cancel_stream();
    }
    step
}

/// What a sync was, to who follows.
pub(crate) fn followed(report: &SyncReport) -> FollowedSync {
    let next_in_ms = report.next_in_ms;
    match report.ended {
        Ended::Complete => FollowedSync::Complete {
            next_in_ms,
            has_moved: report.sent + report.received + report.deleted > 0
                || !report.removed.is_empty(),
        },
        Ended::Offline { .. } | Ended::ServerBusy { .. } | Ended::Refused { .. } => {
            FollowedSync::Failed { next_in_ms }
        }
        Ended::SignedOut => FollowedSync::SignedOut,
        Ended::Cancelled | Ended::DeadlinePassed => FollowedSync::Interrupted,
    }
}
