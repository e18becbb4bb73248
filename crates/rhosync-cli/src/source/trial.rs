//! Asks a source's back end as the server would, and looks at what comes of it.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sync_client::rhoconnect::Attributes;
use sync_core::{
    Adapter, AdapterError, AdapterMaker as _, AdapterSecrets, AuthenticationMethod, Call,
    Credentials, Memory, ObjectId, RustAdapters, Secret, Stash, StashError, UserId, authenticate,
    logged_in,
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
    /// The partition, where its name is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) partition: Option<String>,
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
}

/// A back end that is tried out.
pub(super) struct Trial<'a> {
    pub(super) application: &'a Application,
    pub(super) ports: Rc<CheckPorts>,
    adapter: Rc<dyn Adapter>,
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
        let made = RustAdapters::new().make(
            &ports,
            &application.name,
            &application.source.adapter,
            &secrets,
        );
        let adapter = match made {
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
            user,
            question,
        }))
    }

    pub(super) fn call<'b>(&'b self, key: &'b str) -> Call<'b> {
        Call {
            source: &self.application.name,
            user: &self.user,
            partition: self.question.partition.as_deref(),
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
        let mut collected = Collected::default();
        let call = self.call("");
        let asked = logged_in(self.adapter(), &call, async {
            self.adapter.query(&call, None, &mut collected).await?;
            let metadata = self.adapter.metadata(&call).await?;
            Ok((metadata, self.adapter.schema(&call).await?))
        });
        let asked = asked.await;
        let Collected {
            objects,
            refused,
            repeated,
            metadata: in_answer,
        } = collected;
        let mut findings = Findings {
            objects,
            refused,
            ..Findings::default()
        };
        match asked {
            Err(error) => findings.problems.push(self.problem(Stage::Query, &error)),
            Ok(((metadata, schema), left)) => {
                (findings.metadata, findings.schema) = (metadata.or(in_answer), schema);
                let left = left.map(|error| self.problem(Stage::Query, &error));
                findings.problems.extend(left);
            }
        }
        self.look_at(&mut findings, &repeated);
        findings
    }

    /// Notes what an answer that was taken says of the settings.
    fn look_at(&self, findings: &mut Findings, repeated: &[String]) {
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
        if let Some(id) = repeated.first() {
            let message = format!(
                "{} ids are those of several records, {id:?} for instance; the last one counts",
                repeated.len()
            );
            note("id", message);
        }
        if findings.objects.is_empty() {
            return;
        }
        for setting in ["attributes", "types"] {
            for name in names_in(setting) {
                let is_there = findings
                    .objects
                    .values()
                    .any(|object| object.contains_key(&name));
                if !is_there {
                    note(
                        &format!("{setting}.{name}"),
                        format!("no record has {name:?}"),
                    );
                }
            }
        }
    }

    pub(super) fn problem(&self, stage: Stage, error: &AdapterError) -> Problem {
        let mut problem = Problem::of_error(self.application, stage, error);
        let said = self.ports.network.said();
        if let Some(exchange) = said.last() {
            let status = exchange.answer.as_ref().map(|answer| answer.status());
            let status = status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
            problem.message = format!("{} ({}: {status})", problem.message, exchange.line());
            let body = exchange.answer.as_ref().map(http::Response::body);
            if let (AdapterError::Misfit { .. }, Some(body)) = (error, body) {
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

/// Takes an answer whole.
#[derive(Default)]
struct Collected {
    objects: BTreeMap<String, Attributes>,
    refused: Vec<(String, String)>,
    repeated: Vec<String>,
    metadata: Option<String>,
}

#[async_trait(?Send)]
impl Stash for Collected {
    async fn stash(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        for (id, attributes) in part {
            let id = id.as_str().to_owned();
            if self.objects.insert(id.clone(), attributes).is_some() {
                self.repeated.push(id);
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
