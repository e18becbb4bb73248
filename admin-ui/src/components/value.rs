//! Headings, facts and tags.

use leptos::prelude::*;

use crate::text::Tone;

/// A state, with its word.
pub(crate) fn tag(tone: Tone, text: impl Into<String>) -> impl IntoView {
    let class = format!("tag {}", tone.class());
    view! { <span class=class>{text.into()}</span> }
}

/// The heading of a page, and what may be done there.
pub(crate) fn heading(
    title: impl Into<String>,
    note: impl IntoView + 'static,
    actions: impl IntoView + 'static,
) -> impl IntoView {
    let title = title.into();
    document().set_title(&format!("{title} – RhoSync"));
    view! {
        <header class="heading">
            <h1>{title}</h1>
            <div class="note">{note}</div>
            <div class="actions">{actions}</div>
        </header>
    }
}

/// The heading of one thing of a list, with the way back to the list.
pub(crate) fn sub_heading(
    (list, path): (&'static str, &'static str),
    title: impl Into<String>,
    note: impl IntoView + 'static,
    actions: impl IntoView + 'static,
) -> impl IntoView {
    let up = crate::page::href(path);
    view! {
        <nav class="crumbs" aria-label="Where this is">
            <a href=up>{list}</a>
            <span aria-hidden="true">"›"</span>
        </nav>
        {heading(title, note, actions)}
    }
}

/// Names and values side by side.
pub(crate) fn facts(rows: Vec<(&'static str, AnyView)>) -> impl IntoView {
    let rows = rows.into_iter().map(|(name, value)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    });
    view! { <dl class="facts">{rows.collect_view()}</dl> }
}
