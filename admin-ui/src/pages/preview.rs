//! What a device would get with its next sync: a dry run.

use leptos::prelude::*;
use sync_proto::api::{ObjectChangeKind, ObjectNews, SyncPreview};

use crate::api::{self, encode};
use crate::components::{Column, Row, empty, loaded, sub_heading, table, tag};
use crate::live::Live;
use crate::pages::devices::{LIST, attributes};
use crate::pages::keyed;
use crate::text::{self, Tone};

const NEWS_COLUMNS: &[Column] = &[
    Column::Head("Object"),
    Column::Text("News"),
    Column::Text("Attributes"),
];

/// What a device would get with its next sync of a source.
#[component]
pub(crate) fn PreviewPage() -> impl IntoView {
    keyed(
        ["client", "source"],
        |[id, source]| view! { <Preview id source/> },
    )
}

#[component]
fn Preview(id: String, source: String) -> impl IntoView {
    let device = format!("/devices/{}", encode(&id));
    let short: String = id.chars().take(8).collect();
    let title = format!("{source} as device {short}");
    let above = [LIST, (&short, &device)];
    let asked = StoredValue::new((id, source));
    let preview = Live::once(move || {
        let (id, source) = asked.get_value();
        api::client_preview(&id, &source)
    });
    let again = view! {
        <button type="button" on:click=move |_| preview.now()>
            "Look again"
        </button>
    };
    view! {
        {sub_heading(&above, title, "what its next sync would bring; nothing is changed by looking", again)}
        {loaded(preview, show_preview)}
    }
}

fn show_preview(
    SyncPreview {
        objects,
        more,
        outbox,
    }: SyncPreview,
) -> impl IntoView {
    let outbox_is_empty = outbox.as_object().is_none_or(serde_json::Map::is_empty);
    let outbox = (!outbox_is_empty).then(|| {
        view! {
            <section>
                <h2>"What it is told beside objects"</h2>
                <pre>{format!("{outbox:#}")}</pre>
            </section>
        }
    });
    let list = if objects.is_empty() {
        nothing(more)
    } else {
        table(
            "Objects",
            NEWS_COLUMNS,
            objects.into_iter().map(news).collect(),
        )
    };
    let more = (more > 0).then(|| {
        view! { <p class="quiet pad">{text::count(more)} " more objects would follow on further pages."</p> }
    });
    view! {
        {outbox}
        <section class="flush">{list} {more}</section>
    }
}

/// Who starts over is told so by a page of its own.
fn nothing(more: u64) -> AnyView {
    if more > 0 {
        empty(
            "There is no object on its next page.",
            "It is told what stands above first.",
        )
    } else {
        empty(
            "Nothing is new to it.",
            "It has everything that the server knows of this source.",
        )
    }
}

fn news(
    ObjectNews {
        id,
        change,
        set,
        removed,
    }: ObjectNews,
) -> Row {
    let (tone, word) = match change {
        ObjectChangeKind::Create => (Tone::Good, "new"),
        ObjectChangeKind::Update => (Tone::Warning, "changed"),
        ObjectChangeKind::Delete => (Tone::Bad, "deleted"),
    };
    let removed = removed
        .into_iter()
        .map(|name| view! { <div><dt><s>{name}</s></dt><dd class="faint">"removed"</dd></div> });
    Row::new(vec![
        view! { <span class="id">{id}</span> }.into_any(),
        tag(tone, word).into_any(),
        view! { <dl class="attributes">{attributes(set)} {removed.collect_view()}</dl> }.into_any(),
    ])
}
