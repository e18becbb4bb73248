//! Devices: which is stuck, what it waits for, and what can be done.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::{
    ChangeInfo, ChangeState, ClientHealth, ClientInfo, ClientSourceSummary, ClientSummary, Listing,
    NewPing, SyncEvent,
};

use crate::api::{self, encode};
use crate::browser;
use crate::clock;
use crate::components::{
    Choices, Column, Confirm, Found, Messages, Pager, Row, SearchBox, Sorting, When, ago, choices,
    empty, heading, kept, lasting, loaded, problem, quoted, row_link, sorted_table, sub_heading,
    table, tag, tile,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::pages::keyed;
use crate::session::Session;
use crate::task::Task;
use crate::text::{self, Tone};
use crate::url_state::UrlState;

const DEVICE_COLUMNS: &[Column] = &[
    Column::Head("Device"),
    Column::Text("User"),
    Column::Text("Platform"),
    Column::Text("State"),
    Column::Number("Last sync"),
    Column::Number("Waiting"),
    Column::Number("Failed"),
    Column::Words("Problem"),
];

const SORTINGS: &[Sorting] = &[
    Sorting {
        column: "Device",
        ascending: Some("id"),
        descending: None,
    },
    Sorting {
        column: "Last sync",
        ascending: None,
        descending: Some(""),
    },
];

const SOURCE_COLUMNS: &[Column] = &[
    Column::Head("Source"),
    Column::Text("Copy of"),
    Column::Number("Version"),
    Column::Text("Behind"),
    Column::Number("Waiting"),
    Column::Number("Failed"),
    Column::Words("Last error"),
    Column::Actions("Try"),
];

const EVENT_COLUMNS: &[Column] = &[
    Column::Text("When"),
    Column::Text("What"),
    Column::Text("Outcome"),
    Column::Number("Took"),
    Column::Words("Error"),
];

const OF_USER_COLUMNS: &[Column] = &[
    Column::Head("Device"),
    Column::Text("Platform"),
    Column::Text("State"),
    Column::Number("Last sync"),
    Column::Words("Problem"),
];

/// Where one device belongs.
pub(super) const LIST: (&str, &str) = ("Devices", "/devices");

const EVERY: Duration = Duration::from_secs(10);

const STATES: [(&str, &str); 5] = [
    ("", "All"),
    ("stuck", "Stuck"),
    ("waiting", "Waiting"),
    ("failing", "Failing"),
    ("silent", "Silent"),
];

/// The list of all devices.
#[component]
pub(crate) fn DevicesPage() -> impl IntoView {
    let state = UrlState::of(Page::Devices.path());
    let clients = Live::every(Some(EVERY), move || {
        let [q, user, health, sort] = ["q", "user", "state", "sort"].map(|name| state.get(name));
        let cursor = state.cursor();
        api::clients(&q, &user, &health, &sort, &cursor)
    });
    let states = choices(&STATES);
    view! {
        {heading(Page::Devices.title(), (), ())}
        <div class="tools">
            <SearchBox state label="Search by user or id"/>
            <Choices state name="state" label="State" options=states/>
        </div>
        <section class="flush">{loaded(clients, move |clients| list(clients, state))}</section>
    }
}

fn list(Listing { items, next }: Listing<ClientSummary>, state: UrlState) -> AnyView {
    if items.is_empty() {
        let is_filtered = ["q", "user", "state", "cursor"]
            .iter()
            .any(|name| !state.get(name).is_empty());
        return if is_filtered {
            empty(
                "No device is like that.",
                "Search for the beginning of a user's name or of a device's id.",
            )
            .into_any()
        } else {
            empty(
                "No device has registered yet.",
                "A device appears here with its first sync.",
            )
            .into_any()
        };
    }
    let rows = items.into_iter().map(|client| {
        let (tone, word) = text::client_health(client.state);
        let address = href(&format!("/devices/{}", encode(&client.id)));
        let user = href(&format!("/users/{}", encode(&client.user)));
        Row::new(vec![
            view! { <a class="row id device" href=address>{client.id.clone()}</a> }.into_any(),
            view! { <a href=user>{client.user.clone()}</a> }.into_any(),
            client
                .platform
                .clone()
                .unwrap_or_else(|| "–".to_owned())
                .into_any(),
            tag(tone, word).into_any(),
            ago(client.seen_at),
            text::count(client.waiting).into_any(),
            text::count(client.failed).into_any(),
            quoted(client.problem.clone()),
        ])
    });
    view! {
        {sorted_table("Devices", DEVICE_COLUMNS, state, SORTINGS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}

/// One device.
#[component]
pub(crate) fn DevicePage() -> impl IntoView {
    keyed(["client"], |[id]| view! { <Device id/> })
}

#[component]
fn Device(id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    let client = Live::every(Some(EVERY), move || {
        let id = id.get_value();
        api::client(&id)
    });
    let sources = Live::every(Some(EVERY), move || {
        let id = id.get_value();
        api::client_sources(&id)
    });
    let events = Live::every(Some(EVERY), move || {
        let id = id.get_value();
        api::client_events(&id)
    });
    let changes = Live::every(Some(EVERY), move || {
        let id = id.get_value();
        api::changes("", "", "", &id, "", "")
    });
    // Whose it is changes once, when the answer comes: what somebody has opened beside it stays open.
    let about = Memo::new(move |_| {
        client.data.with(|client| {
            let client = client?;
            Some((client.user.clone(), platform(client).map(str::to_owned)))
        })
    });
    let is_here = Signal::derive(move || client.status.is_here());
    view! {
        {move || {
            let (title, whose) = match about.get() {
                None => ("Device".to_owned(), None),
                Some((user, platform)) => {
                    let title = format!("Device of {user}");
                    let address = href(&api::user_path(&user));
                    (title, Some(view! { <a href=address>{user}</a> " · " {platform.map(|it| it + " · ")} }))
                }
            };
            let note = view! { {whose} <code>{id.get_value()}</code> };
            let actions = view! { <When is=is_here><Actions client sources/></When> };
            sub_heading(&[LIST], title, note, actions)
        }}
        <Found status=client.status what="device" list=LIST>
            {kept(move || match sources.data.get() {
                Some(sources) => story(&sources.items, changes, id).into_any(),
                None => ().into_any(),
            })}
            {loaded(client, move |client| tiles(client, sources))}
            <section class="flush" aria-labelledby="device-sources">
                <h2 id="device-sources">"Sources"</h2>
                {loaded(sources, move |sources| source_table(sources.items, id))}
            </section>
            <section class="flush" aria-labelledby="device-changes">
                <h2 id="device-changes">"Changes that are not done"</h2>
                {loaded(
                    changes,
                    |changes| {
                        if changes.items.is_empty() {
                            empty("All changes of this device are done.", "What waits or was given up appears here.")
                                .into_any()
                        } else {
                            super::changes::of_device(changes.items, changes.next.is_none())
                        }
                    },
                )}
            </section>
            <section class="flush" aria-labelledby="timeline">
                <h2 id="timeline">"Timeline"</h2>
                {loaded(events, |events| timeline(events.items))}
            </section>
        </Found>
    }
}

/// What it runs on, as it says.
fn platform(client: &ClientInfo) -> Option<&str> {
    let said = client.device.get("device_type")?;
    Some(said.as_str()).filter(|said| !said.is_empty())
}

/// How long changes may wait before somebody should look, in milliseconds; the server lists the device as stuck then.
const LONG: u64 = 10 * 60 * 1_000;

/// What is the matter with the device, step by step, with the cure beside it.
fn story(
    sources: &[ClientSourceSummary],
    changes: Live<Listing<ChangeInfo>>,
    id: StoredValue<String>,
) -> Option<impl IntoView + use<>> {
    let stuck: Vec<_> = sources
        .iter()
        .filter(|source| source.failed > 0 || source.waiting > 0)
        .cloned()
        .collect();
    let worst = stuck.first()?.clone();
    let has_waited_long = |source: &ClientSourceSummary| {
        let since = source.waiting_since;
        since.is_some_and(|since| clock::now().saturating_sub(since) > LONG)
    };
    let is_lost = stuck
        .iter()
        .any(|source| source.failed > 0 || has_waited_long(source));
    let steps = stuck.into_iter().map(|source| {
        let ClientSourceSummary {
            source,
            waiting,
            waiting_since,
            failed,
            error,
            ..
        } = source;
        let things = |number: u64, one: &str, many: &str| match number {
            1 => format!("1 change of {source} {one}"),
            _ => format!("{} changes of {source} {many}", text::count(number)),
        };
        let failed = (failed > 0).then(|| {
            let failed = things(
                failed,
                "was given up or refused: it stays so until somebody retries it.",
                "were given up or refused: they stay so until somebody retries them.",
            );
            view! { <li>{failed}</li> }
        });
        let waiting = (waiting > 0).then(|| {
            let waiting = things(
                waiting,
                "has waited for the back end ",
                "have waited for the back end ",
            );
            view! { <li>{waiting} {lasting(waiting_since)} ". The server keeps trying."</li> }
        });
        let error = error.map(|error| view! { <li>"The last answer was " <q>{error}</q> "."</li> });
        view! {
            {failed}
            {waiting}
            {error}
        }
    });
    let title = if is_lost {
        "This device is stuck"
    } else {
        "This device waits"
    };
    // The only one that needs somebody is led to; of several, one is chosen.
    let only = Memo::new(move |_| {
        changes.data.with(|changes| {
            let changes = changes?.items.iter();
            let mut lost = changes.filter(|it| it.state != ChangeState::Waiting);
            lost.next()
                .filter(|_| lost.next().is_none())
                .map(|it| it.id.clone())
        })
    });
    let cure = move || {
        let (path, name) = match only.get() {
            Some(change) => (format!("/changes/{}", encode(&change)), "Retry or discard…"),
            None => {
                let id = id.get_value();
                (
                    format!("/changes?client={}", encode(&id)),
                    "Look at the changes",
                )
            }
        };
        view! { <a class="button main" href=href(&path)>{name}</a> }
    };
    let source = href(&format!("/sources/{}", encode(&worst.source)));
    Some(view! {
        <section class="why" class:bad=is_lost>
            <h2>{title}</h2>
            <ol>{steps.collect_view()}</ol>
            <div class="actions">
                {cure}
                <a class="button" href=source>
                    "Look at " {worst.source.clone()}
                </a>
            </div>
        </section>
    })
}

/// How the device is, at a glance.
fn tiles(client: ClientInfo, sources: Live<Listing<ClientSourceSummary>>) -> impl IntoView {
    let registered = view! { "registered " {ago(Some(client.created_at))} };
    let (push, note) = match client.push {
        None => (
            "none".to_owned(),
            "not possible on what it runs on".into_any(),
        ),
        Some(push) if !push.has_token => {
            ("none".to_owned(), "it has sent no push token".into_any())
        }
        Some(push) => {
            let note = match (push.error, push.pinged_at) {
                (Some(error), _) => view! { "it failed: " <q>{error}</q> }.into_any(),
                (None, Some(at)) => view! { "pinged " {ago(Some(at))} }.into_any(),
                (None, None) => "not pinged yet".into_any(),
            };
            (text::push_service(&push.service).to_owned(), note)
        }
    };
    view! {
        <div class="tiles">
            {tile("Last sync", ago(client.seen_at), registered.into_any(), None)}
            {move || sources.data.get().map(|sources| counts(&sources.items))}
            {tile("Push", push.into_any(), note, None)}
        </div>
    }
}

/// What the device has not got, and what it has sent and is not done.
fn counts(sources: &[ClientSourceSummary]) -> [AnyView; 2] {
    let (mut unsent, mut waiting, mut failed) = (0, 0, 0);
    for source in sources {
        unsent += source.unsent;
        waiting += source.waiting;
        failed += source.failed;
    }
    let of = text::counted(sources.len() as u64, "source", "sources");
    let behind = format!("{} of {of}", if unsent == 1 { "object" } else { "objects" });
    let given_up = format!("{} given up or refused", text::count(failed));
    [
        tile(
            "Behind",
            text::count(unsent).into_any(),
            behind.into_any(),
            None,
        ),
        tile(
            "Changes not done",
            text::count(waiting + failed).into_any(),
            given_up.into_any(),
            None,
        ),
    ]
}

fn source_table(sources: Vec<ClientSourceSummary>, id: StoredValue<String>) -> AnyView {
    if sources.is_empty() {
        return empty(
            "It syncs no source yet.",
            "A source appears here with its first sync.",
        )
        .into_any();
    }
    let rows = sources.into_iter().map(|source| {
        let preview = href(&format!("/devices/{}/preview/{}", encode(&id.get_value()), encode(&source.source)));
        let compare = href(&format!("/devices/{}/compare/{}", encode(&id.get_value()), encode(&source.source)));
        let address = href(&format!("/sources/{}", encode(&source.source)));
        let objects = href(&format!("/sources/{}/objects/{}", encode(&source.source), encode(&source.copy)));
        let behind = match (source.behind, source.unsent) {
            (0, _) => tag(Tone::Good, "up to date"),
            (behind, 0) => view! { {tag(Tone::Good, "up to date")} <small>" " {text::count(behind)} " not acknowledged yet"</small> }
                .into_any(),
            (_, unsent) => {
                let since = source.behind_since.map(|at| view! { ", as of " {ago(Some(at))} });
                let objects = if unsent == 1 { "object" } else { "objects" };
                view! { {text::count(unsent)} " " {objects} {since} }.into_any()
            }
        };
        Row::new(vec![
                view! { <a href=address>{source.source.clone()}</a> }.into_any(),
                view! { <a href=objects>{text::partition(&source.partition)}</a> }.into_any(),
                view! { {text::count(source.version)} " of " {text::count(source.latest)} }.into_any(),
                behind.into_any(),
                text::count(source.waiting).into_any(),
                text::count(source.failed).into_any(),
                quoted(source.error.clone()),
                view! { <a href=preview>"Sync as this device…"</a> " " <a href=compare>"Compare…"</a> }.into_any(),
])
    });
    table("Sources of the device", SOURCE_COLUMNS, rows.collect())
}

fn timeline(events: Vec<SyncEvent>) -> AnyView {
    if events.is_empty() {
        return empty(
            "Nothing has happened lately.",
            "Syncs that brought nothing new are not kept.",
        )
        .into_any();
    }
    let rows = events.into_iter().map(|event| {
        let (tone, outcome) = text::outcome(&event);
        Row::new(vec![
            ago(Some(event.at)),
            view! { <span class="phrase">{text::event(&event)}</span> }.into_any(),
            tag(tone, outcome),
            text::span(event.took_ms).into_any(),
            quoted(event.error.clone()),
        ])
    });
    table("Timeline", EVENT_COLUMNS, rows.collect())
}

#[component]
fn Actions(client: Live<ClientInfo>, sources: Live<Listing<ClientSourceSummary>>) -> impl IntoView {
    let session = Session::get();
    let messages = Messages::get();
    let task = Task::new();
    let id = move || {
        client
            .data
            .with_untracked(|client| client.as_ref().map(|client| client.id.clone()))
    };
    let ping = move |_| {
        let Some(id) = id() else { return };
        let ping = NewPing {
            clients: vec![id],
            ..NewPing::default()
        };
        task.run(api::ping(&ping), move |_| {
            messages.say("A ping is on its way to the device.");
        });
    };
    // The tile below says why.
    let can_be_pinged = move || {
        let push = |client: Option<&ClientInfo>| client?.push.as_ref().map(|push| push.has_token);
        client.data.with(push).unwrap_or(false)
    };
    let reset = move |open: RwSignal<bool>| {
        let Some(id) = id() else { return };
        task.run(api::reset_client(&id), move |()| {
            open.set(false);
            messages.say("The device starts over with its next sync.");
            sources.now();
        });
    };
    let navigate = leptos_router::hooks::use_navigate();
    let navigate = StoredValue::new(navigate);
    let remove = move |open: RwSignal<bool>| {
        let Some(id) = id() else { return };
        task.run(api::delete_client(&id), move |()| {
            open.set(false);
            messages.say("The device is removed.");
            navigate.with_value(|go| go(Page::Devices.path(), Default::default()));
        });
    };
    let save = move |_| {
        let Some(id) = id() else { return };
        let name = format!("device-{}.json", &id.chars().take(8).collect::<String>());
        task.run(api::client_diagnostics(&id), move |all| {
            browser::save(&name, "application/json", &format!("{all:#}"));
        });
    };
    view! {
        <button type="button" on:click=save>
            "Diagnostic file"
        </button>
        <When is=Signal::derive(move || session.may("clients:write"))>
            <button type="button" on:click=ping disabled=move || !can_be_pinged() aria-disabled=move || task.is_busy.get().to_string()>
                "Ping"
            </button>
            <Confirm
                label="Reset…"
                title="Let the device start over?".to_owned()
                text="With its next sync it removes what it has, and gets everything anew. Changes that it has sent go on to the back end. An app \
                    with our own library keeps those that it has not sent; any other may lose them."
                    .to_owned()
                task
                on_confirm=reset
            />
            <Confirm
                label="Remove…"
                title="Remove the device?".to_owned()
                text="Its session ends, and its changes that wait are lost. If it is still in use, it must sign in again."
                    .to_owned()
                task
                on_confirm=remove
            />
        </When>
        {problem(task)}
    }
}

/// Attributes as rows of a list of definitions.
pub(super) fn attributes(set: std::collections::BTreeMap<String, String>) -> impl IntoView {
    set.into_iter()
        .map(|(name, value)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            }
        })
        .collect_view()
}

/// The devices of one user.
pub(super) fn of_user(user: String) -> impl IntoView {
    let clients = Live::every(Some(EVERY), move || {
        let user = user.clone();
        api::clients("", &user, "", "", "")
    });
    loaded(clients, |Listing { items, .. }| {
        if items.is_empty() {
            return empty(
                "They have no device.",
                "A device appears here when they sign in on it.",
            )
            .into_any();
        }
        let rows = items.into_iter().map(|client| {
            let (tone, word) = text::client_health(client.state);
            let address = href(&format!("/devices/{}", encode(&client.id)));
            let note = (client.state != ClientHealth::Ok)
                .then(|| client.problem.clone())
                .flatten();
            Row::new(vec![
                row_link(
                    address,
                    view! { <span class="id device">{client.id.clone()}</span> },
                ),
                client
                    .platform
                    .clone()
                    .unwrap_or_else(|| "–".to_owned())
                    .into_any(),
                tag(tone, word).into_any(),
                ago(client.seen_at),
                quoted(note),
            ])
        });
        table("Devices", OF_USER_COLUMNS, rows.collect())
    })
}
