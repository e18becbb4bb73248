//! Pings: waking devices, and whether that works.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::{Listing, NewPing, PingRecord, PushCheck, PushServiceInfo};

use crate::api;
use crate::components::{
    BESIDE_FIELDS, Column, DialogForm, Field, Messages, Pager, Row, TextArea, Toggle, When,
    against, ago, empty, heading, loaded, problem, quoted, table, tag,
};
use crate::live::Live;
use crate::page::Page;
use crate::session::Session;
use crate::task::Task;
use crate::text::{self, Tone};
use crate::url_state::UrlState;

const PING_COLUMNS: &[Column] = &[
    Column::Text("When"),
    Column::Text("By"),
    Column::Words("Message"),
    Column::Number("Users"),
    Column::Number("Taken"),
    Column::Number("Refused"),
    Column::Number("Out of reach"),
    Column::Words("Error"),
];

const EVERY: Duration = Duration::from_secs(5);

#[component]
pub(crate) fn PingsPage() -> impl IntoView {
    let session = Session::get();
    let state = UrlState::of(Page::Pings.path());
    let pings = Live::every(Some(EVERY), move || {
        let cursor = state.cursor();
        api::pings(&cursor)
    });
    let services = Live::every(Some(EVERY * 4), api::push_services);
    // Here, and not with each service: these are drawn anew when their numbers change.
    let check = Check {
        task: Task::new(),
        service: RwSignal::new(String::new()),
        said: RwSignal::new(None),
    };
    view! {
        {heading(Page::Pings.title(), "messages that wake devices, so that they sync", ())}
        <div class="two">
            <When is=Signal::derive(move || session.may("clients:write"))>
                <section aria-labelledby="compose">
                    <h2 id="compose">"Send a ping"</h2>
                    <Compose pings/>
                </section>
            </When>
            <section class="flush" aria-labelledby="services">
                <h2 id="services">"Push services"</h2>
                {loaded(services, move |services| service_list(services.items, check))}
            </section>
        </div>
        <section class="flush" aria-labelledby="sent">
            <h2 id="sent">"Sent lately"</h2>
            {loaded(pings, move |pings| ping_table(pings, state))}
        </section>
    }
}

/// Names or ids, one in a line or between commas.
fn names(text: &str) -> Vec<String> {
    text.split(['\n', ','])
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Those of the unknown that are among these.
fn still_named(named: Vec<String>, unknown: RwSignal<Vec<String>>) -> Vec<String> {
    unknown.with(|unknown| {
        let named = named.into_iter().filter(|name| unknown.contains(name));
        named.collect()
    })
}

#[component]
fn Compose(pings: Live<Listing<PingRecord>>) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let [users, clients, message, badge, sound, sources] =
        [(); 6].map(|()| RwSignal::new(String::new()));
    let may_wait = RwSignal::new(false);
    let is_sent = RwSignal::new(false);
    // Whom the server does not know, as long as they are still named.
    let [unknown_users, unknown_clients] = [(); 2].map(|()| RwSignal::new(Vec::<String>::new()));
    // Whatever else the server does not take.
    let wrong_names = against(task, "login");
    let wrong_users = Signal::derive(move || {
        let is_tried = is_sent.get() || !message.get().is_empty() || !sources.get().is_empty();
        let users = names(&users.get());
        if is_tried && users.is_empty() && names(&clients.get()).is_empty() {
            return Some("Name a user, or the id of a device.".to_owned());
        }
        let unknown = text::unknown_names("user", &still_named(users, unknown_users));
        unknown.or(wrong_names.get())
    });
    let wrong_clients = Signal::derive(move || {
        let clients = names(&clients.get());
        text::unknown_names("device", &still_named(clients, unknown_clients))
    });
    let wrong_message = against(task, "message");
    let bad_badge = Signal::derive(move || {
        let badge = badge.get();
        (!badge.is_empty() && badge.parse::<u32>().is_err())
            .then(|| "It is a whole number.".to_owned())
    });
    let some = |text: RwSignal<String>| Some(text.get_untracked()).filter(|text| !text.is_empty());
    let submit = move || {
        let (named_users, named_clients) = (
            names(&users.get_untracked()),
            names(&clients.get_untracked()),
        );
        is_sent.set(true);
        if bad_badge.get_untracked().is_some() || named_users.is_empty() && named_clients.is_empty()
        {
            return;
        }
        let ping = NewPing {
            users: named_users,
            clients: named_clients,
            sources: names(&sources.get_untracked()),
            message: some(message),
            badge: badge.get_untracked().parse().ok(),
            sound: some(sound),
            may_wait: may_wait.get_untracked(),
            ..NewPing::default()
        };
        task.run(api::ping(&ping), move |taken| {
            let is_known = taken.users + taken.clients > 0;
            let are_all_known = taken.unknown_users.is_empty() && taken.unknown_clients.is_empty();
            messages.say(match (is_known, are_all_known) {
                (false, _) => "Nobody was pinged.",
                (true, false) => "The ping is on its way to those that exist.",
                (true, true) => "The ping is on its way.",
            });
            if is_known && !are_all_known {
                // Who corrects the names does not ping the others twice.
                users.set(taken.unknown_users.join("\n"));
                clients.set(taken.unknown_clients.join(", "));
            }
            unknown_users.set(taken.unknown_users);
            unknown_clients.set(taken.unknown_clients);
            if are_all_known {
                is_sent.set(false);
                message.set(String::new());
            }
            pings.now();
        });
    };
    view! {
        <DialogForm task submit="Send" on_submit=submit beside_fields=BESIDE_FIELDS>
            <TextArea
                label="Users"
                value=users
                error=wrong_users
                hint=Some("Names, one in a line or between commas. All their devices are pinged.")
                rows=2
            />
            <Field
                label="Devices"
                value=clients
                error=wrong_clients
                hint=Some("Ids, to ping single devices.")
            />
            <TextArea
                label="Message"
                value=message
                error=wrong_message
                hint=Some("Empty: the ping is silent, and the device syncs by itself.")
                rows=2
            />
            <div class="columns">
                <Field label="Badge" value=badge error=bad_badge/>
                <Field label="Sound" value=sound/>
                <Field label="Sources to sync" value=sources/>
            </div>
            <Toggle label="It may wait until a sleeping device wakes up by itself" value=may_wait/>
            <Preview message badge bad_badge/>
        </DialogForm>
    }
}

