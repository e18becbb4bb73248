//! Asks a source's back end as the server would, and looks at what comes of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use anyhow::Result;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sync_client::rhoconnect::Attributes;
use sync_core::{
    Adapter, AdapterError, AdapterMaker as _, AdapterSecrets, AdapterSettings,
    AuthenticationMethod, Call, Credentials, Memory, ObjectId, RustAdapters, Secret, SettingsError,
    Stash, StashError, UserId, authenticate, logged_in,
};

use super::application::Application;
use super::network::Network;
use super::ports::{CheckPorts, GivenCredentials, NoBlobs, NoToken};
use super::problem::{Problem, Stage};

/// Most characters of an answer in a message.
const BEGIN: usize = 300;

/// What is asked, and for whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Question {
    /// The user.
    pub(super) user: String,
    /// The partitions, where their names are computed: of an object in several, that of the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) partitions: Vec<String>,
    /// What the query is narrowed down by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parameters: Vec<(String, String)>,
    /// The attributes of the test record; nothing is written without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) write: Vec<(String, String)>,
    /// What is changed of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) change: Vec<(String, String)>,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    /// The objects, by their ids.
    pub(super) objects: BTreeMap<String, Attributes>,
    /// Ids and reasons of records that cannot be kept.
    pub(super) refused: Vec<(String, String)>,
    pub(super) metadata: Option<String>,
    pub(super) schema: Option<String>,
    /// What was done to the test record.
    pub(super) written: Vec<String>,
    pub(super) problems: Vec<Problem>,
    /// What may be as it should be.
    pub(super) notes: Vec<Problem>,
}

/// A back end that is tried out.
pub(super) struct Trial<'a> {
    pub(super) application: &'a Application,
    pub(super) ports: Rc<CheckPorts>,
    adapter: Rc<dyn Adapter>,
    secrets: AdapterSecrets,
    user: UserId,
    memory: Memory,
    pub(super) question: &'a Question,
}

impl<'a> Trial<'a> {
    /// Gets ready, and logs the user in where the settings leave that to a back end.
    pub(super) async fn begin(
        application: &'a Application,
        question: &'a Question,
        network: Network,
        password: &str,
    ) -> Result<Result<Self, Problem>> {
        let ports = Rc::new(CheckPorts::new(network)?);
        let mut user = UserId::parse(question.user.as_str())?;
        let mut token = None;
        if let AuthenticationMethod::BackEnd { url } = &application.settings.authentication.method {
            match authenticate(&ports, &NoToken, url, &question.user, password).await {
                Ok(said) => {
                    token = said.token;
                    user = said.user.map_or(Ok(user), UserId::parse)?;
                }
                Err(error) => return Ok(Err(Problem::of_error(application, Stage::Login, &error))),
            }
        }
        let credentials = Credentials {
            login: Secret::new(question.user.as_str()),
            password: Secret::new(password),
            token,
        };
        let secrets = AdapterSecrets {
            token: Rc::new(NoToken),
            credentials: Some(Rc::new(GivenCredentials(credentials))),
            vault: None,
        };
        let adapter = match made(application, &ports, &secrets, &application.source.adapter) {
            Ok(adapter) => adapter,
            Err(error) => {
                let reason = "an adapter in Rust is compiled into the components: test it as docs/adapters.md says";
                return Ok(Err(Problem::new(&application.written, error.key, reason)));
            }
        };
        Ok(Ok(Self {
            memory: Memory::of_instance(application.settings.instance_memory_bytes),
            application,
            ports,
            adapter,
            secrets,
            user,
            question,
        }))
    }

    /// The adapter that these settings would make.
    pub(super) fn adapter_by(&self, settings: &AdapterSettings) -> Option<Rc<dyn Adapter>> {
        made(self.application, &self.ports, &self.secrets, settings).ok()
    }

