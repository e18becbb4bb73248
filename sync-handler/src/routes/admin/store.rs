//! Documents by key: the application's own, and those of sources and clients by the keys that `docnames` lists.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};
use sync_core::{ApplicationDocument, ApplicationDocuments, Engine, Ports, PutMode};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::admin::documents::{self, Content};

/// What a key stands for.
enum Place<'a> {
    Source {
        user: &'a str,
        source: &'a str,
        name: &'a str,
    },
    Client {
        client: &'a str,
        source: &'a str,
        name: &'a str,
    },
    Application,
}

impl<'a> Place<'a> {
    fn of(key: &'a str) -> Self {
        // User names may have colons, so both ends are read first.
        let of_source = || {
            let rest = key.strip_prefix("source:application:")?;
            let (rest, name) = rest.rsplit_once(':')?;
            let (user, source) = rest.rsplit_once(':')?;
            Some(Self::Source { user, source, name })
        };
        let of_client = || {
            let rest = key.strip_prefix("client:application:")?;
            let (rest, name) = rest.rsplit_once(':')?;
            let (rest, source) = rest.rsplit_once(':')?;
            let (_, client) = rest.rsplit_once(':')?;
            Some(Self::Client {
                client,
                source,
                name,
            })
        };
        of_source().or_else(of_client).unwrap_or(Self::Application)
    }
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let key = request.argument("key", &["doc"])?;
    let document = match Place::of(&key) {
        Place::Source { user, source, name } => {
            documents::source_document(engine, source, user, name).await?
        }
        Place::Client {
            client,
            source,
            name,
        } => documents::client_document(engine, client, source, name).await?,
        Place::Application => ApplicationDocuments::new(engine.ports())
            .get(&key)
            .await?
            .map_or_else(
                || Value::Object(Map::new()),
                ApplicationDocument::into_value,
            ),
    };
    Ok(documents::to_answer(document))
}

pub(super) async fn set<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let key = request.argument("key", &["doc"])?;
    let Content { data, append } = request.body()?;
    match Place::of(&key) {
        Place::Source { user, source, name } => {
            documents::set_source_document(engine, source, user, name, data, append).await?;
        }
        Place::Client {
            client,
            source,
            name,
        } => {
            documents::set_client_document(engine, client, source, name, &data, append).await?;
        }
        Place::Application => {
            let document = to_document(data)?;
            let mode = if append {
                PutMode::Append
            } else {
                PutMode::Replace
            };
            ApplicationDocuments::new(engine.ports())
                .put(&key, &document, mode)
                .await?;
        }
    }
    Ok(respond::empty())
}

fn to_document(data: Value) -> Result<ApplicationDocument, HttpError> {
    match data {
        Value::Object(values) => Ok(ApplicationDocument::of_values(values)),
        Value::String(text) => Ok(ApplicationDocument::Text(text)),
        Value::Null => Err(HttpError::MissingArgument("data".to_owned())),
        other => Ok(ApplicationDocument::Text(other.to_string())),
    }
}
