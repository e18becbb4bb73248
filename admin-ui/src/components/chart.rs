//! Charts, drawn as lines; the numbers are there as a table too.

use leptos::ev::PointerEvent;
use leptos::html;
use leptos::prelude::*;

use crate::text::{Scale, at_fraction, decimal, fixed};

/// The chart's own coordinates; the page stretches them.
const WIDTH: i32 = 600;
const HEIGHT: i32 = 160;

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Track {
    pub(crate) name: String,
    pub(crate) values: Vec<Option<f64>>,
}

/// A small line that shows how something has gone. Whoever cannot see it misses nothing that is not told beside it.
#[component]
pub(crate) fn Sparkline(values: Vec<Option<f64>>, class: &'static str) -> impl IntoView {
    let lines = Scale::of_changes(&values).lines(&values, 100.0, 28.0);
    view! {
        <svg
            class=format!("spark {class}")
            viewBox="-1 -1 102 30"
            preserveAspectRatio="none"
            aria-hidden="true"
        >
            {polylines(lines)}
        </svg>
    }
}

/// Lines; what is alone between two gaps is a dot.
fn polylines(lines: Vec<String>) -> AnyView {
    let lines = lines.into_iter().map(|points| {
        let ends = points.split_once(' ');
        let class = ends.filter(|(one, other)| one == other).map(|_| "point");
        view! { <polyline class=class points=points vector-effect="non-scaling-stroke"></polyline> }
    });
    lines.collect_view().into_any()
}

/// Lines over time.
#[component]
pub(crate) fn LineChart(
    title: String,
    /// What the numbers count.
    unit: String,
    tracks: Vec<Track>,
    /// What the steps are called, one for each value.
    steps: Vec<String>,
) -> impl IntoView {
    let scale = Scale::for_values(
        tracks
            .iter()
            .flat_map(|track| track.values.iter().flatten().copied()),
    );
    let mut values = tracks.iter().flat_map(|track| &track.values);
    let nothing = values
        .all(Option::is_none)
        .then(|| view! { <p class="nothing">"Nothing was measured in this time."</p> });
    let node = NodeRef::<html::Div>::new();
    let pointed = RwSignal::new(None::<usize>);
    let length = steps.len();
    let point = move |event: PointerEvent| {
        let Some(node) = node.get() else { return };
        let place = node.get_bounding_client_rect();
        let fraction = (f64::from(event.client_x()) - place.left()) / place.width().max(1.0);
        pointed.set(at_fraction(length, fraction));
    };
    let lines = tracks.iter().enumerate().map(|(number, track)| {
        let lines = scale.lines(&track.values, WIDTH.into(), HEIGHT.into());
        view! { <g class=format!("track t{}", number % 8)>{polylines(lines)}</g> }
    });
    let lines = lines.collect_view();
    let marker = move || {
        pointed.get().map(|place| {
            let x = place as f64 / length.saturating_sub(1).max(1) as f64 * f64::from(WIDTH);
            let x = fixed(x, 1);
            view! { <line class="marker" x1=x.clone() x2=x y1="0" y2=HEIGHT vector-effect="non-scaling-stroke"></line> }
        })
    };
    let axis =
        [scale.top, scale.top / 2.0, 0.0].map(|value| view! { <span>{decimal(value)}</span> });
    let ends = [
        steps.first().cloned(),
        steps.get(length / 2).cloned(),
        steps.last().cloned(),
    ]
    .map(|step| view! { <span>{step}</span> });
    let table = view! {
        <details class="numbers">
            <summary>"Numbers as a table"</summary>
            <div class="scroll" role="group" aria-label=format!("{title}, numbers") tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Time"</th>
                            {tracks.iter().map(|track| view! { <th scope="col" class="n">{track.name.clone()}</th> }).collect_view()}
                        </tr>
                    </thead>
                    <tbody>
                        {steps
                            .iter()
                            .enumerate()
                            .map(|(place, step)| {
                                let cells = tracks
                                    .iter()
                                    .map(|track| view! { <td class="n">{told(track, place)}</td> })
                                    .collect_view();
                                view! {
                                    <tr>
                                        <th scope="row">{step.clone()}</th>
                                        {cells}
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
        </details>
    };
    let legend_steps = steps;
    let legend_tracks = tracks;
    let unit_told = unit.clone();
    let legend = move || {
        let place = pointed.get().or(length.checked_sub(1));
        let when = place.and_then(|place| legend_steps.get(place).cloned());
        let tracks = legend_tracks.iter().enumerate().map(|(number, track)| {
            let value = place.map(|place| told(track, place));
            view! {
                <li>
                    <i class=format!("t{}", number % 8) aria-hidden="true"></i>
                    {track.name.clone()}
                    <b>{value}</b>
                </li>
            }
        });
        view! {
            <p class="when">{when}</p>
            <ul>{tracks.collect_view()}</ul>
        }
    };
    view! {
        <figure class="chart">
            <figcaption>
                <h2>{title.clone()}</h2>
                <span class="quiet">{unit_told}</span>
            </figcaption>
            <div class="plot">
                <div class="axis" aria-hidden="true">
                    {axis}
                </div>
                <div
                    class="area"
                    node_ref=node
                    on:pointermove=point
                    on:pointerleave=move |_| pointed.set(None)
                >
                    <svg
                        viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                        preserveAspectRatio="none"
                        role="img"
                        aria-label=format!("{title} in {unit}; the numbers follow as a table")
                    >
                        <line class="grid" x1="0" x2=WIDTH y1="0" y2="0"></line>
                        <line class="grid" x1="0" x2=WIDTH y1=HEIGHT / 2 y2=HEIGHT / 2></line>
                        <line class="grid" x1="0" x2=WIDTH y1=HEIGHT y2=HEIGHT></line>
                        {lines}
                        {marker}
                    </svg>
                    {nothing}
                </div>
                <div class="ends" aria-hidden="true">
                    {ends}
                </div>
            </div>
            <div class="legend">{legend}</div>
            {table}
        </figure>
    }
}

fn told(track: &Track, place: usize) -> String {
    let value = track.values.get(place).copied().flatten();
    value.map_or_else(|| "–".to_owned(), decimal)
}
