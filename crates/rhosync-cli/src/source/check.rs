//! `rhosync source check`, `record` and `replay`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use futures_executor::block_on;
use sync_core::AdapterSettings;

use super::application::{Application, Place, Variables};
use super::fixtures::{self, Recording};
use super::network::{Exchange, Network};
use super::problem::Problem;
use super::report::{Report, print_problems};
use super::secrets::Secrets;
use super::trial::{Findings, Question, Trial, needs_password};
use super::{compare, pair};
use crate::advice::misused;
use crate::config::Settings;
use crate::login::{ask_password, read_line};
use crate::term::{NOTE, note, say};

/// Who asks where nobody is named, and it does not matter.
pub(super) const ANYBODY: &str = "check";

/// Asks the back end as the server would, and shows what comes of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 no problem, 1 problems, 2 wrong usage.

A variable of the settings has the value of --variable, else of SPIN_VARIABLE_NAME in the environment, else the default
that it has in spin.toml. Nothing is changed at the back end, except by --write.

Examples:
  rhosync source check Order --user anna
  rhosync source check Order --user anna --variable crm_url=https://crm.example.com
  rhosync source check Order --user anna --write name=Test amount=1 --change amount=2
  rhosync source check Order --user anna --compare        # with what the server has, by its API
  rhosync source check Order --user anna --json | jq '.problems'")]
pub(super) struct Check {
    #[command(flatten)]
    place: Place,

    /// A variable of the settings.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,

    /// The user for whom the back end is asked (or RHOSYNC_USER).
    #[arg(long)]
    user: Option<String>,

    /// Read the user's password from standard input, where a back end checks it.
    #[arg(long)]
    password_stdin: bool,

    /// The partition that the back end is asked for, where its name is computed; where users are in several at once, each of
    /// the user's, in the order of the settings.
    #[arg(long = "partition", value_name = "NAME")]
    partitions: Vec<String>,
    /// What the query is narrowed down by, as devices' parameters do.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,

    /// Most objects that are shown.
    #[arg(long, default_value_t = 20)]
    limit: usize,

    /// Create, change and delete a test record with these attributes at the back end.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., value_parser = pair)]
    write: Vec<(String, String)>,

    /// What is changed of the test record; the attributes that it has where nothing is said.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., value_parser = pair, requires = "write")]
    change: Vec<(String, String)>,

    /// Say what would change on the server, which is asked by its API.
    #[arg(long)]
    compare: bool,
}

/// Keeps what the back end answers as fixtures, without secrets.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rhosync source record Order --user anna
  rhosync source replay Order")]
pub(super) struct Record {
    #[command(flatten)]
    check: Check,

    /// The folder of the fixtures [default: fixtures/NAME beside the settings].
    #[arg(long, value_name = "FOLDER")]
    fixtures: Option<PathBuf>,
}

/// Checks a source against its fixtures, without the network.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 no problem, 1 problems, 2 wrong usage.

Objects that are not those in objects.json are a problem; delete the file to compare nothing.

Examples:
  rhosync source replay Order
  rhosync source replay Order --json")]
pub(super) struct Replay {
    #[command(flatten)]
    place: Place,

    /// The folder of the fixtures [default: fixtures/NAME beside the settings].
    #[arg(long, value_name = "FOLDER")]
    fixtures: Option<PathBuf>,

    /// Most objects that are shown.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// What came of asking a back end.
pub(super) struct Tried {
    application: Application,
    pub(super) network: Vec<Exchange>,
    pub(super) findings: Findings,
}

impl Check {
    pub(super) fn run(&self, settings: &Settings, json: bool) -> Result<ExitCode> {
        self.keep(settings, json, None)
    }

