//! Requests as the settings declare them.

use http::header;
use serde_json::{Value, json};

use crate::adapter::exchange::Outgoing;
use crate::adapter::rest::delta::DeltaQuery;
use crate::adapter::rest::soap::security;
use crate::adapter::rest::{RestAdapter, header_value, sends_attributes};
use crate::adapter::{AdapterError, Call};
use crate::mapping::{Context, Format, Template};
use crate::model::{Attributes, ObjectId, to_text};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::settings::{Operation, Paging};

/// Where and how something is asked for.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) url: &'a str,
    pub(super) operation: &'a Operation,
}

/// The partition, for templates to name: whole, and what stands behind its first slash by what stands before.
fn partition_of(call: &Call<'_>) -> impl Iterator<Item = (&'static str, Value)> + use<> {
    let values = call.partition.map(|name| {
        let (key, value) = match name.split_once('/') {
            Some((key, value)) => (key, json!(value)),
            None => (name, json!(true)),
        };
        [
            ("partition", json!(name)),
            ("member", json!({ key: value })),
        ]
    });
    values.into_iter().flatten()
}

impl<P: Ports> RestAdapter<P> {
    /// The address of a question, with `more` behind the parameters it always has.
    pub(super) fn address(
        &self,
        target: Target<'_>,
        call: &Call<'_>,
        delta: Option<&DeltaQuery>,
        more: &[(String, String)],
    ) -> Result<String, AdapterError> {
        let context = self.question_context(call, delta, more);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(
            call.parameters
                .iter()
                .filter(|(name, _)| !self.sets(target.operation, name)),
        );
        let changed = delta.and(self.settings.delta.as_ref()).into_iter();
        let pairs = target
            .operation
            .query
            .iter()
            .chain(changed.flat_map(|delta| &delta.query));
        for (name, template) in pairs {
            query.append_pair(name, &filled(template, &context)?);
        }
        if let Some(parameter) = &self.settings.user_parameter {
            query.append_pair(parameter, call.user.as_str());
        }
        if self.settings.soap.is_none() {
            query.extend_pairs(more);
        }
        let path = filled(&target.operation.path, &context)?;
        Ok(with_query(format!("{}{path}", target.url), &query.finish()))
    }

    /// A request for something at an address.
    pub(super) fn question(
        &self,
        target: Target<'_>,
        url: String,
        call: &Call<'_>,
        delta: Option<&DeltaQuery>,
        more: &[(String, String)],
    ) -> Result<Outgoing, AdapterError> {
        let Operation {
            method,
            body,
            content_type,
            ..
        } = target.operation;
        let context = self.question_context(call, delta, more);
        let mut outgoing = self.outgoing(target.operation, url, &context)?;
        outgoing.method = method.clone();
        match body {
            None => Ok(outgoing),
            Some(body) => Ok(outgoing.with_body(content_type.clone(), filled(body, &context)?)),
        }
    }

