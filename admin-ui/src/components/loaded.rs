//! What is shown while something is not there yet, is not there at all, or no longer up to date.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement};

use crate::browser;
use crate::clock;
use crate::error::ApiError;
use crate::live::{Live, Next, Status};
use crate::page::href;
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
    let place = NodeRef::<html::Div>::new();
    let shown = keeping_focus(place, shown);
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
        <div class="loaded" node_ref=place class:behind=is_behind aria-busy=move || is_behind().to_string()>
            {shown}
        </div>
    }
    .into_any()
}

/// What is drawn anew now and then: whoever has the keyboard in it keeps it.
pub(crate) fn kept(shown: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    let place = NodeRef::<html::Div>::new();
    let shown = keeping_focus(place, Box::new(shown));
    view! { <div node_ref=place>{shown}</div> }.into_any()
}

fn keeping_focus(
    place: NodeRef<html::Div>,
    shown: Box<dyn Fn() -> AnyView + Send + Sync>,
) -> impl Fn() -> AnyView + Send + Sync {
    move || {
        if let Some(place) = place.get_untracked() {
            keep_focus(place.into());
        }
        shown()
    }
}

/// Whether what is shown is gone. Whoever has the keyboard in it has it at the beginning of the page then.
pub(crate) fn gone(status: Status) -> Memo<bool> {
    let is_gone = Memo::new(move |_| status.is_gone());
    Effect::new(move |_| {
        if is_gone.get() {
            browser::focus_on_main_if_lost();
        }
    });
    is_gone
}

/// What is in this place is about to be drawn anew: whoever has the keyboard there has it at the same link or button afterwards.
fn keep_focus(place: Element) {
    let Some(focused) = document().active_element() else {
        return;
    };
    if !place.contains(Some(&focused)) {
        return;
    }
    // It may leave its place alone.
    let is_pager = focused.closest(".pager").is_ok_and(|found| found.is_some());
    request_animation_frame(move || {
        let is_lost = document()
            .active_element()
            .is_none_or(|it| it.tag_name() == "BODY");
        let Ok(all) = place.query_selector_all("a, button") else {
            return;
        };
        let all = (0..all.length()).filter_map(|at| all.item(at)?.dyn_into::<HtmlElement>().ok());
        let all: Vec<_> = all.collect();
        let is_named_so = |it: &&HtmlElement| it.text_content() == focused.text_content();
        let same: Vec<_> = all.iter().filter(is_named_so).collect();
        let leads_there =
            |it: &&HtmlElement| it.get_attribute("href") == focused.get_attribute("href");
        // At its end, a list has no way on, but the one back.
        let other = all.last().filter(|_| is_pager);
        let found = same.iter().copied().find(leads_there);
        if let Some(found) = found.or(same.first().copied()).or(other)
            && is_lost
        {
            // It fails only where the element is no longer in the page.
            let _ = found.focus();
        }
    });
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

/// The page of one thing of a list; where the server does not know it, says so instead and leads to the list.
#[component]
pub(crate) fn Found(
    status: Status,
    /// What kind of thing it is.
    what: &'static str,
    /// The list's title and path.
    list: (&'static str, &'static str),
    children: ChildrenFn,
) -> impl IntoView {
    let is_gone = gone(status);
    let (title, path) = list;
    move || {
        match is_gone.get() {
        false => children(),
        true => view! {
            <div class="banner warning">
                <p role="alert">
                    {format!("There is no such {what}. It may have been removed, or the address is mistyped.")}
                </p>
                <a class="button" href=href(path)>
                    {format!("To the list: {title}")}
                </a>
            </div>
        }
        .into_any(),
    }
    }
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
