//! The small print of the status page: the server's version, and when it was last asked.

use leptos::prelude::*;

#[component]
pub(crate) fn Facts(
    /// The server's version, while known.
    version: Memo<Option<String>>,
    /// When the server was last asked, as the user writes times.
    taken_at: Memo<Option<String>>,
) -> impl IntoView {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    view! {
        <dl class="facts">
            <div>
                <dt>"Version"</dt>
                <dd>{move || or_dash(version.get())}</dd>
            </div>
            <div>
                <dt>"Last checked"</dt>
                <dd>{move || or_dash(taken_at.get())}</dd>
            </div>
        </dl>
    }
}
