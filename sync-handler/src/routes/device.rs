//! What a device does all day: log in, pull, push.

use bytes::Bytes;
use cookie::{Cookie, SameSite};
use http::{HeaderValue, Response, header};
use serde::Deserialize;
use sync_core::{Engine, Ports, PullRequest, PushRequest};
use sync_proto::{Changes, Login, Operations, SESSION_COOKIE, SentAttributes};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// How long a device keeps its session: a year, as devices have always been told.
const SESSION_DAYS: i64 = 365;

/// `POST /rc/v1/app/login`.
pub(crate) async fn log_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Login { login, password } = request.body()?;
    let session = engine.log_in(&login, &password, request.origin()).await?;
    let cookie = Cookie::build((SESSION_COOKIE, session))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(request.is_https())
        .max_age(cookie::time::Duration::days(SESSION_DAYS))
        .build()
        .to_string();
    let mut response = respond::empty();
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| {
        HttpError::InvalidValue("the user name does not fit into a cookie".to_owned())
    })?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `GET /app/v1/{source}`.
pub(crate) async fn pull<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine)?;
    let pull = PullRequest {
        client: request.client_id(),
        source: request.parameter("source"),
        token: request.token()?,
        page_size: request.page_size()?,
    };
    Ok(respond::page(&engine.pull(&session, pull).await?))
}

/// `POST /app/v1/{source}`.
pub(crate) async fn push<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    push_changes(engine, request, Request::body).await
}

/// `PUT /app/v1/{source}/{object}` with `{"update": {…}}`.
pub(crate) async fn update_object<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Update {
        update: SentAttributes,
    }
    push_changes(engine, request, |request| {
        let Update { update } = request.body()?;
        let operation = (request.parameter("object").to_owned(), update);
        Ok(Changes {
            update: Operations(vec![operation]),
            ..Changes::default()
        })
    })
    .await
}

/// `DELETE /app/v1/{source}/{object}`.
pub(crate) async fn delete_object<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    push_changes(engine, request, |request| {
        let operation = (
            request.parameter("object").to_owned(),
            SentAttributes::new(),
        );
        Ok(Changes {
            delete: Operations(vec![operation]),
            ..Changes::default()
        })
    })
    .await
}

/// The answer is always empty: what became of the changes comes with the next page.
async fn push_changes<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    changes: impl FnOnce(&Request) -> Result<Changes, HttpError>,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine)?;
    let changes = changes(request)?;
    let push = PushRequest {
        client: request.client_id(),
        source: request.parameter("source"),
        sequence: request.push_sequence()?,
        changes,
    };
    engine.push(&session, push).await?;
    Ok(respond::empty())
}
