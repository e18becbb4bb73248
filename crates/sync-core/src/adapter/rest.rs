//! Back ends with a declared REST interface.

use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::adapter::{Adapter, AdapterError, Call, QueryEnd, Stash};
use crate::attributes::{to_attributes, to_text};
use crate::document::record::Attributes;
use crate::ids::ObjectId;
use crate::ports::{HttpClient as _, HttpError, Ports};
use crate::settings::{AttributeType, Authorization, Paging, RestSettings, UpdateMethod};

/// Most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Most pages of one query: an end that never comes must not keep the server busy for ever.
const MAX_PAGES: u64 = 10_000;

/// Most characters of a back end's own message that go to a device.
const MAX_MESSAGE_CHARS: usize = 500;

/// What stays as it is in a path segment (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Tells the back end that two requests are the same attempt (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Speaks to a back end as the settings declare.
pub(crate) struct RestAdapter<P> {
    ports: Rc<P>,
    settings: RestSettings,
}

type Answer = http::Response<Bytes>;

impl<P: Ports> RestAdapter<P> {
    pub(crate) fn new(ports: Rc<P>, settings: RestSettings) -> Self {
        Self { ports, settings }
    }

    fn collection(&self, call: &Call<'_>, page: Option<(&Paging, u64)>) -> String {
        self.address(&self.settings.url, call, page)
    }

    fn address(&self, url: &str, call: &Call<'_>, page: Option<(&Paging, u64)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(call.parameters.iter().filter(|(name, _)| !self.sets(name)));
        if let Some(parameter) = &self.settings.user_parameter {
            query.append_pair(parameter, call.user.as_str());
        }
        if let Some((paging, number)) = page {
            query.append_pair(&paging.parameter, &number.to_string());
            if let Some(parameter) = &paging.size_parameter {
                query.append_pair(parameter, &paging.size.to_string());
            }
        }
        let query = query.finish();
        if query.is_empty() {
            url.to_owned()
        } else {
            format!("{url}?{query}")
        }
    }

    /// Whether a query parameter is ours to set, and not a device's: it might make itself somebody else. Back ends
    /// differ in what they take for the same name.
    fn sets(&self, name: &str) -> bool {
        let RestSettings {
            user_parameter,
            paging,
            ..
        } = &self.settings;
        let paging = paging
            .iter()
            .flat_map(|paging| [Some(&paging.parameter), paging.size_parameter.as_ref()]);
        let name = name.split('[').next().unwrap_or_default();
        paging
            .chain([user_parameter.as_ref()])
            .flatten()
            .any(|own| own.trim().eq_ignore_ascii_case(name.trim()))
    }

    /// Asks page by page, and hands the records over.
    async fn read_pages(
        &self,
        url: &str,
        call: &Call<'_>,
        paging: &Paging,
        stash: &mut dyn Stash,
    ) -> Result<(), AdapterError> {
        for number in paging.first..paging.first + MAX_PAGES {
            let url = self.address(url, call, Some((paging, number)));
            let answer = self.get(url, &[]).await?;
            let records = self.records(answer.body())?;
            let is_last = records.len() < paging.size;
            stash.stash(records).await?;
            if is_last {
                return Ok(());
            }
        }
        Err(AdapterError::BadAnswer {
            message: format!("no end after {MAX_PAGES} pages"),
        })
    }

    /// Asks; anything but success and "not modified" is an error.
    async fn get(
        &self,
        url: String,
        condition: &[(header::HeaderName, &str)],
    ) -> Result<Answer, AdapterError> {
        let answer = self.send(Method::GET, url, condition, None).await?;
        let is_unmodified = answer.status() == StatusCode::NOT_MODIFIED && !condition.is_empty();
        if answer.status().is_success() || is_unmodified {
            Ok(answer)
        } else {
            Err(refusal(&answer))
        }
    }

    fn object(&self, call: &Call<'_>, id: &ObjectId) -> String {
        // A segment of dots alone would climb out of the collection.
        let id = match id.as_str() {
            "." => "%2E".to_owned(),
            ".." => "%2E%2E".to_owned(),
            id => utf8_percent_encode(id, SEGMENT).to_string(),
        };
        let collection = self.collection(call, None);
        match collection.split_once('?') {
            Some((path, query)) => format!("{path}/{id}?{query}"),
            None => format!("{collection}/{id}"),
        }
    }