    /// Checks, and keeps the exchanges in a folder if one is named.
    fn keep(&self, settings: &Settings, json: bool, folder: Option<PathBuf>) -> Result<ExitCode> {
        let given: Variables = self.variables.iter().cloned().collect();
        let application = match self.place.open(&given)? {
            Ok(application) => application,
            Err(problem) => return only(&self.place, json, problem),
        };
        self.check_partitions(&application)?;
        let user = match settings.user(self.user.as_deref()) {
            Ok(user) => user.to_owned(),
            Err(_) if application.is_shared() => ANYBODY.to_owned(),
            Err(error) => return Err(error),
        };
        let password = self.password(settings, &application, &user)?;
        if folder.is_some() && matches!(application.source.adapter, AdapterSettings::Sql(_)) {
            return Err(misused(
                "the answers of a database are not kept: there are no messages that could be",
                "try the source out with `rhosync source check`",
            ));
        }
        let question = Question {
            user,
            partitions: self.partitions.clone(),
            parameters: self.parameters.clone(),
            write: self.write.clone(),
            change: self.change.clone(),
        };
        let mut secrets = application.secrets();
        secrets.push(password.clone());
        let network = Network::live(Secrets::new(secrets.clone()));
        if matches!(application.source.adapter, AdapterSettings::PushOnly) {
            note(
                "There is no back end to ask: it sends its objects to the server (docs/adapters.md, push-only).",
            );
        }
        let tried = match tried(application, &question, network, &password)? {
            Ok(tried) => tried,
            Err(problem) => return only(&self.place, json, problem),
        };
        let changes = match self.compare {
            false => None,
            true => Some(compare::changes_on_server(
                settings,
                &self.place.name,
                &question.user,
                &tried.findings.objects,
            )?),
        };
        if let Some(folder) = &folder {
            let hide = |(name, value): (&String, &String)| {
                let hidden = if secrets.contains(value) {
                    "***"
                } else {
                    value
                };
                (name.clone(), hidden.to_owned())
            };
            let recording = Recording {
                question: question.clone(),
                variables: tried.application.variables.iter().map(hide).collect(),
            };
            fixtures::write(folder, &recording, &tried.network, &tried.findings.objects)?;
            note(format!(
                "{} has the fixtures; look at them before you share them: only what the settings know as secret is left out",
                folder.display()
            ));
        }
        let report = Report {
            file: &self.place.file(),
            source: &self.place.name,
            user: &question.user,
            limit: self.limit,
            requests: tried.network.len(),
            findings: &tried.findings,
            changes: changes.as_ref(),
        };
        report.print(json)?;
        Ok(code(&tried.findings.problems))
    }

    /// Checks that the partitions are named, where the settings have several.
    fn check_partitions(&self, application: &Application) -> Result<()> {
        let several = application.several_partitions();
        let key_of = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        let keys: Vec<_> = several.iter().map(|name| key_of(name)).collect();
        let named = self.partitions.iter().map(|name| key_of(name));
        let is_known = several.is_empty() || named.clone().all(|key| keys.contains(&key));
        if several.is_empty() && self.partitions.len() > 1 {
            let problem = format!(
                "users are in one partition of {} at a time",
                application.name
            );
            return Err(misused(problem, "name one with --partition"));
        }
        if !several.is_empty() && (self.partitions.is_empty() || !is_known) {
            return Err(misused(
                format!(
                    "users are in several partitions of {} at once: {}",
                    application.name,
                    several.join(", ")
                ),
                "name those of the user in this order: `--partition region/north --partition user` for instance",
            ));
        }
        if self.partitions.len() > 1 && !self.write.is_empty() {
            return Err(misused(
                "a test record is made in one partition",
                "name only that one with --partition",
            ));
        }
        Ok(())
    }

