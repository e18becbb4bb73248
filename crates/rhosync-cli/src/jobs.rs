//! `rhosync jobs`: a server's jobs, by its REST API.

use anyhow::{Context as _, Result};
use comfy_table::{Table, presets};
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sync_proto::api::{JobInfo, JobsRetried, JobsRun, Listing, QueueInfo};

use crate::api::{Api, encoded};
use crate::config::Settings;
use crate::term::{FAINT, counted, say};

/// States in the order in which jobs go through them.
const STATES: [&str; 5] = ["ready", "delayed", "leased", "dead", "done"];

/// Shows and changes the jobs of a server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The token needs the scope jobs:read, or jobs:write to change something.

Examples:
  rhosync jobs                                   # all queues
  rhosync jobs list adapter --state dead
  rhosync jobs show JOB
  rhosync jobs retry JOB --payload '{\"source\": \"Product\"}'
  rhosync jobs retry-all adapter
  rhosync jobs run adapter                       # for a cron
  rhosync jobs list adapter --json | jq -r '.items[].id'"
)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    action: Option<Action>,
}

/// What to do; without one, shows the queues.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shows all queues, with their jobs by state.
    Queues,
    /// Lists jobs of a queue.
    List {
        /// The queue.
        queue: String,
        /// Jobs in this state.
        #[arg(long, value_parser = STATES, default_value = "dead")]
        state: String,
        /// Most jobs (1 to 100).
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows a job whole, as JSON.
    Show {
        /// The job's id.
        id: String,
    },
    /// Lets a dead job be tried again.
    Retry {
        /// The job's id.
        id: String,
        /// Another payload, a JSON object.
        #[arg(long, value_name = "JSON")]
        payload: Option<String>,
    },
    /// Lets all dead jobs of a queue be tried again.
    RetryAll {
        /// The queue.
        queue: String,
    },
    /// Discards a dead job, cancels one that waits or runs.
    Discard {
        /// The job's id.
        id: String,
    },
    /// Begins nothing from a queue any more.
    Pause {
        /// The queue.
        queue: String,
    },
    /// Goes on with a queue.
    Resume {
        /// The queue.
        queue: String,
    },
    /// Lets a component work on its jobs now.
    Run {
        /// The component: the first part of its queues' names.
        component: String,
    },
}

impl Jobs {
    /// Does it.
    pub(crate) fn run(&self, settings: &Settings, json: bool) -> Result<()> {
        let api = Api::new(settings)?;
        match self.action.as_ref().unwrap_or(&Action::Queues) {
            Action::Queues => {
                let queues: Listing<QueueInfo> = api.get("/queues")?;
                show(json, &queues, |queues| show_queues(&queues.items))
            }
            Action::List {
                queue,
                state,
                limit,
            } => {
                let queue = encoded(queue);
                let path = format!("/jobs?queue={queue}&state={state}&limit={limit}");
                show(json, &api.get(&path)?, show_jobs)
            }
            Action::Show { id } => {
                let job: JobInfo = api.get(&format!("/jobs/{}", encoded(id)))?;
                show(true, &job, |_| ())
            }
            Action::Retry { id, payload } => {
                let payload = payload.as_deref().map(object).transpose()?;
                let body = payload.map(|payload| json!({ "payload": payload }));
                let path = format!("/jobs/{}/retry", encoded(id));
                let job: JobInfo = api.send(&Method::POST, &path, body.as_ref())?;
                show(json, &job, |job| say!("job {} is {}", job.id, job.state))
            }
            Action::RetryAll { queue } => {
                let path = format!("/queues/{}/retry", encoded(queue));
                let done: JobsRetried = api.send(&Method::POST, &path, None)?;
                show(json, &done, |JobsRetried { retried, dead }| {
                    say!("{retried} are tried again, {dead} are dead still");
                })
            }
            Action::Discard { id } => {
                api.exchange(&Method::DELETE, &format!("/jobs/{}", encoded(id)), None)?;
                if !json {
                    say!("job {id} is gone, or will be stopped");
                }
                Ok(())
            }
            Action::Pause { queue } => pause(&api, queue, true, json),
            Action::Resume { queue } => pause(&api, queue, false, json),
            Action::Run { component } => {
                let path = format!("/jobs/run/{}", encoded(component));
                let run: JobsRun = api.send(&Method::POST, &path, None)?;
                show(json, &run, |JobsRun { done, failed }| {
                    say!("{done} done, {failed} failed");
                })
            }
        }
    }
}

fn pause(api: &Api<'_>, queue: &str, paused: bool, json: bool) -> Result<()> {
    let path = format!("/queues/{}", encoded(queue));
    let queue: QueueInfo = api.send(&Method::PATCH, &path, Some(&json!({ "paused": paused })))?;
    show(json, &queue, |queue| {
        show_queues(std::slice::from_ref(queue))
    })
}

/// Shows something as JSON or as people like it.
fn show<T: Serialize>(json: bool, shown: &T, to_people: impl FnOnce(&T)) -> Result<()> {
    if json {
        say!("{}", serde_json::to_string_pretty(shown)?);
    } else {
        to_people(shown);
    }
    Ok(())
}

fn object(json: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(json).with_context(|| format!("the payload is no JSON object: {json}"))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(header);
    table
}

fn show_queues(queues: &[QueueInfo]) {
    if queues.is_empty() {
        say!("{FAINT}There never was a job.{FAINT:#}");
        return;
    }
    let header: Vec<_> = ["queue"].into_iter().chain(STATES).chain([""]).collect();
    let mut table = table(&header);
    for queue in queues {
        let count = |state: &str| queue.jobs.get(state).copied().unwrap_or(0).to_string();
        let paused = if queue.paused { "paused" } else { "" };
        let counts = STATES.map(count);
        let row = [queue.name.clone()].into_iter().chain(counts);
        table.add_row(row.chain([paused.to_owned()]));
    }
    say!("{table}");
}

fn show_jobs(jobs: &Listing<JobInfo>) {
    let mut table = table(&["id", "job", "user", "attempts", "what is known of it"]);
    for job in &jobs.items {
        let last_error = job.errors.last().map(|error| error.error.as_str());
        let known = [
            job.reason.as_deref(),
            job.result.as_deref().filter(|result| !result.is_empty()),
            last_error,
            job.progress.as_deref(),
        ];
        let known = known.into_iter().flatten().next().unwrap_or_default();
        table.add_row([
            job.id.as_str(),
            &job.name,
            job.user.as_deref().unwrap_or_default(),
            &format!("{} of {}", job.attempts, job.max_attempts),
            known,
        ]);
    }
    if !jobs.items.is_empty() {
        say!("{table}");
    }
    let more = if jobs.next.is_some() {
        ", and more"
    } else {
        ""
    };
    say!("{FAINT}{}{more}{FAINT:#}", counted(jobs.items.len(), "job"));
}
