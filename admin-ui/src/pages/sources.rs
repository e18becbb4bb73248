//! Sources: how their back ends are, what their copies have, and the objects in them.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::{
    CopySummary, Listing, ObjectInfo, ObjectVersions, Overview, SourceHealth, SourceSummary,
    VersionedValue,
};

use crate::api::{self, encode};
use crate::clock::Clock;
use crate::components::{
    Choices, Column, Dialog, DialogForm, Field, Found, Messages, Pager, Row, SearchBox, When, ago,
    choices, empty, facts, heading, lasting, loaded, problem, quoted, row_link, sub_heading, table,
    tag,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::pages::comparison::CompareWith;
use crate::pages::{devices, keyed};
use crate::session::Session;
use crate::task::Task;
use crate::text;
use crate::url_state::UrlState;

const SOURCE_COLUMNS: &[Column] = &[
    Column::Head("Source"),
    Column::Text("Back end"),
    Column::Text("State"),
    Column::Text("A copy for"),
    Column::Number("Objects"),
    Column::Number("Last query"),
    Column::Number("How often"),
    Column::Words("Error"),
];

const COPY_COLUMNS: &[Column] = &[
    Column::Head("Copy of"),
    Column::Number("Objects"),
    Column::Number("Version"),
    Column::Number("Devices"),
    Column::Number("Last query"),
    Column::Number("Took"),
    Column::Number("Next"),
    Column::Words("Error"),
];

const COPIES_OF_USER_COLUMNS: &[Column] = &[
    Column::Head("Source"),
    Column::Number("Objects"),
    Column::Number("Version"),
    Column::Number("Devices"),
    Column::Number("Last query"),
    Column::Number("Took"),
    Column::Number("Next"),
    Column::Words("Error"),
];

const OBJECT_COLUMNS: &[Column] = &[
    Column::Head("Object"),
    Column::Text("Attributes"),
    Column::Actions("More attributes"),
];

/// The first is the order of the documents' logs.
const OBJECT_ORDERS: [(&str, &str); 2] = [
    ("", "Oldest change first"),
    ("-version", "Newest change first"),
];

const ATTRIBUTE_COLUMNS: &[Column] = &[
    Column::Head("Attribute"),
    Column::Text("Value"),
    Column::Number("Since version"),
];

/// Where one source belongs.
const LIST: (&str, &str) = ("Sources", "/sources");

const EVERY: Duration = Duration::from_secs(10);

/// Whose copy leads to the one that everybody shares: the name does not matter there.
pub(super) const SHARED: &str = "*";

/// The list of all sources.
#[component]
pub(crate) fn SourcesPage() -> impl IntoView {
    let state = UrlState::of(Page::Sources.path());
    let sources = Live::every(Some(EVERY), move || {
        let q = state.get("q");
        async move { api::sources(&q).await }
    });
    let overview = expect_context::<Live<Overview>>();
    view! {
        {heading(Page::Sources.title(), "what devices sync, and where it comes from", ())}
        <div class="tools">
            <SearchBox state label="Search by name"/>
        </div>
        <section class="flush">
            {loaded(sources, move |sources| list(sources.items, state, overview))}
        </section>
    }
}

/// How a source is, as the overview says.
fn health(overview: Live<Overview>, name: &str) -> Option<SourceHealth> {
    overview.data.with(|overview| {
        let sources = &overview.as_ref()?.sources;
        sources.iter().find(|source| source.name == name).cloned()
    })
}

fn list(items: Vec<SourceSummary>, state: UrlState, overview: Live<Overview>) -> AnyView {
    if items.is_empty() && !state.get("q").is_empty() {
        return empty(
            "No source is called so.",
            "Search for the beginning of its name.",
        )
        .into_any();
    }
    if items.is_empty() {
        return empty(
            "There are no sources yet.",
            "Name one in rhosync.toml, or let a back end feed objects to one.",
        )
        .into_any();
    }
    let rows = items.into_iter().map(|source| {
        let address = href(&format!("/sources/{}", encode(&source.name)));
        let name = StoredValue::new(source.name.clone());
        let health = Memo::new(move |_| health(overview, &name.get_value()));
        let state = move || {
            health.get().map(|health| {
                let (tone, word) = text::source_state(health.state);
                tag(tone, word)
            })
        };
        Row::new(vec![
            row_link(address, source.name),
            text::adapter(&source.adapter).to_owned().into_any(),
            state.into_any(),
            text::audience(&source.partition).into_any(),
            (move || health.get().map(|health| text::count(health.objects))).into_any(),
            (move || health.get().map(|health| ago(health.refreshed_at))).into_any(),
            poll_interval(source.poll_interval).into_any(),
            (move || quoted(health.get().and_then(|health| health.error))).into_any(),
        ])
    });
    table("Sources", SOURCE_COLUMNS, rows.collect())
}

fn poll_interval(seconds: i64) -> String {
    match u64::try_from(seconds) {
        Err(_) => "never".to_owned(),
        Ok(0) => "with every sync".to_owned(),
        Ok(seconds) => format!("every {}", text::span(seconds.saturating_mul(1_000))),
    }
}

/// One source.
#[component]
pub(crate) fn SourcePage() -> impl IntoView {
    keyed(["source"], |[name]| view! { <Source name/> })
}

#[component]
fn Source(name: String) -> impl IntoView {
    let overview = expect_context::<Live<Overview>>();
    let session = Session::get();
    let title = name.clone();
    let state = UrlState::of(format!("/sources/{}", encode(&name)));
    let name = StoredValue::new(name);
    let source = Live::every(Some(EVERY), move || async move {
        api::source(&name.get_value()).await
    });
    let copies = Live::every(Some(EVERY), move || {
        let cursor = state.cursor();
        async move { api::source_copies(&name.get_value(), &cursor).await }
    });
    let health = Memo::new(move |_| health(overview, &name.get_value()));
    let trouble = move || {
        health.get().and_then(|health| {
            let error = health.error?;
            let since = health.failing_since;
            let since = since.map(|at| view! { " It has been so " {lasting(Some(at))} "." });
            Some(view! {
                <section class="why bad">
                    <h2>"What is wrong"</h2>
                    <p>
                        {text::source_error(health.error_kind)} {quoted(Some(error))} {since}
                    </p>
                    <p class="quiet">"Devices get what was known before. Nothing of it is lost."</p>
                </section>
            })
        })
    };
    let state_tag = move || {
        health.get().map(|health| {
            let (tone, word) = text::source_state(health.state);
            tag(tone, word)
        })
    };
    let actions = view! {
        <When is=Signal::derive(move || session.may("sources:write") && source.status.is_here())>
            <Actions name source copies/>
        </When>
    };
    view! {
        {sub_heading(LIST, title, state_tag, actions)}
        <Found status=source.status what="source" list=LIST>
            {trouble}
            <section>{loaded(source, move |source| source_facts(source, health))}</section>
            <section class="flush" aria-labelledby="copies">
                <h2 id="copies">"Copies"</h2>
                {loaded(
                    copies,
                    move |Listing { items, next }| {
                        if items.is_empty() {
                            return empty("There is no copy yet.", "One is made with the first sync.").into_any();
                        }
                        view! {
                            {copy_table(items, None)}
                            <Pager state next/>
                        }
                            .into_any()
                    },
                )}
            </section>
        </Found>
    }
}

fn source_facts(source: SourceSummary, health: Memo<Option<SourceHealth>>) -> impl IntoView {
    let made = if source.dynamic {
        "by a back end that feeds it"
    } else {
        "in the settings file"
    };
    let copies = match source.pass_through {
        true => "none is kept: devices see what the back end answers".to_owned(),
        false => format!("one for {}", text::audience(&source.partition)),
    };
    let took = move || {
        health
            .get()
            .and_then(|health| health.took_ms)
            .map_or_else(|| "–".to_owned(), text::span)
    };
    facts(vec![
        (
            "Back end",
            text::adapter(&source.adapter).to_owned().into_any(),
        ),
        ("Copies", copies.into_any()),
        ("Queried", poll_interval(source.poll_interval).into_any()),
        ("Last query took", took.into_any()),
        (
            "Changes go",
            source
                .queue
                .map_or_else(
                    || "at once".to_owned(),
                    |queue| format!("through the queue {queue}"),
                )
                .into_any(),
        ),
        ("Made", made.into_any()),
    ])
}

/// When the back end is asked next. What is due waits for whoever syncs first, however long that takes.
fn next_query(due_at: Option<u64>) -> AnyView {
    let clock = Clock::get();
    match due_at {
        None => ago(None),
        Some(at) => (move || match clock.now() >= at {
            true => "due".into_any(),
            false => ago(Some(at)),
        })
        .into_any(),
    }
}

/// Copies as a table: of one source by their users, or of one user by their sources.
pub(super) fn copy_table(copies: Vec<CopySummary>, of_user: Option<String>) -> impl IntoView {
    let is_of_user = of_user.is_some();
    let rows = copies.into_iter().map(move |copy| {
        let whose = copy
            .user
            .clone()
            .or(of_user.clone())
            .unwrap_or_else(|| SHARED.to_owned());
        let address = href(&format!(
            "/sources/{}/objects/{}",
            encode(&copy.source),
            encode(&whose)
        ));
        let title = if is_of_user {
            copy.source.clone()
        } else {
            text::partition(&copy.partition)
        };
        Row::new(vec![
            row_link(address, title),
            text::count(copy.objects).into_any(),
            text::count(copy.version).into_any(),
            text::count(copy.clients).into_any(),
            ago(copy.refreshed_at),
            copy.took_ms
                .map_or_else(|| "–".to_owned(), text::span)
                .into_any(),
            next_query(copy.due_at),
            quoted(copy.error),
        ])
    });
    let columns = if is_of_user {
        COPIES_OF_USER_COLUMNS
    } else {
        COPY_COLUMNS
    };
    table("Copies", columns, rows.collect())
}

#[component]
fn Actions(
    name: StoredValue<String>,
    source: Live<SourceSummary>,
    copies: Live<Listing<CopySummary>>,
) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let editing = RwSignal::new(false);
    let is_paused = move || {
        source
            .data
            .with(|source| source.as_ref().is_some_and(|source| source.paused))
    };
    let is_shared = move || {
        source.data.with(|source| {
            source
                .as_ref()
                .is_some_and(|source| source.partition == "app")
        })
    };
    let pause = move |_| {
        let paused = !untrack(is_paused);
        task.run(
            async move { api::pause_source(&name.get_value(), paused).await },
            move |_| {
                messages.say(if paused {
                    "The source is paused."
                } else {
                    "The source goes on."
                });
                source.now();
            },
        );
    };
    let refresh = move |_| {
        task.run(
            async move { api::refresh(&name.get_value(), SHARED).await },
            move |()| {
                messages.say("The back end is being asked.");
                copies.now();
            },
        );
    };
    view! {
        <When is=Signal::derive(is_shared)>
            <button type="button" on:click=refresh disabled=move || task.is_busy.get()>
                "Refresh now"
            </button>
        </When>
        <button type="button" on:click=move |_| editing.set(true)>
            "Poll interval…"
        </button>
        <button type="button" on:click=pause disabled=move || task.is_busy.get()>
            {move || if is_paused() { "Resume" } else { "Pause" }}
        </button>
        {problem(task)}
        <Dialog open=editing title="How often the back end is asked".to_owned()>
            <PollInterval name source on_done=move || editing.set(false)/>
        </Dialog>
    }
}

