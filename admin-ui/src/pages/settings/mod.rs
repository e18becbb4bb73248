//! Settings, tokens, administrators and what they did, and the reset of everything.

mod administrators;
mod audit;
mod effective;
mod tokens;

use leptos::prelude::*;

use administrators::Administrators;
use audit::Audit;
use effective::{Effective, Server};
use tokens::Tokens;

use crate::components::Messages;
use crate::components::{Choices, choices, heading};
use crate::page::Page;
use crate::pages::sign_in::PasswordForm;
use crate::session::Session;
use crate::url_state::UrlState;

#[component]
pub(crate) fn SettingsPage() -> impl IntoView {
    let state = UrlState::of(Page::Settings.path());
    let session = Session::get();
    let parts = Signal::derive(move || {
        let mut parts = vec![("", "In force"), ("account", "Your account")];
        if session.may("admin") {
            parts.extend([
                ("tokens", "API tokens"),
                ("administrators", "Administrators"),
                ("audit", "Audit log"),
            ]);
        }
        parts.push(("server", "Server"));
        choices(&parts)
    });
    // An address may name a part that is not for everybody.
    let part = Memo::new(move |_| {
        let part = state.get("part");
        let is_shown = parts.with(|parts| parts.iter().any(|(value, _)| *value == part));
        if is_shown { part } else { String::new() }
    });
    view! {
        {heading(Page::Settings.title(), (), ())}
        <div class="tools">
            <Choices state name="part" label="Part of the settings" options=parts/>
        </div>
        {move || match part.get().as_str() {
            "tokens" => view! { <Tokens state/> }.into_any(),
            "administrators" => view! { <Administrators/> }.into_any(),
            "audit" => view! { <Audit state/> }.into_any(),
            "account" => view! { <Account/> }.into_any(),
            "server" => view! { <Server/> }.into_any(),
            _ => view! { <Effective/> }.into_any(),
        }}
    }
}

/// One's own password.
#[component]
fn Account() -> impl IntoView {
    let messages = Messages::get();
    view! {
        <section class="narrow" aria-labelledby="password">
            <h2 id="password">"Change your password"</h2>
            <p class="quiet">"Your other sessions end; this one goes on."</p>
            <PasswordForm on_done=move || messages.say("Your password is changed.")/>
        </section>
    }
}
