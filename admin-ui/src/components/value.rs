//! Headings, facts and tags.
//!
//! What is the same for all is in functions without type parameters: there is one of each then.

use leptos::prelude::*;

use crate::page::href;
use crate::text::Tone;

/// A state, with its word.
pub(crate) fn tag(tone: Tone, text: impl Into<String>) -> AnyView {
    worded(tone, text.into())
}

fn worded(tone: Tone, text: String) -> AnyView {
    let class = format!("tag {}", tone.class());
    view! { <span class=class>{text}</span> }.into_any()
}

/// The heading of a page, and what may be done there.
pub(crate) fn heading(
    title: impl Into<String>,
    note: impl IntoView + 'static,
    actions: impl IntoView + 'static,
) -> AnyView {
    headed(None, title.into(), note.into_any(), actions.into_any())
}

/// The heading of one thing of a list, with the way back to the list.
pub(crate) fn sub_heading(
    list: (&'static str, &'static str),
    title: impl Into<String>,
    note: impl IntoView + 'static,
    actions: impl IntoView + 'static,
) -> AnyView {
    headed(
        Some(list),
        title.into(),
        note.into_any(),
        actions.into_any(),
    )
}

fn headed(
    list: Option<(&'static str, &'static str)>,
    title: String,
    note: AnyView,
    actions: AnyView,
) -> AnyView {
    document().set_title(&format!("{title} – RhoSync"));
    let up = list.map(|(list, path)| {
        view! {
            <nav class="crumbs" aria-label="Where this is">
                <a href=href(path)>{list}</a>
                <span aria-hidden="true">"›"</span>
            </nav>
        }
    });
    view! {
        {up}
        <header class="heading">
            <h1>{title}</h1>
            <div class="note">{note}</div>
            <div class="actions">{actions}</div>
        </header>
    }
    .into_any()
}

/// Names and values side by side.
pub(crate) fn facts(rows: Vec<(&'static str, AnyView)>) -> AnyView {
    let rows = rows.into_iter().map(|(name, value)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    });
    view! { <dl class="facts">{rows.collect_view()}</dl> }.into_any()
}
