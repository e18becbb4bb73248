//! A device's copy of a source beside the server's: in which objects they differ.

use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use sync_proto::api::{ClientSummary, DifferenceKind, Listing, ObjectDifference};

use crate::api::{self, encode};
use crate::components::{
    Column, Dialog, Pager, Row, TYPING, ago, empty, loaded, row_link, sub_heading, table, tag,
};
use crate::live::Live;
use crate::page::href;
use crate::pages::devices::LIST;
use crate::pages::keyed;
use crate::text::{self, Tone};
use crate::url_state::UrlState;

const COLUMNS: &[Column] = &[
    Column::Head("Object"),
    Column::Text("The device"),
    Column::Words("Attributes"),
    Column::Number("Version"),
];

/// Most devices that one can choose from without a search.
const MOST_CHOICES: usize = 8;

/// What a device's copy of a source lacks, has otherwise, and has too much.
#[component]
pub(crate) fn ComparisonPage() -> impl IntoView {
    keyed(
        ["client", "source"],
        |[id, source]| view! { <Comparison id source/> },
    )
}

#[component]
fn Comparison(id: String, source: String) -> impl IntoView {
    let path = format!("/devices/{}/compare/{}", encode(&id), encode(&source));
    let state = UrlState::of(path);
    let short: String = id.chars().take(8).collect();
    let device = format!("/devices/{}", encode(&id));
    let above = [LIST, (&short, &device)];
    let title = format!("{source} on device {short}");
    let asked = StoredValue::new((id, source));
    let differences = Live::once(move || {
        let ((id, source), cursor) = (asked.get_value(), state.cursor());
        api::client_differences(&id, &source, &cursor)
    });
    let sources = Live::once(move || api::client_sources(&asked.get_value().0));
    let objects = move || {
        let sources = sources.data.get()?.items;
        let (_, name) = asked.get_value();
        let copy = sources.into_iter().find(|it| it.source == name)?.copy;
        Some(format!(
            "/sources/{}/objects/{}",
            encode(&name),
            encode(&copy)
        ))
    };
    let again = view! {
        <button type="button" on:click=move |_| differences.now()>
            "Compare again"
        </button>
    };
    view! {
        {sub_heading(&above, title, "what its copy lacks, has in another version, or has too much", again)}
        <section class="flush">
            {loaded(differences, move |found| list(found, state, objects()))}
        </section>
    }
}

/// A button that leads to the comparison with a device's copy, which somebody chooses.
#[component]
pub(super) fn CompareWith(
    source: String,
    /// Whose copy it is, or one of those who share it, where that is known.
    user: Signal<Option<String>>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <button type="button" on:click=move |_| open.set(true)>
            "Compare with a device…"
        </button>
        <Dialog open title="Compare with a device".to_owned()>
            <Devices source=source.clone() user=user.get_untracked()/>
        </Dialog>
    }
}

/// The devices that may have a copy of the source, to choose from.
#[component]
fn Devices(source: String, user: Option<String>) -> impl IntoView {
    let sought = RwSignal::new(String::new());
    let has_many = user.is_none();
    let devices = Live::once(move || {
        let (q, user) = (sought.get(), user.clone().unwrap_or_default());
        api::clients(&q, &user, "", "", "")
    });
    let mut search = debounce(TYPING, move |text| sought.set(text));
    let search = has_many.then(|| {
        view! {
            <input
                class="search"
                type="search"
                aria-label="Search by user or id"
                placeholder="Search by user or id"
                autocomplete="off"
                spellcheck="false"
                on:input=move |event| search(event_target_value(&event))
            />
        }
    });
    view! {
        {search}
        {loaded(devices, move |devices| choices(devices.items, &encode(&source)))}
    }
}

fn choices(devices: Vec<ClientSummary>, source: &str) -> AnyView {
    if devices.is_empty() {
        return empty(
            "No device is like that.",
            "A device appears here with its first sync.",
        );
    }
    let has_more = devices.len() > MOST_CHOICES;
    let links = devices.into_iter().take(MOST_CHOICES).map(|device| {
        let address = href(&format!("/devices/{}/compare/{source}", encode(&device.id)));
        let platform = device.platform.map(|platform| format!("{platform}, "));
        view! {
            <li>
                <a href=address>
                    <b>{device.user}</b>
                    " "
                    <span class="id">{device.id}</span>
                </a>
                <small>{platform} "last sync " {ago(device.seen_at)}</small>
            </li>
        }
    });
    let more = has_more.then(|| view! { <p class="quiet">"There are more: search for one."</p> });
    view! {
        <ul class="devices">{links.collect_view()}</ul>
        {more}
    }
    .into_any()
}

fn list(
    Listing { items, next }: Listing<ObjectDifference>,
    state: UrlState,
    objects: Option<String>,
) -> AnyView {
    if items.is_empty() {
        let (title, text) = match next {
            None => (
                "There is no difference.",
                "The device has what the server has, as far as it has said.",
            ),
            Some(_) => (
                "There is no difference so far.",
                "The rest of the copy is on the next pages.",
            ),
        };
        return view! {
            {empty(title, text)}
            <Pager state next/>
        }
        .into_any();
    }
    let rows = items.into_iter().map(|difference| {
        let ObjectDifference {
            id,
            difference,
            version,
            attributes,
        } = difference;
        let (tone, word) = match difference {
            DifferenceKind::Missing => (Tone::Warning, "lacks it"),
            DifferenceKind::Outdated => (Tone::Warning, "has another version"),
            DifferenceKind::Surplus => (Tone::Bad, "has it too much"),
        };
        let address = objects
            .as_ref()
            .filter(|_| version.is_some())
            .map(|objects| href(&format!("{objects}/{}", encode(&id))));
        let name = view! { <span class="id">{id}</span> };
        Row::new(vec![
            match address {
                Some(address) => row_link(address, name),
                None => name.into_any(),
            },
            tag(tone, word).into_any(),
            attributes.join(", ").into_any(),
            version
                .map_or_else(|| "–".to_owned(), text::count)
                .into_any(),
        ])
    });
    view! {
        {table("Differences", COLUMNS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}
