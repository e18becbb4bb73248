//! How the server is doing, readable from across the room.

use leptos::prelude::*;

use crate::summary::{Condition, Verdict};

#[component]
pub(crate) fn VerdictBanner(verdict: Verdict) -> impl IntoView {
    let Verdict {
        condition,
        headline,
        detail,
    } = verdict;
    let (class, sign) = match condition {
        Condition::Good => ("banner good", "✓"),
        Condition::Impaired => ("banner impaired", "!"),
        Condition::Down => ("banner down", "✕"),
    };
    view! {
        <div class=class>
            <span class="sign" aria-hidden="true">
                {sign}
            </span>
            <div>
                <p class="headline">{headline}</p>
                <p>{detail}</p>
            </div>
        </div>
    }
}
