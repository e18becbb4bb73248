//! Sources.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use sync_core::{Engine, PartitionRule, Ports, SourceInfo};
use sync_jobs::QueueName;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::admin::{SOURCE, USER, attribute};

/// The names of sources: `all`, or those of the partition type `user` or `app`.
pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let kind = request.optional_argument("partition", &["partition_type"])?;
    let rule = match kind.as_deref() {
        None | Some("all" | "") => None,
        Some("user") => Some(PartitionRule::User),
        Some("app") => Some(PartitionRule::App),
        Some(other) => {
            return Err(HttpError::InvalidValue(format!(
                "{other:?} is not a partition type: all, user or app"
            )));
        }
    };
    let sources = engine.sources(rule).await?;
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    Ok(respond::legacy_json(&names))
}

/// A source as a list of attributes.
pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let name = request.argument("source", SOURCE)?;
    let SourceInfo { name, settings, .. } = engine.source_info(&name).await?;
    let partition = match settings.partition {
        PartitionRule::App => "app",
        // The old consoles know two kinds: a copy for everybody, and others.
        PartitionRule::User | PartitionRule::Computed => "user",
    };
    let pass_through = settings.pass_through.then_some("true");
    Ok(respond::legacy_json(&[
        attribute("rho__id", "string", name.as_str()),
        attribute("name", "string", name.as_str()),
        attribute(
            "poll_interval",
            "integer",
            settings.poll_interval.to_seconds(),
        ),
        attribute("partition_type", "string", partition),
        attribute("sync_type", "string", "incremental"),
        attribute(
            "query_queue",
            "string",
            settings.query_queue.map(QueueName::into_string),
        ),
        attribute(
            "cud_queue",
            "string",
            settings.cud_queue.map(QueueName::into_string),
        ),
        attribute("pass_through", "string", pass_through),
    ]))
}

/// Sets how often the back end is asked; the rest stands in the settings file.
pub(super) async fn update<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        data: Map<String, Value>,
    }
    let source = request.argument("source", SOURCE)?;
    let Body { data } = request.body()?;
    let mut seconds = None;
    for (name, value) in &data {
        match name.as_str() {
            "poll_interval" => seconds = Some(to_seconds(name, value)?),
            other => {
                return Err(HttpError::InvalidValue(format!(
                    "{other} of a source cannot be changed here; it stands in the settings file"
                )));
            }
        }
    }
    match seconds {
        Some(seconds) => engine.set_poll_interval(&source, seconds).await?,
        None => drop(engine.source_info(&source).await?),
    }
    Ok(respond::empty())
}

/// Says when a user's copy of a source is to be brought up to date next, and how often from then on.
pub(super) async fn set_read_state<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        refresh_time: Option<Value>,
        #[serde(default)]
        poll_interval: Option<Value>,
    }
    let user = request.argument("user", USER)?;
    let source = request.argument("source", SOURCE)?;
    let Body {
        refresh_time,
        poll_interval,
    } = request.body()?;
    let refresh_in = match &refresh_time {
        None | Some(Value::Null) => 0,
        Some(value) => u64::try_from(to_seconds("refresh_time", value)?).unwrap_or(0),
    };
    let poll_interval = poll_interval
        .filter(|value| !value.is_null())
        .map(|value| to_seconds("poll_interval", &value))
        .transpose()?;
    engine
        .set_read_state(&source, &user, refresh_in, poll_interval)
        .await?;
    Ok(respond::empty())
}

/// Scripts send numbers as numbers or as texts.
fn to_seconds(name: &str, value: &Value) -> Result<i64, HttpError> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| HttpError::InvalidValue(format!("{name} is a number of seconds")))
}
