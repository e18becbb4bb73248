//! What is shown while something is not there yet, is not there at all, or no longer up to date.

use std::time::Duration;

use leptos::prelude::*;

use crate::clock;
use crate::error::ApiError;
use crate::live::{Live, Next, Status};
use crate::task::Task;
use crate::text;

/// Shows an answer once it is there; before that, that it is on its way; and beside it, why there is no newer one.
pub(crate) fn loaded<T, V>(
    live: Live<T>,
    show: impl Fn(T) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let shown = move || match live.data.get() {
        Some(data) => show(data).into_any(),
        None => ().into_any(),
    };
    framed(live.status, Box::new(shown))
}

/// Without types, since there are many of those, and the frame is the same for all.
fn framed(status: Status, shown: Box<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
    let missing = move || match (status.is_there.get(), status.error.get()) {
        // Whose session is over is told so once for the whole page.
        (true, None) | (_, Some(ApiError::SignedOut)) => ().into_any(),
        (true, Some(error)) => {
            let note = format!("{error} What you see is not up to date.");
            notice("banner warning", "status", note, status)
        }
        (false, Some(error)) => notice("banner bad", "alert", error.to_string(), status),
        (false, None) => view! {
            <div class="waiting" role="status">
                <span class="hidden">"Asking the server…"</span>
                <i></i>
                <i></i>
                <i></i>
            </div>
        }
        .into_any(),
    };
    let is_behind = move || status.is_behind.get();
    view! {
        {missing}
        <div class="loaded" class:behind=is_behind aria-busy=move || is_behind().to_string()>
            {shown}
        </div>
    }
    .into_any()
}

fn notice(class: &'static str, role: &'static str, text: String, status: Status) -> AnyView {
    // Beside what is read out when it comes: else that would be read out each second.
    view! {
        <div class=class>
            <p>
                <span role=role>{text}</span>
                " "
                {next_attempt(status)}
            </p>
            <button type="button" on:click=move |_| status.now()>
                "Try again"
            </button>
        </div>
    }
    .into_any()
}

/// When the server is asked next, moving on each second.
fn next_attempt(status: Status) -> impl Fn() -> Option<String> {
    let now = RwSignal::new(clock::now());
    let tick = move || {
        if !document().hidden() {
            now.set(clock::now());
        }
    };
    if let Ok(handle) = set_interval_with_handle(tick, Duration::from_secs(1)) {
        on_cleanup(move || handle.clear());
    }
    move || match status.next.get() {
        Next::Unplanned => None,
        Next::Now => Some(text::next_attempt(None)),
        // It was planned after the last tick.
        Next::At(at) => {
            let left_ms = at.saturating_sub(now.get().max(clock::now()));
            Some(text::next_attempt(Some(left_ms.div_ceil(1_000))))
        }
    }
}

/// Says that there is nothing, and what to make of it.
pub(crate) fn empty(title: &'static str, text: &'static str) -> AnyView {
    view! {
        <div class="empty">
            <p>{title}</p>
            <p class="quiet">{text}</p>
        </div>
    }
    .into_any()
}

/// What went wrong with something that somebody has asked for.
pub(crate) fn problem(task: Task) -> impl IntoView {
    problem_of(task, &[])
}

/// The same, without what stands beside a field already.
pub(crate) fn problem_of(task: Task, beside_fields: &'static [&'static str]) -> impl IntoView {
    move || {
        let error = task.error.get()?;
        let is_beside = matches!(&error, ApiError::Refused { code, .. } if beside_fields.contains(&code.as_str()));
        (!is_beside && error != ApiError::SignedOut).then(|| {
            view! {
                <p class="problem" role="alert">
                    {error.to_string()}
                </p>
            }
        })
    }
}
