//! A button that asks before it does what cannot be undone.

use leptos::prelude::*;

use crate::components::{Dialog, DialogForm, Field};
use crate::task::Task;

/// A button, and the dialog that it opens.
#[component]
pub(crate) fn Confirm(
    /// What the button says, and without the three dots the dialog's button too.
    label: &'static str,
    /// The question.
    title: String,
    /// What will happen.
    text: String,
    task: Task,
    /// Does it. It closes the dialog itself, by the signal it is given, once that is done.
    #[prop(into)]
    on_confirm: Callback<RwSignal<bool>>,
    /// What must be typed first, where a press is too easily done.
    #[prop(optional)]
    typed: Option<&'static str>,
    #[prop(optional)] is_harmless: bool,
) -> impl IntoView {
    let text = StoredValue::new(text);
    let open = RwSignal::new(false);
    let entered = RwSignal::new(String::new());
    let mistyped = move || {
        typed
            .filter(|wanted| !entered.get().is_empty() && entered.get() != *wanted)
            .map(|wanted| format!("Type {wanted} to go on."))
    };
    let confirm = move || {
        if typed.is_none_or(|wanted| entered.get_untracked() == wanted) {
            on_confirm.run(open);
        }
    };
    let ask = move |_| {
        entered.set(String::new());
        task.error.set(None);
        open.set(true);
    };
    let submit = label.trim_end_matches('…');
    let cancel = Callback::new(move |()| open.set(false));
    view! {
        <button type="button" class=if is_harmless { "" } else { "danger" } on:click=ask>
            {label}
        </button>
        <Dialog open title>
            <DialogForm task submit on_submit=confirm is_dangerous=!is_harmless on_cancel=cancel>
                <p>{text.get_value()}</p>
                {typed
                    .map(|wanted| {
                        let label = format!("Type {wanted} to confirm");
                        view! { <Field label value=entered error=Signal::derive(mistyped) required=true autofocus=true/> }
                    })}
            </DialogForm>
        </Dialog>
    }
}
