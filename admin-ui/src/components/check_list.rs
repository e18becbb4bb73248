//! The list of what the server needs, and whether it has each.

use leptos::prelude::*;
use sync_proto::Check;

use crate::summary::sentence_case;

#[component]
pub(crate) fn CheckList(checks: Vec<Check>) -> impl IntoView {
    if checks.is_empty() {
        return view! { <p class="quiet">"Nothing: it checks nothing."</p> }.into_any();
    }
    view! { <ul class="checks">{checks.into_iter().map(item).collect_view()}</ul> }.into_any()
}

fn item(Check { name, ok, message }: Check) -> impl IntoView {
    let (class, sign, word) = if ok {
        ("good", "✓", "works")
    } else {
        ("down", "✕", "fails")
    };
    view! {
        <li class=class>
            <span class="sign" aria-hidden="true">
                {sign}
            </span>
            <span class="name">{sentence_case(&name)}</span>
            <span class="word">{word}</span>
            {message.map(|message| view! { <p class="message">{message}</p> })}
        </li>
    }
}
