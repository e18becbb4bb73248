//! What is shown at an address that is no page's.

use leptos::prelude::*;

use crate::components::heading;
use crate::page::{Page, href};

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    view! {
        {heading("There is no such page", (), ())}
        <p class="quiet">"The address may be mistyped, or of another version of the console."</p>
        <p>
            <a href=href(Page::Overview.path())>"To the overview"</a>
        </p>
    }
}
