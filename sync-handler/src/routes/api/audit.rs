//! What administrators and scripts did.

use bytes::Bytes;
use http::Response;
use sync_core::{AuditLog, AuditPosition, AuditRecord, Engine, Order, Ports};
use sync_proto::api::AuditEntry;

use crate::error::HttpError;
use crate::request::Request;
use crate::routes::api::{limit, listing, order};

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let order = order(request, "at")?.unwrap_or(Order::Descending);
    let place = request.query("cursor").map(str::parse).transpose();
    let place = place
        .map_err(|_| HttpError::InvalidValue("cursor is not one that was given out".to_owned()))?;
    let part = AuditLog::new(engine.ports())
        .list(place, limit(request)?, request.query("who"), order)
        .await?;
    let entries = part.entries.into_iter().map(to_entry);
    Ok(listing(
        entries.collect(),
        part.next.map(|next| next.to_string()),
    ))
}

fn to_entry((place, record): (AuditPosition, AuditRecord)) -> AuditEntry {
    let AuditRecord {
        who,
        token,
        action,
        subject,
        name,
        status,
        address,
    } = record;
    AuditEntry {
        id: place.to_string(),
        at: place.at().0,
        who,
        token,
        action,
        subject,
        name,
        status,
        address,
    }
}
