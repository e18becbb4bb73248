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

/// The heading of one thing, with what it is part of: names and paths, from the list down.
pub(crate) fn sub_heading(
    above: &[(&str, &str)],
    title: impl Into<String>,
    note: impl IntoView + 'static,
    actions: impl IntoView + 'static,
) -> AnyView {
    let above = above.iter();
    let links = above.map(|(name, path)| {
        view! {
            <a href=href(path)>{(*name).to_owned()}</a>
            <span aria-hidden="true">"›"</span>
        }
    });
    let links = links.collect_view();
    let above = view! { <nav class="crumbs" aria-label="Where this is">{links}</nav> };
    headed(
        Some(above.into_any()),
        title.into(),
        note.into_any(),
        actions.into_any(),
    )
}

fn headed(above: Option<AnyView>, title: String, note: AnyView, actions: AnyView) -> AnyView {
    document().set_title(&format!("{title} – RhoSync"));
    view! {
        {above}
        <header class="heading">
            <h1>{title}</h1>
            <div class="note">{note}</div>
            <div class="actions">{actions}</div>
        </header>
    }
    .into_any()
}

/// A figure, with what it counts above, what belongs to it below, and how it has gone as a small line.
pub(crate) fn tile(
    name: &'static str,
    figure: AnyView,
    note: AnyView,
    line: Option<AnyView>,
) -> AnyView {
    view! {
        <div class="tile">
            <span>{name}</span>
            <strong>{figure}</strong>
            <small>{note}</small>
            {line}
        </div>
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
