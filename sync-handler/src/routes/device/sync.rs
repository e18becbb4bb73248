//! What a device does all day: pull, and send changes.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use sync_core::{ChangesRequest, Engine, Ports, PullRequest};
use sync_proto::{Changes, Operations, SentAttributes};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `GET /app/v1/{source}`.
pub(crate) async fn pull<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine).await?;
    let source = request.source()?;
    let parameters = request.query_group("query");
    let trace = request.trace();
    let pull = PullRequest {
        client: request.client_id(),
        source: &source,
        token: request.token(),
        page_size: request.page_size()?,
        parameters: &parameters,
        trace: trace.as_ref(),
    };
    Ok(respond::page(&engine.pull(session, pull).await?))
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
    let session = request.session(engine).await?;
    let source = request.source()?;
    let changes = changes(request)?;
    let trace = request.trace();
    let push = ChangesRequest {
        client: request.client_id(),
        source: &source,
        sequence: request.push_sequence()?,
        files: request.files(),
        changes,
        trace: trace.as_ref(),
    };
    let accepted = engine.take_changes_in(session, push).await?;
    let mut answer = respond::empty();
    if let Some(accepted) = accepted {
        // Whoever sends the answer carries them out.
        answer.extensions_mut().insert(accepted);
    }
    Ok(answer)
}
