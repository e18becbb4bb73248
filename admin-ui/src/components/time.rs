//! Times that say how long ago they are.

use leptos::prelude::*;

use crate::clock::{self, Clock};
use crate::text;

/// "8 s ago", moving on, with date and time behind it.
#[component]
pub(crate) fn Ago(at: u64) -> impl IntoView {
    let clock = Clock::get();
    // The clock moves by steps: what has just come would be in the future.
    let told = move || {
        let now = clock.now();
        let now = if now < at && at - now < 10_000 {
            at
        } else {
            now
        };
        text::ago(now, at)
    };
    view! { <time title=clock::local(at)>{told}</time> }
}

/// "for 59 min", since then.
pub(crate) fn lasting(at: Option<u64>) -> AnyView {
    let Some(at) = at else {
        return ().into_any();
    };
    let clock = Clock::get();
    let told = move || match clock.now().saturating_sub(at) {
        0..10_000 => "for a moment".to_owned(),
        lasting => format!("for {}", text::span(lasting / 1_000 * 1_000)),
    };
    view! { <time title=clock::local(at)>{told}</time> }.into_any()
}

/// "8 s ago" of a time that may be missing.
pub(crate) fn ago(at: Option<u64>) -> AnyView {
    match at {
        Some(at) => view! { <Ago at/> }.into_any(),
        None => view! { <span class="faint">"–"</span> }.into_any(),
    }
}
