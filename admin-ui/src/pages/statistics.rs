//! Statistics: what was measured, over time.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::{MetricInfo, Series, Statistics};

use crate::api;
use crate::browser;
use crate::clock;
use crate::components::{Choices, Column, LineChart, Row, Track, empty, heading, loaded, table};
use crate::live::Live;
use crate::page::Page;
use crate::text;
use crate::url_state::UrlState;

const COLUMNS: &[Column] = &[
    Column::Head("What"),
    Column::Number("On average"),
    Column::Number("At most"),
];

const EVERY: Duration = Duration::from_secs(30);

/// Lines of a chart; more could not be told apart.
const MOST_LINES: usize = 8;

/// What an address says of the time, what that is called, and how the API is asked.
const SPANS: [(&str, &str, (&str, &str)); 4] = [
    ("", "Last hour", ("minutes", "60")),
    ("3h", "3 hours", ("minutes", "180")),
    ("day", "Day", ("hours", "24")),
    ("week", "Week", ("hours", "168")),
];

#[component]
pub(crate) fn StatisticsPage() -> impl IntoView {
    let state = UrlState::of(Page::Statistics.path());
    let metrics = Live::once(api::metrics);
    let chosen = Memo::new(move |_| {
        let name = state.get("metric");
        metrics.data.with(|metrics| {
            let metrics = &metrics.as_ref()?.items;
            metrics
                .iter()
                .find(|metric| metric.name == name)
                .or(metrics.first())
                .cloned()
        })
    });
    let names = Signal::derive(move || {
        let metrics = metrics
            .data
            .get()
            .map(|metrics| metrics.items)
            .unwrap_or_default();
        metrics
            .into_iter()
            .map(|metric| {
                (
                    metric.name.clone(),
                    text::sentence_case(&metric.name.replace(['-', '_'], " ")),
                )
            })
            .collect::<Vec<_>>()
    });
    let labels = Signal::derive(move || {
        let mut labels = vec![(String::new(), "All together".to_owned())];
        let known = chosen.get().map(|metric| metric.labels).unwrap_or_default();
        labels.extend(
            known
                .into_iter()
                .map(|label| (label.clone(), format!("By {label}"))),
        );
        labels
    });
    let spans = SPANS
        .map(|(value, title, _)| (value.to_owned(), title.to_owned()))
        .to_vec();
    view! {
        {heading(Page::Statistics.title(), (), ())}
        <div class="tools">
            <Choices state name="metric" label="Metric" options=names/>
        </div>
        <div class="tools">
            <Choices state name="by" label="Told apart by" options=labels/>
            <Choices state name="span" label="Time" options=spans/>
        </div>
        {loaded(metrics, move |_| view! { {move || chosen.get().map(|metric| view! { <Metric metric state/> })} })}
    }
}

#[component]
fn Metric(metric: MetricInfo, state: UrlState) -> impl IntoView {
    let MetricInfo {
        name, help, labels, ..
    } = metric;
    let name = StoredValue::new(name);
    let statistics = Live::every(Some(EVERY), move || {
        let by = Some(state.get("by"))
            .filter(|by| labels.contains(by))
            .unwrap_or_default();
        let span = state.get("span");
        let asked = SPANS
            .iter()
            .find(|(value, _, _)| *value == span)
            .unwrap_or(&SPANS[0])
            .2;
        api::statistics(&name.get_value(), &by, asked)
    });
    view! {
        <p class="quiet lead">{help}</p>
        {loaded(statistics, show)}
    }
}

/// What a line is called: the values of its labels.
fn name_of(series: &Series, metric: &str) -> String {
    if series.labels.is_empty() {
        return text::sentence_case(metric);
    }
    series
        .labels
        .values()
        .cloned()
        .collect::<Vec<_>>()
        .join(" ")
}

fn show(statistics: Statistics) -> AnyView {
    let Statistics {
        metric,
        unit,
        from,
        step_seconds,
        series,
    } = statistics;
    if series.is_empty() {
        return view! { <section>{empty("Nothing was measured in this time.", "Choose a longer one.")}</section> }.into_any();
    }
    let length = series
        .iter()
        .map(|series| series.values.len())
        .max()
        .unwrap_or(0);
    let times: Vec<u64> = (0..length as u64)
        .map(|step| from + step * step_seconds * 1_000)
        .collect();
    let is_days = step_seconds * length as u64 > 36 * 3_600;
    let steps = times
        .iter()
        .map(|at| {
            if is_days {
                format!("{} {}", clock::local_day(*at), clock::local_minute(*at))
            } else {
                clock::local_minute(*at)
            }
        })
        .collect::<Vec<_>>();
    let tracks: Vec<Track> = series
        .iter()
        .map(|series| Track {
            name: name_of(series, &metric),
            values: series.values.clone(),
        })
        .collect();
    let left = tracks.len().saturating_sub(MOST_LINES);
    let shown = tracks.iter().take(MOST_LINES).cloned().collect();
    let file = StoredValue::new((metric.clone(), times, tracks.clone()));
    let export = move |_| {
        let (metric, times, tracks) = file.get_value();
        let head =
            std::iter::once("time".to_owned()).chain(tracks.iter().map(|track| track.name.clone()));
        let rows = times.iter().enumerate().map(|(place, at)| {
            let values = tracks.iter().map(|track| {
                track
                    .values
                    .get(place)
                    .copied()
                    .flatten()
                    .map_or_else(String::new, browser::digits)
            });
            std::iter::once(clock::iso(*at)).chain(values).collect()
        });
        browser::save(
            &format!("{metric}.csv"),
            "text/csv",
            &text::csv(std::iter::once(head.collect()).chain(rows)),
        );
    };
    let sums = tracks.iter().map(|track| {
        let known: Vec<f64> = track.values.iter().copied().flatten().collect();
        let sum: f64 = known.iter().sum();
        let average = if known.is_empty() {
            f64::NAN
        } else {
            sum / known.len() as f64
        };
        let most = known.iter().copied().fold(f64::NAN, f64::max);
        Row::new(vec![
            track.name.clone().into_any(),
            text::decimal(average).into_any(),
            text::decimal(most).into_any(),
        ])
    });
    let more = (left > 0).then(
        || view! { <p class="quiet">{left} " more are in the table below and in the file."</p> },
    );
    let title = text::sentence_case(&metric.replace(['-', '_'], " "));
    // What counts itself needs no unit.
    let unit = Some(unit).filter(|unit| !title.eq_ignore_ascii_case(unit));
    view! {
        <section>
            <LineChart title unit=unit.unwrap_or_default() tracks=shown steps/>
            {more}
            <div class="actions apart">
                <button type="button" on:click=export>
                    "Export as CSV"
                </button>
            </div>
        </section>
        <section class="flush">
            {table("Averages", COLUMNS, sums.collect())}
        </section>
    }
    .into_any()
}
