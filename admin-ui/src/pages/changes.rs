//! Changes of devices that are not done: they wait, were refused, or were given up.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use sync_proto::SentAttributes;
use sync_proto::api::{ChangeInfo, ChangeKind, ChangeRetry, ChangeState, Listing};

use crate::api::{self, encode};
use crate::components::{
    Choices, Column, Confirm, DialogForm, Edited, Messages, Pager, Row, SearchBox, Sorting, When,
    ago, choices, empty, facts, gone, heading, loaded, problem, quoted, row_link, sorted_table,
    sub_heading, table, tag,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::pages::keyed;
use crate::session::Session;
use crate::task::Task;
use crate::text;
use crate::url_state::UrlState;

const CHANGE_COLUMNS: &[Column] = &[
    Column::Head("Change"),
    Column::Text("Source"),
    Column::Text("Device of"),
    Column::Text("State"),
    Column::Number("Sent"),
    Column::Number("Attempts"),
    Column::Words("Error"),
];

const SORTINGS: &[Sorting] = &[Sorting {
    column: "Sent",
    ascending: Some("sent"),
    descending: Some(""),
}];

const OF_DEVICE_COLUMNS: &[Column] = &[
    Column::Head("Change"),
    Column::Text("Source"),
    Column::Text("State"),
    Column::Number("Sent"),
    Column::Number("Attempts"),
    Column::Words("Error"),
];

const VALUE_COLUMNS: &[Column] = &[
    Column::Head("Attribute"),
    Column::Text("The device wants"),
    Column::Text("The server has"),
];

const EVERY: Duration = Duration::from_secs(10);

/// How often one change is looked at: whoever retries it waits for what comes of it.
const ONE_EVERY: Duration = Duration::from_secs(2);

const STATES: [(&str, &str); 4] = [
    ("", "All"),
    ("waiting", "Waiting"),
    ("dead", "Given up"),
    ("refused", "Refused"),
];

/// The list of all changes that are not done.
#[component]
pub(crate) fn ChangesPage() -> impl IntoView {
    let state = UrlState::of(Page::Changes.path());
    let changes = Live::every(Some(EVERY), move || {
        let [outcome, source, user, client, sort] =
            ["state", "source", "user", "client", "sort"].map(|name| state.get(name));
        let cursor = state.cursor();
        api::changes(&outcome, &source, &user, &client, &sort, &cursor)
    });
    let sources = Live::once(|| api::sources(""));
    let source_choices = Signal::derive(move || {
        let mut choices = vec![(String::new(), "All sources".to_owned())];
        let known = sources
            .data
            .get()
            .map(|sources| sources.items)
            .unwrap_or_default();
        choices.extend(
            known
                .into_iter()
                .map(|source| (source.name.clone(), source.name)),
        );
        choices
    });
    let states = choices(&STATES);
    let only = move || {
        let client = state.get("client");
        (!client.is_empty()).then(|| {
            view! {
                <p class="filter">
                    "Of the device " <code>{client}</code> " only. "
                    <a href=href(&state.with("client", ""))>"Show all"</a>
                </p>
            }
        })
    };
    view! {
        {heading(Page::Changes.title(), "what devices have sent, and back ends have not taken", ())}
        <div class="tools">
            <SearchBox state name="user" label="Only of this user"/>
            <Choices state name="state" label="State" options=states/>
            <Choices state name="source" label="Source" options=source_choices/>
        </div>
        {only}
        <section class="flush">
            {loaded(
                changes,
                move |Listing { items, next }| {
                    if items.is_empty() {
                        return nothing(state);
                    }
                    let shown = match state.get("client").is_empty() {
                        true => sorted_table("Changes", CHANGE_COLUMNS, state, SORTINGS, change_rows(items, true)),
                        false => of_device(items, next.is_none() && state.cursor().is_empty()),
                    };
                    view! {
                        {shown}
                        <Pager state next/>
                    }
                        .into_any()
                },
            )}
        </section>
    }
}

/// Says that there is no change, of those that are asked for or at all.
fn nothing(state: UrlState) -> AnyView {
    let is_filtered = ["state", "source", "user", "client", "cursor"]
        .iter()
        .any(|name| !state.get(name).is_empty());
    if is_filtered {
        empty(
            "No change is like that.",
            "A change leaves this list when the back end has taken it, or when it is discarded.",
        )
    } else {
        empty(
            "Every change of every device is done.",
            "What back ends have not taken yet, or refuse, appears here.",
        )
    }
}

/// The changes of one device as a table. The server lists them by source; where these are all of them, the one that was sent last
/// comes first, as elsewhere.
pub(super) fn of_device(mut changes: Vec<ChangeInfo>, are_all: bool) -> AnyView {
    if are_all {
        changes.sort_by_key(|change| Reverse(change.sent_at));
    }
    table("Changes", OF_DEVICE_COLUMNS, change_rows(changes, false))
}

fn change_rows(changes: Vec<ChangeInfo>, with_device: bool) -> Vec<Row> {
    let rows = changes.into_iter().map(move |change| {
        let (tone, word) = text::change_state(change.state);
        let address = href(&format!("/changes/{}", encode(&change.id)));
        let device = href(&format!("/devices/{}", encode(&change.client)));
        // Of what was refused in a copy that everybody shares, nobody knows whose it was.
        let whose = match change.user.is_empty() {
            true => change.client.chars().take(8).collect(),
            false => change.user.clone(),
        };
        let due = change.next_at.map(|at| view! { <small>" next " {ago(Some(at))}</small> });
        let mut cells = vec![
                row_link(address, view! { {text::change_kind(change.kind)} " " <span class="id">{change.object.clone()}</span> }),
                change.source.clone().into_any(),
        ];
        if with_device {
            cells.push(view! { <a href=device>{whose}</a> }.into_any());
        }
        cells.extend([
                tag(tone, word).into_any(),
                ago(change.sent_at),
                view! { {text::count(change.attempts)} {due} }.into_any(),
                quoted(change.error.clone()),
        ]);
        Row::new(cells)
    });
    rows.collect()
}

/// One change.
#[component]
pub(crate) fn ChangePage() -> impl IntoView {
    keyed(["change"], |[id]| view! { <Change id/> })
}

#[component]
fn Change(id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    let change = Live::every(Some(ONE_EVERY), move || {
        let id = id.get_value();
        api::device_change(&id)
    });
    // What is typed must not be lost when the change is looked at again: the form is made once.
    let form_for = Memo::new(move |_| {
        change.data.with(|change| {
            let change = change.as_ref()?;
            let is_refused = change.state == ChangeState::Refused;
            let attributes = change.attributes.iter().flatten();
            let names: Vec<String> = attributes.map(|(name, _)| name.clone()).collect();
            Some((change.kind, is_refused, names))
        })
    });
    let is_gone = gone(change.status);
    let title = move || {
        change.data.get().map_or_else(
            || "Change".to_owned(),
            |change| {
                format!(
                    "{} {}",
                    text::sentence_case(text::change_kind(change.kind)),
                    change.object
                )
            },
        )
    };
    let session = Session::get();
    view! {
        {move || sub_heading(&[("Changes", "/changes")], title(), (), ())}
        {move || {
            if is_gone.get() {
                view! {
                    <div class="banner good" role="status">
                        <p>"This change is done, or was discarded."</p>
                        <a class="button" href=href("/changes")>"To the changes"</a>
                    </div>
                }
                    .into_any()
            } else {
                loaded(change, show).into_any()
            }
        }}
        <When is=Signal::derive(move || session.may("jobs:write") && !is_gone.get())>
            {move || {
                form_for
                    .get()
                    .map(|(kind, is_refused, _)| {
                        view! { <Cure change id kind is_refused/> }
                    })
            }}
        </When>
    }
}

fn show(change: ChangeInfo) -> impl IntoView {
    let (tone, word) = text::change_state(change.state);
    let device = href(&format!("/devices/{}", encode(&change.client)));
    let user = href(&format!("/users/{}", encode(&change.user)));
    let source = href(&format!("/sources/{}", encode(&change.source)));
    let said = change.error.clone().map(|error| {
        view! {
            <section class="why" class:bad=change.state != ChangeState::Waiting>
                <h2>"Why it is not done"</h2>
                <p>
                    "The last answer was " <q>{error}</q> "."
                </p>
            </section>
        }
    });
    let mut rows = vec![
        ("State", tag(tone, word).into_any()),
        (
            "Source",
            view! { <a href=source>{change.source.clone()}</a> }.into_any(),
        ),
    ];
    // Of what was refused in a copy that everybody shares, nobody knows whose it was, nor when it was sent.
    if !change.user.is_empty() {
        rows.push((
            "User",
            view! { <a href=user>{change.user.clone()}</a> }.into_any(),
        ));
    }
    rows.extend([
        (
            "Device",
            view! { <a class="id" href=device>{change.client.clone()}</a> }.into_any(),
        ),
        ("Attempts", text::count(change.attempts).into_any()),
    ]);
    for (name, at) in [("Sent", change.sent_at), ("Next attempt", change.next_at)] {
        rows.extend(at.map(|at| (name, ago(Some(at)))));
    }
    let rows = facts(rows);
    view! {
        {said}
        <section>{rows}</section>
        <section class="flush">
            <h2>"Values"</h2>
            {compared(change.kind, change.attributes.unwrap_or_default(), change.current)}
        </section>
    }
}

/// The device's values and the server's, side by side.
fn compared(
    kind: ChangeKind,
    wanted: BTreeMap<String, String>,
    current: Option<BTreeMap<String, String>>,
) -> AnyView {
    let exists = current.is_some();
    let current = current.unwrap_or_default();
    let names: BTreeSet<String> = wanted.keys().chain(current.keys()).cloned().collect();
    if names.is_empty() {
        return empty(
            "There are no values.",
            "The change has none, and the server does not know the object.",
        )
        .into_any();
    }
    let rows = names.into_iter().map(|name| {
        let (wanted, current) = (wanted.get(&name).cloned(), current.get(&name).cloned());
        let differs = wanted.is_some() && wanted != current;
        let theirs = match (&wanted, kind) {
            (Some(value), _) => view! { {value.clone()} }.into_any(),
            (None, ChangeKind::Delete) => view! { <span class="faint">"deleted"</span> }.into_any(),
            (None, _) => view! { <span class="faint">"as it is"</span> }.into_any(),
        };
        let ours = match current {
            Some(value) => view! { {value} }.into_any(),
            None if exists => view! { <span class="faint">"none"</span> }.into_any(),
            None => view! { <span class="faint">"no such object"</span> }.into_any(),
        };
        Row::new(vec![name.into_any(), theirs.into_any(), ours.into_any()]).marked(if differs {
            "differs"
        } else {
            ""
        })
    });
    table("Values", VALUE_COLUMNS, rows.collect())
}

#[component]
fn Cure(
    change: Live<ChangeInfo>,
    id: StoredValue<String>,
    kind: ChangeKind,
    is_refused: bool,
) -> impl IntoView {
    let messages = Messages::get();
    let navigate = StoredValue::new(leptos_router::hooks::use_navigate());
    let attributes = move || {
        let seen = change
            .data
            .with_untracked(|change| change?.attributes.clone());
        seen.unwrap_or_default()
    };
    let fields: Vec<(String, RwSignal<String>)> = attributes()
        .into_iter()
        .map(|(name, value)| (name, RwSignal::new(value)))
        .collect();
    let fields = StoredValue::new(fields);
    let before = StoredValue::new(attributes());
    let edited = Edited::new(api::change_path(&id.get_value()));
    let (retrying, discarding) = (Task::new(), Task::new());
    let retry = move || {
        let corrected = fields.with_value(|fields| {
            let values = fields.iter();
            let values = values.map(|(name, value)| (name.clone(), value.get_untracked()));
            let values: BTreeMap<String, String> = values.collect();
            let is_changed = before.with_value(|before| *before != values);
            let values = values.into_iter().map(|(name, value)| (name, value.into()));
            is_changed.then(|| values.collect::<SentAttributes>())
        });
        let retry = ChangeRetry {
            attributes: corrected,
        };
        let work = api::retry_change(&id.get_value(), &retry, edited.tag());
        retrying.run(work, move |retried| {
            messages.say("The change is tried again.");
            // One that was refused is another change now.
            if id.with_value(|id| *id != retried.id) {
                let address = format!("/changes/{}", encode(&retried.id));
                let options = NavigateOptions {
                    replace: true,
                    ..NavigateOptions::default()
                };
                navigate.with_value(|go| go(&address, options));
            } else {
                change.now();
            }
        });
    };
    let discard = move |open: RwSignal<bool>| {
        let work = api::discard_change(&id.get_value());
        discarding.run(work, move |()| {
            open.set(false);
            messages.say("The change is discarded.");
            change.now();
        });
    };
    let rows = fields.with_value(|fields| {
        let rows = fields.iter().map(|(name, value)| {
            view! { <crate::components::Field label=name.clone() value=*value/> }
        });
        rows.collect_view()
    });
    // The table above has the newer values by itself.
    let load = Callback::new(move |()| {
        retrying.error.set(None);
        edited.renew();
        before.set_value(attributes());
        messages.say("The values above are the newer ones. What you have typed is kept.");
    });
    let lead = match kind {
        ChangeKind::Delete => "Try to delete the object again.",
        _ => "Correct what is wrong, if something is, and let the back end be asked again.",
    };
    let told = is_refused.then_some(
        " The device hears that the change was refused in any case, and takes back what it had changed. What the back end takes now \
         comes to all devices.",
    );
    let consequence = match is_refused {
        true => "It leaves this list. The device hears that it was refused in any case.",
        false => {
            "The back end never gets it. The device is told, and takes back what it had changed."
        }
    };
    view! {
        <section aria-labelledby="cure">
            <h2 id="cure">"Retry or discard"</h2>
            <p class="quiet">{lead} {told}</p>
            <DialogForm task=retrying submit="Retry now" on_submit=retry on_newer=load>
                {rows}
            </DialogForm>
            <div class="actions apart">
                <Confirm
                    label="Discard…"
                    title="Discard the change?".to_owned()
                    text=consequence.to_owned()
                    task=discarding
                    on_confirm=discard
                />
            </div>
            {problem(discarding)}
        </section>
    }
}
