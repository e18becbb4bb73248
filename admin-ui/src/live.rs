//! What the server says, kept up to date.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::{Call, Request};
use crate::backoff::wait_after;
use crate::clock;
use crate::error::ApiError;
use crate::session::Session;

/// What the server says. Kept when it stops answering, so that nobody loses what they look at.
#[derive(Debug)]
pub(crate) struct Live<T: Send + Sync + 'static> {
    /// The last answer.
    pub(crate) data: Answer<T>,
    /// How things stand with it.
    pub(crate) status: Status,
}

/// An answer that others hear of when there is another. What tells them is the same for all types of answers: there are many
/// of those, and each would bring its own.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    kept: RwSignal<Option<Arc<dyn Any + Send + Sync>>>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Answer<T> {}

impl<T: Clone + Send + Sync + 'static> Answer<T> {
    fn new() -> Self {
        Self {
            kept: RwSignal::new(None),
            kind: PhantomData,
        }
    }

    /// The answer, and again whenever there is another.
    pub(crate) fn get(self) -> Option<T> {
        self.with(|answer| answer.cloned())
    }

    /// Looks at the answer, and again whenever there is another.
    pub(crate) fn with<U>(self, look: impl FnOnce(Option<&T>) -> U) -> U {
        look(known(&self.kept.get()))
    }

    /// Looks at the answer once.
    pub(crate) fn with_untracked<U>(self, look: impl FnOnce(Option<&T>) -> U) -> U {
        look(known(&self.kept.get_untracked()))
    }

    fn set(self, answer: T) {
        self.kept.set(Some(Arc::new(answer)));
    }
}

fn known<T: 'static>(kept: &Option<Arc<dyn Any + Send + Sync>>) -> Option<&T> {
    kept.as_ref()?.downcast_ref()
}

/// How things stand with an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Status {
    /// Whether there is one.
    pub(crate) is_there: RwSignal<bool>,
    /// Why there is no newer one.
    pub(crate) error: RwSignal<Option<ApiError>>,
    /// Whether it is to another question than the present one.
    pub(crate) is_behind: RwSignal<bool>,
    /// When the server is asked next.
    pub(crate) next: RwSignal<Next>,
    again: RwSignal<u32>,
}

/// When the server is asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Not before somebody wants it.
    Unplanned,
    /// It is being asked.
    Now,
    /// At this time, in milliseconds since 1970.
    At(u64),
}

/// Takes an answer in that has come, if somebody still waits for it.
type Taking = Box<dyn FnOnce(&str) -> Result<(), ApiError>>;

/// What is asked, and who takes the answer in. Without types, since there are many of those, and the rest is the same for all.
type Asking = Box<dyn Fn() -> (Request, Taking)>;

impl<T: Send + Sync + 'static> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Live<T> {}

impl<T: Clone + PartialEq + Send + Sync + 'static> Live<T> {
    /// Asks now, whenever a signal that `ask` reads changes, and every so often while somebody can see the page.
    ///
    /// It stops when the component that calls this goes away. An answer that came too late is thrown away.
    pub(crate) fn every(interval: Option<Duration>, ask: impl Fn() -> Call<T> + 'static) -> Self {
        let live = Self {
            data: Answer::new(),
            status: Status::new(),
        };
        let asking: Asking = Box::new(move || {
            let Call { request, read } = ask();
            let take: Taking = Box::new(move |text| live.take(read(text)?));
            (request, take)
        });
        live.status.keep_up(interval, asking);
        live
    }

    /// Asks once, and whenever a signal that `ask` reads changes.
    pub(crate) fn once(ask: impl Fn() -> Call<T> + 'static) -> Self {
        Self::every(None, ask)
    }

    /// Asks again now.
    pub(crate) fn now(self) {
        self.status.now();
    }

    fn take(self, data: T) -> Result<(), ApiError> {
        // What is the same is not shown anew.
        if self.data.with_untracked(|known| known != Some(&data)) {
            self.data.set(data);
        }
        Ok(())
    }
}

impl Status {
    fn new() -> Self {
        Self {
            is_there: RwSignal::new(false),
            error: RwSignal::new(None),
            is_behind: RwSignal::new(false),
            next: RwSignal::new(Next::Unplanned),
            again: RwSignal::new(0),
        }
    }

    /// Whether the server says that there is no such thing, or no longer.
    pub(crate) fn is_gone(self) -> bool {
        self.error
            .with(|error| error.as_ref().is_some_and(ApiError::is_not_found))
    }

    /// Whether there is something to act on.
    pub(crate) fn is_here(self) -> bool {
        self.is_there.get() && !self.is_gone()
    }

    /// Asks again now.
    pub(crate) fn now(self) {
        self.again.update(|rings| *rings = rings.wrapping_add(1));
    }

    fn keep_up(self, interval: Option<Duration>, ask: Asking) {
        let session = Session::get();
        let question = StoredValue::new(0_u64);
        let failures = StoredValue::new(0_u32);
        let timer = StoredValue::new(None::<TimeoutHandle>);
        let is_due = StoredValue::new(false);
        let stop_timer = move || {
            if let Some(handle) = timer.try_update_value(Option::take).flatten() {
                handle.clear();
            }
        };
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            if !document().hidden() && is_due.try_get_value() == Some(true) {
                self.now();
            }
        });
        on_cleanup(move || {
            listener.remove();
            stop_timer();
        });

        Effect::new(move |before: Option<u32>| {
            let ring = self.again.get();
            // Somebody has come back after their session was over.
            session.track_sign_ins();
            stop_timer();
            is_due.set_value(false);
            self.next.set(Next::Now);
            let (request, take) = ask();
            let number = question.get_value() + 1;
            question.set_value(number);
            if before == Some(ring) {
                self.is_behind.set(true);
            }
            spawn_local(async move {
                let answer = request.answer().await;
                if question.try_get_value() != Some(number) {
                    return;
                }
                let taken = answer.and_then(|text| take(&text));
                failures.update_value(|count| *count = if taken.is_err() { *count + 1 } else { 0 });
                let asked = taken.as_ref().err().map_or(0, ApiError::retry_after);
                self.note(taken, session);
                let Some(interval) = interval else {
                    self.next.set(Next::Unplanned);
                    return;
                };
                let wait = wait_after(failures.get_value(), interval, asked);
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                self.next
                    .set(Next::At(clock::now().saturating_add(wait_ms)));
                let ring = move || {
                    if document().hidden() {
                        is_due.set_value(true);
                    } else {
                        self.now();
                    }
                };
                timer.set_value(set_timeout_with_handle(ring, wait).ok());
            });
            ring
        });
    }

    fn note(self, taken: Result<(), ApiError>, session: Session) {
        self.is_behind.set(false);
        match taken {
            Ok(()) => {
                if !self.is_there.get_untracked() {
                    self.is_there.set(true);
                }
                if self.error.with_untracked(Option::is_some) {
                    self.error.set(None);
                }
            }
            Err(error) => {
                session.notice(&error);
                // The same once more: who is at its button stays there.
                if self
                    .error
                    .with_untracked(|known| known.as_ref() != Some(&error))
                {
                    self.error.set(Some(error));
                }
            }
        }
    }
}
