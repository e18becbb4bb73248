//! Runs a case.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{Method, Request, Response};
use serde_json::{Value, json};
use sync_client::rhoconnect::{Transport as _, UreqTransport};
use test_support::{Rest, password_of, text_of};

use crate::body;
use crate::case::{Case, Exchange, Fixture, Header};
use crate::server::{Server, Started};
use crate::template::Values;

/// Longest part of an answer that a failure shows, in characters.
const MAX_SHOWN: usize = 2_000;

/// How long a request is repeated whose answer takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited before it is repeated.
const AGAIN: Duration = Duration::from_millis(100);

pub(crate) fn run(case: &Case, server: &Server) -> Result<()> {
    let server = server.get();
    let mut values = Values::default();
    values.set("server", &server.url);
    values.set("plugin", &server.plugin_url);
    values.set("admin.password", &server.admin_password);
    values.set("admin.token", &server.admin_token);
    if case.name.starts_with("api/") {
        values.set("admin.bearer", server.bearer());
    }
    let mut headers = Vec::new();
    for fixture in &case.fixtures {
        set_up(case, fixture, server, &mut values, &mut headers)
            .with_context(|| format!("{fixture:?}"))?;
    }
    let transport = UreqTransport::default();
    for exchange in &case.exchanges {
        let until = Instant::now() + PATIENCE;
        while let Err(error) = attempt(case, exchange, server, &mut values, &headers, &transport) {
            if !exchange.is_repeated || Instant::now() >= until {
                return Err(error);
            }
            thread::sleep(AGAIN);
        }
    }
    Ok(())
}

/// Sends a request, and checks the answer.
fn attempt(
    case: &Case,
    exchange: &Exchange,
    server: &Started,
    values: &mut Values,
    headers: &[Header],
    transport: &UreqTransport,
) -> Result<()> {
    let request =
        request(exchange, server, values, headers).with_context(|| place(case, exchange))?;
    let line = format!("{} {}", request.method(), request.uri());
    let sent = String::from_utf8_lossy(request.body()).into_owned();
    let answer = transport.send(request).map_err(|error| {
        anyhow::anyhow!("{}: {line}: {error}: {}", place(case, exchange), error.0)
    })?;
    check(exchange, &answer, values).with_context(|| {
        let got = format!(
            "{}\n{:?}\n{}",
            answer.status(),
            answer.headers(),
            text_of(&answer)
        );
        format!(
            "{}\n{line}\n{sent}\n-- got\n{}\n--",
            place(case, exchange),
            got.chars().take(MAX_SHOWN).collect::<String>()
        )
    })
}

fn place(case: &Case, exchange: &Exchange) -> String {
    format!("{}.http:{} {}", case.name, exchange.line, exchange.title)
}

fn set_up(
    case: &Case,
    fixture: &Fixture,
    server: &Started,
    values: &mut Values,
    headers: &mut Vec<Header>,
) -> Result<()> {
    let rest = Rest::json(&server.url);
    match fixture {
        Fixture::User { user } => create_user(case, user, &rest, server, values),
        Fixture::Session { session, user } => {
            create_user(case, user, &rest, server, values)?;
            log_in(session, user, &rest, values)
        }
        Fixture::Device { device, user } => {
            create_user(case, user, &rest, server, values)?;
            log_in(device, user, &rest, values)?;
            let session = values.get(&format!("{device}.session"))?.to_owned();
            let created =
                rest.with_header("cookie", &session)
                    .call(Method::POST, "/rc/v1/clients", None);
            let created: Value = serde_json::from_slice(&created)?;
            let id = created["client"]["client_id"]
                .as_str()
                .context("no client id")?;
            values.set(format!("{device}.id"), id);
            Ok(())
        }
        Fixture::Header { name, value } => {
            headers.push((name.clone(), values.fill(value)?));
            Ok(())
        }
    }
}

/// Creates a user, if the case does not have it already, under a name no other case and no other run has.
fn create_user(
    case: &Case,
    user: &str,
    rest: &Rest,
    server: &Started,
    values: &mut Values,
) -> Result<()> {
    if values.get(user).is_ok() {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let name = format!("{user}-{}-{now:x}", case.name.replace('/', "-"));
    let body = json!({"attributes": {"login": name, "password": password_of(&name)}});
    rest.clone()
        .with_header("x-rhoconnect-api-token", &server.admin_token)
        .call(Method::POST, "/rc/v1/users", Some(&body));
    values.set(format!("{user}.password"), password_of(&name));
    values.set(user, name);
    Ok(())
}

fn log_in(session: &str, user: &str, rest: &Rest, values: &mut Values) -> Result<()> {
    let password = values.get(&format!("{user}.password"))?;
    let body = json!({"login": values.get(user)?, "password": password}).to_string();
    let answer = rest.send(Method::POST, "/rc/v1/app/login", body);
    let cookie = answer
        .headers()
        .get(SET_COOKIE)
        .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
        .with_context(|| format!("no session: {}", text_of(&answer)))?;
    values.set(format!("{session}.session"), cookie);
    Ok(())
}

/// The request as it is sent. A header with nothing after its colon is left out, also where the case has it for all.
fn request(
    exchange: &Exchange,
    server: &Started,
    values: &Values,
    headers: &[Header],
) -> Result<Request<Bytes>> {
    let target = values.fill(&exchange.target)?;
    let is_ours = target.starts_with('/');
    let uri = if is_ours {
        format!("{}{target}", server.url)
    } else {
        target
    };
    let mut request = Request::builder()
        .method(exchange.method.as_str())
        .uri(&uri);
    let named = |name: &str| {
        exchange
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    for (name, value) in headers {
        if is_ours && !named(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &exchange.headers {
        if !value.is_empty() {
            request = request.header(name, values.fill(value)?);
        }
    }
    let mut body = values.fill(&exchange.body)?;
    // The back ends' switches take JSON, but for a few that take any text.
    if !is_ours && !exchange.body.is_empty() && !named("content-type") {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let is_form = request
        .headers_ref()
        .and_then(|headers| headers.get(CONTENT_TYPE))
        .is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    if is_form {
        body = body.replace('\n', "\r\n") + "\r\n";
    }
    request
        .body(body.into())
        .with_context(|| format!("{uri:?}"))
}

fn check(exchange: &Exchange, answer: &Response<Bytes>, values: &mut Values) -> Result<()> {
    if answer.status() != exchange.status {
        bail!("expected the status {}", exchange.status);
    }
    for (name, expected) in &exchange.expected_headers {
        let got: Vec<&str> = answer
            .headers()
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let got = got.join(", ");
        if !values.matches(expected, &got)? {
            bail!("expected the header {name}: {expected}, got {got:?}");
        }
    }
    body::compare(values, &exchange.expected_body, &text_of(answer))
}
