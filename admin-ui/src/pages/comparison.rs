//! A device's copy of a source beside the server's: in which objects they differ.

use leptos::prelude::*;
use sync_proto::api::{DifferenceKind, Listing, ObjectDifference};

use crate::api::{self, encode};
use crate::components::{Column, Pager, Row, empty, loaded, row_link, sub_heading, table, tag};
use crate::live::Live;
use crate::page::href;
use crate::pages::keyed;
use crate::text::{self, Tone};
use crate::url_state::UrlState;

const COLUMNS: &[Column] = &[
    Column::Head("Object"),
    Column::Text("The device"),
    Column::Words("Attributes"),
    Column::Number("Version"),
];

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
    let device = href(&format!("/devices/{}", encode(&id)));
    let title = format!("{source} on device {short}");
    let asked = StoredValue::new((id, source));
    let differences = Live::once(move || {
        let ((id, source), cursor) = (asked.get_value(), state.cursor());
        async move { api::client_differences(&id, &source, &cursor).await }
    });
    // Whoever is named leads to the copy that their device has.
    let client = Live::once(move || async move { api::client(&asked.get_value().0).await });
    let objects = move || {
        let user = client.data.with(|client| Some(client?.user.clone()))?;
        let source = asked.with_value(|(_, source)| encode(source));
        Some(format!("/sources/{source}/objects/{}", encode(&user)))
    };
    let again = view! {
        <button type="button" on:click=move |_| differences.now()>
            "Compare again"
        </button>
        <a class="button" href=device>
            "To the device"
        </a>
    };
    view! {
        {sub_heading(("Devices", "/devices"), title, "what its copy lacks, has in another version, or has too much", again)}
        <section class="flush">
            {loaded(differences, move |found| list(found, state, objects()))}
        </section>
    }
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
            DifferenceKind::Missing => (Tone::Good, "lacks it"),
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
