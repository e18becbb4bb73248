//! The Spin entry point: does what calls mean, in Redis.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::BodyExt as _;
use serde_json::json;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

use crate::{Command, Refusal, command, is_let_in};

/// The set of the tasks' ids; each task is a hash of its attributes.
const IDS: &str = "tasks-plugin:ids";

thread_local! {
    /// Opened by the first request of this instance and used by all of them.
    static CONNECTION: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
}

#[http_service]
async fn on_request(request: Request) -> http::Result<Response<FullBody<Bytes>>> {
    let (status, body) = match answer(request).await {
        Ok(body) => (200, body),
        Err(Refusal { status, message }) => (status, json!({ "message": message }).to_string()),
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(FullBody::new(body.into()))
}

async fn answer(request: Request) -> Result<String, Refusal> {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let secret = variable("tasks_secret").await?;
    if !is_let_in(header("authorization"), &secret) {
        return Err(Refusal::new(401, "the secret is missing or wrong"));
    }
    let body = body.collect().await;
    let body = body.map_err(|error| Refusal::new(400, error.to_string()))?;
    let command = command(head.uri.path(), header("idempotency-key"), &body.to_bytes())?;
    let connection = connection().await?;
    carry_out(&connection, command).await
}

async fn carry_out(connection: &Connection, command: Command) -> Result<String, Refusal> {
    match command {
        Command::Allow => Ok(String::new()),
        Command::Query => {
            let ids = connection.smembers(IDS).await.map_err(away)?;
            // The host pipelines what is sent at once.
            let tasks = ids.into_iter().map(|id| async {
                let task = run(connection, "HGETALL", [key(&id)]).await?;
                Ok::<_, Refusal>((id, pairs(task)))
            });
            let tasks: BTreeMap<_, _> = try_join_all(tasks).await?.into_iter().collect();
            Ok(json!(tasks).to_string())
        }
        Command::Create { id, attributes } => {
            set(connection, &id, attributes).await?;
            connection.sadd(IDS, &[&id]).await.map_err(away)?;
            Ok(json!(id).to_string())
        }
        Command::Update { id, attributes } => {
            let known = run(connection, "SISMEMBER", [IDS.to_owned(), id.clone()]).await?;
            if !matches!(known.first(), Some(RedisResult::Int64(1))) {
                return Err(Refusal::new(404, "the task is gone"));
            }
            set(connection, &id, attributes).await?;
            Ok(String::new())
        }
        Command::Delete { id } => {
            connection.srem(IDS, &[&id]).await.map_err(away)?;
            connection.del(&[key(&id)]).await.map_err(away)?;
            Ok(String::new())
        }
    }
}

async fn set(
    connection: &Connection,
    id: &str,
    attributes: BTreeMap<String, String>,
) -> Result<(), Refusal> {
    if attributes.is_empty() {
        return Ok(());
    }
    let pairs = attributes
        .into_iter()
        .flat_map(|(name, value)| [name, value]);
    run(connection, "HSET", [key(id)].into_iter().chain(pairs)).await?;
    Ok(())
}

async fn run(
    connection: &Connection,
    name: &str,
    arguments: impl IntoIterator<Item = String>,
) -> Result<Vec<RedisResult>, Refusal> {
    let arguments = arguments.into_iter();
    let arguments: Vec<_> = arguments
        .map(|argument| RedisParameter::Binary(argument.into_bytes()))
        .collect();
    connection.execute(name, arguments).await.map_err(away)
}

fn key(id: &str) -> String {
    format!("tasks-plugin:task:{id}")
}

/// Names and values of a hash.
fn pairs(replies: Vec<RedisResult>) -> BTreeMap<String, String> {
    let texts = replies.into_iter().filter_map(|reply| match reply {
        RedisResult::Binary(bytes) => String::from_utf8(bytes).ok(),
        RedisResult::Status(text) => Some(text),
        RedisResult::Nil | RedisResult::Int64(_) => None,
    });
    let (mut pairs, mut name) = (BTreeMap::new(), None);
    for text in texts {
        match name.take() {
            None => name = Some(text),
            Some(name) => drop(pairs.insert(name, text)),
        }
    }
    pairs
}

async fn connection() -> Result<Rc<Connection>, Refusal> {
    if let Some(open) = CONNECTION.with_borrow(Clone::clone) {
        return Ok(open);
    }
    let address = variable("redis_url").await?;
    let opened = Rc::new(Connection::open(address).await.map_err(away)?);
    CONNECTION.set(Some(Rc::clone(&opened)));
    Ok(opened)
}

async fn variable(name: &str) -> Result<String, Refusal> {
    let value = spin_sdk::variables::get(name).await;
    value.map_err(|error| Refusal::new(503, error.to_string()))
}

/// Redis cannot be reached. The next request opens another connection; the server tries a change again.
fn away(_: Error) -> Refusal {
    CONNECTION.take();
    Refusal::new(503, "the tasks cannot be reached")
}
