//! The console's frame: header, navigation, and the page of the current path.

use leptos::prelude::*;
use leptos_router::StaticSegment;
use leptos_router::components::{A, Route, Router, Routes};

use crate::page::{BASE, Page};
use crate::pages::{NotFound, StatusPage};

#[component]
pub(crate) fn App() -> impl IntoView {
    view! {
        <Router base=BASE>
            <Header/>
            <main>
                <Routes fallback=NotFound>
                    <Route path=StaticSegment(Page::Status.path()) view=StatusPage/>
                </Routes>
            </main>
        </Router>
    }
}

#[component]
fn Header() -> impl IntoView {
    let links = Page::ALL.map(|page| {
        view! {
            <li>
                <A href=page.href() exact=true>
                    {page.title()}
                </A>
            </li>
        }
    });
    view! {
        <header class="top">
            <span class="brand">"RhoSync"</span>
            <nav aria-label="Pages">
                <ul>{links.collect_view()}</ul>
            </nav>
        </header>
    }
}
