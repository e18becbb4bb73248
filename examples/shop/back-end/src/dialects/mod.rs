//! The products as other back ends would give them: nested and page by page with tokens, as XML and CSV, by
//! SOAP, only what has changed, and to each user its own.

mod oauth2;
mod own;
mod soap;
mod tables;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::{Operation, Table, parse_id, parse_object};
use crate::control::Control;
use crate::database::{self, Change, Database, Selection};
use crate::error::ApiError;
use crate::resource::PRODUCTS;
use oauth2::check_token;

const DEFAULT_LIMIT: usize = 50;

/// What the handlers work with.
#[derive(Debug, Clone)]
struct Shelf {
    database: Database,
    control: Arc<Control>,
}

/// The routes.
pub(crate) fn routes(database: Database, control: Arc<Control>) -> Router {
    Router::new()
        .route("/products.xml", get(xml))
        .route("/products.csv", get(csv))
        .route("/oauth/token", post(oauth2::give_token))
        .route("/soap", post(soap::answer))
        .route("/v2/products", get(page).post(create))
        .route("/v2/products/{key}", patch(update).delete(delete))
        .route("/v2/changes", get(changes))
        .route("/own/products", get(own::list))
        .route("/own/products/{id}", patch(own::update))
        .route("/webhooks", post(webhooks::create))
        .route(
            "/webhooks/{id}",
            put(webhooks::renew).delete(webhooks::remove),
        )
        .with_state(Shelf { database, control })
}

impl Shelf {
    /// All products, with what was deleted since a time and what time it is.
    async fn listing(
        &self,
        since: Option<String>,
    ) -> Result<(Vec<Value>, Vec<i64>, String), ApiError> {
        let selection = Selection {
            changed_since: since.clone(),
            ..Selection::default()
        };
        let (json, deleted, as_of) = self
            .database
            .call(move |connection| {
                let tx = connection.transaction()?;
                let as_of = database::now(&tx)?;
                let listing = database::list(&tx, &PRODUCTS, &selection)?;
                let deleted = database::deleted_since(&tx, &PRODUCTS, since.as_deref())?;
                Ok((listing.json, deleted, as_of))
            })
            .await?;
        let products = serde_json::from_str(&json);
        let products = products.map_err(|error| ApiError::Malformed(error.to_string()))?;
        Ok((products, deleted, as_of))
    }

    async fn write(&self, change: Change, operation: Operation) -> Result<Response, ApiError> {
        let table = Table {
            resource: &PRODUCTS,
            database: self.database.clone(),
            control: Arc::clone(&self.control),
        };
        table.write(change, operation.into_key()).await
    }
}

async fn xml(State(shelf): State<Shelf>) -> Result<Response, ApiError> {
    let (products, _, as_of) = shelf.listing(None).await?;
    Ok(tables::xml(&products, &as_of))
}

async fn csv(State(shelf): State<Shelf>) -> Result<Response, ApiError> {
    let (products, ..) = shelf.listing(None).await?;
    Ok(tables::csv(&products))
}

#[derive(Debug, Deserialize)]
struct PageQuery {
    /// The key that comes before the page.
    cursor: Option<i64>,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// A page of products: by a cursor or an offset, with the cursor and the address of the next one.
async fn page(
    State(shelf): State<Shelf>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    if let Some(refused) = check_token(&shelf.control, &headers) {
        return Ok(refused);
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    let (products, ..) = shelf.listing(None).await?;
    let comes = |product: &Value| {
        query
            .cursor
            .is_none_or(|cursor| product["id"].as_i64() > Some(cursor))
    };
    let mut left = products
        .into_iter()
        .filter(comes)
        .skip(query.offset.unwrap_or(0));
    let page: Vec<Value> = left.by_ref().take(limit).collect();
    let last = page.last().and_then(|product| product["id"].as_i64());
    let next = last.filter(|_| left.next().is_some());
    let url = next.map(|next| format!("/v2/products?cursor={next}&limit={limit}"));
    let data: Vec<Value> = page.into_iter().map(|product| nested(&product)).collect();
    Ok(
        axum::Json(json!({"data": data, "meta": {"next": next}, "links": {"next": url}}))
            .into_response(),
    )
}

#[derive(Debug, Deserialize)]
struct ChangesQuery {
    since: Option<String>,
}

/// What has changed since a time, or everything, and what was deleted.
async fn changes(
    State(shelf): State<Shelf>,
    Query(ChangesQuery { since }): Query<ChangesQuery>,
) -> Result<Response, ApiError> {
    let (products, deleted, as_of) = shelf.listing(since).await?;
    let data: Vec<Value> = products
        .into_iter()
        .map(|product| nested(&product))
        .collect();
    Ok(axum::Json(json!({"data": data, "deleted": deleted, "as_of": as_of})).into_response())
}

async fn create(
    State(shelf): State<Shelf>,
    headers: HeaderMap,
    operation: Operation,
    body: Bytes,
) -> Result<Response, ApiError> {
    if let Some(refused) = check_token(&shelf.control, &headers) {
        return Ok(refused);
    }
    let change = Change::Create(PRODUCTS.parse_new(&flat(parse_object(&body)?))?);
    let made = shelf.write(change, operation).await?;
    // The key stands in the body, and nowhere else.
    let location = made.headers().get(http::header::LOCATION);
    let key = location.and_then(|it| it.to_str().ok()?.rsplit('/').next()?.parse::<i64>().ok());
    Ok((
        StatusCode::CREATED,
        axum::Json(json!({"made": {"key": key}})),
    )
        .into_response())
}

async fn update(
    State(shelf): State<Shelf>,
    Path(key): Path<String>,
    headers: HeaderMap,
    operation: Operation,
    body: Bytes,
) -> Result<Response, ApiError> {
    if let Some(refused) = check_token(&shelf.control, &headers) {
        return Ok(refused);
    }
    let assignments = PRODUCTS.parse_changes(&flat(parse_object(&body)?))?;
    let id = parse_id(&key)?;
    shelf
        .write(Change::Update { id, assignments }, operation)
        .await
}

async fn delete(
    State(shelf): State<Shelf>,
    Path(key): Path<String>,
    headers: HeaderMap,
    operation: Operation,
) -> Result<Response, ApiError> {
    if let Some(refused) = check_token(&shelf.control, &headers) {
        return Ok(refused);
    }
    let id = parse_id(&key)?;
    shelf.write(Change::Delete { id }, operation).await
}

/// A product with its parts in each other: `{"key", "title", "stock": {"sku", "quantity"}, …}`.
fn nested(product: &Value) -> Value {
    let of = |name: &str| product.get(name).cloned().unwrap_or_default();
    json!({
        "key": of("id"),
        "title": of("name"),
        "brand": of("brand"),
        "price": of("price"),
        "stock": {"sku": of("sku"), "quantity": of("quantity")},
        "changed": of("updated_at"),
    })
}

/// What [`nested`] made, as the table has it.
fn flat(mut body: Map<String, Value>) -> Map<String, Value> {
    if let Some(title) = body.remove("title") {
        body.insert("name".to_owned(), title);
    }
    if let Some(Value::Object(stock)) = body.remove("stock") {
        body.extend(stock);
    }
    body
}
