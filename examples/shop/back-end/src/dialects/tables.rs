//! The products as XML and as CSV.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
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

pub(super) fn xml(products: &[Value], as_of: &str) -> Response {
    let mut document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:catalogue xmlns:s=\"urn:shop\" as-of=\"{as_of}\">"
    );
    for product in products {
        let _ = write!(document, "<s:product id=\"{}\">", product["id"]);
        for name in names() {
            let value = text(&product[name]);
            let value = value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace(']', "&#93;");
            let _ = write!(document, "<s:{name}>{value}</s:{name}>");
        }
        document.push_str("</s:product>");
    }
    document.push_str("</s:catalogue>\n");
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
