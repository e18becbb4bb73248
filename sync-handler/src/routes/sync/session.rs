//! A device signs in, refreshes its tokens, and signs out.

use bytes::Bytes;
use http::{Response, StatusCode};
use sync_core::{DeviceGrant, DeviceProof, Engine, Origin, Ports};
use sync_proto::sync::{SessionGrant, SessionRequest};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::no_content;

/// `POST /sync/v1/session`.
pub(super) async fn sign_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let SessionRequest {
        refresh,
        attempt,
        token,
        login,
        password,
        client,
        device,
    } = request.body()?;
    if let Some(refresh) = refresh {
        let attempt = attempt.unwrap_or_default();
        let granted = engine.accounts().refresh_device(&refresh, &attempt).await?;
        return Ok(respond::json(&to_answer(granted)));
    }
    let address = request.client_address(engine);
    let proof = match (&token, &login, &password) {
        (Some(token), _, _) => DeviceProof::Token(token),
        (None, Some(login), Some(password)) => DeviceProof::Password {
            login,
            password,
            origin: Origin(&address),
        },
        _ => {
            return Err(HttpError::InvalidValue(
                "a device signs in by refresh, by token, or by login and password".to_owned(),
            ));
        }
    };
    let granted = engine
        .sign_in_device(proof, client.as_deref(), &device)
        .await?;
    let mut answer = respond::json(&to_answer(granted));
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

/// `DELETE /sync/v1/session`.
pub(super) async fn sign_out<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.device_session(engine)?;
    engine.accounts().end_device_session(session).await?;
    Ok(no_content())
}

fn to_answer(granted: DeviceGrant) -> SessionGrant {
    let DeviceGrant {
        session,
        access,
        expires_in,
        refresh,
    } = granted;
    SessionGrant {
        access,
        expires_in,
        refresh,
        client: session.client().to_string(),
        user: session.user().to_string(),
    }
}
