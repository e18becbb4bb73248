//! A user logs in on a device.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use sync_core::{Engine, Origin, Ports};
use sync_proto::{Login, SESSION_COOKIE};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// How long a device keeps its session, in seconds: a year, as devices have always been told.
const SESSION_SECONDS: u32 = 365 * 24 * 3_600;

/// `POST /rc/v1/app/login`.
pub(crate) async fn log_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Login { login, password } = request.body()?;
    let session = engine
        .accounts()
        .log_in(&login, &password, Origin(&request.client_address(engine)))
        .await?;
    let secure = if request.is_https() { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={session}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age={SESSION_SECONDS}"
    );
    let mut response = respond::empty();
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| {
        HttpError::InvalidValue("the user name does not fit into a cookie".to_owned())
    })?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
