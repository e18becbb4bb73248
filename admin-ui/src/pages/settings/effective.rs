//! The settings as they are in force, and the server itself.

use leptos::prelude::*;
use sync_proto::api::{SettingInfo, SettingOrigin, SystemInfo};

use crate::api;
use crate::browser;
use crate::components::{
    Column, Confirm, Messages, Row, When, empty, facts, loaded, problem, table, tag,
};
use crate::live::Live;
use crate::session::Session;
use crate::task::Task;
use crate::text::{self, Tone};

const COLUMNS: &[Column] = &[
    Column::Head("Setting"),
    Column::Text("Value"),
    Column::Text("From"),
];

#[component]
pub(super) fn Effective() -> impl IntoView {
    let settings = Live::once(api::settings);
    let sought = RwSignal::new(String::new());
    let only_set = RwSignal::new(false);
    view! {
        <div class="tools">
            <input
                class="search"
                type="search"
                data-search=""
                aria-label="Search in names and values"
                placeholder="Search in names and values"
                on:input=move |event| sought.set(event_target_value(&event))
            />
            <crate::components::Toggle label="Only what somebody has set" value=only_set/>
        </div>
        <section class="flush">
            {loaded(settings, move |settings| show(settings.items, &browser::lower_case(&sought.get()), only_set.get()))}
        </section>
    }
}

fn show(settings: Vec<SettingInfo>, sought: &str, only_set: bool) -> AnyView {
    let rows: Vec<_> = settings
        .into_iter()
        .filter(|setting| !only_set || setting.origin != SettingOrigin::Default)
        .filter(|setting| {
            let is_in = |text: &str| browser::lower_case(text).contains(sought);
            is_in(&setting.key) || is_in(&setting.value)
        })
        .map(|setting| {
            let origin = text::setting_origin(setting.origin, setting.variable.as_deref());
            let tone = match setting.origin {
                SettingOrigin::Default => Tone::Quiet,
                _ => Tone::Good,
            };
            Row::new(vec![
                view! { <code class="key">{breakable(&setting.key)}</code> }.into_any(),
                view! { <span class="value"><code>{setting.value}</code></span> }.into_any(),
                tag(tone, origin).into_any(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return empty(
            "No setting is like that.",
            "Search for a part of its name or value.",
        )
        .into_any();
    }
    table("Settings", COLUMNS, rows)
}

/// A name that may break after its dots, and nowhere else.
fn breakable(key: &str) -> impl IntoView + use<> {
    let parts = key.split_inclusive('.').map(str::to_owned);
    parts.map(|part| view! { {part} <wbr/> }).collect_view()
}

/// The server, and the reset of everything.
#[component]
pub(super) fn Server() -> impl IntoView {
    let session = Session::get();
    let messages = Messages::get();
    let system = Live::once(api::system);
    let task = Task::new();
    let reset = move |open: RwSignal<bool>| {
        task.run(api::reset_system("rhosync"), move |()| {
            open.set(false);
            messages.say("Everything is removed.");
            system.now();
        });
    };
    view! {
        <section>{loaded(system, system_facts)}</section>
        <When is=Signal::derive(move || session.may("admin"))>
            <section class="danger" aria-labelledby="reset">
                <h2 id="reset">"Reset"</h2>
                <p>
                    "Removes all users, devices, documents, changes and jobs. Administrators, API tokens and the settings stay. "
                    "Devices start over."
                </p>
                <Confirm
                    label="Reset everything…"
                    title="Remove everything?".to_owned()
                    text="All users, devices, documents, changes that wait, and jobs are removed. That cannot be undone."
                        .to_owned()
                    task
                    on_confirm=reset
                    typed="rhosync"
                />
                {problem(task)}
            </section>
        </When>
    }
}

fn system_facts(system: SystemInfo) -> impl IntoView {
    facts(vec![
        ("Version", system.version.into_any()),
        ("Sources", text::count(system.sources as u64).into_any()),
        (
            "App server",
            system
                .app_server
                .unwrap_or_else(|| "none".to_owned())
                .into_any(),
        ),
    ])
}
