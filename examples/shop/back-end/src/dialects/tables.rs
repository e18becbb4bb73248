//! The products as XML and as CSV.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use quick_xml::escape::escape;
use serde_json::Value;

use crate::resource::PRODUCTS;

/// The names of a product's values beside its id.
fn names() -> impl Iterator<Item = &'static str> {
    PRODUCTS
        .fields
        .iter()
        .map(|field| field.name)
        .chain(["updated_at"])
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Products as elements.
pub(super) fn elements(products: &[Value]) -> String {
    let mut text_of_all = String::new();
    for product in products {
        let _ = write!(text_of_all, "<s:product id=\"{}\">", product["id"]);
        for name in names() {
            let value = text(&product[name]);
            let _ = write!(text_of_all, "<s:{name}>{}</s:{name}>", escape(&value));
        }
        text_of_all.push_str("</s:product>");
    }
    text_of_all
}

pub(super) fn xml(products: &[Value], as_of: &str) -> Response {
    let elements = elements(products);
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:catalogue xmlns:s=\"urn:shop\" as-of=\"{as_of}\">{elements}</s:catalogue>\n"
    );
    ([(CONTENT_TYPE, "application/xml")], document).into_response()
}

pub(super) fn csv(products: &[Value]) -> Response {
    let mut table = format!("id;{}\r\n", names().collect::<Vec<_>>().join(";"));
    for product in products {
        let _ = write!(table, "{}", product["id"]);
        for name in names() {
            let value = text(&product[name]).replace('"', "\"\"");
            let _ = write!(table, ";\"{value}\"");
        }
        table.push_str("\r\n");
    }
    ([(CONTENT_TYPE, "text/csv")], table).into_response()
}
