//! Devices that speak the protocol of our own library, compared with the bare component.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::device::{PASSWORD, USER, product};
use crate::wire::{Call, Wire};

const SYNC: &str = "/sync/v1/sync";

/// A device that keeps its cursors itself.
#[derive(Clone)]
pub(crate) struct NativeDevice {
    authorization: HeaderValue,
}

impl NativeDevice {
    /// Signs in. The access token is good for ten minutes: longer than a row takes.
    pub(crate) async fn sign_in(wire: &mut Wire) -> Result<Self> {
        let login = json!({"login": USER, "password": PASSWORD});
        let call = Request::post("/sync/v1/session")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(login.to_string()))?;
        let answer: Value = serde_json::from_slice(wire.send(call).await?.body())?;
        let access = answer.get("access").and_then(Value::as_str);
        let access = access.context("the answer has no access token")?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {access}"))?;
        authorization.set_sensitive(true);
        Ok(Self { authorization })
    }

    /// The request that asks for what is new since these cursors.
    pub(crate) fn sync(&self, have: &Map<String, Value>) -> Result<Call> {
        self.ask(&json!({"have": have}))
    }

    /// The request that sends a new object up.
    pub(crate) fn create(&self, source: &str) -> Result<Call> {
        let id = Uuid::now_v7().to_string();
        let change =
            json!({"id": id, "source": source, "op": "create", "object": id, "set": product(0, 0)});
        self.ask(&json!({"changes": [change]}))
    }

    /// Gets everything of these sources; answers the cursors.
    pub(crate) async fn catch_up(
        &self,
        wire: &mut Wire,
        sources: &[&str],
    ) -> Result<Map<String, Value>> {
        let none = sources.iter().map(|name| ((*name).to_owned(), Value::Null));
        let mut have: Map<String, Value> = none.collect();
        loop {
            let answer = wire.send(self.sync(&have)?).await?;
            let mut has_more = false;
            for line in answer.body().split(|byte| *byte == b'\n') {
                let Ok(line) = serde_json::from_slice::<Value>(line) else {
                    continue;
                };
                let text = |name: &str| line.get(name).and_then(Value::as_str);
                if let (Some(source), Some(cursor)) = (text("source"), text("cursor")) {
                    have.insert(source.to_owned(), json!(cursor));
                }
                has_more |= line.get("more") == Some(&Value::Bool(true));
            }
            if !has_more {
                return Ok(have);
            }
        }
    }

    fn ask(&self, body: &Value) -> Result<Call> {
        Ok(Request::post(SYNC)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, self.authorization.clone())
            .body(Full::from(body.to_string()))?)
    }
}

/// Checks an answer without reading it: that costs more than the server's part.
pub(crate) fn check(answer: &Bytes, has: &str) -> Result<()> {
    let found = answer
        .windows(has.len())
        .any(|bytes| bytes == has.as_bytes());
    ensure!(found, "an answer has no {has}: {answer:?}");
    Ok(())
}
