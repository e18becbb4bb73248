//! Searching, choosing, and going on in lists.

use std::time::Duration;

use leptos::prelude::*;

use crate::page::href;
use crate::url_state::UrlState;

/// How long after the last letter a search begins.
pub(crate) const TYPING: Duration = Duration::from_millis(250);

/// Longest text that is searched for, in characters: it has to fit into an address.
const LONGEST: u32 = 500;

/// A search whose text is in the address.
#[component]
pub(crate) fn SearchBox(
    state: UrlState,
    /// The parameter of the address.
    #[prop(default = "q")]
    name: &'static str,
    label: &'static str,
) -> impl IntoView {
    let typed = RwSignal::new(state.get(name));
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let search = move |text: String| {
        typed.set(text.clone());
        if let Some(handle) = timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
        timer.set_value(set_timeout_with_handle(move || state.set(name, &text), TYPING).ok());
    };
    on_cleanup(move || {
        if let Some(handle) = timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    });
    // Back and Forward change the address, and the field with it.
    Effect::new(move |_| {
        let asked = state.get(name);
        if typed.get_untracked() != asked && timer.with_value(Option::is_none) {
            typed.set(asked);
        } else {
            timer.set_value(None);
        }
    });
    view! {
        <input
            class="search"
            type="search"
            data-search=""
            aria-label=label
            placeholder=label
            autocomplete="off"
            spellcheck="false"
            maxlength=LONGEST
            prop:value=move || typed.get()
            on:input=move |event| search(event_target_value(&event))
        />
    }
}

/// A choice of one of a few, in the address.
#[component]
pub(crate) fn Choices(
    state: UrlState,
    /// The parameter of the address.
    name: &'static str,
    label: &'static str,
    /// Values and what they are called; the first is what an address without the parameter means.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    // The links stay while the choice changes: who is there with the keyboard stays too.
    let options = Memo::new(move |_| options.get());
    let links = move || {
        let options = options.get();
        let first = options.first().map(|(value, _)| value.clone());
        let links = options.into_iter().map(|(value, title)| {
            let wanted = match first.as_ref() == Some(&value) {
                true => String::new(),
                false => value.clone(),
            };
            let address = {
                let wanted = wanted.clone();
                move || href(&state.with(name, &wanted))
            };
            let is_chosen = move || {
                let chosen = state.get(name);
                (chosen == wanted || chosen == value).then_some("true")
            };
            view! {
                <a href=address aria-current=is_chosen>
                    {title}
                </a>
            }
        });
        links.collect_view()
    };
    view! {
        <nav class="choices" aria-label=label>
            {links}
        </nav>
    }
}

/// Values and what they are called, for [`Choices`] and selections.
pub(crate) fn choices(options: &[(&str, &str)]) -> Vec<(String, String)> {
    let options = options.iter();
    options
        .map(|(value, title)| ((*value).to_owned(), (*title).to_owned()))
        .collect()
}

/// The way to the following part of a list, and back to its beginning.
#[component]
pub(crate) fn Pager(state: UrlState, next: Option<String>) -> impl IntoView {
    let is_first = state.cursor().is_empty();
    let first =
        (!is_first).then(|| view! { <a class="button" href=href(&state.at(""))>"First page"</a> });
    let next =
        next.map(|next| view! { <a class="button" href=href(&state.at(&next))>"Next page"</a> });
    view! { <nav class="pager" aria-label="Pages of the list">{first} {next}</nav> }
}
