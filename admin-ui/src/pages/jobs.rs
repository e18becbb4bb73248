//! Jobs: queues, what runs, what was given up, what comes again and again.

use std::time::Duration;

use leptos::prelude::*;
use serde_json::Value;
use sync_proto::api::{
    JobErrorInfo, JobInfo, JobRetry, Listing, QueueHistory, QueueInfo, ScheduleInfo,
};

use crate::api::{self, encode};
use crate::clock;
use crate::components::{
    Choices, Column, Confirm, DialogForm, Found, LineChart, Messages, Pager, Row, SearchBox,
    Sorting, TextArea, Track, When, ago, choices, empty, facts, heading, loaded, problem, row_link,
    sorted_table, sub_heading, table, tag,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::pages::keyed;
use crate::session::Session;
use crate::task::Task;
use crate::text::{self, Tone};
use crate::url_state::UrlState;

const QUEUE_COLUMNS: &[Column] = &[
    Column::Head("Queue"),
    Column::Number("Ready"),
    Column::Number("Running"),
    Column::Number("Delayed"),
    Column::Number("Dead"),
    Column::Number("Done in 10 min"),
    Column::Number("Failed in 10 min"),
    Column::Actions("Actions"),
];

const JOB_COLUMNS: &[Column] = &[
    Column::Head("Job"),
    Column::Text("State"),
    Column::Text("User"),
    Column::Number("Attempts"),
    Column::Number("Last"),
    Column::Words("In its own words"),
];

const JOB_SORTINGS: &[Sorting] = &[Sorting {
    column: "Last",
    ascending: Some("time"),
    descending: Some("-time"),
}];

const SCHEDULE_COLUMNS: &[Column] = &[
    Column::Head("Job"),
    Column::Text("Queue"),
    Column::Number("How often"),
    Column::Number("Last"),
    Column::Number("Next"),
    Column::Words("Last error"),
];

const ERROR_COLUMNS: &[Column] = &[
    Column::Head("Attempt"),
    Column::Text("When"),
    Column::Words("Error"),
];

/// Where one job belongs.
const LIST: (&str, &str) = ("Jobs", "/jobs");

const EVERY: Duration = Duration::from_secs(5);

const STATES: [(&str, &str); 5] = [
    ("dead", "Dead"),
    ("ready", "Ready"),
    ("leased", "Running"),
    ("delayed", "Delayed"),
    ("done", "Done"),
];

/// Queues and their jobs.
#[component]
pub(crate) fn JobsPage() -> impl IntoView {
    let state = UrlState::of(Page::Jobs.path());
    let queues = Live::every(Some(EVERY), api::queues);
    // The one with most dead jobs, until somebody chooses: it stays while their number changes.
    let queue = Memo::new(move |before: Option<&Option<String>>| {
        let chosen = state.get("queue");
        let before = before.cloned().flatten();
        if chosen.is_empty() && before.is_some() {
            before
        } else if chosen.is_empty() {
            queues.data.with(|queues| {
                let queues = queues.as_ref()?;
                let most = queues
                    .items
                    .iter()
                    .max_by_key(|queue| queue.jobs.get("dead").copied().unwrap_or(0));
                most.map(|queue| queue.name.clone())
            })
        } else {
            Some(chosen)
        }
    });
    let schedules = Live::every(Some(EVERY * 4), api::schedules);
    // Here, and not in the rows: these are drawn anew while their jobs run.
    let work = QueueWork {
        task: Task::new(),
        queue: RwSignal::new(String::new()),
    };
    view! {
        {heading(Page::Jobs.title(), (), ())}
        <section class="flush" aria-labelledby="queues">
            <h2 id="queues">"Queues"</h2>
            {loaded(queues, move |listing| queue_table(listing.items, queues, queue, work))}
            {problem(work.task)}
        </section>
        {move || queue.get().map(|queue| view! { <Queue queue state/> })}
        <section class="flush" aria-labelledby="recurring">
            <h2 id="recurring">"Recurring"</h2>
            {loaded(schedules, |schedules| schedule_table(schedules.items))}
        </section>
    }
}

/// What somebody lets a queue do.
#[derive(Clone, Copy)]
struct QueueWork {
    task: Task,
    /// The queue's name.
    queue: RwSignal<String>,
}

fn queue_table(
    items: Vec<QueueInfo>,
    queues: Live<Listing<QueueInfo>>,
    chosen: Memo<Option<String>>,
    work: QueueWork,
) -> AnyView {
    if items.is_empty() {
        return empty(
            "There have been no jobs yet.",
            "Changes of devices, queries and pings become jobs.",
        )
        .into_any();
    }
    let rows = items.into_iter().map(|queue| {
        let number = |state: &str| text::count(queue.jobs.get(state).copied().unwrap_or(0));
        let lately = |what: &str| text::count(queue.last_minutes.get(what).copied().unwrap_or(0));
        let address = href(&format!("/jobs?queue={}", encode(&queue.name)));
        let is_chosen = {
            let name = queue.name.clone();
            chosen.with(|chosen| chosen.as_ref() == Some(&name))
        };
        Row::new(vec![
            view! { <a class="row" href=address>{queue.name.clone()}</a>
            {queue.paused.then(|| view! { " " {tag(Tone::Warning, "paused")} })} }
            .into_any(),
            number("ready").into_any(),
            number("leased").into_any(),
            number("delayed").into_any(),
            number("dead").into_any(),
            lately("completed").into_any(),
            lately("failed").into_any(),
            view! { <QueueActions name=queue.name.clone() paused=queue.paused queues work/> }
                .into_any(),
        ])
        .marked(if is_chosen { "chosen" } else { "" })
    });
    table("Queues", QUEUE_COLUMNS, rows.collect())
}

#[component]
fn QueueActions(
    name: String,
    paused: bool,
    queues: Live<Listing<QueueInfo>>,
    work: QueueWork,
) -> impl IntoView {
    let session = Session::get();
    let messages = Messages::get();
    let QueueWork { task, queue } = work;
    let name = StoredValue::new(name);
    let pause = move |_| {
        let name = name.get_value();
        queue.set(String::new());
        let work = api::pause_queue(&name, !paused);
        task.run(work, move |_| queues.now());
    };
    let is_running = move || task.is_busy.get() && queue.get() == name.get_value();
    let run = move |_| {
        if !task.is_busy.get_untracked() {
            queue.set(name.get_value());
        }
        // A queue is a component's, or a component's with a dot and more behind it.
        let queue = name.get_value();
        let component = queue.split('.').next().unwrap_or_default().to_owned();
        task.run(api::run_component(&component), move |run| {
            messages.say(format!(
                "{}, {}.",
                text::counted(run.done, "job was done", "jobs were done"),
                text::counted(run.failed, "attempt failed", "attempts failed")
            ));
            queues.now();
        });
    };
    let (pause_title, run_title) = (
        format!(
            "{} {}",
            if paused { "Resume" } else { "Pause" },
            name.get_value()
        ),
        format!("Run now: {}", name.get_value()),
    );
    view! {
        <When is=Signal::derive(move || session.may("jobs:write"))>
            <span class="actions tight">
                <button type="button" on:click=run aria-label=run_title.clone() aria-disabled=move || task.is_busy.get().to_string()>
                    {move || if is_running() { "Working…" } else { "Run now" }}
                </button>
                <button type="button" on:click=pause aria-label=pause_title.clone() aria-disabled=move || task.is_busy.get().to_string()>
                    {if paused { "Resume" } else { "Pause" }}
                </button>
            </span>
        </When>
    }
}

/// The jobs of one queue.
#[component]
fn Queue(queue: String, state: UrlState) -> impl IntoView {
    let session = Session::get();
    let name = StoredValue::new(queue.clone());
    let jobs = Live::every(Some(EVERY), move || {
        let queue = name.get_value();
        let [chosen, user, sort] = ["state", "user", "sort"].map(|name| state.get(name));
        let cursor = state.cursor();
        let chosen = if chosen.is_empty() { "dead" } else { &chosen };
        api::jobs(&queue, chosen, &user, &sort, &cursor)
    });
    let history = Live::every(Some(EVERY * 4), move || {
        api::queue_history(&name.get_value())
    });
    let states = choices(&STATES);
    // Those of one user are not retried together: the server would take all of the queue.
    let is_whole =
        move || matches!(state.get("state").as_str(), "" | "dead") && state.get("user").is_empty();
    let has_jobs = move || {
        jobs.data
            .with(|jobs| jobs.as_ref().is_some_and(|jobs| !jobs.items.is_empty()))
    };
    view! {
        <section aria-label=format!("Throughput of {queue}")>
            {loaded(history, throughput)}
        </section>
        <section class="flush" aria-labelledby="jobs">
            <div class="section-head">
                <h2 id="jobs">"Jobs of " {queue}</h2>
                <Choices state name="state" label="State" options=states/>
                <SearchBox state name="user" label="Only of this user"/>
                <When is=Signal::derive(move || is_whole() && has_jobs() && session.may("jobs:write"))>
                    <RetryAll name jobs/>
                </When>
            </div>
            {loaded(jobs, move |jobs| job_table(jobs, state))}
        </section>
    }
}

#[component]
fn RetryAll(name: StoredValue<String>, jobs: Live<Listing<JobInfo>>) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let retry = move |open: RwSignal<bool>| {
        task.run(api::retry_jobs(&name.get_value()), move |retried| {
            open.set(false);
            let retried = text::counted(retried.retried, "job is", "jobs are");
            messages.say(format!("{retried} tried again."));
            jobs.now();
        });
    };
    view! {
        <Confirm
            label="Retry all…"
            title="Retry all dead jobs?".to_owned()
            text="The oldest thousand of this queue are tried again, as if they were new.".to_owned()
            task
            on_confirm=retry
            is_harmless=true
        />
    }
}

