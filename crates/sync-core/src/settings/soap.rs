//! The settings of the SOAP adapter: a declared interface whose calls are envelopes.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::mapping::{AttributeType, Escape, Format, Mapping, Nested, Path, Template};
use crate::settings::connection::{
    AuthorizationEntry, ConnectionEntry, DEFAULT_TIMEOUT_MS, address,
};
use crate::settings::delta::{DeltaEntry, DeltaSettings, ToldBy};
use crate::settings::mapping::{AttributesEntry, ChildrenEntry, IdEntry, MappingEntry};
use crate::settings::operation::{OF_CREATE, OF_DELTA, OF_OBJECT, OF_QUESTION, Operation};
use crate::settings::paging::{EnvelopePagingEntry, Paging};
use crate::settings::rest::{HIGHEST_RETRIES, RestSettings, path_at};
use crate::settings::{KeyError, Secret, Text, text, wrong};

const TABLE: &str = "soap";

/// What holds for a back end that speaks SOAP.
#[derive(Debug, Clone)]
pub(crate) struct SoapSettings {
    pub(crate) username_token: Option<UsernameToken>,
    /// Codes of faults that mean "later".
    pub(crate) retry_faults: BTreeSet<String>,
}

/// A user name and a password in every envelope (WS-Security UsernameToken Profile 1.1).
#[derive(Debug, Clone)]
pub(crate) struct UsernameToken {
    pub(crate) username: Secret,
    pub(crate) password: Secret,
    pub(crate) kind: PasswordKind,
}

/// How a password stands in an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum PasswordKind {
    /// As it is.
    #[default]
    Text,
    /// As a digest with a time and a random text.
    Digest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum SoapVersion {
    /// SOAP 1.1.
    #[default]
    #[serde(rename = "1.1")]
    V1_1,
    /// SOAP 1.2.
    #[serde(rename = "1.2")]
    V1_2,
}

/// How the server says who it is, in every envelope.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct UsernameTokenEntry {
    /// The user.
    username: Text,
    /// The password.
    password: Text,
    /// How the password is sent.
    #[serde(default)]
    password_type: PasswordKind,
}

/// One kind of call.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SoapCallEntry {
    /// What `SOAPAction` says, or `action` in the content type of SOAP 1.2.
    action: Option<String>,
    /// What is in the envelope's body: a template.
    body: String,
}

/// A declared SOAP interface.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SoapEntry {
    /// Address of the endpoint.
    #[serde(serialize_with = "text::shown")]
    url: Text,
    /// Version of the envelopes; `1.1` where nothing is said.
    #[serde(default)]
    version: SoapVersion,
    /// What is in the envelopes' header: a template.
    #[serde(default)]
    header: String,
    /// User name and password in every envelope (WS-Security).
    username_token: Option<UsernameTokenEntry>,
    /// How everything is asked for.
    list: SoapCallEntry,
    /// How something is searched for.
    search: Option<SoapCallEntry>,
    /// How an object is created.
    create: Option<SoapCallEntry>,
    /// How an object is changed.
    update: Option<SoapCallEntry>,
    /// How an object is deleted.
    delete: Option<SoapCallEntry>,
    /// Path to the records, from the envelope's body on: `$.ListResponse.Item`.
    records: String,
    /// How a long answer is read page by page.
    paging: Option<EnvelopePagingEntry>,
    /// Queries for what has changed since the last one: the envelope of `list` says `since`.
    changes: Option<DeltaEntry>,
    /// Makes the records within each record the source's.
    children: Option<ChildrenEntry>,
    /// Path to the value that is a record's id, or a list of paths to values that are joined by `:`. `id` where nothing is said.
    id: Option<IdEntry>,
    /// Path to a new object's id in the answer to its create, from the envelope's body on.
    created_id: Option<String>,
    /// Path to what the back end says to the user of a change that it has made, from the envelope's body on.
    message: Option<String>,
    /// Path to what applications need to know of the source beside its objects, from the envelope's body of a query on.
    metadata: Option<String>,
    /// Attributes that devices get: a list of names, or a table of names and paths. All where nothing is said.
    attributes: Option<AttributesEntry>,
    /// Attributes that devices do not get.
    #[serde(default)]
    omit: BTreeSet<String>,
    /// What becomes of elements with elements in a record.
    #[serde(default)]
    nested: Nested,
    /// What attributes are in the back end, where that is not a text: `{ price = "number" }`. Devices know only texts.
    #[serde(default)]
    types: BTreeMap<String, AttributeType>,
    /// Codes of faults, without prefix, after which a change is tried again: `["Server.Busy"]`. Any other fault refuses it.
    #[serde(default)]
    retry_faults: BTreeSet<String>,
    /// How often a request of a query or search is tried again at once if the back end cannot answer, at most 5.
    #[serde(default)]
    retries: u32,
    /// Further headers of every request.
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    /// How the server proves who it is to HTTP.
    authorization: Option<AuthorizationEntry>,
    /// How long a call may take, in milliseconds (1 to 20 000); 10 000 where nothing is said.
    timeout_ms: Option<u64>,
}

