//! Registers a source's hook at its back end.

use std::rc::Rc;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::adapter::exchange::{Answer, Caller, IDEMPOTENCY_KEY, Outgoing, bad_answer, refusal};
use crate::adapter::{AdapterError, AdapterSecrets};
use crate::mapping::Context;
use crate::model::to_text;
use crate::ports::{Ports, hex};
use crate::settings::{Operation, Secret, SubscribeSettings};

/// Makes the calls of a subscription.
pub(crate) struct Subscriber<'a, P> {
    caller: Caller<P>,
    settings: &'a SubscribeSettings,
    secret: &'a Secret,
}

impl<'a, P: Ports> Subscriber<'a, P> {
    /// `secret` is what the hook's events are proven by.
    pub(crate) fn new(
        ports: Rc<P>,
        secrets: &AdapterSecrets,
        settings: &'a SubscribeSettings,
        secret: &'a Secret,
    ) -> Self {
        let connection = settings.connection.clone();
        Self {
            caller: Caller::new(ports, connection).with_secrets(secrets),
            settings,
            secret,
        }
    }

    /// What tells the settings from others that make another callback.
    pub(crate) fn fingerprint(&self) -> String {
        let SubscribeSettings {
            url,
            callback,
            create,
            ..
        } = self.settings;
        let secret = self.secret.expose();
        hex(&Sha256::digest(format!(
            "{url} {callback} {create:?} {secret}"
        )))
    }

    /// Registers a callback; answers its id. `key` is the same for every attempt at the same one.
    pub(crate) async fn create(&self, key: &str) -> Result<String, AdapterError> {
        let answer = self.call(&self.settings.create, None, Some(key)).await?;
        if !answer.status().is_success() {
            return Err(refusal(&answer));
        }
        let body: Value = answer.json("JSON")?;
        let id = self.settings.id.read(&body);
        let id = id.map(|id| to_text(id.into_owned()));
        id.filter(|id| !id.is_empty())
            .ok_or_else(|| bad_answer("the answer has no id of a callback"))
    }

    /// Renews a callback. `false`: the back end does not know it any more, or the settings have no call for it.
    pub(crate) async fn renew(&self, id: &str) -> Result<bool, AdapterError> {
        let Some(renew) = &self.settings.renew else {
            return Ok(false);
        };
        let answer = self.call(renew, Some(id), None).await?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(false),
            _ => Err(refusal(&answer)),
        }
    }

    /// Removes a callback. One that is not there is removed.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), AdapterError> {
        let answer = self.call(&self.settings.delete, Some(id), None).await?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refusal(&answer)),
        }
    }

    async fn call(
        &self,
        operation: &Operation,
        id: Option<&str>,
        key: Option<&str>,
    ) -> Result<Answer, AdapterError> {
        let mut values = vec![
            ("callback", json!(self.settings.callback)),
            ("secret", json!(self.secret.expose())),
        ];
        values.extend(id.map(|id| ("id", json!(id))));
        let context = Context::new(values);
        // What cannot be filled in is the settings' mistake; it may quote a value, and one of them is secret.
        let filled = |template: &crate::mapping::Template| {
            let text = template.render(&context);
            text.map_err(|_| bad_answer("a template of the subscription cannot be filled in"))
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, template) in &operation.query {
            query.append_pair(name, &filled(template)?);
        }
        let mut url = format!("{}{}", self.settings.url, filled(&operation.path)?);
        let query = query.finish();
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let mut outgoing = Outgoing::new(operation.method.clone(), url);
        if let Some(body) = &operation.body {
            outgoing = outgoing.with_body(operation.content_type.clone(), filled(body)?);
        }
        let header = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|error| bad_answer(format!("cannot make the request: {error}")))
        };
        for (name, template) in &operation.headers {
            outgoing.headers.insert(name, header(&filled(template)?)?);
        }
        if let Some(key) = key {
            outgoing.headers.insert(IDEMPOTENCY_KEY, header(key)?);
        }
        self.caller.send(outgoing, None).await
    }
}
