//! What somebody edits in a form, in the state in which they have seen it: who comes second writes over nothing unseen.

use leptos::prelude::*;

use crate::api::{self, Tag};
use crate::error::ApiError;
use crate::task::Task;

/// The state of a thing in which a form was filled in.
#[derive(Clone, Copy)]
pub(crate) struct Edited {
    path: StoredValue<String>,
    tag: StoredValue<Option<Tag>>,
}

impl Edited {
    /// The thing at a path of the API, as it was last read.
    pub(crate) fn new(path: String) -> Self {
        let tag = api::tag(&path);
        Self {
            path: StoredValue::new(path),
            tag: StoredValue::new(tag),
        }
    }

    /// The state.
    pub(crate) fn tag(self) -> Option<Tag> {
        self.tag.get_value()
    }

    /// It was read again, and is edited from this state on.
    pub(crate) fn renew(self) {
        self.tag
            .set_value(self.path.with_value(|path| api::tag(path)));
    }
}

/// What a form offers when the thing has another state by now: to load that. What was typed stays.
pub(crate) fn newer(task: Task, load: Callback<()>) -> impl IntoView {
    move || {
        let error = task.error.get()?;
        matches!(error, ApiError::Refused { status: 412, .. }).then(|| {
            view! {
                <p class="quiet">"What you have typed stays."</p>
                <button type="button" on:click=move |_| load.run(())>
                    "Load the newer state"
                </button>
            }
        })
    }
}