impl SoapEntry {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.timeout_ms.get_or_insert(DEFAULT_TIMEOUT_MS);
    }

    pub(super) fn connection(&self) -> ConnectionEntry<'_> {
        ConnectionEntry {
            table: TABLE,
            headers: &self.headers,
            authorization: self.authorization.as_ref(),
            timeout_ms: self.timeout_ms,
        }
    }

    fn mapping(&self) -> Result<Mapping, KeyError> {
        let mapping = MappingEntry {
            table: TABLE,
            format: Format::Xml,
            delimiter: None,
            records: &self.records,
            children: self.children.as_ref(),
            id: self.id.as_ref(),
            attributes: self.attributes.as_ref(),
            omit: &self.omit,
            nested: self.nested,
            types: &self.types,
        };
        mapping.resolve()
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if self.retries > HIGHEST_RETRIES {
            return wrong("soap.retries", format!("must be at most {HIGHEST_RETRIES}"));
        }
        self.mapping()?;
        self.paging()?;
        self.delta()?;
        self.paths()?;
        for (name, call) in self.calls() {
            call.map(|call| self.operation(name, call)).transpose()?;
        }
        self.connection().check()
    }

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let token = self.username_token.iter();
        self.connection()
            .texts()
            .chain([&self.url])
            .chain(token.flat_map(|token| [&token.username, &token.password]))
    }

    fn calls(&self) -> [(&'static str, Option<&SoapCallEntry>); 5] {
        [
            ("list", Some(&self.list)),
            ("search", self.search.as_ref()),
            ("create", self.create.as_ref()),
            ("update", self.update.as_ref()),
            ("delete", self.delete.as_ref()),
        ]
    }

    fn paging(&self) -> Result<Option<Paging>, KeyError> {
        let paging = self.paging.as_ref();
        paging.map(|paging| paging.resolve(TABLE)).transpose()
    }

    fn delta(&self) -> Result<Option<DeltaSettings>, KeyError> {
        let delta = self.changes.as_ref();
        delta
            .map(|delta| delta.resolve(TABLE, ToldBy::Envelope))
            .transpose()
    }

    /// Those to a new object's id, to a message and to the metadata.
    fn paths(&self) -> Result<[Option<Path>; 3], KeyError> {
        Ok([
            path_at(TABLE, "created_id", self.created_id.as_deref())?,
            path_at(TABLE, "message", self.message.as_deref())?,
            path_at(TABLE, "metadata", self.metadata.as_deref())?,
        ])
    }

    /// A call as a request with an envelope.
    fn operation(&self, name: &str, call: &SoapCallEntry) -> Result<Operation, KeyError> {
        let key = |key: &str| format!("soap.{name}.{key}");
        let action = call.action.as_deref().unwrap_or_default();
        if action.contains('"') {
            return wrong(&key("action"), "has quotation marks");
        }
        let (namespace, content_type) = match self.version {
            SoapVersion::V1_1 => (
                "http://schemas.xmlsoap.org/soap/envelope/",
                "text/xml; charset=utf-8".to_owned(),
            ),
            SoapVersion::V1_2 => (
                "http://www.w3.org/2003/05/soap-envelope",
                match action {
                    "" => "application/soap+xml; charset=utf-8".to_owned(),
                    action => format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
                },
            ),
        };
        let security = match &self.username_token {
            Some(_) => include_str!("security_header.xml").trim_end(),
            None => "",
        };
        let (header, body) = (&self.header, &call.body);
        let envelope = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{namespace}\"><soap:Header>{security}{header}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
        );
        let named = match (name, &self.changes) {
            ("create", _) => OF_CREATE,
            ("update" | "delete", _) => OF_OBJECT,
            (_, Some(_)) => OF_DELTA,
            (_, None) => OF_QUESTION,
        };
        let is_paged = matches!(name, "list" | "search") && self.paging.is_some();
        let page = is_paged.then_some("page");
        let security_name = self.username_token.as_ref().map(|_| "security");
        let known: Vec<&str> = named
            .iter()
            .copied()
            .chain(page)
            .chain(security_name)
            .collect();
        let body = Template::compile_knowing(&envelope, Escape::Xml, &known)
            .map_err(|reason| (key("body"), reason))?;
        let plain = |text: &str| {
            // What has no tags cannot fail to compile, nor what is quoted.
            let quoted = text.replace('{', "{{ \"{\" }}");
            Template::compile(&quoted, Escape::Plain).map_err(|reason| (key("action"), reason))
        };
        let headers = match self.version {
            SoapVersion::V1_1 => vec![(
                HeaderName::from_static("soapaction"),
                plain(&format!("\"{action}\""))?,
            )],
            SoapVersion::V1_2 => Vec::new(),
        };
        Ok(Operation {
            method: Method::POST,
            path: plain("")?,
            query: Vec::new(),
            headers,
            body: Some(body),
            content_type: HeaderValue::from_str(&content_type)
                .map_err(|error| (key("action"), error.to_string()))?,
        })
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<RestSettings, KeyError> {
        let optional = |name: &str, call: &Option<SoapCallEntry>| {
            let call = call.as_ref();
            call.map(|call| self.operation(name, call)).transpose()
        };
        let secret = |key: &str, text: &Text| {
            let text = text.resolve(variable).map(Secret::new);
            text.map_err(|reason| (format!("soap.username_token.{key}"), reason))
        };
        let username_token = match &self.username_token {
            None => None,
            Some(token) => Some(UsernameToken {
                username: secret("username", &token.username)?,
                password: secret("password", &token.password)?,
                kind: token.password_type,
            }),
        };
        let [created_id, message, metadata] = self.paths()?;
        Ok(RestSettings {
            url: address("soap.url", &self.url, variable)?,
            search_url: None,
            user_parameter: None,
            paging: self.paging()?,
            retries: self.retries,
            connection: self.connection().resolve(variable)?,
            mapping: self.mapping()?,
            created_id,
            message,
            metadata,
            delta: self.delta()?,
            list: self.operation("list", &self.list)?,
            search: optional("search", &self.search)?,
            create: optional("create", &self.create)?,
            update: optional("update", &self.update)?,
            delete: optional("delete", &self.delete)?,
            read: None,
            soap: Some(SoapSettings {
                username_token,
                retry_faults: self.retry_faults,
            }),
        })
    }
}
