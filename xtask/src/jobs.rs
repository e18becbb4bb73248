//! `jobs`: a server's jobs at the command line, by its REST API.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use comfy_table::{Table, presets};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sync_client::{Transport as _, UreqTransport};
use sync_proto::api::{ApiError, JobInfo, JobsRetried, JobsRun, Listing, QueueInfo};

use crate::term::{FAINT, counted};
use crate::up::admin::ADMIN;
use crate::up::state::Running;
use crate::workspace::Workspace;

/// How long an answer may take: a component may work for a third of it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// States in the order in which jobs go through them.
const STATES: [&str; 5] = ["ready", "delayed", "leased", "dead", "done"];

/// Shows and changes the jobs of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Jobs {
    /// The server [default: the one that `cargo xtask up` runs].
    #[arg(global = true, long)]
    url: Option<String>,

    /// An API token with the scope jobs:read or jobs:write [default: the administrator of `cargo xtask up` logs in].
    #[arg(global = true, long, env = "RHOSYNC_API_TOKEN", hide_env_values = true)]
    token: Option<String>,

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
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        let api = self.api(workspace)?;
        match self.action.as_ref().unwrap_or(&Action::Queues) {
            Action::Queues => show_queues(&api.get::<Listing<QueueInfo>>("/queues")?.items),
            Action::List {
                queue,
                state,
                limit,
            } => {
                let path = format!("/jobs?queue={}&state={state}&limit={limit}", encoded(queue));
                show_jobs(&api.get::<Listing<JobInfo>>(&path)?);
            }
            Action::Show { id } => {
                let job: JobInfo = api.get(&format!("/jobs/{}", encoded(id)))?;
                anstream::println!("{}", serde_json::to_string_pretty(&job)?);
            }
            Action::Retry { id, payload } => {
                let body = payload.as_ref().map(|payload| {
                    let payload: Value = serde_json::from_str(payload)
                        .with_context(|| format!("the payload is no JSON: {payload}"))?;
                    anyhow::Ok(json!({ "payload": payload }))
                });
                let path = format!("/jobs/{}/retry", encoded(id));
                let job: JobInfo = api.send(&Method::POST, &path, body.transpose()?)?;
                anstream::println!("job {} is {}", job.id, job.state);
            }
            Action::RetryAll { queue } => {
                let path = format!("/queues/{}/retry", encoded(queue));
                let JobsRetried { retried, dead } = api.send(&Method::POST, &path, None)?;
                anstream::println!("{retried} are tried again, {dead} are dead still");
            }
            Action::Discard { id } => {
                api.exchange(&Method::DELETE, &format!("/jobs/{}", encoded(id)), None)?;
                anstream::println!("job {id} is gone, or will be stopped");
            }
            Action::Pause { queue } => api.pause(queue, true)?,
            Action::Resume { queue } => api.pause(queue, false)?,
            Action::Run { component } => {
                let path = format!("/jobs/run/{}", encoded(component));
                let JobsRun { done, failed } = api.send(&Method::POST, &path, None)?;
                anstream::println!("{done} done, {failed} failed");
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn api(&self, workspace: &Workspace) -> Result<Api> {
        let running = Running::read(&workspace.state())?;
        let server = self
            .url
            .clone()
            .or(running.map(|running| running.server_url))
            .context(
                "no server runs here: start one with `cargo xtask up`, or name one with --url",
            )?;
        let mut api = Api {
            transport: UreqTransport::new(TIMEOUT),
            server: server.trim_end_matches('/').to_owned(),
            token: String::new(),
        };
        api.token = match &self.token {
            Some(token) => token.clone(),
            None if self.url.is_some() => {
                bail!("another server needs a token: --token or RHOSYNC_API_TOKEN")
            }
            None => {
                let password = fs::read_to_string(workspace.state().join("admin-password"))
                    .context("cannot read the password of the administrator")?;
                let login = json!({"login": ADMIN, "password": password.trim()});
                let made: Value = api.send(&Method::POST, "/login", Some(login))?;
                let token = made.get("token").and_then(Value::as_str);
                token.context("the server gave no token")?.to_owned()
            }
        };
        Ok(api)
    }
}

/// A server's API, with a token.
struct Api {
    transport: UreqTransport,
    server: String,
    token: String,
}

impl Api {
    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(&Method::GET, path, None)
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T> {
        let answer = self.exchange(method, path, body)?;
        serde_json::from_slice(&answer).context("the server's answer cannot be read")
    }

    fn pause(&self, queue: &str, paused: bool) -> Result<()> {
        let path = format!("/queues/{}", encoded(queue));
        let body = json!({ "paused": paused });
        let queue: QueueInfo = self.send(&Method::PATCH, &path, Some(body))?;
        show_queues(&[queue]);
        Ok(())
    }

    fn exchange(&self, method: &Method, path: &str, body: Option<Value>) -> Result<Bytes> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.server))
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .body(body.into())?;
        let answer = self.transport.send(request)?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        match serde_json::from_slice::<ApiError>(answer.body()) {
            Ok(ApiError { error }) => bail!("{} ({})", error.message, error.code),
            Err(_) => bail!("the server answered {}", answer.status()),
        }
    }
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(header);
    table
}

fn show_queues(queues: &[QueueInfo]) {
    if queues.is_empty() {
        anstream::println!("{FAINT}There never was a job.{FAINT:#}");
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
    anstream::println!("{table}");
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
        anstream::println!("{table}");
    }
    let more = if jobs.next.is_some() {
        ", and more"
    } else {
        ""
    };
    anstream::println!("{FAINT}{}{more}{FAINT:#}", counted(jobs.items.len(), "job"));
}
