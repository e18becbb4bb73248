//! Pings.

use bytes::Bytes;
use http::{Response, StatusCode};
use sync_core::{Engine, PingMessage, PingPriority, Ports};
use sync_proto::api::{NewPing, PingInfo};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// Most users pinged at once.
const MAX_USERS: usize = 10_000;

pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let NewPing {
        users,
        sources,
        message,
        badge,
        sound,
        vibrate,
        collapse_key,
        may_wait,
        time_to_live,
    } = request.body()?;
    if users.len() > MAX_USERS {
        return Err(HttpError::InvalidValue(format!(
            "users has at most {MAX_USERS} names"
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
    let users = engine.ping(&users, &message).await?;
    let mut answer = respond::json(&PingInfo { users });
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}