#[component]
fn PollInterval(
    name: StoredValue<String>,
    source: Live<SourceSummary>,
    on_done: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let known = source
        .data
        .with_untracked(|source| source.as_ref().map_or(0, |source| source.poll_interval));
    let entered = RwSignal::new(known.to_string());
    let wrong = Signal::derive(move || match entered.get().trim().parse::<i64>() {
        Ok(seconds) if seconds >= -1 => None,
        _ => Some("It is a whole number of seconds, 0 or -1.".to_owned()),
    });
    let submit = move || {
        let seconds = entered.get_untracked().trim().parse();
        let (Ok(seconds), None) = (seconds, wrong.get_untracked()) else {
            return;
        };
        task.run(
            async move { api::set_poll_interval(&name.get_value(), seconds).await },
            move |_| {
                messages.say("The poll interval is changed.");
                source.now();
                on_done();
            },
        );
    };
    view! {
        <DialogForm task submit="Save" on_submit=submit>
            <Field
                label="Seconds between queries"
                value=entered
                required=true
                error=wrong
                hint=Some("0: with every sync. -1: never.")
            />
        </DialogForm>
    }
}

/// The objects of one copy.
#[component]
pub(crate) fn ObjectsPage() -> impl IntoView {
    keyed(
        ["source", "user"],
        |[source, user]| view! { <Objects source user/> },
    )
}

