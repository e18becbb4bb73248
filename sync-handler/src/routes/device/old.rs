//! Devices by the addresses of RhoSync: the same requests, with everything in the query or the body.

use bytes::Bytes;
use http::{Method, Response, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use sync_core::{Engine, Ports};
use sync_proto::{OLD_SESSION_COOKIE, SESSION_COOKIE};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::router::Row;
use crate::routes::device::{Route, client, login, search, sync};

/// The version every device in the field speaks.
const PROTOCOL_VERSION: u32 = 3;

pub(crate) const OLD_ROUTES: &[Row<Route>] = &[
    (Method::POST, "/application/clientlogin", Route::LogIn),
    (
        Method::GET,
        "/application/clientcreate",
        Route::CreateClient,
    ),
    (
        Method::POST,
        "/application/clientregister",
        Route::RegisterClient,
    ),
    (Method::GET, "/application/clientreset", Route::ResetClient),
    (Method::GET, "/application/search", Route::Search),
    (Method::GET, "/application/bulk_data", Route::BulkData),
    (Method::GET, "/application", Route::Pull),
    (Method::POST, "/application", Route::Push),
    (Method::POST, "/api/application/clientlogin", Route::LogIn),
    (
        Method::GET,
        "/api/application/clientcreate",
        Route::CreateClient,
    ),
    (
        Method::POST,
        "/api/application/clientregister",
        Route::RegisterClient,
    ),
    (
        Method::GET,
        "/api/application/clientreset",
        Route::ResetClient,
    ),
    (Method::GET, "/api/application/search", Route::Search),
    (Method::GET, "/api/application/bulk_data", Route::BulkData),
    (Method::GET, "/api/application", Route::Pull),
    (Method::GET, "/api/application/query", Route::Pull),
    (Method::POST, "/api/application", Route::Push),
    (Method::POST, "/api/application/queue_updates", Route::Push),
];

/// Refuses devices that speak a version of the protocol that is not served.
pub(crate) fn check_version(request: &Request) -> Result<(), HttpError> {
    let version = request.query("version").map(str::parse::<u32>);
    if version.is_some_and(|version| version.is_ok_and(|version| version < PROTOCOL_VERSION)) {
        return Err(HttpError::OldProtocol);
    }
    Ok(())
}

pub(crate) async fn answer_old<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    check_version(request)?;
    match route {
        Route::LogIn => {
            let answer = login::log_in(engine, request).await?;
            Ok(if request.takes_session_in_query() {
                with_session_in_body(answer)
            } else {
                answer
            })
        }
        Route::CreateClient => client::create(engine, request).await,
        // RhoSync's clients read the sources out of these answers too.
        Route::RegisterClient => {
            client::register(engine, request).await?;
            sources(engine).await
        }
        Route::ResetClient => {
            client::reset(engine, request).await?;
            sources(engine).await
        }
        Route::Search => search::search(engine, request).await,
        Route::BulkData => super::bulk_data::ask(engine, request).await,
        Route::Pull => sync::pull(engine, request).await,
        Route::Push => sync::push(engine, request).await,
        Route::UpdateObject | Route::DeleteObject => Err(HttpError::NotFound),
    }
}

async fn sources<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    let sources = client::configurations(engine).await?;
    Ok(respond::legacy_json(&json!({"sources": sources})))
}

/// What is escaped in a session that travels in a body, as RhoConnect does it.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*');

/// Pages of other sites cannot read cookies: the session is told in the body, in the form in which they send it back as
/// a parameter. RhoSync's client looks for it by the older name.
fn with_session_in_body(mut answer: Response<Bytes>) -> Response<Bytes> {
    let cookie = answer
        .headers()
        .get(header::SET_COOKIE)
        .and_then(|cookie| cookie.to_str().ok())
        .and_then(|cookie| cookie.split(';').next());
    if let Some(pair) = cookie {
        let pair = format!("{pair};");
        let escaped = utf8_percent_encode(&pair, ESCAPED).to_string();
        let body = json!({SESSION_COOKIE: &escaped, OLD_SESSION_COOKIE: &escaped});
        *answer.body_mut() = body.to_string().into();
    }
    answer
}
