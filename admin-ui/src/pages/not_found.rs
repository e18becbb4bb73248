//! The page for paths that do not exist.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::page::Page;

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    view! {
        <h1>"There is no such page"</h1>
        <p>
            <A href=Page::Status.href()>"Go to the server's status"</A>
        </p>
    }
}
