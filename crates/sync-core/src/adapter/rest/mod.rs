//! Back ends with a declared interface of HTTP calls: REST and its kin, and SOAP, whose calls and answers are envelopes.

mod delta;
mod pages;
mod read;
mod records;
mod request;
mod soap;
mod validator;

use std::rc::Rc;

use async_trait::async_trait;
use http::{Method, StatusCode, header};
use serde_json::Value;

use crate::adapter::exchange::{Answer, Caller, bad_answer, refusal, to_message};
pub(crate) use crate::adapter::rest::delta::is_said;
use crate::adapter::rest::delta::{DeltaQuery, Harvest};
use crate::adapter::rest::pages::Look;
use crate::adapter::rest::request::Target;
use crate::adapter::rest::soap::body_of;
use crate::adapter::rest::validator::{KnownPages, Validator};
use crate::adapter::{Adapter, AdapterError, AdapterSecrets, Call, Done, QueryEnd, Reading, Stash};
use crate::model::{Attributes, ObjectId, to_text};
use crate::ports::{Clock as _, Ports};
use crate::settings::{Operation, RestSettings};

/// How long the first attempt at a request is past when the second is made, in milliseconds; then twice as long.
const FIRST_RETRY_MS: u64 = 200;

/// Speaks to a back end as the settings declare.
pub(crate) struct RestAdapter<P> {
    caller: Caller<P>,
    settings: RestSettings,
}

impl<P: Ports> RestAdapter<P> {
    pub(crate) fn new(ports: Rc<P>, secrets: &AdapterSecrets, settings: RestSettings) -> Self {
        let connection = settings.connection.clone();
        Self {
            caller: Caller::new(ports, connection).with_secrets(secrets),
            settings,
        }
    }

