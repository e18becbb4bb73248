//! The REST API: the same five calls for every kind of record.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::control::Control;
use crate::database::{self, Change, Database, OperationKey, Outcome, Selection, Window, Written};
use crate::error::ApiError;
use crate::resource::Resource;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Longer keys are refused: they are remembered for weeks, and a UUID has 36 characters.
const MAX_KEY: usize = 255;
const DEFAULT_PER_PAGE: u32 = 50;
/// A whole page is built in memory; who wants more rows at once can ask for the list without pages.
const MAX_PER_PAGE: u32 = 1_000;

/// What the handlers of one kind of record work with.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) resource: &'static Resource,
    pub(crate) database: Database,
    pub(crate) control: Arc<Control>,
}

/// The routes of one kind of record.
pub(crate) fn routes(table: Table) -> Router {
    let all = format!("/{}", table.resource.name);
    let one = format!("{all}/{{id}}");
    Router::new()
        .route(&all, get(list).post(create))
        .route(&one, get(read).put(update).patch(update).delete(delete))
        .with_state(table)
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    page: Option<u32>,
    per_page: Option<u32>,
    /// Part of a name.
    q: Option<String>,
}

/// Lists records: all of them, or a page when the query names one. Answers 304 when the client is up to date.
async fn list(
    State(Table {
        resource, database, ..
    }): State<Table>,
    query: Result<Query<ListQuery>, QueryRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|rejection| ApiError::Malformed(rejection.body_text()))?;
    let page = Page::parse(&query)?;
    let selection = Selection {
        name_contains: query.q.clone(),
        changed_since: None,
        window: page.map(Page::window),
    };
    let known = headers.get(IF_NONE_MATCH).cloned();
    let (etag, listing) = database
        .call(move |connection| {
            // One transaction, so that the tag and the rows belong together.
            let tx = connection.transaction()?;
            let etag = database::etag(&tx, resource)?;
            if known.is_some_and(|known| matches_etag(&known, &etag)) {
                return Ok((etag, None));
            }
            let listing = database::list(&tx, resource, &selection)?;
            Ok((etag, Some(listing)))
        })
        .await?;

    let Some(listing) = listing else {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    };
    let total = [(TOTAL_COUNT, listing.total.to_string())];
    let link = page.map(|page| [(LINK, page.links(&uri, query.q.as_deref(), listing.total))]);
    Ok(([(ETAG, etag)], total, link, json(listing.json)).into_response())
}

async fn read(
    State(Table {
        resource, database, ..
    }): State<Table>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let record = database
        .call(move |connection| database::read(connection, resource, id))
        .await?;
    record.map(json).ok_or(ApiError::NotFound)
}

async fn create(
    State(table): State<Table>,
    Operation(key): Operation,
    body: Bytes,
) -> Result<Response, ApiError> {
    let body = parse_object(&body)?;
    let change = Change::Create(table.resource.parse_new(&body)?);
    table.write(change, key).await
}

/// Changes the fields that are in the body. PUT does the same as PATCH: devices send what changed.
async fn update(
    State(table): State<Table>,
    Path(id): Path<String>,
    Operation(key): Operation,
    body: Bytes,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let assignments = table.resource.parse_changes(&parse_object(&body)?)?;
    table.write(Change::Update { id, assignments }, key).await
}

async fn delete(
    State(table): State<Table>,
    Path(id): Path<String>,
    Operation(key): Operation,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    table.write(Change::Delete { id }, key).await
}

impl Table {
    /// Does a change, and answers it.
    pub(crate) async fn write(
        self,
        change: Change,
        key: Option<OperationKey>,
    ) -> Result<Response, ApiError> {
        let Self {
            resource,
            database,
            control,
        } = self;
        let honoured = key.clone().filter(|_| control.honours_idempotency_keys());
        let (change, written) = database
            .call(move |connection| {
                let written = database::write(connection, resource, &change, honoured.as_ref())?;
                Ok((change, written))
            })
            .await?;
        let written = written.ok_or(ApiError::NotFound)?;
        control.count_write(resource, &change, key, &written);
        Ok(match written {
            Written::Now(outcome) => respond(outcome),
            Written::Before(outcome) => {
                ([(IDEMPOTENT_REPLAYED, "true")], respond(outcome)).into_response()
            }
        })
    }
}

fn respond(
    Outcome {
        status,
        location,
        body,
    }: Outcome,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let location = location.map(|location| [(LOCATION, location)]);
    (status, location, body.map_or_else(Response::default, json)).into_response()
}

fn json(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// The identity of a request that carries an `Idempotency-Key`.
pub(crate) struct Operation(Option<OperationKey>);

impl Operation {
    pub(crate) fn into_key(self) -> Option<OperationKey> {
        self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Operation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(header) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let key = header
            .to_str()
            .ok()
            .filter(|key| (1..=MAX_KEY).contains(&key.len()))
            .ok_or_else(|| ApiError::Malformed("the Idempotency-Key can't be used".to_owned()))?;
        Ok(Self(Some(OperationKey {
            key: key.to_owned(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
        })))
    }
}

/// Ids are whole numbers; nothing can have another one.
pub(crate) fn parse_id(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound)
}

pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::Malformed(format!("the body must be a JSON object: {error}")))
}

fn matches_etag(if_none_match: &HeaderValue, etag: &str) -> bool {
    if_none_match.to_str().is_ok_and(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    })
}

/// A page of a list, counted from 1.
#[derive(Debug, Clone, Copy)]
struct Page {
    number: u32,
    size: u32,
}

impl Page {
    fn parse(query: &ListQuery) -> Result<Option<Self>, ApiError> {
        if query.page.is_none() && query.per_page.is_none() {
            return Ok(None);
        }
        let page = Self {
            number: query.page.unwrap_or(1),
            size: query.per_page.unwrap_or(DEFAULT_PER_PAGE),
        };
        if page.number == 0 {
            return Err(ApiError::Malformed("pages are counted from 1".to_owned()));
        }
        if !(1..=MAX_PER_PAGE).contains(&page.size) {
            return Err(ApiError::Malformed(format!(
                "per_page must be 1 to {MAX_PER_PAGE}"
            )));
        }
        Ok(Some(page))
    }

    fn window(self) -> Window {
        Window {
            limit: self.size,
            offset: i64::from(self.number - 1) * i64::from(self.size),
        }
    }

    /// The `Link` header (RFC 8288): first, previous, next and last page, as far as they exist.
    fn links(self, uri: &Uri, q: Option<&str>, total: u32) -> String {
        let last = total.div_ceil(self.size).max(1);
        let previous = (self.number > 1).then(|| ("prev", (self.number - 1).min(last)));
        let next = (self.number < last).then(|| ("next", self.number + 1));
        [Some(("first", 1)), previous, next, Some(("last", last))]
            .into_iter()
            .flatten()
            .map(|(rel, number)| {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("page", &number.to_string());
                query.append_pair("per_page", &self.size.to_string());
                if let Some(q) = q {
                    query.append_pair("q", q);
                }
                format!("<{}?{}>; rel=\"{rel}\"", uri.path(), query.finish())
            })
            .collect::<Vec<_>>()
            .join(", ")
    }
}
