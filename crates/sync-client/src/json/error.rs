//! Errors, as the script throws them.

use serde_json::{Map, Value, json};

use crate::error::Error;

/// A text of JSON with `code` and `reason`, from which the script makes an error of its own.
pub fn thrown(error: &Error) -> String {
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| told.insert(name.to_owned(), value);
    tell("reason", json!(error.to_string()));
    let code = match error {
        Error::Storage { .. } => "storage",
        Error::WrongKey => "wrongKey",
        Error::Invalid { .. } => "invalid",
        Error::UnknownSource { source_name } => {
            tell("source", json!(source_name));
            "unknownSource"
        }
        Error::UnknownObject { source_name, id } => {
            tell("source", json!(source_name));
            tell("id", json!(id));
            "unknownObject"
        }
        Error::LoginRefused { .. } => "loginRefused",
        Error::Offline { .. } => "offline",
        Error::ServerBusy { retry_in_ms, .. } => {
            tell("retryInMs", json!(retry_in_ms));
            "serverBusy"
        }
        Error::Refused { status, code, .. } => {
            tell("status", json!(status));
            tell("serverCode", json!(code));
            "refused"
        }
        Error::SyncRunning => "syncRunning",
        Error::Cancelled => "cancelled",
        Error::NoTransport => "noTransport",
    };
    tell("code", json!(code));
    Value::Object(told).to_string()
}

/// The same for what else can go wrong.
pub fn thrown_as(code: &str, reason: &str) -> String {
    json!({"code": code, "reason": reason}).to_string()
}