    /// Where a listing is asked for.
    fn list_target(&self) -> Target<'_> {
        Target {
            url: &self.settings.url,
            operation: &self.settings.list,
        }
    }

    /// Asks for something; anything but success and "not modified" is an error. What passes is tried again.
    async fn get(
        &self,
        target: Target<'_>,
        url: String,
        call: &Call<'_>,
        delta: Option<&DeltaQuery>,
        more: &[(String, String)],
        known: Option<&Validator>,
    ) -> Result<Answer, AdapterError> {
        let mut outgoing = self.question(target, url, call, delta, more)?;
        let condition = known.and_then(Validator::condition);
        if let Some((name, value)) = &condition {
            outgoing.headers.insert(name, header_value(value)?);
        }
        let mut wait = std::time::Duration::from_millis(FIRST_RETRY_MS);
        for left in (0..=self.settings.retries).rev() {
            let answer = self.caller.send(outgoing.clone(), Some(call)).await;
            let answer = answer.and_then(|answer| {
                // What is missing in a part of an answer would look deleted.
                if answer.status() == StatusCode::PARTIAL_CONTENT {
                    return Err(bad_answer(
                        "the back end answers with a part (206) where all was asked for",
                    ));
                }
                let is_unmodified =
                    answer.status() == StatusCode::NOT_MODIFIED && condition.is_some();
                if answer.status().is_success() || is_unmodified {
                    Ok(answer)
                } else {
                    Err(self.refusal(&answer))
                }
            });
            match answer {
                Err(AdapterError::Unavailable { .. }) if left > 0 => {
                    self.caller.ports().clock().sleep(wait).await;
                    wait *= 2;
                }
                other => return other,
            }
        }
        Err(bad_answer("no attempt was made"))
    }

    async fn write(
        &self,
        call: &Call<'_>,
        operation: Option<&Operation>,
        id: Option<&ObjectId>,
        attributes: &Attributes,
    ) -> Result<Answer, AdapterError> {
        let operation = declared(operation)?;
        let outgoing = self.change(call, operation, id, attributes)?;
        let answer = self.caller.send(outgoing, Some(call)).await?;
        if !answer.status().is_success() {
            return Err(self.refusal(&answer));
        }
        if self.settings.soap.is_some() {
            // A fault is one whatever the status is.
            self.tree(&answer)?;
        }
        Ok(answer)
    }

    /// Reads an answer; of an envelope, what is in its body.
    fn tree(&self, answer: &Answer) -> Result<Value, AdapterError> {
        let tree = answer.tree(&self.settings.mapping)?;
        match &self.settings.soap {
            None => Ok(tree),
            Some(soap) => body_of(tree, soap),
        }
    }

    /// Reads a refusal. A fault says more than the status that it comes with.
    fn refusal(&self, answer: &Answer) -> AdapterError {
        if self.settings.soap.is_none() || answer.small_body().is_none() {
            return refusal(answer);
        }
        match self.tree(answer) {
            Ok(_) | Err(AdapterError::BadAnswer { .. } | AdapterError::Misfit { .. }) => {
                refusal(answer)
            }
            Err(fault) => fault,
        }
    }

    /// What the back end says to the user of a change that it has made.
    fn said(&self, answer: &Answer) -> Done {
        let message = self.settings.message.as_ref().and_then(|path| {
            answer.small_body()?;
            let tree = self.tree(answer).ok()?;
            to_message(&to_text(path.read(&tree)?.into_owned()))
        });
        Done { id: None, message }
    }

    /// The id of a created object: the answer's, or the last segment of its `Location`.
    fn created_id(&self, answer: &Answer) -> Option<ObjectId> {
        let mapping = &self.settings.mapping;
        let in_body = answer.small_body().and_then(|_| {
            let record = self.tree(answer).ok()?;
            if let Some(path) = &self.settings.created_id {
                return Some(to_text(path.read(&record)?.into_owned()));
            }
            // The root of an XML document is the record's element.
            let inner = match &record {
                Value::Object(members) if members.len() == 1 => members.values().next(),
                _ => None,
            };
            let id = mapping.id_of(&record);
            id.or_else(|error| inner.map_or(Err(error), |inner| mapping.id_of(inner)))
                .ok()
        });
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

/// A kind of call, if the settings declare it.
fn declared(operation: Option<&Operation>) -> Result<&Operation, AdapterError> {
    operation.ok_or_else(|| AdapterError::Rejected {
        message: "the back end has no call for this".to_owned(),
    })
}

fn header_value(text: &str) -> Result<http::HeaderValue, AdapterError> {
    http::HeaderValue::from_str(text)
        .map_err(|error| bad_answer(format!("cannot make the request: {error}")))
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for RestAdapter<P> {
    async fn query(
        &self,
        call: &Call<'_>,
        etag: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        let now = self.caller.ports().clock().now();
        let delta = DeltaQuery::of(&self.settings, stash, now);
        let went_on = stash.goes_on_at().is_some();
        let mut harvest = Harvest::new(self.settings.delta.as_ref());
        let mut etag_now = None;
        if let Some(paging) = &self.settings.paging {
            // Envelopes are posted: there is no condition for that.
            let is_whole = delta.is_none() && !went_on && self.settings.soap.is_none();
            let known = etag.filter(|_| is_whole);
            let known = known.and_then(|text| KnownPages::read(text, &self.settings));
            let mut first = None;
            if let Some(known) = known {
                match self.look_at_pages(call, paging, &known).await? {
                    Look::Unmodified => return Ok(QueryEnd::NotModified),
                    Look::Modified(answer) => first = answer,
                }
            }
            let target = self.list_target();
            let (delta, harvest) = (delta.as_ref(), &mut harvest);
            let read = self.read_pages(target, call, delta, paging, first, harvest, stash);
            let pages = read.await?;
            if is_whole {
                etag_now = pages.to_text(&self.settings);
            }
        } else {
            let url = self.address(self.list_target(), call, delta.as_ref(), &[])?;
            // It is that of an answer with everything.
            let etag = etag.filter(|_| delta.is_none());
            let known = etag.and_then(|text| Validator::read(text, &self.settings));
            let answer = self
                .get(
                    self.list_target(),
                    url,
                    call,
                    delta.as_ref(),
                    &[],
                    known.as_ref(),
                )
                .await?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(QueryEnd::NotModified);
            }
            let validator = Validator::of(answer.headers());
            let validator = validator.unwrap_or_else(|| Validator::of_content(answer.body()));
            if known.as_ref() == Some(&validator) && validator.condition().is_none() {
                return Ok(QueryEnd::NotModified);
            }
            self.stash_answer(&answer, None, &mut harvest, stash)
                .await?;
            etag_now = Some(validator.to_text(&self.settings));
        }
        Ok(harvest.end(&self.settings, delta, went_on, now, etag_now))
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        let RestSettings {
            url,
            search_url,
            search,
            paging,
            ..
        } = &self.settings;
        let target = Target {
            url: search_url.as_ref().unwrap_or(url),
            operation: declared(search.as_ref())?,
        };
        let mut harvest = Harvest::new(None);
        if let Some(paging) = paging {
            let read = self.read_pages(target, call, None, paging, None, &mut harvest, stash);
            return read.await.map(drop);
        }
        let url = self.address(target, call, None, &[])?;
        let answer = self.get(target, url, call, None, &[], None).await?;
        self.stash_answer(&answer, None, &mut harvest, stash)
            .await
            .map(drop)
    }

    async fn read(&self, call: &Call<'_>, id: &ObjectId) -> Result<Reading, AdapterError> {
        match &self.settings.read {
            Some(settings) => self.read_object(settings, call, id).await,
            None => Ok(Reading::Unsupported),
        }
    }

    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError> {
        let answer = self
            .write(call, self.settings.create.as_ref(), None, attributes)
            .await?;
        Ok(Done {
            id: self.created_id(&answer),
            ..self.said(&answer)
        })
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        let operation = self.settings.update.as_ref();
        let answer = self.write(call, operation, Some(id), attributes).await?;
        Ok(self.said(&answer))
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        let operation = self.settings.delete.as_ref();
        let answer = self.write(call, operation, Some(id), attributes).await?;
        Ok(self.said(&answer))
    }
}

/// Whether a call of this method has a body that is not in the settings: the attributes.
fn sends_attributes(method: &Method) -> bool {
    method != Method::GET && method != Method::DELETE
}