fn throughput(QueueHistory { points }: QueueHistory) -> impl IntoView {
    let steps = points
        .iter()
        .map(|point| clock::local_minute(point.at))
        .collect();
    let track = |name: &str, pick: fn(&sync_proto::api::QueuePoint) -> u64| Track {
        name: name.to_owned(),
        values: points
            .iter()
            .map(|point| Some(pick(point) as f64))
            .collect(),
    };
    let tracks = vec![
        track("Enqueued", |point| point.enqueued),
        track("Done", |point| point.completed),
        track("Failed", |point| point.failed),
        track("Given up", |point| point.died),
    ];
    view! { <LineChart title="Throughput".to_owned() unit="jobs per minute".to_owned() tracks steps/> }
}

fn job_table(Listing { items, next }: Listing<JobInfo>, state: UrlState) -> AnyView {
    if items.is_empty() {
        return empty("There is no such job.", "Choose another state or queue.").into_any();
    }
    let rows = items.into_iter().map(|job| {
        let (tone, word) = text::job_state(&job.state);
        let address = href(&format!("/jobs/{}", encode(&job.id)));
        let told = job.errors.last().map(|error| error.error.clone()).or(job.progress.clone()).or(job.result.clone());
        let at = job.ended_at.or(job.started_at).or(Some(job.created_at));
        let state = tag(tone, word.to_owned());
        Row::new(vec![
                row_link(address, view! { {job.name.clone()} " " <span class="id">{job.id.trim_start_matches('0').to_owned()}</span> }),
                state.into_any(),
                job.user.clone().unwrap_or_else(|| "–".to_owned()).into_any(),
                view! { {text::count(job.attempts)} " of " {text::count(job.max_attempts)} }.into_any(),
                ago(at),
                told.into_any(),
])
    });
    view! {
        {sorted_table("Jobs", JOB_COLUMNS, state, JOB_SORTINGS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}

fn schedule_table(items: Vec<ScheduleInfo>) -> AnyView {
    if items.is_empty() {
        return empty(
            "Nothing recurs.",
            "Queries of sources with a poll interval and a queue appear here.",
        )
        .into_any();
    }
    let rows = items.into_iter().map(|schedule| {
        Row::new(vec![
                view! { {schedule.name} " " {schedule.subject.map(|subject| view! { <span class="id">{subject}</span> })} }.into_any(),
                schedule.queue.into_any(),
                how_often(schedule.every_seconds).into_any(),
                ago(schedule.last_at),
                ago(schedule.next_at),
                schedule.last_error.into_any(),
])
    });
    table("Recurring jobs", SCHEDULE_COLUMNS, rows.collect())
}

fn how_often(seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) => format!("every {}", text::span(seconds.saturating_mul(1_000))),
        None => "when it is due".to_owned(),
    }
}

/// One job.
#[component]
pub(crate) fn JobPage() -> impl IntoView {
    keyed(["job"], |[id]| view! { <Job id/> })
}

#[component]
fn Job(id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    let session = Session::get();
    let job = Live::every(Some(EVERY), move || api::job(&id.get_value()));
    let title = move || {
        job.data
            .get()
            .map_or_else(|| "Job".to_owned(), |job| format!("Job {}", job.name))
    };
    let is_dead = Memo::new(move |_| {
        job.data
            .with(|job| job.as_ref().is_some_and(|job| job.state == "dead"))
    });
    let may_end = Memo::new(move |_| {
        job.data
            .with(|job| job.as_ref().is_some_and(|job| job.state != "done"))
    });
    view! {
        {move || sub_heading(&[LIST], title(), view! { <code>{id.get_value()}</code> }, ())}
        <Found status=job.status what="job" list=LIST>
            {loaded(job, show_job)}
            <When is=Signal::derive(move || session.may("jobs:write") && (is_dead.get() || may_end.get()))>
                <JobActions id job is_dead/>
            </When>
        </Found>
    }
}

fn show_job(job: JobInfo) -> impl IntoView {
    let (tone, word) = text::job_state(&job.state);
    let text_or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned()).into_any();
    let rows = facts(vec![
        ("State", tag(tone, word.to_owned()).into_any()),
        ("Queue", job.queue.clone().into_any()),
        ("User", text_or_dash(job.user.clone())),
        (
            "Attempts",
            format!("{} of {}", job.attempts, job.max_attempts).into_any(),
        ),
        ("Enqueued", ago(Some(job.created_at))),
        ("Last begun", ago(job.started_at)),
        ("Ended", ago(job.ended_at)),
        ("Worker", text_or_dash(job.worker.clone())),
        ("Progress", text_or_dash(job.progress.clone())),
        ("Result", text_or_dash(job.result.clone())),
    ]);
    let reason = job.reason.clone().map(|reason| {
        view! {
            <section class="why bad">
                <h2>"Why it was given up"</h2>
                <p>{reason}</p>
            </section>
        }
    });
    view! {
        {reason}
        <section>{rows}</section>
        <section class="flush">
            <h2>"Failed attempts"</h2>
            {error_table(job.errors)}
        </section>
        <section>
            <h2>"What it works on"</h2>
            <pre>{format!("{:#}", job.payload.unwrap_or(Value::Null))}</pre>
        </section>
    }
}

