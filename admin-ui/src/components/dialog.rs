//! Dialogs: the browser's own, which keep the keyboard inside and close with Escape.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{HtmlDialogElement, HtmlElement};

use crate::components::edited::newer;
use crate::components::{When, problem_of};
use crate::task::Task;

/// A dialog. What it contains begins anew each time it is opened.
#[component]
pub(crate) fn Dialog(open: RwSignal<bool>, title: String, children: ChildrenFn) -> impl IntoView {
    let label = title.clone();
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // It fails only where the dialog is open, or no longer in the page.
            let _ = dialog.show_modal();
            // What is in it comes in this moment.
            request_animation_frame(move || focus_on_first(&dialog));
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog node_ref=node on:close=move |_| open.set(false) aria-label=label>
            <When is=Signal::derive(move || open.get())>
                <div class="dialog-head">
                    <h2>{title.clone()}</h2>
                    <button
                        type="button"
                        class="plain"
                        aria-label="Close"
                        on:click=move |_| open.set(false)
                    >
                        "✕"
                    </button>
                </div>
                {children()}
            </When>
        </dialog>
    }
}

/// What closes the dialog would be the first otherwise.
fn focus_on_first(dialog: &HtmlDialogElement) {
    let first = ["[autofocus]", "input, select, textarea"];
    let found = first.map(|selector| dialog.query_selector(selector).ok().flatten());
    let first = found.into_iter().flatten().next();
    if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
        // It fails only where the element is no longer in the page.
        let _ = first.focus();
    }
}

/// A form that does something, in a dialog or on a page. A second press while it is at work does nothing.
#[component]
pub(crate) fn DialogForm(
    task: Task,
    /// What the button says.
    submit: &'static str,
    /// Called when the form is sent and the browser finds nothing wrong with it.
    #[prop(into)]
    on_submit: Callback<()>,
    /// Codes of errors that the fields show themselves.
    #[prop(optional)]
    beside_fields: &'static [&'static str],
    #[prop(optional)] is_dangerous: bool,
    /// Called when somebody would rather not.
    #[prop(optional)]
    on_cancel: Option<Callback<()>>,
    /// Called when the server has another state by now than the one in which the form was filled in, and somebody wants that.
    #[prop(optional)]
    on_newer: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        on_submit.run(());
    };
    let cancel = on_cancel.map(|cancel| {
        view! {
            <button type="button" autofocus=true on:click=move |_| cancel.run(())>
                "Cancel"
            </button>
        }
    });
    view! {
        <form class="form" on:submit=send>
            {children()}
            {problem_of(task, beside_fields)}
            {on_newer.map(|load| newer(task, load))}
            <div class="actions">
                // A button that is disabled would lose the keyboard. That nothing is done twice is the task's part.
                <button
                    type="submit"
                    class=if is_dangerous { "danger" } else { "main" }
                    aria-disabled=move || task.is_busy.get().to_string()
                >
                    {move || if task.is_busy.get() { "Working…" } else { submit }}
                </button>
                {cancel}
            </div>
        </form>
    }
}
