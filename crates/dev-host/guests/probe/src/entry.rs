use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::future::try_join_all;
use spin_sdk::http::body::{IncomingBodyExt, stream};
use spin_sdk::http::{BoxBody, FullBody, Request, Response, box_body};
use spin_sdk::http_service;
use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

thread_local! {
    /// How many requests this instance has taken, to see instances being reused and replaced.
    static REQUESTS: Cell<u32> = const { Cell::new(0) };

    /// How many requests sleep in this instance now, to see it taking several at once.
    static SLEEPING: Cell<u32> = const { Cell::new(0) };
}

type Query = HashMap<String, String>;
type Answer = Result<Response<BoxBody>, String>;

#[http_service]
async fn handle(request: Request) -> Response<BoxBody> {
    REQUESTS.set(REQUESTS.get() + 1);
    dispatch(request).await.unwrap_or_else(|error| {
        let mut response = plain(error);
        *response.status_mut() = spin_sdk::http::StatusCode::BAD_GATEWAY;
        response
    })
}

async fn dispatch(request: Request) -> Answer {
    let query: Query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    match request.uri().path() {
        "/allocate" => allocate(&query),
        "/count" => Ok(plain(REQUESTS.get().to_string())),
        "/echo" => Ok(Response::new(box_body(request.into_body()))),
        "/env" => Ok(plain(
            std::env::var(text(&query, "name")?).unwrap_or_default(),
        )),
        "/fetch" => fetch(&query).await,
        "/file" => file(&query),
        "/hang" => hang().await,
        "/loop" => spin(),
        "/print" => print(&query),
        "/redis/execute" => redis_execute(&query).await,
        "/redis/get" => redis_get(&query).await,
        "/redis/incr-many" => redis_incr_many(&query).await,
        "/redis/set" => redis_set(&query).await,
        "/sleep" => sleep(&query).await,
        "/slow" => slow(&query),
        "/trap" => std::process::abort(),
        "/variable" => variable(&query).await,
        _ => Ok(describe(&request)),
    }
}

/// What the component was asked, one line for the request and one per header.
fn describe(request: &Request) -> Response<BoxBody> {
    let mut lines = vec![format!("{} {}", request.method(), request.uri())];
    for (name, value) in request.headers() {
        lines.push(format!(
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    plain(lines.join("\n"))
}

fn allocate(query: &Query) -> Answer {
    let bytes = number(query, "mib")? << 20;
    let block = vec![1_u8; usize::try_from(bytes).map_err(|error| error.to_string())?];
    Ok(plain(std::hint::black_box(block).len().to_string()))
}

#[expect(
    clippy::empty_loop,
    clippy::print_stdout,
    reason = "burning processor time is the point, and a test has to see it begin"
)]
fn spin() -> ! {
    println!("looping");
    loop {}
}

/// Waits longer than any test.
async fn hang() -> ! {
    loop {
        spin_sdk::time::sleep(Duration::from_secs(3600)).await;
    }
}

/// Answers how many requests slept in this instance when this one woke up.
async fn sleep(query: &Query) -> Answer {
    let pause = Duration::from_millis(number(query, "ms")?);
    SLEEPING.set(SLEEPING.get() + 1);
    spin_sdk::time::sleep(pause).await;
    let sleeping = SLEEPING.replace(SLEEPING.get() - 1);
    Ok(plain(sleeping.to_string()))
}

/// A body that comes in `chunks` parts, each `ms` milliseconds after the one before it.
fn slow(query: &Query) -> Answer {
    let (chunks, pause) = (
        number(query, "chunks")?,
        Duration::from_millis(number(query, "ms")?),
    );
    let (mut sender, body) = stream::<String>();
    spin_sdk::wasip3::spawn(async move {
        for chunk in 0..chunks {
            if sender.send(format!("chunk {chunk}\n")).await.is_err() {
                break;
            }
            spin_sdk::time::sleep(pause).await;
        }
    });
    Ok(Response::new(box_body(body)))
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the host is to log both"
)]
fn print(query: &Query) -> Answer {
    let said = text(query, "text")?;
    println!("out {said}");
    eprintln!("err {said}");
    Ok(plain("printed"))
}

