//! The products by SOAP 1.1: `ListProducts`, `CreateProduct`, `UpdateProduct`, `DeleteProduct`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use serde_json::{Map, Value};

use super::{Shelf, tables};
use crate::api::{Operation, parse_id};
use crate::database::Change;
use crate::error::ApiError;
use crate::resource::PRODUCTS;

/// Who may call.
const USER: (&str, &str) = ("rhosync", "shop-secret");

/// What an envelope says: its call, and the texts of its elements by their names.
struct Envelope {
    call: String,
    texts: BTreeMap<String, String>,
}

/// Answers an envelope with an envelope.
pub(super) async fn answer(
    State(shelf): State<Shelf>,
    operation: Operation,
    body: Bytes,
) -> Response {
    let Some(Envelope { call, mut texts }) = std::str::from_utf8(&body).ok().and_then(read) else {
        return fault("Client", "this is no envelope");
    };
    let mut take = |name: &str| texts.remove(name).unwrap_or_default();
    if (take("Username").as_str(), take("Password").as_str()) != USER {
        return fault("FailedAuthentication", "who are you");
    }
    let id = take("Id");
    let fields: Map<String, Value> = texts
        .into_iter()
        .map(|(name, text)| (name, text.into()))
        .collect();
    match shelf.call(&call, &id, fields, operation).await {
        Ok(body) => envelope(
            StatusCode::OK,
            &format!("<s:{call}Response>{body}</s:{call}Response>"),
        ),
        Err(error @ (ApiError::Database(_) | ApiError::Aborted(_))) => error.into_response(),
        // As many servers do it, whosever fault it is.
        Err(error) => fault("Server", &error.to_string()),
    }
}

impl Shelf {
    async fn call(
        &self,
        call: &str,
        id: &str,
        fields: Map<String, Value>,
        operation: Operation,
    ) -> Result<String, ApiError> {
        let change = match call {
            "ListProducts" => {
                let (products, ..) = self.listing(None).await?;
                return Ok(tables::elements(&products));
            }
            "CreateProduct" => Change::Create(PRODUCTS.parse_new(&fields)?),
            "UpdateProduct" => Change::Update {
                id: parse_id(id)?,
                assignments: PRODUCTS.parse_changes(&fields)?,
            },
            "DeleteProduct" => Change::Delete { id: parse_id(id)? },
            _ => return Err(ApiError::Malformed(format!("there is no call {call}"))),
        };
        let done = self.write(change, operation).await?;
        let location = done.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let made = location.and_then(|it| it.rsplit('/').next());
        Ok(made.map_or_else(String::new, |id| format!("<s:Id>{id}</s:Id>")))
    }
}

/// Reads an envelope; elements that have elements count only as the call.
fn read(text: &str) -> Option<Envelope> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut call, mut texts) = (
        Vec::<String>::new(),
        None,
        BTreeMap::<String, String>::new(),
    );
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                if path.last().is_some_and(|around| around == "Body") {
                    call = Some(name.clone());
                }
                path.push(name);
            }
            Event::Empty(start) if path.last().is_some_and(|around| around == "Body") => {
                call = Some(start.local_name().as_ref().to_owned());
            }
            Event::Text(text) => texts
                .entry(path.last()?.clone())
                .or_default()
                .push_str(&text),
            Event::GeneralRef(reference) => {
                let text = format!("&{};", &*reference);
                let text = quick_xml::escape::unescape(&text).ok()?;
                texts
                    .entry(path.last()?.clone())
                    .or_default()
                    .push_str(&text);
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Some(Envelope { call: call?, texts })
}

fn fault(code: &str, message: &str) -> Response {
    let message = escape(message);
    let body = format!(
        "<e:Fault><faultcode>e:{code}</faultcode><faultstring>{message}</faultstring></e:Fault>"
    );
    envelope(StatusCode::INTERNAL_SERVER_ERROR, &body)
}

fn envelope(status: StatusCode, body: &str) -> Response {
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:s=\"urn:shop\"><e:Body>{body}</e:Body></e:Envelope>"
    );
    (
        status,
        [(CONTENT_TYPE, "text/xml; charset=utf-8")],
        envelope,
    )
        .into_response()
}