    /// The user's password, where somebody will ask for it.
    fn password(
        &self,
        settings: &Settings,
        application: &Application,
        user: &str,
    ) -> Result<String> {
        if !needs_password(application) {
            return Ok(String::new());
        }
        if self.password_stdin {
            return read_line("a password");
        }
        match settings.password_of(user) {
            Some(password) => Ok(password.0.clone()),
            None => {
                if std::io::stdin().is_terminal() {
                    say!("{NOTE}A back end is shown the user's password.{NOTE:#}");
                }
                ask_password(&format!("Password of {user}: "))
            }
        }
    }
}

impl Record {
    pub(super) fn run(&self, settings: &Settings, json: bool) -> Result<ExitCode> {
        let folder = folder(&self.check.place, &self.fixtures);
        self.check.keep(settings, json, Some(folder))
    }
}

impl Replay {
    pub(super) fn run(&self, json: bool) -> Result<ExitCode> {
        let folder = folder(&self.place, &self.fixtures);
        let (recording, exchanges, objects) = fixtures::read(&folder)?;
        let application = match self.place.open(&recording.variables)? {
            Ok(application) => application,
            Err(problem) => return only(&self.place, json, problem),
        };
        let network = Network::of_fixtures(exchanges, Secrets::new(application.secrets()));
        let question = &recording.question;
        let mut tried = match tried(application, question, network, "")? {
            Ok(tried) => tried,
            Err(problem) => return only(&self.place, json, problem),
        };
        if let Some(expected) = &objects {
            let differences = differences(expected, &tried.findings.objects);
            let table = tried.application.table();
            let written = &tried.application.written;
            let problems = differences
                .into_iter()
                .map(|message| Problem::new(written, table.clone(), message));
            let problems: Vec<_> = problems.collect();
            tried.findings.problems.extend(problems);
        }
        let report = Report {
            file: &self.place.file(),
            source: &self.place.name,
            user: &question.user,
            limit: self.limit,
            requests: tried.network.len(),
            findings: &tried.findings,
            changes: None,
        };
        report.print(json)?;
        Ok(code(&tried.findings.problems))
    }
}

/// Asks the back end, and writes a test record if that is wanted.
pub(super) fn tried(
    application: Application,
    question: &Question,
    network: Network,
    password: &str,
) -> Result<Result<Tried, Problem>> {
    let done = block_on(async {
        let trial = match Trial::begin(&application, question, network, password).await? {
            Ok(trial) => trial,
            Err(problem) => return Ok(Err(problem)),
        };
        let mut findings = trial.ask().await;
        if !question.write.is_empty() && findings.problems.is_empty() {
            trial.write(&mut findings).await;
        } else if !question.write.is_empty() {
            findings
                .written
                .push("not created: the query has problems".to_owned());
        }
        Ok::<_, anyhow::Error>(Ok((trial.ports.network.said(), findings)))
    })?;
    Ok(done.map(|(network, findings)| Tried {
        application,
        network,
        findings,
    }))
}

/// What is not as it was.
fn differences(
    expected: &fixtures::Objects,
    found: &BTreeMap<String, sync_client::rhoconnect::Attributes>,
) -> Vec<String> {
    let ids: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    ids.into_iter()
        .filter_map(|id| match (expected.get(id), found.get(id)) {
            (Some(expected), Some(found)) if expected == found => None,
            (Some(expected), Some(found)) => Some(format!(
                "object {id} is {found:?}; objects.json has {expected:?}"
            )),
            (Some(_), None) => Some(format!("object {id} of objects.json is not found")),
            (None, _) => Some(format!("object {id} is not in objects.json")),
        })
        .collect()
}

fn folder(place: &Place, named: &Option<PathBuf>) -> PathBuf {
    let usual = || place.folder().join("fixtures").join(&place.name);
    named.clone().unwrap_or_else(usual)
}

/// Reports a problem that leaves nothing else to look at.
fn only(place: &Place, json: bool, problem: Problem) -> Result<ExitCode> {
    let problems = vec![problem];
    if json {
        let findings = Findings {
            problems: problems.clone(),
            ..Findings::default()
        };
        say!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print_problems(&place.file(), &problems);
    }
    Ok(code(&problems))
}

fn code(problems: &[Problem]) -> ExitCode {
    match problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
