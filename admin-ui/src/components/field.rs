//! Fields of forms, with what is wrong beside them.

use leptos::prelude::*;

use crate::error::ApiError;
use crate::task::Task;
use crate::text;

/// Gives every field an id of its own.
fn next_id() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("field-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Label, field, hint and error, tied together for screen readers.
fn framed(
    id: String,
    label: String,
    hint: Option<&'static str>,
    error: Signal<Option<String>>,
    field: impl IntoView + 'static,
) -> impl IntoView {
    let note = format!("{id}-note");
    view! {
        <div class="field" class:wrong=move || error.get().is_some()>
            <label for=id>{label}</label>
            {field}
            <p id=note class="hint">
                {move || error.get().or(hint.map(str::to_owned))}
            </p>
        </div>
    }
}

/// Codes of refusals that stand beside a field.
pub(crate) const BESIDE_FIELDS: &[&str] = &["user_exists", "invalid_value"];

/// What the server said against a field's value. Its message names the field: it has no other way to say so.
pub(crate) fn against(task: Task, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || match task.error.get() {
        Some(ApiError::Refused { code, message, .. }) if BESIDE_FIELDS.contains(&code.as_str()) => {
            (text::field_of(&message) == field).then_some(message)
        }
        _ => None,
    })
}

#[component]
pub(crate) fn Field(
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional_no_strip)] hint: Option<&'static str>,
    #[prop(optional)] error: Signal<Option<String>>,
    #[prop(optional)] required: bool,
    /// Whether the keyboard is here first.
    #[prop(optional)]
    autofocus: bool,
    #[prop(default = "off")] autocomplete: &'static str,
) -> impl IntoView {
    let id = next_id();
    let field = view! {
        <input
            id=id.clone()
            type=kind
            required=required
            autofocus=autofocus
            autocomplete=autocomplete
            autocapitalize="none"
            spellcheck="false"
            aria-describedby=format!("{id}-note")
            aria-invalid=move || error.get().is_some().to_string()
            prop:value=move || value.get()
            on:input=move |event| value.set(event_target_value(&event))
        />
    };
    framed(id, label, hint, error, field)
}

/// Whose password a form is about, for those that keep passwords.
#[component]
pub(crate) fn PasswordOf(#[prop(into)] name: String) -> impl IntoView {
    view! { <input type="text" hidden=true readonly=true autocomplete="username" value=name/> }
}

#[component]
pub(crate) fn TextArea(
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(optional_no_strip)] hint: Option<&'static str>,
    #[prop(optional)] error: Signal<Option<String>>,
    #[prop(default = 3)] rows: u32,
) -> impl IntoView {
    let id = next_id();
    let field = view! {
        <textarea
            id=id.clone()
            rows=rows
            aria-describedby=format!("{id}-note")
            aria-invalid=move || error.get().is_some().to_string()
            prop:value=move || value.get()
            on:input=move |event| value.set(event_target_value(&event))
        ></textarea>
    };
    framed(id, label, hint, error, field)
}

#[component]
pub(crate) fn Select(
    #[prop(into)] label: String,
    value: RwSignal<String>,
    /// Values and what they are called.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
    #[prop(optional_no_strip)] hint: Option<&'static str>,
) -> impl IntoView {
    let id = next_id();
    let field = view! {
        <select
            id=id.clone()
            aria-describedby=format!("{id}-note")
            on:change=move |event| value.set(event_target_value(&event))
        >
            {move || {
                options
                    .get()
                    .into_iter()
                    .map(|(option, name)| {
                        let is_chosen = option == value.get();
                        view! {
                            <option value=option selected=is_chosen>
                                {name}
                            </option>
                        }
                    })
                    .collect_view()
            }}
        </select>
    };
    framed(id, label, hint, Signal::default(), field)
}

/// A box to tick.
#[component]
pub(crate) fn Toggle(#[prop(into)] label: String, value: RwSignal<bool>) -> impl IntoView {
    view! {
        <label class="toggle">
            <input
                type="checkbox"
                prop:checked=move || value.get()
                on:change=move |event| value.set(event_target_checked(&event))
            />
            {label}
        </label>
    }
}
