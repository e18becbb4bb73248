//! Keeps what administrators and scripts do in the audit log.
//!
//! An entry is made of a request's head and the status of its answer, after the answer: what is in it was done, or refused. If
//! it cannot be kept, what was done stays done, so the answer stays too, or whoever asked would ask again; the server's log has
//! the entry then.

use http::{StatusCode, header};
use sync_core::{ApiToken, AuditKind, AuditLog, AuditRecord, Engine, Ports};
use sync_proto::Login;

use crate::error::{self, HttpError};
use crate::request::Request;
use crate::respond::Made;
use crate::router::Route;
use crate::routes::{admin, api};

/// Who tried to log in by a name that is no administrator's: it may be a password.
const UNKNOWN: &str = "unknown";

/// Most characters of a path or a name that are kept.
const MAX_SUBJECT_CHARS: usize = 300;

/// Keeps a request, if it is one that is kept.
pub(crate) async fn keep<P: Ports, T>(
    engine: &Engine<P>,
    route: Route,
    request: &Request,
    answered: &Result<http::Response<T>, HttpError>,
) {
    let Some((action, kind)) = action(route, request) else {
        return;
    };
    let status = match answered {
        Ok(answer) => answer.status(),
        Err(error) => error::status(error, matches!(route, Route::Api(_))),
    };
    let is_login = route.who_logs_in().is_some();
    let (who, token, kind) = if is_login {
        if status.is_success() {
            (login_of(request), None, kind)
        } else if matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::UNPROCESSABLE_ENTITY
        ) {
            let who = known_login_of(engine, request).await;
            (who, None, AuditKind::Routine)
        } else {
            return;
        }
    } else {
        // What was refused as wrong has changed nothing; of what failed, nobody knows.
        let is_kept = !status.is_client_error() || status == StatusCode::FORBIDDEN;
        let Some((who, token)) = who(route, request).filter(|_| is_kept) else {
            return;
        };
        (who, token, kind)
    };
    // What a login makes is a session.
    let answer = answered.as_ref().ok().filter(|_| !is_login);
    // What was made has an address of its own.
    let made_at = answer.and_then(|answer| answer.headers().get(header::LOCATION)?.to_str().ok());
    let path = made_at.unwrap_or(request.path());
    let subject = path.strip_prefix(api::PREFIX).unwrap_or(path);
    let made = answer.and_then(|answer| answer.extensions().get::<Made>());
    let name = match (made, route) {
        (Some(Made(name)), _) => Some(name.clone()),
        (None, Route::Admin(route) | Route::OldAdmin(route)) if !route.is_routine() => {
            admin::named(request)
        }
        _ => None,
    };
    let record = AuditRecord {
        who,
        token,
        action,
        subject: clipped(subject),
        name: name.as_deref().map(clipped),
        status: status.as_u16(),
        address: Some(request.client_address(engine)),
    };
    if let Err(error) = AuditLog::new(engine.ports()).add(kind, &record).await {
        tracing::error!(%error, ?record, "an entry of the audit log could not be kept");
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(MAX_SUBJECT_CHARS).collect()
}

/// What a request does, if that is kept, and where.
fn action(route: Route, request: &Request) -> Option<(String, AuditKind)> {
    let (action, is_routine) = match route {
        Route::Api(route) if *request.method() != http::Method::GET => {
            (format!("{route:?}"), route.is_routine())
        }
        Route::Admin(route) | Route::OldAdmin(route) if route.changes_something() => {
            (format!("{route:?}"), route.is_routine())
        }
        _ => return None,
    };
    let kind = if is_routine {
        AuditKind::Routine
    } else {
        AuditKind::Administration
    };
    Some((action, kind))
}

/// Whose request it is: a name, and the id of a script's token.
fn who(route: Route, request: &Request) -> Option<(String, Option<String>)> {
    match route {
        Route::Api(_) => request.api_token().map(|token| {
            let ApiToken { id, name, .. } = token;
            match token.administrator() {
                Some(login) => (login.to_owned(), None),
                None => (name.clone(), Some(id.clone())),
            }
        }),
        // All of these have the first administrator's token.
        _ => request
            .is_administrators()
            .then(|| (sync_core::ADMINISTRATOR.to_owned(), None)),
    }
}

fn login_of(request: &Request) -> String {
    let body = request.body::<Login>();
    body.map_or_else(|_| UNKNOWN.to_owned(), |body| body.login)
}

/// The name of a login that failed, if it is an administrator's.
async fn known_login_of<P: Ports>(engine: &Engine<P>, request: &Request) -> String {
    let login = login_of(request);
    match engine.accounts().administrator(&login).await {
        Ok(_) => login,
        Err(_) => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::routes::{admin, api};

    #[test]
    fn what_lists_and_shows_is_not_kept() {
        for route in [admin::Route::ListUsers, admin::Route::ShowDocument] {
            assert!(!route.changes_something());
        }
        assert!(admin::Route::Reset.changes_something() && !admin::Route::Reset.is_routine());
        assert!(api::Route::PutObject.is_routine() && !api::Route::DeleteUser.is_routine());
    }
}
