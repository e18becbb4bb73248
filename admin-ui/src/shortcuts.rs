//! The keyboard: `/` searches, `g` and a letter goes to a page, `?` shows what there is.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use web_sys::{Element, HtmlElement};

use crate::clock;
use crate::components::Dialog;
use crate::page::Page;

/// How long after `g` the letter may come, in milliseconds.
const PATIENCE: u64 = 1_500;

/// Listens to the keyboard while the component that calls this is there.
pub(crate) fn listen(help: RwSignal<bool>) {
    let navigate = use_navigate();
    let going_since = StoredValue::new(None::<u64>);
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let is_for_others = event.ctrl_key() || event.meta_key() || event.alt_key();
        if is_for_others || is_writing(event.target().and_then(|target| target.dyn_into().ok())) {
            return;
        }
        let key = event.key();
        let since = going_since.try_update_value(Option::take).flatten();
        let is_going = since.is_some_and(|since| clock::now().saturating_sub(since) < PATIENCE);
        if is_going
            && let Some(page) = Page::ALL
                .into_iter()
                .find(|page| key == page.key().to_string())
        {
            event.prevent_default();
            navigate(page.path(), NavigateOptions::default());
            return;
        }
        match key.as_str() {
            "g" => going_since.set_value(Some(clock::now())),
            "?" => help.set(true),
            "/" => {
                let search = document().query_selector("[data-search]").ok().flatten();
                if let Some(search) = search.and_then(|found| found.dyn_into::<HtmlElement>().ok())
                {
                    event.prevent_default();
                    let _ = search.focus();
                }
            }
            _ => {}
        }
    });
    on_cleanup(move || listener.remove());
}

/// Whether what is typed is meant for a field, or for a dialog that is open.
fn is_writing(target: Option<Element>) -> bool {
    target.is_some_and(|target| {
        let is_in = |selector| target.closest(selector).is_ok_and(|found| found.is_some());
        is_in("input, textarea, select, dialog")
    })
}

/// What the keyboard can do.
#[component]
pub(crate) fn Help(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open title="Keyboard".to_owned()>
            <table class="keys">
                <tbody>
                    <tr>
                        <td>
                            <kbd>"/"</kbd>
                        </td>
                        <td>"Search in the list"</td>
                    </tr>
                    {Page::ALL
                        .map(|page| {
                            view! {
                                <tr>
                                    <td>
                                        <kbd>"g"</kbd>
                                        " "
                                        <kbd>{page.key().to_string()}</kbd>
                                    </td>
                                    <td>{page.title()}</td>
                                </tr>
                            }
                        })}
                    <tr>
                        <td>
                            <kbd>"Esc"</kbd>
                        </td>
                        <td>"Close a dialog"</td>
                    </tr>
                </tbody>
            </table>
        </Dialog>
    }
}