    pub(super) fn call<'b>(&'b self, key: &'b str, partition: Option<&'b str>) -> Call<'b> {
        Call {
            source: &self.application.name,
            user: &self.user,
            partition,
            client: None,
            idempotency_key: key,
            parameters: &self.question.parameters,
            blobs: &NoBlobs,
            memory: &self.memory,
            trace: None,
            before: None,
        }
    }

    pub(super) fn adapter(&self) -> &dyn Adapter {
        &*self.adapter
    }

    /// Does what a query of the server does.
    pub(super) async fn ask(&self) -> Findings {
        let mut findings = Findings::default();
        let mut repeated = Vec::new();
        let names = self.question.partitions.iter();
        let named: Vec<_> = names.map(|name| Some(name.as_str())).collect();
        let partitions = if named.is_empty() { vec![None] } else { named };
        for partition in partitions {
            self.ask_for(partition, &mut findings, &mut repeated).await;
        }
        self.look_at(&mut findings, &repeated);
        if findings.problems.is_empty() && self.ports.network.is_live() {
            self.look_behind_last_page(&mut findings).await;
        }
        findings
    }

    async fn ask_for(
        &self,
        partition: Option<&str>,
        findings: &mut Findings,
        repeated: &mut Vec<String>,
    ) {
        let mut collected = Collected::default();
        let call = self.call("", partition);
        let asked = logged_in(self.adapter(), &call, async {
            self.adapter.query(&call, None, &mut collected).await?;
            let metadata = self.adapter.metadata(&call).await?;
            Ok((metadata, self.adapter.schema(&call).await?))
        });
        let asked = asked.await;
        let in_answer = collected.metadata;
        for (id, attributes) in collected.objects {
            findings.objects.entry(id).or_insert(attributes);
        }
        findings.refused.extend(collected.refused);
        repeated.extend(collected.repeated);
        match asked {
            Err(error) => findings.problems.push(self.problem(Stage::Query, &error)),
            Ok(((metadata, schema), left)) => {
                let said = (metadata.or(in_answer), schema);
                findings.metadata = findings.metadata.take().or(said.0);
                findings.schema = findings.schema.take().or(said.1);
                let left = left.map(|error| self.problem(Stage::Query, &error));
                findings.problems.extend(left);
            }
        }
    }

    /// Finds what an answer that was taken says of the settings.
    fn look_at(&self, findings: &mut Findings, repeated: &[String]) {
        let is_taken = findings.problems.is_empty();
        let mut note = |setting: &str, message: String| {
            let problem = Problem::of_adapter(self.application, setting, message);
            findings.problems.push(problem);
        };
        let names_in = |setting: &str| {
            let key = format!("{}.{setting}", self.application.table());
            self.application.written.names_at(&key)
        };
        let types = names_in("types");
        for (id, reason) in &findings.refused {
            let of_type = types
                .iter()
                .find(|name| reason.starts_with(&format!("{name}: ")));
            let setting = of_type.map_or("records".to_owned(), |name| format!("types.{name}"));
            note(&setting, format!("record {id} is left out: {reason}"));
        }
        if let Some(id) = repeated.first().filter(|_| is_taken) {
            let message = format!(
                "{} ids are those of several records, {id:?} for instance; the last of an answer counts, and that of the first page",
                repeated.len()
            );
            note("id", message);
        }
        if findings.objects.is_empty() {
            if findings.problems.is_empty() {
                let message = format!(
                    "the back end has no records for {}: devices would have nothing",
                    self.question.user
                );
                let note = Problem::of_adapter(self.application, "records", message);
                findings.notes.push(note);
            }
            return;
        }
        self.note_values(findings, &types);
        let mut note = |setting: &str, message: String| {
            let problem = Problem::of_adapter(self.application, setting, message);
            findings.problems.push(problem);
        };
        for setting in ["attributes", "types"] {
            for name in names_in(setting) {
                let is_there = findings
                    .objects
                    .values()
                    .any(|object| object.contains_key(&name));
                if !is_there {
                    let key = format!("{}.{setting}.{name}", self.application.table());
                    let path = self.application.written.text_at(&key);
                    let message = match path.filter(|_| setting == "attributes") {
                        Some(path) => format!("no record has anything at {path:?}"),
                        None => format!("no record has {name:?}"),
                    };
                    note(&format!("{setting}.{name}"), message);
                }
            }
        }
    }

    /// Notes values that are kept, though they are hardly meant.
    fn note_values(&self, findings: &mut Findings, types: &[String]) {
        let mut note = |setting: &str, message: String| {
            let note = Problem::of_adapter(self.application, setting, message);
            findings.notes.push(note);
        };
        let objects = &findings.objects;
        if let Some(id) = objects.keys().find(|id| id.starts_with(['{', '['])) {
            let message =
                format!("the id {id} is JSON: name the value in it that tells records apart");
            note("id", message);
        }
        for name in types {
            let key = format!("{}.types.{name}", self.application.table());
            let kind = self.application.written.text_at(&key).unwrap_or_default();
            let is_one = |text: &str| match kind {
                "number" => text.trim().parse::<f64>().is_ok(),
                "boolean" => matches!(text.trim(), "true" | "false"),
                _ => true,
            };
            let mut odd = objects.iter().filter_map(|(id, object)| {
                let text = object
                    .get(name)
                    .filter(|text| !text.is_empty() && !is_one(text))?;
                Some((id, text))
            });
            if let Some((id, text)) = odd.next() {
                let more = match odd.count() {
                    0 => String::new(),
                    count => format!(" (and {count} more records)"),
                };
                let message = format!(
                    "record {id} has {:?}, which is no {kind}{more}; devices get it as it is",
                    begin_of(text.as_bytes())
                );
                note(&format!("types.{name}"), message);
            }
        }
    }

    pub(super) fn problem(&self, stage: Stage, error: &AdapterError) -> Problem {
        let mut problem = Problem::of_error(self.application, stage, error);
        if matches!(error, AdapterError::Unauthorized { .. }) {
            let is_said = self.application.written.get(&problem.key).is_some();
            problem.message.push_str(match is_said {
                true => ": the back end does not take what is said here",
                false => ": the settings do not say how the server proves who it is",
            });
        }
        let said = self.ports.network.said();
        if let Some(exchange) = said.last() {
            let status = exchange.answer.as_ref().map(|answer| answer.status());
            let status = status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
            problem.message = format!("{} ({}: {status})", problem.message, exchange.line());
            let body = exchange.answer.as_ref().map(http::Response::body);
            let is_error = exchange
                .answer
                .as_ref()
                .is_some_and(|it| !it.status().is_success());
            let is_unsaid = is_error && body.is_some_and(|body| !body.is_empty());
            if let (true, Some(body)) = (
                matches!(error, AdapterError::Misfit { .. }) || is_unsaid,
                body,
            ) {
                let shape = serde_json::from_slice(body).map_or_else(
                    |_| format!("begins with {:?}", begin_of(body)),
                    |json| format!("is {}", shape_of(&json)),
                );
                problem.message = format!("{}; the answer {shape}", problem.message);
            }
        }
        problem
    }
}

