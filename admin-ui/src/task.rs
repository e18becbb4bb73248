//! Something that somebody has asked for: at work, failed, or done.

use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Call;
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
type Ending = Box<dyn FnOnce(&str) -> Result<(), ApiError>>;

impl Task {
    pub(crate) fn new() -> Self {
        Self {
            is_busy: RwSignal::new(false),
            error: RwSignal::new(None),
            session: Session::get(),
        }
    }

    /// Has it done, unless something is being done already.
    pub(crate) fn run<T: 'static>(self, call: Call<T>, done: impl FnOnce(T) + 'static) {
        let Call { request, read } = call;
        let end: Ending = Box::new(move |text| read(text).map(done));
        self.begin(Box::pin(request.answer()), end);
    }

    /// Does what takes more than one call.
    pub(crate) fn work(self, work: impl Future<Output = Result<(), ApiError>> + 'static) {
        let work = async move { work.await.map(|()| String::new()) };
        self.begin(Box::pin(work), Box::new(|_| Ok(())));
    }

    fn begin(self, work: Pin<Box<dyn Future<Output = Result<String, ApiError>>>>, end: Ending) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answer = work.await;
            // Who has left the page does not hear of it any more.
            if self.is_busy.try_get_untracked().is_none() {
                return;
            }
            self.is_busy.set(false);
            if let Err(error) = answer.and_then(|text| end(&text)) {
                self.session.notice(&error);
                self.error.set(Some(error));
            }
        });
    }
}
