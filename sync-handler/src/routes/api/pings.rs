//! Pings.

use bytes::Bytes;
use http::{Response, StatusCode};
use sync_core::{
    ApiToken, Engine, PingMessage, PingPriority, PingRecord, PingTargets, Ports, TakenPing,
};
use sync_proto::api::{self, NewPing, PingInfo};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, numeric_cursor};

/// Most users and clients pinged at once.
const MAX_TARGETS: usize = 10_000;

/// Most pings of a list's part.
const MAX_LISTED: usize = 100;

pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let NewPing {
        users,
        clients,
        sources,
        message,
        badge,
        sound,
        vibrate,
        collapse_key,
        may_wait,
        time_to_live,
    } = request.body()?;
    if users.is_empty() && clients.is_empty() {
        return Err(HttpError::InvalidValue(
            "nobody would be pinged: name users or clients".to_owned(),
        ));
    }
    if users.len() + clients.len() > MAX_TARGETS {
        return Err(HttpError::InvalidValue(format!(
            "users and clients are at most {MAX_TARGETS} together"
        )));
    }
    let default = PingMessage::default();
    let message = PingMessage {
        message,
        badge,
        sound,
        vibrate,
        sources,
        collapse_key,
        priority: if may_wait {
            PingPriority::Normal
        } else {
            PingPriority::High
        },
        time_to_live: time_to_live.unwrap_or(default.time_to_live),
    };
    let by = token.administrator().unwrap_or(&token.name);
    let to = PingTargets { users, clients };
    let TakenPing { record, unknown } = engine.ping(&to, &message, by).await?;
    let mut answer = respond::json(&PingInfo {
        id: record.id,
        users: record.users,
        clients: record.clients,
        unknown_users: unknown.users,
        unknown_clients: unknown.clients,
    });
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let from: usize = numeric_cursor(request)?;
    let most = limit(request)?.min(MAX_LISTED);
    let found = engine.pings(from, most).await?;
    let next = (found.len() == most).then(|| from.saturating_add(most).to_string());
    Ok(listing(found.into_iter().map(to_record).collect(), next))
}

fn to_record(record: PingRecord) -> api::PingRecord {
    let PingRecord {
        id,
        at,
        by,
        message,
        users,
        clients,
        delivered,
        failed,
        unreachable,
        error,
    } = record;
    api::PingRecord {
        id,
        at: at.0,
        by,
        message,
        users,
        clients,
        delivered,
        failed,
        unreachable,
        error,
    }
}