    /// A request that changes something.
    pub(super) fn change(
        &self,
        call: &Call<'_>,
        operation: &Operation,
        id: Option<&ObjectId>,
        attributes: &Attributes,
    ) -> Result<Outgoing, AdapterError> {
        let mapping = &self.settings.mapping;
        let rejected = |message| AdapterError::Rejected { message };
        let mut values = vec![
            ("user", json!(call.user.as_str())),
            (
                "object",
                Value::Object(mapping.typed(attributes).map_err(rejected)?),
            ),
        ];
        values.extend(partition_of(call));
        if let Some(id) = id {
            values.push(("id", json!(id.as_str())));
            values.push(("id_parts", json!(mapping.parts_of_id(id.as_str()))));
        }
        values.extend(self.security());
        let context = Context::new(values);
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, template) in &operation.query {
            query.append_pair(name, &filled(template, &context)?);
        }
        if let Some(parameter) = &self.settings.user_parameter {
            query.append_pair(parameter, call.user.as_str());
        }
        let path = filled(&operation.path, &context)?;
        let url = with_query(format!("{}{path}", self.settings.url), &query.finish());
        let outgoing = self.outgoing(operation, url, &context)?;
        let content_type = operation.content_type.clone();
        if let Some(body) = &operation.body {
            return Ok(outgoing.with_body(content_type, filled(body, &context)?));
        }
        if !sends_attributes(&operation.method) {
            return Ok(outgoing);
        }
        let object = mapping.to_back_end(attributes).map_err(rejected)?;
        let is_form = operation
            .content_type
            .to_str()
            .is_ok_and(|it| it.contains("form"));
        let body = if is_form {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(
                object
                    .into_iter()
                    .map(|(name, value)| (name, to_text(value))),
            );
            form.finish()
        } else {
            Value::Object(object).to_string()
        };
        Ok(outgoing.with_body(content_type, body))
    }

    fn outgoing(
        &self,
        operation: &Operation,
        url: String,
        context: &Context,
    ) -> Result<Outgoing, AdapterError> {
        let mut outgoing = Outgoing::new(operation.method.clone(), url);
        let accept = match self.settings.mapping.format {
            Format::Json => "application/json",
            Format::Xml => "application/xml, text/xml",
            Format::Csv => "text/csv",
        };
        outgoing
            .headers
            .insert(header::ACCEPT, http::HeaderValue::from_static(accept));
        let gzip = http::HeaderValue::from_static("gzip");
        outgoing.headers.insert(header::ACCEPT_ENCODING, gzip);
        // Those of the settings stand in place of these.
        for (name, _) in &self.settings.connection.headers {
            outgoing.headers.remove(name);
        }
        for (name, template) in &operation.headers {
            outgoing
                .headers
                .insert(name, header_value(&filled(template, context)?)?);
        }
        Ok(outgoing)
    }

    /// What templates of a question may name. `more` leads to a page: parameters of the query, or, for envelopes, `page`.
    fn question_context(
        &self,
        call: &Call<'_>,
        delta: Option<&DeltaQuery>,
        more: &[(String, String)],
    ) -> Context {
        let parameters = call.parameters.iter();
        let parameters = parameters.map(|(name, value)| (name.clone(), json!(value)));
        let mut values = vec![
            ("user", json!(call.user.as_str())),
            ("parameters", Value::Object(parameters.collect())),
        ];
        values.extend(partition_of(call));
        if self.settings.delta.is_some() {
            values.push(("since", json!(delta.map(DeltaQuery::since))));
        }
        if self.settings.soap.is_some() && self.settings.paging.is_some() {
            let pairs = more
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)));
            // The first page has none.
            let cursor = ("cursor".to_owned(), json!(null));
            let page: serde_json::Map<_, _> = [cursor].into_iter().chain(pairs).collect();
            values.push(("page", Value::Object(page)));
        }
        values.extend(self.security());
        Context::new(values)
    }

    /// What the header of an envelope says of who asks.
    fn security(&self) -> Option<(&'static str, Value)> {
        let token = self.settings.soap.as_ref()?.username_token.as_ref()?;
        let ports = self.caller.ports();
        let nonce = ports.random().hex::<16>();
        Some(("security", security(token, ports.clock().now(), &nonce)))
    }

    /// Whether a query parameter is ours to set, and not a device's: it might make itself somebody else. Back ends
    /// differ in what they take for the same name.
    fn sets(&self, operation: &Operation, name: &str) -> bool {
        let settings = &self.settings;
        let paging: [Option<&String>; 2] = match &settings.paging {
            Some(
                Paging::Page {
                    parameter,
                    size_parameter,
                    ..
                }
                | Paging::Offset {
                    parameter,
                    size_parameter,
                    ..
                },
            ) => [Some(parameter), size_parameter.as_ref()],
            Some(Paging::Cursor(cursor)) => [
                Some(&cursor.parameter),
                cursor.size.as_ref().map(|(parameter, _)| parameter),
            ],
            Some(Paging::Link | Paging::NextUrl(_)) | None => [None, None],
        };
        let delta = settings.delta.iter().flat_map(|delta| &delta.query);
        let declared = operation.query.iter().chain(delta).map(|(name, _)| name);
        let name = name.split('[').next().unwrap_or_default();
        paging
            .into_iter()
            .flatten()
            .chain(&settings.user_parameter)
            .chain(declared)
            .map(String::as_str)
            .chain(self.caller.own_parameter())
            .any(|own| own.trim().eq_ignore_ascii_case(name.trim()))
    }
}

/// A template that is filled in. One that cannot be is the settings' mistake, and nothing was asked.
fn filled(template: &Template, context: &Context) -> Result<String, AdapterError> {
    template
        .render(context)
        .map_err(|reason| AdapterError::Rejected {
            message: format!("a template of the settings cannot be filled in: {reason}"),
        })
}

pub(super) fn with_query(url: String, query: &str) -> String {
    match query {
        "" => url,
        query if url.contains('?') => format!("{url}&{query}"),
        query => format!("{url}?{query}"),
    }
}
