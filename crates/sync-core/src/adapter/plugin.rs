//! Back ends that speak the plugin protocol: `POST <url>/rhoconnect/<call>`, JSON both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use async_trait::async_trait;
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::adapter::exchange::{
    Answer, Caller, Outgoing, bad_answer, message_of, read_object, refusal, shortened, to_message,
};
use crate::adapter::{
    Adapter, AdapterError, AdapterSecrets, Call, Change, Done, QueryEnd, ServerToken, Stash,
    StashError,
};
use crate::model::{Attributes, ObjectId};
use crate::ports::Ports;
use crate::settings::{Connection, PluginMethod, PluginSettings, Secret};

/// Speaks to a plugin.
pub(crate) struct PluginAdapter<P> {
    caller: Caller<P>,
    token: Rc<dyn ServerToken>,
    url: String,
    methods: BTreeSet<PluginMethod>,
}

/// What every call but a login carries.
#[derive(Serialize)]
struct Body<'a> {
    resource: &'a str,
    /// Whoever asks or changes something, also where everybody shares a copy.
    partition: &'a str,
    /// For whom that is, where the partition's name is computed. RhoConnect's plugins know no such sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_name: Option<&'a str>,
    attributes: &'a BTreeMap<&'a str, &'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    wanted: Option<Wanted<'a>>,
    api_token: &'a str,
}

/// What is validated, beside the attributes.
#[derive(Serialize)]
struct Wanted<'a> {
    operation: &'static str,
    /// What the server has of the object.
    before: Option<&'a Attributes>,
}

#[derive(Serialize)]
struct LoginBody<'a> {
    login: &'a str,
    password: &'a str,
    api_token: &'a str,
}

impl<P: Ports> PluginAdapter<P> {
    pub(crate) fn new(ports: Rc<P>, secrets: &AdapterSecrets, settings: PluginSettings) -> Self {
        let PluginSettings {
            url,
            methods,
            connection,
        } = settings;
        Self {
            caller: Caller::new(ports, connection).with_secrets(secrets),
            token: Rc::clone(&secrets.token),
            url,
            methods,
        }
    }

    /// Makes a call that must succeed.
    async fn ask(
        &self,
        name: &str,
        call: &Call<'_>,
        attributes: &BTreeMap<&str, &str>,
    ) -> Result<Answer, AdapterError> {
        self.ask_about(name, call, attributes, None).await
    }

    async fn ask_about(
        &self,
        name: &str,
        call: &Call<'_>,
        attributes: &BTreeMap<&str, &str>,
        wanted: Option<Wanted<'_>>,
    ) -> Result<Answer, AdapterError> {
        let token = self.token.current().await.map_err(StashError::from)?;
        let body = Body {
            resource: call.source.as_str(),
            partition: call.user.as_str(),
            partition_name: call.partition,
            attributes,
            wanted,
            api_token: token.expose(),
        };
        let url = format!("{}/rhoconnect/{name}", self.url);
        let answer = post(&self.caller, url, Some(call), &body).await?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(refused(&answer))
        }
    }

    async fn ask_by_parameters(&self, name: &str, call: &Call<'_>) -> Result<Answer, AdapterError> {
        let parameters = call.parameters.iter();
        let attributes = parameters
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.ask(name, call, &attributes).await
    }

    /// Asks for a text, if the back end has that call; an empty one is none.
    async fn describe(
        &self,
        method: PluginMethod,
        name: &str,
        call: &Call<'_>,
    ) -> Result<Option<String>, AdapterError> {
        if !self.methods.contains(&method) {
            return Ok(None);
        }
        let answer = self.ask_by_parameters(name, call).await?;
        let text = std::str::from_utf8(answer.body())
            .map_err(|_| bad_answer(format!("the answer to {name} is not UTF-8")))?;
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }
}

async fn post<P: Ports>(
    caller: &Caller<P>,
    url: String,
    call: Option<&Call<'_>>,
    body: &impl Serialize,
) -> Result<Answer, AdapterError> {
    let body = serde_json::to_vec(body)
        .map_err(|error| bad_answer(format!("cannot make the request: {error}")))?;
    let json = HeaderValue::from_static("application/json");
    let request = Outgoing::new(Method::POST, url).with_body(json, body);
    caller.send(request, call).await
}

/// Reads a refusal. A plugin answers 500 where its code has raised an error, which it would do again: its devices have
/// always been told at once.
fn refused(answer: &Answer) -> AdapterError {
    match refusal(answer) {
        AdapterError::Unavailable { message }
            if answer.status() == StatusCode::INTERNAL_SERVER_ERROR =>
        {
            AdapterError::Rejected { message }
        }
        other => other,
    }
}

fn by_name(attributes: &Attributes) -> BTreeMap<&str, &str> {
    attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// An object with its id among its attributes, as updates and deletes carry it.
fn with_id<'a>(id: &'a ObjectId, attributes: &'a Attributes) -> BTreeMap<&'a str, &'a str> {
    let mut attributes = by_name(attributes);
    attributes.insert("id", id.as_str());
    attributes
}

/// Hands over `{id: {attribute: value}}`.
async fn stash_objects(answer: &Answer, stash: &mut dyn Stash) -> Result<(), AdapterError> {
    let objects: BTreeMap<String, Map<String, Value>> = answer.json("{id: {attribute: value}}")?;
    let objects = objects.into_iter();
    let objects = objects
        .filter_map(|(id, values)| read_object(id, values, stash))
        .collect();
    Ok(stash.stash(objects).await?)
}

