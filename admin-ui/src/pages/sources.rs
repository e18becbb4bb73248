//! Sources: how their back ends are, and what their copies have.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::{CopySummary, Listing, Overview, SourceHealth, SourceSummary};

use crate::api::{self, Query, encode};
use crate::clock::Clock;
use crate::components::{
    Column, Dialog, DialogForm, Edited, Field, Found, Messages, Pager, Row, SearchBox, When, ago,
    empty, facts, heading, lasting, loaded, problem, quoted, row_link, sub_heading, table, tag,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::pages::keyed;
use crate::pages::objects::USER;
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
    Column::Text("Copy of"),
    Column::Number("Objects"),
    Column::Number("Version"),
    Column::Number("Devices"),
    Column::Number("Last query"),
    Column::Number("Took"),
    Column::Number("Next"),
    Column::Words("Error"),
];

/// Where one source belongs.
pub(super) const LIST: (&str, &str) = ("Sources", "/sources");

const EVERY: Duration = Duration::from_secs(10);

/// Whose copy leads to the one that everybody shares: the name does not matter there.
pub(super) const SHARED: &str = "*";

/// The list of all sources.
#[component]
pub(crate) fn SourcesPage() -> impl IntoView {
    let state = UrlState::of(Page::Sources.path());
    let sources = Live::every(Some(EVERY), move || {
        let q = state.get("q");
        api::sources(&q)
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
            view! { <span class="phrase">{text::adapter(&source.adapter).to_owned()}</span> }
                .into_any(),
            state.into_any(),
            view! { <span class="phrase">{text::audience(&source.partition)}</span> }.into_any(),
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
    let source = Live::every(Some(EVERY), move || api::source(&name.get_value()));
    let copies = Live::every(Some(EVERY), move || {
        let cursor = state.cursor();
        api::source_copies(&name.get_value(), &cursor)
    });
    let health = Memo::new(move |_| health(overview, &name.get_value()));
    let trouble = move || {
        health.get().and_then(|health| {
            let error = health.error?;
            let since = health.failing_since;
            let since = since.map(|at| view! { " Ongoing " {lasting(Some(at))} "." });
            Some(view! {
                <section class="why bad">
                    <h2>"What is wrong"</h2>
                    <p>
                        {text::source_error(health.error_kind)} {quoted(Some(error))} "." {since}
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
        {sub_heading(&[LIST], title, state_tag, actions)}
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
                        let is_shared = items.iter().all(|copy| copy.partition == "app");
                        let hint = (!is_shared)
                            .then(|| view! { <p class="quiet pad">"Open a copy to refresh it."</p> });
                        view! {
                            {copy_table(items, None)}
                            {hint}
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
        let path = format!(
            "/sources/{}/objects/{}",
            encode(&copy.source),
            encode(&copy.id)
        );
        let address = Query::of(&path).with(USER, of_user.as_deref().unwrap_or_default());
        let address = href(&address);
        let whose = text::partition(&copy.partition);
        let first = match is_of_user {
            true => vec![row_link(address, copy.source), whose.into_any()],
            false => vec![row_link(address, whose)],
        };
        let rest = [
            text::count(copy.objects).into_any(),
            text::count(copy.version).into_any(),
            text::count(copy.clients).into_any(),
            ago(copy.refreshed_at),
            copy.took_ms
                .map_or_else(|| "–".to_owned(), text::span)
                .into_any(),
            next_query(copy.due_at),
            quoted(copy.error),
        ];
        Row::new(first.into_iter().chain(rest).collect())
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
        task.run(api::pause_source(&name.get_value(), paused), move |_| {
            messages.say(if paused {
                "The source is paused."
            } else {
                "The source goes on."
            });
            source.now();
        });
    };
    let refresh = move |_| {
        task.run(api::refresh(&name.get_value(), SHARED), move |()| {
            messages.say("The back end is being asked.");
            copies.now();
        });
    };
    view! {
        <When is=Signal::derive(is_shared)>
            <button type="button" on:click=refresh aria-disabled=move || task.is_busy.get().to_string()>
                "Refresh now"
            </button>
        </When>
        <button type="button" on:click=move |_| editing.set(true)>
            "Poll interval…"
        </button>
        <button type="button" on:click=pause aria-disabled=move || task.is_busy.get().to_string()>
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
    let edited = Edited::new(api::source_path(&name.get_value()));
    let newer = RwSignal::new(known);
    let wrong = Signal::derive(move || match entered.get().trim().parse::<i64>() {
        Ok(seconds) if seconds >= -1 => (newer.get() != known && newer.get() != seconds)
            .then(|| format!("Somebody has set it to {}.", newer.get())),
        _ => Some("It is a whole number of seconds, 0 or -1.".to_owned()),
    });
    let submit = move || {
        let seconds = entered.get_untracked().trim().parse();
        let Some(seconds) = seconds.ok().filter(|seconds| *seconds >= -1) else {
            return;
        };
        task.run(
            api::set_poll_interval(&name.get_value(), seconds, edited.tag()),
            move |_| {
                messages.say("The poll interval is changed.");
                source.now();
                on_done();
            },
        );
    };
    let load = Callback::new(move |()| {
        task.run(api::source(&name.get_value()), move |found| {
            edited.renew();
            newer.set(found.poll_interval);
        });
    });
    view! {
        <DialogForm task submit="Save" on_submit=submit on_newer=load>
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
