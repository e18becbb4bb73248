//! Devices' changes that wait, were given up, or were refused.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use serde_json::json;
use sync_core::{ApiToken, ChangeOutcome, ChangePage, ChangeQuery, Engine, Ports, Revision, Scope};
use sync_proto::api::{ChangeInfo, ChangeRetry};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, no_content, order, tagged};

/// Most changes of a list's part: each is read as a whole, and may be large.
const MAX_LISTED: usize = 100;

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let state = request.query("state").map(|state| {
        serde_json::from_value(json!(state)).map_err(|_| {
            HttpError::InvalidValue("state is one of waiting, dead, refused".to_owned())
        })
    });
    let order = order(request, "sent")?;
    if order.is_some() && request.query("client").is_some() {
        return Err(HttpError::InvalidValue(
            "sort does not go with client: a client's changes come by source".to_owned(),
        ));
    }
    let query = ChangeQuery {
        order,
        state: state.transpose()?,
        source: request.query("source"),
        user: request.query("user"),
        client: request.query("client"),
        cursor: request.query("cursor"),
        limit: limit(request)?.min(MAX_LISTED),
    };
    let ChangePage { changes, next } = engine.find_changes(query).await?;
    Ok(listing(changes, next))
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let change = engine.change(request.parameter("change")).await?;
    let change = change.ok_or(HttpError::NotFound)?;
    let revision = Revision::of_attributes(change.attributes.as_ref().unwrap_or(&BTreeMap::new()));
    let answer = respond::json(&for_token(change, token));
    Ok(tagged(answer, &revision))
}

pub(super) async fn retry<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let ChangeRetry { attributes } = match request.raw_body().is_empty() {
        true => ChangeRetry::default(),
        false => request.body()?,
    };
    let change = request.parameter("change");
    let expected = request.expected();
    let retried = engine.retry_change(change, attributes, &expected).await?;
    let change = done(retried)?;
    Ok(respond::json(&for_token(change, token)))
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let expected = request.expected();
    let change = request.parameter("change");
    done(engine.discard_change(change, &expected).await?)?;
    Ok(no_content())
}

fn done<T>(outcome: ChangeOutcome<T>) -> Result<T, HttpError> {
    match outcome {
        ChangeOutcome::Done(done) => Ok(done),
        ChangeOutcome::Missing => Err(HttpError::NotFound),
        ChangeOutcome::Not(why) => Err(HttpError::WrongState(why.to_owned())),
    }
}

/// What the object is on the server is only for those who may read objects.
fn for_token(change: ChangeInfo, token: &ApiToken) -> ChangeInfo {
    let current = change.current.filter(|_| token.allows(Scope::DataRead));
    ChangeInfo { current, ..change }
}