/// Reads a file, or with `write` tries to write it.
fn file(query: &Query) -> Answer {
    let path = text(query, "path")?;
    let content = match query.get("write") {
        Some(content) => std::fs::write(path, content).map(|()| Vec::new()),
        None => std::fs::read(path),
    };
    content.map(plain).map_err(|error| error.to_string())
}

async fn variable(query: &Query) -> Answer {
    spin_sdk::variables::get(text(query, "name")?)
        .await
        .map(plain)
        .map_err(|error| format!("{error:?}"))
}

async fn fetch(query: &Query) -> Answer {
    let response = spin_sdk::http::get(text(query, "url")?)
        .await
        .map_err(|error| format!("{error:?}"))?;
    let head = format!("{} {:?}\n", response.status().as_u16(), response.version());
    let body = response
        .into_body()
        .bytes()
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(plain([head.as_bytes(), &body].concat()))
}

async fn open(query: &Query) -> Result<Connection, String> {
    let address = match query.get("address") {
        Some(address) => address.clone(),
        None => spin_sdk::variables::get("redis_url")
            .await
            .map_err(|error| error.to_string())?,
    };
    Connection::open(address)
        .await
        .map_err(|error| format!("{error:?}"))
}

async fn redis_get(query: &Query) -> Answer {
    let value = open(query).await?.get(text(query, "key")?).await;
    let value = value.map_err(|error| format!("{error:?}"))?;
    value.map(plain).ok_or_else(|| "nil".to_owned())
}

async fn redis_set(query: &Query) -> Answer {
    let done = open(query)
        .await?
        .set(text(query, "key")?, text(query, "value")?)
        .await;
    done.map(|()| plain("set"))
        .map_err(|error| format!("{error:?}"))
}

/// Runs the command of the query's `words`, separated by spaces, and answers a line per value.
async fn redis_execute(query: &Query) -> Answer {
    let redis = open(query).await?;
    let mut words = text(query, "words")?.split(' ');
    let command = words.next().unwrap_or_default();
    let arguments: Vec<_> = words
        .map(|word| RedisParameter::Binary(word.into()))
        .collect();
    let values = redis
        .execute(command, arguments)
        .await
        .map_err(|error| format!("{error:?}"))?;
    let lines: Vec<_> = values.iter().map(show).collect();
    Ok(plain(lines.join("\n")))
}

fn show(value: &RedisResult) -> String {
    match value {
        RedisResult::Nil => "nil".to_owned(),
        RedisResult::Status(status) => format!("status {status}"),
        RedisResult::Int64(number) => format!("int {number}"),
        RedisResult::Binary(bytes) => format!("binary {}", String::from_utf8_lossy(bytes)),
    }
}

/// Increments a key `times` times at once on one connection; answers the sum of what came back.
async fn redis_incr_many(query: &Query) -> Answer {
    let redis = open(query).await?;
    let key = text(query, "key")?;
    let commands = (0..number(query, "times")?).map(|_| redis.incr(key));
    let counts = try_join_all(commands)
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(plain(counts.iter().sum::<i64>().to_string()))
}

fn plain(body: impl Into<Bytes>) -> Response<BoxBody> {
    let body = body.into();
    let length = body.len().into();
    let mut response = Response::new(box_body(FullBody::new(body)));
    response.headers_mut().insert("content-length", length);
    response
}

fn text<'query>(query: &'query Query, name: &str) -> Result<&'query str, String> {
    query
        .get(name)
        .map(String::as_str)
        .ok_or_else(|| format!("no `{name}` in the query"))
}

fn number(query: &Query, name: &str) -> Result<u64, String> {
    text(query, name)?
        .parse()
        .map_err(|error| format!("`{name}`: {error}"))
}