/// How the ping will look on a device.
#[component]
fn Preview(
    message: RwSignal<String>,
    badge: RwSignal<String>,
    bad_badge: Signal<Option<String>>,
) -> impl IntoView {
    let shown_badge = move || {
        let badge = badge.get();
        (!badge.is_empty() && bad_badge.get().is_none()).then_some(badge)
    };
    view! {
        <div class="preview" aria-label="How it looks on a device">
            {move || {
                let text = message.get();
                if text.is_empty() {
                    view! { <p class="quiet">"Nothing is shown on the device: it only syncs."</p> }.into_any()
                } else {
                    view! {
                        <div class="notification">
                            <i aria-hidden="true">{shown_badge}</i>
                            <div>
                                <b>"Your app"</b>
                                <p>{text}</p>
                            </div>
                        </div>
                    }
                        .into_any()
                }
            }}
        </div>
    }
}

/// A check of a push service, and what came of it.
#[derive(Clone, Copy)]
struct Check {
    task: Task,
    /// The service's name.
    service: RwSignal<String>,
    said: RwSignal<Option<PushCheck>>,
}

fn service_list(services: Vec<PushServiceInfo>, check: Check) -> impl IntoView {
    let items = services
        .into_iter()
        .map(|service| view! { <Service service check/> });
    view! { <ul class="services">{items.collect_view()}</ul> }
}

#[component]
fn Service(service: PushServiceInfo, check: Check) -> impl IntoView {
    let session = Session::get();
    let Check {
        task,
        service: checked,
        said,
    } = check;
    let name = StoredValue::new(service.name.clone());
    let is_checked = move || checked.with(|checked| name.with_value(|name| name == checked));
    let is_busy = move || task.is_busy.get() && is_checked();
    let check = move |_| {
        if task.is_busy.get_untracked() {
            return;
        }
        let name = name.get_value();
        checked.set(name.clone());
        said.set(None);
        let work = api::check_push_service(&name);
        task.run(work, move |check| said.set(Some(check)));
    };
    let (tone, word) = match (service.configured, &service.error) {
        (false, _) => (Tone::Quiet, "not set up"),
        (true, None) => (Tone::Good, "works"),
        (true, Some(_)) => (Tone::Bad, "refuses"),
    };
    let missing = (!service.missing.is_empty()).then(|| {
        view! { <p class="quiet">"It needs " <code>{service.missing.join(", ")}</code> " in the settings."</p> }
    });
    let title = text::push_service(&service.name).to_owned();
    let label = format!("Check {title}");
    view! {
        <li>
            <div class="section-head">
                <b>{title}</b>
                {tag(tone, word)}
                <When is=Signal::derive(move || session.may("clients:write"))>
                    <button type="button" aria-label=label.clone() on:click=check aria-disabled=move || task.is_busy.get().to_string()>
                        {move || if is_busy() { "Checking…" } else { "Check" }}
                    </button>
                </When>
            </div>
            <p class="quiet">
                {text::count(service.delivered)} " pings taken and " {text::count(service.failed)}
                " refused in the last 24 hours."
            </p>
            {missing}
            {service.error.map(|error| view! { <p><q>{error}</q></p> })}
            <div role="status">
                {move || {
                    said.get()
                        .filter(|_| is_checked())
                        .map(|PushCheck { ok, message }| {
                            let class = if ok { "banner good" } else { "banner bad" };
                            view! { <p class=class>{message}</p> }
                        })
                }}
            </div>
            {move || is_checked().then(|| problem(task))}
        </li>
    }
}

fn ping_table(Listing { items, next }: Listing<PingRecord>, state: UrlState) -> AnyView {
    if items.is_empty() {
        return empty("No ping was sent lately.", "They are kept for thirty days.").into_any();
    }
    let rows = items.into_iter().map(|ping| {
        let message = match ping.message {
            Some(message) => view! { {message} }.into_any(),
            None => view! { <span class="faint">"silent"</span> }.into_any(),
        };
        Row::new(vec![
            ago(Some(ping.at)),
            ping.by.into_any(),
            message.into_any(),
            text::count(ping.users).into_any(),
            text::count(ping.delivered).into_any(),
            text::count(ping.failed).into_any(),
            text::count(ping.unreachable).into_any(),
            quoted(ping.error),
        ])
    });
    view! {
        {table("Pings", PING_COLUMNS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}
