//! A device's registration.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};
use sync_proto::{ClientCreated, CreatedClient, DeviceDescription, Reset};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /rc/v1/clients`.
pub(crate) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine)?;
    let device: DeviceDescription = request.body()?;
    let client = engine.create_client(&session, &device).await?;
    Ok(respond::json(&ClientCreated {
        client: CreatedClient {
            client_id: client.into_string(),
        },
    }))
}

/// `POST /rc/v1/clients/{client}/register`.
pub(crate) async fn register<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine)?;
    let device: DeviceDescription = request.body()?;
    engine
        .register_client(&session, request.parameter("client"), &device)
        .await?;
    Ok(respond::empty())
}

/// `POST /rc/v1/clients/{client}/reset`.
pub(crate) async fn reset<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine)?;
    let Reset { sources } = request.body()?;
    let sources = sources.map(|sources| {
        sources
            .into_iter()
            .map(|source| source.name)
            .collect::<Vec<_>>()
    });
    engine
        .reset_client(&session, request.parameter("client"), sources.as_deref())
        .await?;
    Ok(respond::empty())
}