fn error_table(errors: Vec<JobErrorInfo>) -> AnyView {
    if errors.is_empty() {
        return empty("None has failed.", "The last errors of a job appear here.").into_any();
    }
    let rows = errors
        .into_iter()
        .rev()
        .map(|JobErrorInfo { at, attempt, error }| {
            Row::new(vec![attempt.into_any(), ago(Some(at)), error.into_any()])
        });
    table("Failed attempts", ERROR_COLUMNS, rows.collect())
}

#[component]
fn JobActions(id: StoredValue<String>, job: Live<JobInfo>, is_dead: Memo<bool>) -> impl IntoView {
    let messages = Messages::get();
    let before = job
        .data
        .with_untracked(|job| job.as_ref().and_then(|job| job.payload.clone()));
    let before =
        StoredValue::new(before.map_or_else(String::new, |payload| format!("{payload:#}")));
    let payload = RwSignal::new(before.get_value());
    let wrong = Signal::derive(
        move || match serde_json::from_str::<Value>(&payload.get()) {
            Ok(Value::Object(_)) => None,
            Ok(_) => Some("It must be a JSON object.".to_owned()),
            Err(error) => Some(format!("It is not JSON: {error}.")),
        },
    );
    let (retrying, other) = (Task::new(), Task::new());
    let retry = move || {
        let text = payload.get_untracked();
        let corrected = match serde_json::from_str(&text) {
            _ if text == before.get_value() => None,
            Ok(Value::Object(corrected)) => Some(corrected),
            _ => return,
        };
        let retry = JobRetry { payload: corrected };
        retrying.run(api::retry_job(&id.get_value(), &retry), move |_| {
            messages.say("The job is tried again.");
            job.now();
        });
    };
    let run = move |_| {
        other.run(api::run_job(&id.get_value()), move |()| {
            messages.say("The job is ready now.");
            job.now();
        });
    };
    let navigate = StoredValue::new(leptos_router::hooks::use_navigate());
    let end = move |open: RwSignal<bool>| {
        other.run(api::delete_job(&id.get_value()), move |()| {
            open.set(false);
            messages.say("The job is gone.");
            navigate.with_value(|go| go(Page::Jobs.path(), Default::default()));
        });
    };
    let is_delayed = move || {
        job.data
            .with(|job| job.as_ref().is_some_and(|job| job.state == "delayed"))
    };
    view! {
        <section>
            <h2>"What can be done"</h2>
            <When is=Signal::derive(move || is_dead.get())>
                <DialogForm task=retrying submit="Retry now" on_submit=retry>
                    <TextArea label="What it works on" value=payload error=wrong rows=8/>
                </DialogForm>
            </When>
            <div class="actions apart">
                <When is=Signal::derive(is_delayed)>
                    <button type="button" on:click=run>
                        "Run now"
                    </button>
                </When>
                <Confirm
                    label="Discard…"
                    title="Discard the job?".to_owned()
                    text="It is never done. One that runs is told to stop.".to_owned()
                    task=other
                    on_confirm=end
                />
            </div>
            {problem(other)}
        </section>
    }
}
