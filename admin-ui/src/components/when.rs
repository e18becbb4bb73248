//! What is there only while something is so.

use leptos::prelude::*;

/// Like the framework's `Show`, but one piece of code for all places.
#[component]
pub(crate) fn When(is: Signal<bool>, children: ChildrenFn) -> impl IntoView {
    let is = Memo::new(move |_| is.get());
    move || match is.get() {
        true => children(),
        false => ().into_any(),
    }
}