    async fn send(
        &self,
        method: Method,
        url: String,
        further: &[(header::HeaderName, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, AdapterError> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header(header::ACCEPT, "application/json");
        for (name, value) in &self.settings.headers {
            request = request.header(name, value.expose());
        }
        match &self.settings.authorization {
            None => {}
            Some(Authorization::Bearer(token)) => {
                request =
                    request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
            }
            Some(Authorization::Basic(user, password)) => {
                let pair = BASE64.encode(format!("{}:{}", user.expose(), password.expose()));
                request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
            }
        }
        for (name, value) in further {
            request = request.header(name, *value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Bytes::from(body.unwrap_or_default()))
            .map_err(|error| AdapterError::BadAnswer {
                message: format!("cannot make the request: {error}"),
            })?;
        let timeout = Duration::from_millis(self.settings.timeout_ms);
        self.ports
            .http()
            .send(request, timeout, MAX_ANSWER_BYTES)
            .await
            .map_err(|error| match error {
                HttpError::TooLarge { .. } => AdapterError::BadAnswer {
                    message: error.to_string(),
                },
                HttpError::NoAnswer { .. }
                | HttpError::TimedOut { .. }
                | HttpError::Denied { .. } => AdapterError::Unavailable {
                    message: error.to_string(),
                },
            })
    }

    async fn write(
        &self,
        call: &Call<'_>,
        method: Method,
        url: String,
        attributes: Option<&Attributes>,
    ) -> Result<Answer, AdapterError> {
        let key = [(
            header::HeaderName::from_static(IDEMPOTENCY_KEY),
            call.idempotency_key,
        )];
        let body = attributes
            .map(|attributes| self.to_body(attributes))
            .transpose()?;
        let answer = self.send(method, url, &key, body).await?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(refusal(&answer))
        }
    }

    /// Writes attributes as the back end wants them.
    fn to_body(&self, attributes: &Attributes) -> Result<Vec<u8>, AdapterError> {
        let object = attributes
            .iter()
            .map(|(name, text)| {
                let value = match self.settings.types.get(name) {
                    None => Value::String(text.clone()),
                    Some(_) if text.is_empty() => Value::Null,
                    Some(kind) => typed(*kind, text).ok_or_else(|| AdapterError::Rejected {
                        message: format!("{name}: {text:?} is not a {}", name_of(*kind)),
                    })?,
                };
                Ok((name.clone(), value))
            })
            .collect::<Result<Map<_, _>, AdapterError>>()?;
        Ok(Value::Object(object).to_string().into_bytes())
    }

    /// Reads the records of an answer.
    fn records(&self, body: &[u8]) -> Result<Vec<(ObjectId, Attributes)>, AdapterError> {
        let bad = |message: String| AdapterError::BadAnswer { message };
        let mut answer: Value = serde_json::from_slice(body)
            .map_err(|error| bad(format!("the answer is not JSON: {error}")))?;
        let pointer = &self.settings.records;
        let records = answer
            .pointer_mut(pointer)
            .map(Value::take)
            .ok_or_else(|| bad(format!("the answer has nothing at {pointer:?}")))?;
        match records {
            Value::Array(records) => records
                .into_iter()
                .map(|record| self.record(record, None))
                .collect(),
            Value::Object(records) => records
                .into_iter()
                .map(|(id, record)| self.record(record, Some(id)))
                .collect(),
            _ => Err(bad(format!(
                "what the answer has at {pointer:?} is neither a list nor an object"
            ))),
        }
    }

    fn record(
        &self,
        record: Value,
        key: Option<String>,
    ) -> Result<(ObjectId, Attributes), AdapterError> {
        let bad = |message: String| AdapterError::BadAnswer { message };
        let Value::Object(mut record) = record else {
            return Err(bad("a record is not an object".to_owned()));
        };
        let id = match (key, record.remove(&self.settings.id)) {
            (Some(key), _) => key,
            (None, Some(value)) => to_text(value),
            (None, None) => return Err(bad(format!("a record has no {:?}", self.settings.id))),
        };
        let id = ObjectId::parse(id).map_err(|error| bad(error.to_string()))?;
        if let Some(wanted) = &self.settings.attributes {
            record.retain(|name, _| wanted.contains(name));
        }
        let attributes =
            to_attributes(record).map_err(|error| bad(format!("record {id}: {error}")))?;
        Ok((id, attributes))
    }

    /// The id of a created object: the answer's, or the last segment of its `Location`.
    fn created_id(&self, answer: &Answer) -> Option<ObjectId> {
        let in_body = serde_json::from_slice::<Map<String, Value>>(answer.body())
            .ok()
            .and_then(|mut record| record.remove(&self.settings.id))
            .map(to_text);
        let in_location = || {
            let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
            let path = location.split(['?', '#']).next()?;
            let segment = path.trim_end_matches('/').rsplit('/').next()?;
            Some(
                percent_encoding::percent_decode_str(segment)
                    .decode_utf8()
                    .ok()?
                    .into_owned(),
            )
        };
        ObjectId::parse(in_body.or_else(in_location)?).ok()
    }
}

fn typed(kind: AttributeType, text: &str) -> Option<Value> {
    match kind {
        AttributeType::Number => serde_json::from_str::<serde_json::Number>(text.trim())
            .ok()
            .map(Value::Number),
        AttributeType::Boolean => text.trim().parse().ok().map(Value::Bool),
        AttributeType::Json => serde_json::from_str(text).ok(),
    }
}

const fn name_of(kind: AttributeType) -> &'static str {
    match kind {
        AttributeType::Number => "number",
        AttributeType::Boolean => "truth value",
        AttributeType::Json => "JSON text",
    }
}

/// Reads a refusal: what kind it is, and what the back end says about it.
fn refusal(answer: &Answer) -> AdapterError {
    let status = answer.status();
    let said = serde_json::from_slice::<Map<String, Value>>(answer.body())
        .ok()
        .and_then(|mut body| body.remove("message").or_else(|| body.remove("error")))
        .and_then(|value| match value {
            Value::String(text) if !text.is_empty() => {
                Some(text.chars().take(MAX_MESSAGE_CHARS).collect())
            }
            _ => None,
        });
    let message = said.unwrap_or_else(|| status.to_string());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => AdapterError::Login { message },
        StatusCode::NOT_FOUND | StatusCode::GONE => AdapterError::NotFound { message },
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            AdapterError::Conflict { message }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            AdapterError::Unavailable { message }
        }
        _ if status.is_client_error() => AdapterError::Rejected { message },
        _ if status.is_server_error() => AdapterError::Unavailable { message },
        _ => AdapterError::BadAnswer {
            message: format!("unexpected answer: {status}"),
        },
    }
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for RestAdapter<P> {
    async fn query(
        &self,
        call: &Call<'_>,
        etag: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let Some(paging) = &self.settings.paging else {
            let condition: Vec<_> = etag
                .map(|etag| (header::IF_NONE_MATCH, etag))
                .into_iter()
                .collect();
            let answer = self.get(self.collection(call, None), &condition).await?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(QueryEnd::NotModified);
            }
            stash.stash(self.records(answer.body())?).await?;
            let etag = answer
                .headers()
                .get(header::ETAG)
                .and_then(|etag| etag.to_str().ok())
                .map(str::to_owned);
            return Ok(QueryEnd::Complete { etag });
        };
        self.read_pages(&self.settings.url, call, paging, stash)
            .await?;
        Ok(QueryEnd::Complete { etag: None })
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        let url = self.settings.search_url.as_ref();
        let url = url.unwrap_or(&self.settings.url);
        if let Some(paging) = &self.settings.paging {
            return self.read_pages(url, call, paging, stash).await;
        }
        let answer = self.get(self.address(url, call, None), &[]).await?;
        Ok(stash.stash(self.records(answer.body())?).await?)
    }

    async fn create(
        &self,
        call: &Call<'_>,
        attributes: &Attributes,
    ) -> Result<Option<ObjectId>, AdapterError> {
        let url = self.collection(call, None);
        let answer = self
            .write(call, Method::POST, url, Some(attributes))
            .await?;
        Ok(self.created_id(&answer))
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<(), AdapterError> {
        let method = match self.settings.update_method {
            UpdateMethod::Put => Method::PUT,
            UpdateMethod::Patch => Method::PATCH,
        };
        self.write(call, method, self.object(call, id), Some(attributes))
            .await
            .map(drop)
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        _: &Attributes,
    ) -> Result<(), AdapterError> {
        self.write(call, Method::DELETE, self.object(call, id), None)
            .await
            .map(drop)
    }
}
