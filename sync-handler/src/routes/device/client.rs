//! A device's registration.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports, SourceInfo, SyncError, to_text};
use sync_proto::{ClientCreated, CreatedClient, DeviceDescription, Reset, SourceConfiguration};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /rc/v1/clients`.
pub(crate) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine).await?;
    let device: DeviceDescription = request.body_or_query()?;
    let client = engine.create_client(session, &device).await?;
    Ok(respond::json(&ClientCreated {
        client: CreatedClient {
            client_id: client.into_string(),
        },
        sources: configurations(engine).await?,
    }))
}

/// What devices are told of the sources there are.
pub(crate) async fn configurations<P: Ports>(
    engine: &Engine<P>,
) -> Result<BTreeMap<String, SourceConfiguration>, HttpError> {
    let sources = engine.sources(None).await?;
    let configuration = |source: SourceInfo| {
        let poll_interval = source.settings.poll_interval.to_seconds();
        (
            source.name.into_string(),
            SourceConfiguration { poll_interval },
        )
    };
    Ok(sources.into_iter().map(configuration).collect())
}

/// `POST /rc/v1/clients/{client}/register`.
pub(crate) async fn register<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine).await?;
    let device: DeviceDescription = request.body_or_query()?;
    engine
        .register_client(session, named_client(request)?, &device)
        .await?;
    Ok(respond::empty())
}

/// `POST /rc/v1/clients/{client}/reset`.
pub(crate) async fn reset<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine).await?;
    let Reset { sources } = request.body()?;
    let in_query = request.query_list("sources").into_iter();
    let in_query: Vec<String> = in_query
        .filter_map(|mut source| source.remove("name").map(to_text))
        .collect();
    let sources = sources
        .map(|sources| sources.into_iter().map(|source| source.name).collect())
        .or(Some(in_query).filter(|names| !names.is_empty()));
    engine
        .reset_client(session, named_client(request)?, sources.as_deref())
        .await?;
    Ok(respond::empty())
}

/// The client a request is about: of its path, or by the addresses of RhoSync the client it comes from.
fn named_client(request: &Request) -> Result<&str, HttpError> {
    [request.parameter("client"), request.client_id()]
        .into_iter()
        .find(|id| !id.is_empty())
        .ok_or(HttpError::Sync(SyncError::UnknownClient))
}
