//! What administrators and scripts did.

use leptos::prelude::*;
use sync_proto::api::{AuditEntry, Listing};

use crate::api::{self, decode};
use crate::components::{
    Column, Pager, Row, SearchBox, Sorting, ago, empty, loaded, sorted_table, tag,
};
use crate::live::Live;
use crate::text::{self, Tone};
use crate::url_state::UrlState;

const COLUMNS: &[Column] = &[
    Column::Text("When"),
    Column::Head("Who"),
    Column::Text("What"),
    Column::Text("To what"),
    Column::Text("Outcome"),
    Column::Text("From"),
];

const SORTINGS: &[Sorting] = &[Sorting {
    column: "When",
    ascending: Some("at"),
    descending: Some(""),
}];

#[component]
pub(super) fn Audit(state: UrlState) -> impl IntoView {
    let entries = Live::once(move || {
        let (who, sort, cursor) = (state.get("q"), state.get("sort"), state.cursor());
        api::audit(&who, &sort, &cursor)
    });
    view! {
        <div class="tools">
            <SearchBox state label="Search by who did it"/>
        </div>
        <section class="flush">{loaded(entries, move |entries| show(entries, state))}</section>
    }
}

fn show(Listing { items, next }: Listing<AuditEntry>, state: UrlState) -> AnyView {
    if items.is_empty() {
        return empty(
            "Nothing was done.",
            "Whatever administrators and scripts change is kept here.",
        )
        .into_any();
    }
    let rows = items.into_iter().map(|entry| {
        let outcome = match entry.status {
            200..400 => tag(Tone::Good, "done".to_owned()),
            _ => tag(Tone::Bad, format!("refused, {}", entry.status)),
        };
        let subject = text::subject(&entry.subject, entry.name.as_deref());
        Row::new(vec![
            ago(Some(entry.at)),
            entry.who.into_any(),
            text::action(&entry.action).into_any(),
            decode(&subject).into_any(),
            outcome.into_any(),
            entry.address.into_any(),
        ])
    });
    view! {
        {sorted_table("Audit log", COLUMNS, state, SORTINGS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}
