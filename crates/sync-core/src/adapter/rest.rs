//! Back ends with a declared REST interface.

use std::rc::Rc;

use async_trait::async_trait;
use http::{Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::adapter::exchange::{Answer, bad_answer, read_object, refusal, send};
use crate::adapter::{Adapter, AdapterError, Call, QueryEnd, Stash};
use crate::model::{Attributes, ObjectId, to_text};
use crate::ports::Ports;
use crate::settings::{AttributeType, Paging, RestSettings, UpdateMethod};

/// Most pages of one query: an end that never comes must not keep the server busy for ever.
const MAX_PAGES: u64 = 10_000;

/// What stays as it is in a path segment (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Speaks to a back end as the settings declare.
pub(crate) struct RestAdapter<P> {
    ports: Rc<P>,
    settings: RestSettings,
}

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
        // Pages of another size begin elsewhere.
        let position = |number: u64| format!("{number} by {}", paging.size);
        let page_of = |reached: &str| reached.split_once(' ')?.0.parse().ok();
        let reached = stash.goes_on_at().and_then(|reached| {
            let number = page_of(reached)?;
            (reached == position(number)).then_some(number)
        });
        for number in reached.unwrap_or(paging.first)..paging.first + MAX_PAGES {
            let url = self.address(url, call, Some((paging, number)));
            let answer = self.get(url, call, None).await?;
            if self.stash_records(&answer, stash).await? < paging.size {
                return Ok(());
            }
            stash.reached(&position(number + 1)).await?;
        }
        Err(bad_answer(format!("no end after {MAX_PAGES} pages")))
    }

    /// Asks; anything but success and "not modified" is an error.
    async fn get(
        &self,
        url: String,
        call: &Call<'_>,
        etag: Option<&str>,
    ) -> Result<Answer, AdapterError> {
        let mut request = http::Request::get(url);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let connection = &self.settings.connection;
        let answer = send(&*self.ports, connection, request, Some(call), None).await?;
        let is_unmodified = answer.status() == StatusCode::NOT_MODIFIED && etag.is_some();
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

    async fn write(
        &self,
        call: &Call<'_>,
        method: Method,
        url: String,
        attributes: Option<&Attributes>,
    ) -> Result<Answer, AdapterError> {
        let body = attributes
            .map(|attributes| self.to_body(attributes))
            .transpose()?;
        let request = http::Request::builder().method(method).uri(url);
        let connection = &self.settings.connection;
        let answer = send(&*self.ports, connection, request, Some(call), body).await?;
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

    /// Hands over the records of an answer. Says how many it has, with those that cannot be kept: whether a page is the last
    /// is told by its length.
    async fn stash_records(
        &self,
        answer: &Answer,
        stash: &mut dyn Stash,
    ) -> Result<usize, AdapterError> {
        let mut answer: Value = answer.json("JSON")?;
        let pointer = &self.settings.records;
        let records = answer
            .pointer_mut(pointer)
            .map(Value::take)
            .ok_or_else(|| bad_answer(format!("the answer has nothing at {pointer:?}")))?;
        let records: Vec<(Option<String>, Value)> = match records {
            Value::Array(records) => records.into_iter().map(|record| (None, record)).collect(),
            Value::Object(records) => records
                .into_iter()
                .map(|(id, record)| (Some(id), record))
                .collect(),
            _ => {
                return Err(bad_answer(format!(
                    "what the answer has at {pointer:?} is neither a list nor an object"
                )));
            }
        };
        let found = records.len();
        let mut objects = Vec::with_capacity(found);
        for (key, record) in records {
            let (id, values) = self.record(record, key)?;
            objects.extend(read_object(id, values, stash));
        }
        stash.stash(objects).await?;
        Ok(found)
    }

    /// Id and values of a record.
    fn record(
        &self,
        record: Value,
        key: Option<String>,
    ) -> Result<(String, Map<String, Value>), AdapterError> {
        let Value::Object(mut record) = record else {
            return Err(bad_answer("a record is not an object"));
        };
        let id = match (key, record.remove(&self.settings.id)) {
            (Some(key), _) => key,
            (None, Some(value)) => to_text(value),
            (None, None) => {
                return Err(bad_answer(format!(
                    "a record has no {:?}",
                    self.settings.id
                )));
            }
        };
        if let Some(wanted) = &self.settings.attributes {
            record.retain(|name, _| wanted.contains(name));
        }
        Ok((id, record))
    }

    /// The id of a created object: the answer's, or the last segment of its `Location`.
    fn created_id(&self, answer: &Answer) -> Option<ObjectId> {
        let in_body = answer
            .small_body()
            .and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok())
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

#[async_trait(?Send)]
impl<P: Ports> Adapter for RestAdapter<P> {
    async fn query(
        &self,
        call: &Call<'_>,
        etag: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let Some(paging) = &self.settings.paging else {
            let answer = self.get(self.collection(call, None), call, etag).await?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(QueryEnd::NotModified);
            }
            self.stash_records(&answer, stash).await?;
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
        let answer = self.get(self.address(url, call, None), call, None).await?;
        self.stash_records(&answer, stash).await.map(drop)
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
