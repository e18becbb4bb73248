//! What administrators and scripts did.

use leptos::prelude::*;
use sync_proto::api::{AuditEntry, Listing};

use crate::api;
use crate::components::{Pager, SearchBox, ago, empty, loaded, scrolled, tag};
use crate::live::Live;
use crate::text::Tone;
use crate::url_state::UrlState;

#[component]
pub(super) fn Audit(state: UrlState) -> impl IntoView {
    let entries = Live::once(move || {
        let (who, cursor) = (state.get("q"), state.cursor());
        async move { api::audit(&who, &cursor).await }
    });
    view! {
        <div class="tools">
            <SearchBox state label="Who: the name of an administrator or token"/>
        </div>
        <section class="flush">{loaded(entries, move |entries| table(entries, state))}</section>
    }
}

fn table(Listing { items, next }: Listing<AuditEntry>, state: UrlState) -> AnyView {
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
        view! {
            <tr>
                <td class="n">{ago(Some(entry.at))}</td>
                <th scope="row">{entry.who}</th>
                <td>{entry.action}</td>
                <td class="id">{entry.subject}</td>
                <td>{outcome}</td>
                <td>{entry.address}</td>
            </tr>
        }
    });
    view! {
        {scrolled(
            "Audit log",
            view! {
                <table>
                    <thead>
                        <tr>
                            <th scope="col" class="n">"When"</th>
                            <th scope="col">"Who"</th>
                            <th scope="col">"What"</th>
                            <th scope="col">"To what"</th>
                            <th scope="col">"Outcome"</th>
                            <th scope="col">"From"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            },
        )}
        <Pager state next/>
    }
    .into_any()
}