#[component]
fn Objects(source: String, user: String) -> impl IntoView {
    let session = Session::get();
    let messages = Messages::get();
    let base = format!("/sources/{}/objects/{}", encode(&source), encode(&user));
    let state = UrlState::of(base.clone());
    let whose = if user == SHARED {
        "shared by everybody".to_owned()
    } else {
        format!("copy of {user}")
    };
    let title = source.clone();
    let copy = StoredValue::new((source, user));
    // A search looks at everything: it is not done again and again while somebody reads what it has found.
    let objects = Live::once(move || {
        let (q, sort, cursor) = (state.get("q"), state.get("sort"), state.cursor());
        let (source, user) = copy.get_value();
        async move { api::objects(&source, &user, &q, &sort, &cursor).await }
    });
    let task = Task::new();
    let refresh = move |_| {
        let (source, user) = copy.get_value();
        task.run(
            async move { api::refresh(&source, &user).await },
            move |()| {
                messages.say("The back end is being asked.");
                objects.now();
            },
        );
    };
    let actions = view! {
        <When is=Signal::derive(move || session.may("clients:read"))><CompareWith copy/></When>
        <When is=Signal::derive(move || session.may("sources:write"))>
            <button type="button" on:click=refresh disabled=move || task.is_busy.get()>
                "Refresh now"
            </button>
        </When>
        {problem(task)}
    };
    let base = StoredValue::new(base);
    let orders = choices(&OBJECT_ORDERS);
    view! {
        {sub_heading(LIST, title, whose, actions)}
        <div class="tools">
            <SearchBox state label="Search in ids and values"/>
            <Choices state name="sort" label="Order" options=orders/>
        </div>
        <section class="flush">
            {loaded(objects, move |objects| object_table(objects, state, &base.get_value()))}
        </section>
    }
}

