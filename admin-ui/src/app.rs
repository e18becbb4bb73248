//! The console's frame: whoever is not signed in signs in; everybody else gets the navigation and the page of the address.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::path;
use sync_proto::api::{AttentionKind, Overview};
use web_sys::HtmlElement;

use crate::api;
use crate::browser;
use crate::clock::Clock;
use crate::components::{Dialog, MessageList, Messages, When};
use crate::live::Live;
use crate::page::{BASE, Page, href};
use crate::pages;
use crate::session::{Session, State};
use crate::shortcuts::{self, Help};
use crate::task::Task;
use crate::text;

/// How often the console looks how the system is doing.
const OVERVIEW_EVERY: Duration = Duration::from_secs(10);

#[component]
pub(crate) fn App() -> impl IntoView {
    Clock::provide();
    Messages::provide();
    let session = Session::provide();
    // A session that ends does not take the page away: what was typed is still there afterwards.
    let gate = Memo::new(move |_| match session.state() {
        State::Asking => Gate::Asking,
        State::Failed(_) => Gate::Failed,
        State::SignedOut => Gate::SignedOut,
        State::SignedIn(info) | State::Expired(info) if info.initial_password => Gate::FirstStart,
        State::SignedIn(_) | State::Expired(_) => Gate::In,
    });
    let failure = Signal::derive(move || match session.state() {
        State::Failed(error) => error.to_string(),
        _ => String::new(),
    });
    view! {
        <Router base=BASE>
            {move || match gate.get() {
                Gate::Asking => ().into_any(),
                Gate::Failed => view! { <pages::Unreachable reason=failure/> }.into_any(),
                Gate::SignedOut => view! { <pages::SignInPage/> }.into_any(),
                Gate::FirstStart => view! { <pages::FirstStart/> }.into_any(),
                Gate::In => view! { <Frame/> }.into_any(),
            }}
            <MessageList/>
        </Router>
    }
}

/// What of the console is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gate {
    Asking,
    Failed,
    SignedOut,
    FirstStart,
    In,
}

#[component]
fn Frame() -> impl IntoView {
    let session = Session::get();
    let overview = Live::every(Some(OVERVIEW_EVERY), api::overview);
    provide_context(overview);
    let help = RwSignal::new(false);
    shortcuts::listen(help);
    let expired = RwSignal::new(false);
    let is_expired = Memo::new(move |_| matches!(session.state(), State::Expired(_)));
    Effect::new(move |_| expired.set(is_expired.get()));
    focus_on_new_pages();
    view! {
        <a class="skip" href="#main">
            "To the content"
        </a>
        <Navigation overview help/>
        <main id="main" tabindex="-1">
            // Whoever has closed the dialog, to copy what they had typed for instance, finds it again.
            <When is=Signal::derive(move || is_expired.get() && !expired.get())>
                <div class="banner warning" role="alert">
                    <p>"Your session is over. What you see is not up to date."</p>
                    <button type="button" class="main" on:click=move |_| expired.set(true)>
                        "Sign in"
                    </button>
                </div>
            </When>
            <Routes fallback=pages::NotFound>
                <Route path=path!("/") view=pages::OverviewPage/>
                <Route path=path!("/devices") view=pages::DevicesPage/>
                <Route path=path!("/devices/:client") view=pages::DevicePage/>
                <Route path=path!("/devices/:client/preview/:source") view=pages::PreviewPage/>
                <Route path=path!("/devices/:client/compare/:source") view=pages::ComparisonPage/>
                <Route path=path!("/users") view=pages::UsersPage/>
                <Route path=path!("/users/:user") view=pages::UserPage/>
                <Route path=path!("/sources") view=pages::SourcesPage/>
                <Route path=path!("/sources/:source") view=pages::SourcePage/>
                <Route path=path!("/sources/:source/objects/:copy") view=pages::ObjectsPage/>
                <Route path=path!("/sources/:source/objects/:copy/:object") view=pages::ObjectPage/>
                <Route path=path!("/changes") view=pages::ChangesPage/>
                <Route path=path!("/changes/:change") view=pages::ChangePage/>
                <Route path=path!("/jobs") view=pages::JobsPage/>
                <Route path=path!("/jobs/:job") view=pages::JobPage/>
                <Route path=path!("/pings") view=pages::PingsPage/>
                <Route path=path!("/statistics") view=pages::StatisticsPage/>
                <Route path=path!("/settings") view=pages::SettingsPage/>
            </Routes>
        </main>
        <Help open=help/>
        <Dialog open=expired title="Your session is over".to_owned()>
            <p class="quiet">"Sign in again. Nothing of what you have typed is lost."</p>
            <pages::SignInForm/>
        </Dialog>
    }
}