/// The first words of an answer.
fn begin_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.chars().take(BEGIN).collect()
}

/// What an answer looks like from outside.
fn shape_of(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let names: Vec<_> = members.keys().take(12).map(String::as_str).collect();
            format!("an object with {}", names.join(", "))
        }
        Value::Array(elements) => match elements.first() {
            Some(first) => format!(
                "a list of {}, the first {}",
                elements.len(),
                shape_of(first)
            ),
            None => "an empty list".to_owned(),
        },
        other => format!("{other}"),
    }
}

fn made(
    application: &Application,
    ports: &Rc<CheckPorts>,
    secrets: &AdapterSecrets,
    settings: &AdapterSettings,
) -> Result<Rc<dyn Adapter>, SettingsError> {
    RustAdapters::new().make(ports, &application.name, settings, secrets)
}

/// Takes an answer whole.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) objects: BTreeMap<String, Attributes>,
    refused: Vec<(String, String)>,
    repeated: Vec<String>,
    metadata: Option<String>,
}

#[async_trait(?Send)]
impl Stash for Collected {
    async fn stash(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        // Within a part the last counts, and of several parts the first, as on the server.
        let mut objects = BTreeMap::new();
        for (id, attributes) in part {
            let id = id.as_str().to_owned();
            if objects.insert(id.clone(), attributes).is_some() {
                self.repeated.push(id);
            }
        }
        for (id, attributes) in objects {
            match self.objects.entry(id) {
                Entry::Occupied(known) => self.repeated.push(known.key().clone()),
                Entry::Vacant(free) => drop(free.insert(attributes)),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, id: &str, reason: &str) {
        self.refused.push((id.to_owned(), reason.to_owned()));
    }

    fn describe(&mut self, metadata: String) {
        self.metadata = Some(metadata);
    }
}

/// Whether some back end is shown the user's password.
pub(super) fn needs_password(application: &Application) -> bool {
    let method = &application.settings.authentication.method;
    matches!(method, AuthenticationMethod::BackEnd { .. })
        || application.source.adapter.asks_as_user()
}
