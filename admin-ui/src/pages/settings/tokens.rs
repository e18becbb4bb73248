//! API tokens: for scripts, shown once.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sync_proto::api::{CreatedToken, Listing, NewToken, TokenInfo};

use crate::api;
use crate::browser;
use crate::components::{
    BESIDE_FIELDS, Column, Confirm, Dialog, DialogForm, Field, Messages, Pager, Row, Select,
    Sorting, Toggle, against, ago, choices, empty, loaded, problem, sorted_table,
};
use crate::live::Live;
use crate::task::Task;
use crate::text;
use crate::url_state::UrlState;

const COLUMNS: &[Column] = &[
    Column::Head("Name"),
    Column::Words("May"),
    Column::Number("Created"),
    Column::Number("Last use"),
    Column::Number("Expires"),
    Column::Actions("Actions"),
];

const SORTINGS: &[Sorting] = &[Sorting {
    column: "Created",
    ascending: Some(""),
    descending: Some("-created"),
}];

/// What a token may be good for.
const SCOPES: [&str; 13] = [
    "users:read",
    "users:write",
    "clients:read",
    "clients:write",
    "sources:read",
    "sources:write",
    "data:read",
    "data:write",
    "jobs:read",
    "jobs:write",
    "system:read",
    "system:write",
    "admin",
];

/// How long a token may be good: seconds, and what that is called.
const LIFETIMES: [(&str, &str); 4] = [
    ("7776000", "90 days"),
    ("2592000", "30 days"),
    ("31536000", "a year"),
    ("", "until it is revoked"),
];

#[component]
pub(super) fn Tokens(state: UrlState) -> impl IntoView {
    let tokens = Live::once(move || {
        let (sort, cursor) = (state.get("sort"), state.cursor());
        api::tokens(&sort, &cursor)
    });
    let making = RwSignal::new(false);
    view! {
        <section class="flush">
            <div class="section-head">
                <h2>"API tokens"</h2>
                <button type="button" class="main" on:click=move |_| making.set(true)>
                    "Create a token"
                </button>
            </div>
            {loaded(tokens, move |listing| show(listing, tokens, state))}
        </section>
        <Dialog open=making title="Create a token".to_owned()>
            <Create making on_made=move || tokens.now()/>
        </Dialog>
    }
}

fn show(
    Listing { items, next }: Listing<TokenInfo>,
    tokens: Live<Listing<TokenInfo>>,
    state: UrlState,
) -> AnyView {
    if items.is_empty() {
        return empty(
            "There are no tokens.",
            "Create one for each script, good for no more than the script does.",
        )
        .into_any();
    }
    let rows = items.into_iter().map(|token| {
        let scopes = token
            .scopes
            .iter()
            .map(|scope| text::scope(scope))
            .collect::<Vec<_>>()
            .join(", ");
        Row::new(vec![
            token.name.clone().into_any(),
            scopes.into_any(),
            ago(Some(token.created_at)),
            ago(token.used_at),
            ago(token.expires_at),
            view! { <Revoke token=token.clone() tokens/> }.into_any(),
        ])
    });
    view! {
        {sorted_table("API tokens", COLUMNS, state, SORTINGS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}

#[component]
fn Revoke(token: TokenInfo, tokens: Live<Listing<TokenInfo>>) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let id = StoredValue::new(token.id);
    let revoke = move |open: RwSignal<bool>| {
        task.run(api::delete_token(&id.get_value()), move |()| {
            open.set(false);
            messages.say("The token is revoked.");
            tokens.now();
        });
    };
    view! {
        <Confirm
            label="Revoke…"
            title=format!("Revoke the token {}?", token.name)
            text="Whoever uses it is refused from now on.".to_owned()
            task
            on_confirm=revoke
        />
        {problem(task)}
    }
}

#[component]
fn Create(
    making: RwSignal<bool>,
    on_made: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let task = Task::new();
    let name = RwSignal::new(String::new());
    let lifetime = RwSignal::new(LIFETIMES[0].0.to_owned());
    let lifetimes = Signal::stored(choices(&LIFETIMES));
    let scopes = SCOPES.map(|scope| (scope, RwSignal::new(false)));
    let made = RwSignal::new(None::<CreatedToken>);
    // It is shown once: whoever closes the dialog does not find it again.
    on_cleanup(move || made.set(None));
    let none = RwSignal::new(false);
    let submit = move || {
        let chosen = scopes
            .iter()
            .filter(|(_, is_chosen)| is_chosen.get_untracked());
        let chosen: Vec<String> = chosen.map(|(scope, _)| (*scope).to_owned()).collect();
        none.set(chosen.is_empty());
        if chosen.is_empty() {
            return;
        }
        let token = NewToken {
            name: name.get_untracked().trim().to_owned(),
            scopes: chosen,
            expires_in: lifetime.get_untracked().parse().ok(),
        };
        task.run(api::create_token(&token), move |token| {
            made.set(Some(token));
            on_made();
        });
    };
    view! {
        <Show
            when=move || made.with(Option::is_none)
            fallback=move || made.get().map(|token| view! { <Made token making/> })
        >
            <DialogForm task submit="Create" on_submit=submit beside_fields=BESIDE_FIELDS>
                <Field label="Name" value=name required=true hint=Some("What it is for.") error=against(task, "login")/>
                <Select label="Good for" value=lifetime options=lifetimes/>
                <fieldset>
                    <legend>"It may"</legend>
                    <div class="columns">
                        {scopes
                            .map(|(scope, is_chosen)| view! { <Toggle label=text::scope(scope) value=is_chosen/> })}
                    </div>
                    <p class="problem" role="alert">
                        {move || none.get().then_some("Choose at least one.")}
                    </p>
                </fieldset>
            </DialogForm>
        </Show>
    }
}

#[component]
fn Made(token: CreatedToken, making: RwSignal<bool>) -> impl IntoView {
    let secret = StoredValue::new(token.token);
    // Beside the button: messages are behind the dialog.
    let told = RwSignal::new("");
    let copy = move |_| {
        spawn_local(async move {
            let copied = browser::copy(&secret.get_value()).await;
            // Who has closed the dialog does not hear of it any more.
            told.try_set(match copied {
                Ok(()) => "It is on the clipboard.",
                Err(_) => "The browser does not let it be copied: select it instead.",
            });
        });
    };
    view! {
        <p>"This is the token. It is shown this once: put it where the script finds it."</p>
        <p class="secret">
            <code>{secret.get_value()}</code>
        </p>
        <div class="actions">
            <button type="button" on:click=copy>
                "Copy"
            </button>
            <button type="button" class="main" on:click=move |_| making.set(false)>
                "Done"
            </button>
            <span class="quiet" role="status">{told}</span>
        </div>
    }
}