/// On a phone the navigation is wider than the screen: it shows where one is.
fn show_current(side: NodeRef<html::Nav>) {
    let Some(side) = side.get_untracked() else {
        return;
    };
    let current = side.query_selector("[aria-current]").ok().flatten();
    if let Some(current) = current.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        let middle = current.offset_left() + current.offset_width() / 2;
        side.set_scroll_left(middle - side.client_width() / 2);
    }
}

/// Goes on with the keyboard at the beginning of a page that somebody has come to; what they had followed is gone.
fn focus_on_new_pages() {
    let here = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let here = here.get();
        if before.is_some_and(|before| before != here) {
            browser::focus_on_main();
        }
        here
    });
}

#[component]
fn Navigation(overview: Live<Overview>, help: RwSignal<bool>) -> impl IntoView {
    let session = Session::get();
    let here = use_location().pathname;
    let trouble = move |page: Page| {
        let kind = match page {
            Page::Devices => AttentionKind::StuckClients,
            Page::Changes => AttentionKind::DeadChanges,
            Page::Jobs => AttentionKind::DeadJobs,
            _ => return 0,
        };
        overview.data.with(|overview| {
            let attention = overview.iter().flat_map(|overview| &overview.attention);
            attention
                .filter(|it| it.kind == kind)
                .map(|it| it.count)
                .sum::<u64>()
        })
    };
    let link = move |page: Page| {
        let address = href(page.path());
        let is_here = {
            let address = address.clone();
            move || {
                let here = here.get();
                let below = here.strip_prefix(&address);
                let is_here = match page {
                    Page::Overview => here == address || here == BASE,
                    _ => below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                };
                is_here.then_some("page")
            }
        };
        let badge = move || {
            let number = trouble(page);
            (number > 0).then(|| view! { <b>{text::count(number)}</b> })
        };
        view! {
            <When is=Signal::derive(move || session.may(page.scope()))>
                <a href=address.clone() aria-current=is_here.clone()>
                    {page.title()}
                    {badge}
                </a>
            </When>
        }
    };
    let [main @ .., settings] = Page::ALL.map(link);
    let who = move || session.info().map(|info| info.name);
    let role = move || session.info().and_then(|info| info.role).map(text::role);
    let out = Task::new();
    let side = NodeRef::<html::Nav>::new();
    Effect::new(move |_| {
        here.track();
        // The links know only then which of them is here.
        request_animation_frame(move || show_current(side));
    });
    view! {
        <nav class="side" aria-label="Pages" node_ref=side>
            <a class="brand" href=href("/")>
                <i aria-hidden="true"></i>
                "RhoSync"
            </a>
            {main}
            <hr/>
            {settings}
            <div class="who">
                <span>
                    <strong>{who}</strong>
                    <br/>
                    {role}
                </span>
                <button
                    type="button"
                    class="plain"
                    on:click=move |_| out.work(session.sign_out())
                >
                    "Sign out"
                </button>
                <button
                    type="button"
                    class="plain"
                    aria-label="Keyboard shortcuts"
                    on:click=move |_| help.set(true)
                >
                    "?"
                </button>
            </div>
        </nav>
    }
}
