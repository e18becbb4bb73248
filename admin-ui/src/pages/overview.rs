//! The overview: what needs attention, and how the system is doing.

use leptos::prelude::*;
use sync_proto::api::{
    Attention, Overview, PushServiceInfo, QueueInfo, SourceHealth, StoreInfo, TrafficPoint,
};

use crate::api::encode;
use crate::clock;
use crate::components::{
    Column, LineChart, Row, Sparkline, Track, ago, empty, heading, lasting, loaded, row_link,
    table, tag, tile,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::session::Session;
use crate::text::{self, Notice, Tone};

const SOURCE_COLUMNS: &[Column] = &[
    Column::Head("Source"),
    Column::Text("State"),
    Column::Number("Objects"),
    Column::Number("Last query"),
    Column::Number("Took"),
];

const QUEUE_COLUMNS: &[Column] = &[
    Column::Head("Queue"),
    Column::Number("Ready"),
    Column::Number("Running"),
    Column::Number("Dead"),
];

const SERVICE_COLUMNS: &[Column] = &[
    Column::Head("Service"),
    Column::Text("State"),
    Column::Actions("Figures"),
];

#[component]
pub(crate) fn OverviewPage() -> impl IntoView {
    let overview = expect_context::<Live<Overview>>();
    let session = Session::get();
    let state = move || match overview.status.error.get() {
        None => view! { <span class="dot good"></span>" live" }.into_any(),
        Some(_) => view! { <span class="dot bad"></span>" no answer" }.into_any(),
    };
    let version = move || {
        overview.data.with(|data| {
            data.as_ref()
                .map(|data| format!("version {}", data.version))
        })
    };
    view! {
        {heading(Page::Overview.title(), version, view! { <span class="state">{state}</span> })}
        {loaded(overview, move |overview| show(overview, session))}
    }
}

fn show(overview: Overview, session: Session) -> impl IntoView {
    let Overview {
        attention,
        sources,
        queues,
        push_services,
        store,
        ..
    } = &overview;
    let [load, times] = charts(&overview.traffic);
    view! {
        <section aria-labelledby="attention">
            <h2 id="attention">"Needs attention"</h2>
            {attention_list(attention, session)}
        </section>
        {tiles(&overview)}
        <div class="two">
            <section class="flush" aria-labelledby="back-ends">
                <h2 id="back-ends">"Back ends"</h2>
                {source_table(sources)}
            </section>
            <div class="stack">
                <section class="flush" aria-labelledby="queues">
                    <h2 id="queues">"Jobs"</h2>
                    {queue_table(queues)}
                </section>
                <section class="flush" aria-labelledby="services">
                    <h2 id="services">"Push services and store"</h2>
                    {service_table(push_services, store)}
                </section>
            </div>
        </div>
        <div class="two">
            <section>{load}</section>
            <section>{times}</section>
        </div>
    }
}

fn attention_list(attention: &[Attention], session: Session) -> AnyView {
    if attention.is_empty() {
        return view! {
            <p class="all-well">
                <span class="dot good" aria-hidden="true"></span>
                "Nothing. Everything works."
            </p>
        }
        .into_any();
    }
    let items = attention.iter().map(move |attention| {
        let Notice {
            tone,
            title,
            text,
            quote,
            since,
            path,
            action,
            needs,
        } = text::notice(attention, encode);
        let action = match needs {
            Some(scope) if !session.may(scope) => "Look",
            _ => action,
        };
        let quote = quote.map(|quote| view! { " " <q>{quote}</q> "." });
        let since = since.map(|at| view! { " Ongoing " {lasting(Some(at))} "." });
        let spoken = match tone {
            Tone::Bad => "Urgent: ",
            _ => "Warning: ",
        };
        view! {
            <li>
                <span class=format!("dot {}", tone.class()) aria-hidden="true"></span>
                <div>
                    <b>
                        <span class="hidden">{spoken}</span>
                        {title.clone()}
                    </b>
                    <p>{text} {quote} {since}</p>
                </div>
                <a class="button" href=href(&path) aria-label=format!("{action} {title}")>
                    {action}
                </a>
            </li>
        }
    });
    view! { <ul class="todo">{items.collect_view()}</ul> }.into_any()
}

fn tiles(overview: &Overview) -> impl IntoView + use<> {
    let Overview {
        clients, traffic, ..
    } = overview;
    let last = traffic.last();
    let failed: u64 = traffic.iter().map(|point| point.failed).sum();
    let requests: u64 = traffic.iter().map(|point| point.requests).sum();
    let peak = traffic.iter().map(|point| point.syncs).max().unwrap_or(0);
    let milliseconds = |value: Option<f64>| {
        value.map_or_else(
            || "–".to_owned(),
            |value| format!("{}\u{202f}ms", text::decimal(value)),
        )
    };
    let within = match last.and_then(|point| point.p95_ms) {
        None => "nothing was asked in this minute".to_owned(),
        slow => format!("95\u{202f}% within {}", milliseconds(slow)),
    };
    let line = |pick: fn(&TrafficPoint) -> Option<f64>, class| {
        let values = traffic.iter().map(pick).collect();
        Some(view! { <Sparkline values class/> }.into_any())
    };
    let active = format!(
        "{} today, {} in all",
        text::count(clients.active_today),
        text::count(clients.registered)
    );
    view! {
        <div class="tiles">
            {tile("Devices active now", text::count(clients.active_now).into_any(), active.into_any(), None)}
            {tile(
                "Syncs per minute",
                text::count(last.map_or(0, |point| point.syncs)).into_any(),
                format!("at most {} in the last hour", text::count(peak)).into_any(),
                line(|point| Some(point.syncs as f64), "accent"),
            )}
            {tile(
                "Answer time",
                milliseconds(last.and_then(|point| point.p50_ms)).into_any(),
                within.into_any(),
                line(|point| point.p95_ms, "good"),
            )}
            {tile(
                "Failed requests",
                text::percent(failed, requests).into_any(),
                format!("{} in the last hour", text::count(failed)).into_any(),
                line(|point| Some(point.failed as f64), "warning"),
            )}
        </div>
    }
}

fn source_table(sources: &[SourceHealth]) -> AnyView {
    if sources.is_empty() {
        return empty(
            "There are no sources yet.",
            "Name one in rhosync.toml, or let a back end feed objects to one.",
        )
        .into_any();
    }
    let rows = sources.iter().map(|source| {
        let (tone, word) = text::source_state(source.state);
        let address = href(&format!("/sources/{}", encode(&source.name)));
        Row::new(vec![
            row_link(address, source.name.clone()),
            view! { {tag(tone, word)} }.into_any(),
            text::count(source.objects).into_any(),
            ago(source.refreshed_at),
            source
                .took_ms
                .map_or_else(|| "–".to_owned(), text::span)
                .into_any(),
        ])
    });
    table("Back ends", SOURCE_COLUMNS, rows.collect())
}

fn queue_table(queues: &[QueueInfo]) -> AnyView {
    if queues.is_empty() {
        return empty(
            "There have been no jobs yet.",
            "Changes of devices, queries and pings become jobs.",
        )
        .into_any();
    }
    let rows = queues.iter().map(|queue| {
        let number = |state: &str| text::count(queue.jobs.get(state).copied().unwrap_or(0));
        let address = href(&format!("/jobs?queue={}", encode(&queue.name)));
        Row::new(vec![
            view! {
                {row_link(address, queue.name.clone())}
                {queue.paused.then(|| view! { " " {tag(Tone::Warning, "paused")} })}
            }
            .into_any(),
            number("ready").into_any(),
            number("leased").into_any(),
            number("dead").into_any(),
        ])
    });
    table("Queues", QUEUE_COLUMNS, rows.collect())
}

fn service_table(services: &[PushServiceInfo], store: &StoreInfo) -> AnyView {
    let row = |name: &str, state: AnyView, told: String, note: String| {
        let figures = view! { {told} " " <small>{note}</small> };
        let name = view! { <span class="phrase">{name.to_owned()}</span> };
        Row::new(vec![name.into_any(), state, figures.into_any()])
    };
    let services = services.iter().map(|service| {
        let (tone, word) = match (service.configured, &service.error) {
            (false, _) => (Tone::Quiet, "not set up"),
            (true, None) => (Tone::Good, "works"),
            (true, Some(_)) => (Tone::Bad, "refuses"),
        };
        let name = text::push_service(&service.name);
        let pings = text::count(service.delivered);
        row(name, tag(tone, word), pings, "pings today".to_owned())
    });
    let told = match store.max_bytes {
        Some(most) => format!("{} of {}", text::bytes(store.bytes), text::bytes(most)),
        None => text::bytes(store.bytes),
    };
    let took = text::decimal(store.took_us as f64 / 1_000.0);
    let took = format!("in {took}\u{202f}ms");
    let redis = row("Redis", tag(Tone::Good, "answers"), told, took);
    table(
        "Push services and store",
        SERVICE_COLUMNS,
        services.chain([redis]).collect(),
    )
}

fn charts(traffic: &[TrafficPoint]) -> [AnyView; 2] {
    let steps: Vec<String> = traffic
        .iter()
        .map(|point| clock::local_minute(point.at))
        .collect();
    let track = |name: &str, pick: fn(&TrafficPoint) -> Option<f64>| Track {
        name: name.to_owned(),
        values: traffic.iter().map(pick).collect(),
    };
    let load = vec![
        track("Syncs", |point| Some(point.syncs as f64)),
        track("Failed requests", |point| Some(point.failed as f64)),
    ];
    let times = vec![
        track("Half within", |point| point.p50_ms),
        track("95 % within", |point| point.p95_ms),
    ];
    [("Load", "per minute", load), ("Answer time", "milliseconds", times)].map(|(title, unit, tracks)| {
        view! { <LineChart title=title.to_owned() unit=unit.to_owned() tracks steps=steps.clone()/> }.into_any()
    })
}
