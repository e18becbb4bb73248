//! Something that somebody has asked for: at work, failed, or done.

use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::error::ApiError;
use crate::session::Session;

/// One thing at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) is_busy: RwSignal<bool>,
    pub(crate) error: RwSignal<Option<ApiError>>,
    session: Session,
}

/// What is to be done once the work is.
type Ending = Box<dyn FnOnce()>;

impl Task {
    pub(crate) fn new() -> Self {
        Self {
            is_busy: RwSignal::new(false),
            error: RwSignal::new(None),
            session: Session::get(),
        }
    }

    /// Does it, unless it is being done already.
    pub(crate) fn run<T: 'static>(
        self,
        work: impl Future<Output = Result<T, ApiError>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        self.begin(Box::pin(async move {
            let value = work.await?;
            Ok(Box::new(move || done(value)) as Ending)
        }));
    }

    fn begin(self, work: Pin<Box<dyn Future<Output = Result<Ending, ApiError>>>>) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let result = work.await;
            // Who has left the page does not hear of it any more.
            if self.is_busy.try_get_untracked().is_none() {
                return;
            }
            self.is_busy.set(false);
            match result {
                Ok(end) => end(),
                Err(error) => {
                    self.session.notice(&error);
                    self.error.set(Some(error));
                }
            }
        });
    }
}