/// Reads the answer to a create: the new object's id as bare text or JSON, or an object with `id` and `message`. Anything else
/// is no id, as is no answer at all.
fn created(answer: &Answer) -> Done {
    let id = || {
        let text = std::str::from_utf8(answer.small_body()?).ok()?.trim();
        let said = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let id = match said {
            Value::Object(mut members) => members.remove("id")?,
            id => id,
        };
        match id {
            Value::String(id) => ObjectId::parse(id).ok(),
            Value::Number(id) => ObjectId::parse(id.to_string()).ok(),
            _ => None,
        }
    };
    Done {
        id: id(),
        ..said(answer)
    }
}

/// Reads what the answer to a change says to the user.
fn said(answer: &Answer) -> Done {
    let body = answer.small_body().unwrap_or_default();
    let said = serde_json::from_slice::<Said>(body).ok();
    let message = said.map(|Said { message }| message);
    Done {
        id: None,
        message: message.as_deref().and_then(to_message),
    }
}

/// An answer with a message.
#[derive(Deserialize)]
struct Said {
    message: String,
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for PluginAdapter<P> {
    async fn query(
        &self,
        call: &Call<'_>,
        _: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let answer = self.ask_by_parameters("query", call).await?;
        stash_objects(&answer, stash).await?;
        Ok(QueryEnd::Complete { etag: None })
    }

    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError> {
        let answer = self.ask("create", call, &by_name(attributes)).await?;
        Ok(created(&answer))
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        let object = with_id(id, attributes);
        Ok(said(&self.ask("update", call, &object).await?))
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        let object = with_id(id, attributes);
        Ok(said(&self.ask("delete", call, &object).await?))
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        if !self.methods.contains(&PluginMethod::Search) {
            return Err(AdapterError::Rejected {
                message: "this source cannot be searched".to_owned(),
            });
        }
        let answer = self.ask_by_parameters("search", call).await?;
        stash_objects(&answer, stash).await
    }

    async fn validate(&self, call: &Call<'_>, change: Change<'_>) -> Result<(), AdapterError> {
        if !self.methods.contains(&PluginMethod::Validate) {
            return Ok(());
        }
        let (operation, attributes) = match change {
            Change::Create { attributes } => ("create", by_name(attributes)),
            Change::Update { id, attributes } => ("update", with_id(id, attributes)),
            Change::Delete { id, attributes } => ("delete", with_id(id, attributes)),
        };
        let wanted = Wanted {
            operation,
            before: call.before,
        };
        let asked = self.ask_about("validate", call, &attributes, Some(wanted));
        asked.await.map(drop)
    }

    async fn partition(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.describe(PluginMethod::Partition, "partition", call)
            .await
    }

    async fn metadata(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.describe(PluginMethod::Metadata, "metadata", call)
            .await
    }

    async fn schema(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.describe(PluginMethod::Schema, "schema", call).await
    }
}

/// What a back end says of a user whom it lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authenticated {
    /// The user's name, where it gives one.
    pub user: Option<String>,
    /// What the user may be asked for by at other back ends, where it gives such a token.
    pub token: Option<Secret>,
}

impl Authenticated {
    /// Reads an answer: a name, bare or as JSON, or an object with a token.
    fn read(said: &str) -> Self {
        let (user, token) = match serde_json::from_str(said) {
            Ok(LoginAnswer::WithToken {
                login,
                access_token,
            }) => (login, Some(Secret::new(access_token))),
            Ok(LoginAnswer::Name(name)) => (Some(name), None),
            Err(_) => (Some(said.to_owned()), None),
        };
        let user = user.filter(|name| !name.is_empty());
        Self { user, token }
    }
}

/// The forms of an answer that are JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum LoginAnswer {
    WithToken {
        login: Option<String>,
        access_token: String,
    },
    Name(String),
}

/// Asks the back end at `url` whether a user may log in.
///
/// # Errors
/// [`AdapterError::Login`] with the back end's own words when it refuses; [`AdapterError::Unavailable`] when it answers
/// anything else, or not at all.
pub async fn authenticate<P: Ports>(
    ports: &Rc<P>,
    token: &dyn ServerToken,
    url: &str,
    login: &str,
    password: &str,
) -> Result<Authenticated, AdapterError> {
    let token = token.current().await.map_err(StashError::from)?;
    let body = LoginBody {
        login,
        password,
        api_token: token.expose(),
    };
    let url = format!("{}/rhoconnect/authenticate", url.trim_end_matches('/'));
    let caller = Caller::new(Rc::clone(ports), Connection::default());
    let answer = post(&caller, url, None, &body).await?;
    let said = std::str::from_utf8(answer.body()).map_err(|_| AdapterError::Unavailable {
        message: "the back end's answer is not UTF-8".to_owned(),
    })?;
    let said = said.trim();
    match answer.status() {
        status if status.is_success() => Ok(Authenticated::read(said)),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let is_text = !said.is_empty() && !said.starts_with(['<', '{', '[']);
            let text = is_text.then(|| shortened(said));
            let message = message_of(&answer).or(text);
            let message = message.unwrap_or_else(|| status.to_string());
            Err(AdapterError::Login { message })
        }
        status => Err(AdapterError::Unavailable {
            message: message_of(&answer).unwrap_or_else(|| status.to_string()),
        }),
    }
}
