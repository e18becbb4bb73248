//! The settings of the REST adapter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::connection::{
    AuthorizationEntry, Connection, ConnectionEntry, DEFAULT_TIMEOUT_MS, address,
};
use crate::settings::{KeyError, Text, text, wrong};

/// A declared REST interface.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Address of the collection; an object's is this, a slash, and its id.
    pub url: String,
    /// Address that is searched, where that is not the collection's.
    pub search_url: Option<String>,
    /// JSON pointer to the records in the answer, which are a list or an object by id. Empty: the answer itself.
    pub records: String,
    /// Attribute of a record that is its id.
    pub id: String,
    /// Attributes devices get; all others where nothing is named.
    pub attributes: Option<Vec<String>>,
    /// What attributes are in the back end, where that is not a text.
    pub types: BTreeMap<String, AttributeType>,
    /// How an object is changed.
    pub update_method: UpdateMethod,
    /// Query parameter that carries the user's name, for sources that differ per user.
    pub user_parameter: Option<String>,
    /// How a long answer is read page by page.
    pub paging: Option<Paging>,
    /// What goes with every request.
    pub connection: Connection,
}

/// What an attribute is in the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any JSON.
    Json,
}

/// How an object is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UpdateMethod {
    /// `PUT` with the changed attributes.
    #[default]
    Put,
    /// `PATCH` with the changed attributes.
    Patch,
}

/// How a long answer is read page by page, until one has fewer records than it might.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Query parameter of the page's number.
    pub parameter: String,
    /// Number of the first page.
    #[serde(default = "one")]
    pub first: u64,
    /// Query parameter of the page's size.
    pub size_parameter: Option<String>,
    /// Records of a full page.
    pub size: usize,
}

const fn one() -> u64 {
    1
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestEntry {
    #[serde(serialize_with = "text::shown")]
    url: Text,
    #[serde(default, serialize_with = "text::shown_if_any")]
    search_url: Option<Text>,
    #[serde(default)]
    records: String,
    #[serde(default = "default_id")]
    id: String,
    attributes: Option<Vec<String>>,
    #[serde(default)]
    types: BTreeMap<String, AttributeType>,
    #[serde(default)]
    update_method: UpdateMethod,
    user_parameter: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    authorization: Option<AuthorizationEntry>,
    paging: Option<Paging>,
    timeout_ms: Option<u64>,
}

fn default_id() -> String {
    "id".to_owned()
}

impl RestEntry {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.timeout_ms.get_or_insert(DEFAULT_TIMEOUT_MS);
    }

    fn connection(&self) -> ConnectionEntry<'_> {
        ConnectionEntry {
            table: "rest",
            headers: &self.headers,
            authorization: self.authorization.as_ref(),
            timeout_ms: self.timeout_ms,
        }
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if !self.records.is_empty() && !self.records.starts_with('/') {
            return wrong(
                "rest.records",
                "is a JSON pointer, which starts with a slash: /items for instance",
            );
        }
        if self.id.is_empty() {
            return wrong("rest.id", "is empty");
        }
        match &self.paging {
            Some(paging) if paging.size == 0 => {
                return wrong("rest.paging.size", "must be at least 1");
            }
            Some(paging) if paging.parameter.is_empty() => {
                return wrong("rest.paging.parameter", "is empty");
            }
            _ => {}
        }
        self.connection().check()
    }

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let addresses = [Some(&self.url), self.search_url.as_ref()];
        self.connection()
            .texts()
            .chain(addresses.into_iter().flatten())
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<RestSettings, KeyError> {
        let search_url = self.search_url.as_ref();
        Ok(RestSettings {
            url: address("rest.url", &self.url, variable)?,
            search_url: search_url
                .map(|search_url| address("rest.search_url", search_url, variable))
                .transpose()?,
            connection: self.connection().resolve(variable)?,
            records: self.records,
            id: self.id,
            attributes: self.attributes,
            types: self.types,
            update_method: self.update_method,
            user_parameter: self.user_parameter,
            paging: self.paging,
        })
    }
}
