//! Short messages that something is done.

use std::time::Duration;

use leptos::prelude::*;

/// How long a message stays.
const SHOWN: Duration = Duration::from_secs(6);

/// Says things to whoever looks at the console.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Messages(RwSignal<Vec<(u32, String)>>);

impl Messages {
    pub(crate) fn provide() {
        provide_context(Self(RwSignal::new(Vec::new())));
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    pub(crate) fn say(self, text: impl Into<String>) {
        let text = text.into();
        let number = self
            .0
            .with_untracked(|said| said.last().map_or(0, |(number, _)| number.wrapping_add(1)));
        self.0.update(|said| said.push((number, text)));
        set_timeout(
            move || {
                self.0
                    .update(|said| said.retain(|(other, _)| *other != number))
            },
            SHOWN,
        );
    }
}

/// Where they appear.
#[component]
pub(crate) fn MessageList() -> impl IntoView {
    let Messages(said) = Messages::get();
    view! {
        <div class="messages" role="status" aria-live="polite">
            <For each=move || said.get() key=|(number, _)| *number let((_, text))>
                <p>{text}</p>
            </For>
        </div>
    }
}
