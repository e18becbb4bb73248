//! The status page: whether the server is alive and ready.

use std::time::Duration;

use futures_util::join;
use js_sys::Date;
use leptos::prelude::*;

use crate::api;
use crate::components::{CheckList, Facts, VerdictBanner};
use crate::page::Page;
use crate::refresh::Refresh;
use crate::summary::{Snapshot, verdict};

const INTERVAL: Duration = Duration::from_secs(10);

#[component]
pub(crate) fn StatusPage() -> impl IntoView {
    let refresh = Refresh::every(INTERVAL);
    let snapshot = LocalResource::new(move || {
        refresh.track();
        take_snapshot()
    });
    // What is shown changes only where a look at the server brought something new.
    let verdict = Memo::new(move |_| snapshot.map(verdict));
    let version = Memo::new(move |_| {
        snapshot
            .map(|snapshot| {
                snapshot
                    .health
                    .as_ref()
                    .ok()
                    .map(|health| health.version.clone())
            })
            .flatten()
    });
    let checks = Memo::new(move |_| {
        snapshot.map(|snapshot| snapshot.readiness.clone().map(|readiness| readiness.checks))
    });
    let taken_at = Memo::new(move |_| snapshot.map(|snapshot| snapshot.taken_at.clone()));

    view! {
        <div class="heading">
            <h1>{Page::Status.title()}</h1>
            <button type="button" on:click=move |_| refresh.now()>
                "Refresh"
            </button>
        </div>
        <div role="status">
            {move || match verdict.get() {
                None => view! { <p class="quiet">"Asking the server…"</p> }.into_any(),
                Some(verdict) => view! { <VerdictBanner verdict/> }.into_any(),
            }}
        </div>
        <Facts version taken_at/>
        <section aria-labelledby="checks">
            <h2 id="checks">"What the server needs"</h2>
            {move || match checks.get() {
                None => view! { <p class="quiet">"Asking the server…"</p> }.into_any(),
                Some(Ok(checks)) => view! { <CheckList checks/> }.into_any(),
                Some(Err(error)) => view! { <p class="quiet">{error.to_string()}</p> }.into_any(),
            }}
        </section>
    }
}

async fn take_snapshot() -> Snapshot {
    let (health, readiness) = join!(api::health(), api::readiness());
    let taken_at = String::from(Date::new_0().to_locale_time_string("default"));
    Snapshot {
        health,
        readiness,
        taken_at,
    }
}