/// How many attributes of an object a list shows.
const SHOWN: usize = 6;

fn object_table(
    Listing { items, next }: Listing<ObjectInfo>,
    state: UrlState,
    base: &str,
) -> AnyView {
    if items.is_empty() {
        let title = match (state.get("q").is_empty(), next.is_some()) {
            (_, true) => "Nothing was found so far.",
            (true, false) => "There are no objects.",
            (false, false) => "No object has that in it.",
        };
        return view! {
            {empty(title, "Objects come from the back end, and from devices.")}
            <Pager state next/>
        }
        .into_any();
    }
    let rows = items.into_iter().map(|object| {
        let address = href(&format!("{base}/{}", encode(&object.id)));
        let left = object.attributes.len().saturating_sub(SHOWN);
        let shown = object.attributes.into_iter().take(SHOWN).collect();
        Row::new(vec![
            view! { <a class="row id" href=address>{object.id}</a> }.into_any(),
            view! { <dl class="attributes line">{devices::attributes(shown)}</dl> }.into_any(),
            (left > 0).then(|| format!("+{left}")).into_any(),
        ])
    });
    view! {
        {table("Objects", OBJECT_COLUMNS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}

/// One object, with the versions of its attributes.
#[component]
pub(crate) fn ObjectPage() -> impl IntoView {
    keyed(
        ["source", "user", "object"],
        |[source, user, object]| view! { <Object source user object/> },
    )
}

#[component]
fn Object(source: String, user: String, object: String) -> impl IntoView {
    let list = href(&format!(
        "/sources/{}/objects/{}",
        encode(&source),
        encode(&user)
    ));
    let title = object.clone();
    let note = view! { "of " <a href=list>{source.clone()}</a> };
    let asked = StoredValue::new((source, user, object));
    let versions = Live::every(Some(EVERY), move || {
        let (source, user, object) = asked.get_value();
        async move { api::object_versions(&source, &user, &object).await }
    });
    view! {
        {sub_heading(LIST, title, note, ())}
        <Found status=versions.status what="object" list=LIST>{loaded(versions, show_object)}</Found>
    }
}

fn show_object(object: ObjectVersions) -> impl IntoView {
    let by = match object.changed_by {
        Some(client) => {
            let address = href(&format!("/devices/{}", encode(&client)));
            view! { "a device, " <a class="id" href=address>{client}</a> }.into_any()
        }
        None => "the back end".into_any(),
    };
    let present = object
        .attributes
        .into_iter()
        .map(|(name, VersionedValue { value, version })| {
            Row::new(vec![
                name.into_any(),
                view! { <span class="value">{value}</span> }.into_any(),
                text::count(version).into_any(),
            ])
        });
    let removed = object.removed.into_iter().map(|(name, version)| {
        Row::new(vec![
            view! { <s>{name}</s> }.into_any(),
            view! { <span class="faint">"removed"</span> }.into_any(),
            text::count(version).into_any(),
        ])
    });
    view! {
        <section>
            {facts(vec![
                ("Last change", view! { "version " {text::count(object.version)} }.into_any()),
                ("Made by", by),
            ])}
        </section>
        <section class="flush">
            {table("Attributes", ATTRIBUTE_COLUMNS, present.chain(removed).collect())}
        </section>
    }
}
