//! The settings of the REST adapter.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde::{Deserialize, Serialize};

use crate::mapping::{AttributeType, Format, Mapping, Nested, Path};
use crate::settings::connection::{
    AuthorizationEntry, Connection, ConnectionEntry, DEFAULT_TIMEOUT_MS, address,
};
use crate::settings::delta::{DeltaEntry, DeltaSettings, ToldBy};
use crate::settings::mapping::{AttributesEntry, ChildrenEntry, IdEntry, MappingEntry};
use crate::settings::operation::{
    OF_CREATE, OF_DELTA, OF_OBJECT, OF_QUESTION, Operation, OperationEntry, Usual,
};
use crate::settings::paging::{Paging, PagingEntry};
use crate::settings::soap::SoapSettings;
use crate::settings::{KeyError, Text, text, wrong};

/// Most attempts at a request beside the first: a device may be waiting.
pub(super) const HIGHEST_RETRIES: u32 = 5;

/// The adapter's table.
const TABLE: &str = "rest";

/// A declared REST interface.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Address of the collection; an object's is this, a slash, and its id.
    pub url: String,
    /// Address that is searched, where that is not the collection's.
    pub search_url: Option<String>,
    /// Query parameter that carries the user's name, for sources that differ per user.
    pub user_parameter: Option<String>,
    /// How a long answer is read page by page.
    pub paging: Option<Paging>,
    /// How often a request that asks for something is tried again at once.
    pub retries: u32,
    /// What goes with every request.
    pub connection: Connection,
    pub(crate) mapping: Mapping,
    pub(crate) created_id: Option<Path>,
    /// Where the answer to a change says something to the user.
    pub(crate) message: Option<Path>,
    /// Where the answer to a query has the source's metadata.
    pub(crate) metadata: Option<Path>,
    pub(crate) delta: Option<DeltaSettings>,
    pub(crate) list: Operation,
    pub(crate) search: Option<Operation>,
    pub(crate) create: Option<Operation>,
    pub(crate) update: Option<Operation>,
    pub(crate) delete: Option<Operation>,
    pub(crate) read: Option<ReadSettings>,
    /// Whether calls and answers are envelopes.
    pub(crate) soap: Option<SoapSettings>,
}

/// How one object is read.
#[derive(Debug, Clone)]
pub(crate) struct ReadSettings {
    pub(crate) operation: Operation,
    /// Where the record is in the answer.
    pub(crate) record: Path,
    /// That of a list which has nothing else.
    pub(crate) mapping: Mapping,
}

/// How an object is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum UpdateMethod {
    /// `PUT` with the changed attributes.
    #[default]
    Put,
    /// `PATCH` with the changed attributes.
    Patch,
}

/// A declared REST interface.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RestEntry {
    /// Address of the collection. `GET` lists it, `POST` creates; an object is at `<url>/<id>` (`PUT` or `PATCH`, `DELETE`).
    #[serde(serialize_with = "text::shown")]
    url: Text,
    /// Address for searches, where that is not `url`. What the device searches for is added as query parameters.
    #[serde(default, serialize_with = "text::shown_if_any")]
    search_url: Option<Text>,
    /// Form of the answers.
    #[serde(default)]
    format: Format,
    /// What separates the values of a line of CSV; a comma where nothing is said.
    delimiter: Option<String>,
    /// Path to the records in the answer: a list, or an object by id. Empty: the answer itself.
    #[serde(default)]
    records: String,
    /// Makes the records within each record the source's: `{ records = "$.lines", parent = { order = "$.no" } }`.
    children: Option<ChildrenEntry>,
    /// Path to the value that is a record's id, or a list of paths to values that are joined by `:`. `id` where nothing is said.
    id: Option<IdEntry>,
    /// Path to a new object's id in the answer to its create. Where nothing is said, it is looked for at `id`, and then in the
    /// last segment of `Location`.
    created_id: Option<String>,
    /// Path to what the back end says to the user of a change that it has made, in its answer.
    message: Option<String>,
    /// Path to what applications need to know of the source beside its objects, in the answer to a query.
    metadata: Option<String>,
    /// Attributes that devices get: a list of names, or a table of names and paths. All where nothing is said.
    attributes: Option<AttributesEntry>,
    /// Attributes that devices do not get.
    #[serde(default)]
    omit: BTreeSet<String>,
    /// What becomes of objects in a record.
    #[serde(default)]
    nested: Nested,
    /// What attributes are in the back end, where that is not a text: `{ price = "number" }`. Devices know only texts.
    #[serde(default)]
    types: BTreeMap<String, AttributeType>,
    /// Method of an update. The body has the changed attributes only.
    #[serde(default)]
    update_method: UpdateMethod,
    /// Query parameter that carries the user's name, for sources that differ per user. A device's parameters cannot override it.
    user_parameter: Option<String>,
    /// How everything is asked for.
    #[serde(default)]
    list: OperationEntry,
    /// How something is searched for.
    #[serde(default)]
    search: OperationEntry,
    /// How an object is created.
    #[serde(default)]
    create: OperationEntry,
    /// How an object is changed.
    #[serde(default)]
    update: OperationEntry,
    /// How an object is deleted.
    #[serde(default)]
    delete: OperationEntry,
    /// How one object is asked for: `GET` of `<url>/<id>` where the table is empty. Without it none is.
    read: Option<OperationEntry>,
    /// Path to the record in the answer to `read`; the answer itself where nothing is said.
    record: Option<String>,
    /// How a long answer is read page by page.
    paging: Option<PagingEntry>,
    /// Queries for what has changed since the last one.
    changes: Option<DeltaEntry>,
    /// How often a request of a query or search is tried again at once if the back end cannot answer, at most 5, with growing
    /// waits. Changes have attempts of their own.
    #[serde(default)]
    retries: u32,
    /// Further headers of every request.
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    /// How the server proves who it is.
    authorization: Option<AuthorizationEntry>,
    /// How long a call may take, in milliseconds (1 to 20 000); 10 000 where nothing is said.
    timeout_ms: Option<u64>,
}

impl RestEntry {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.timeout_ms.get_or_insert(DEFAULT_TIMEOUT_MS);
    }

    pub(super) fn connection(&self) -> ConnectionEntry<'_> {
        ConnectionEntry {
            table: "rest",
            headers: &self.headers,
            authorization: self.authorization.as_ref(),
            timeout_ms: self.timeout_ms,
        }
    }

    /// Whether single objects can be asked for.
    pub(super) fn reads(&self) -> bool {
        self.read.is_some()
    }

    fn mapping(&self) -> MappingEntry<'_> {
        MappingEntry {
            table: "rest",
            format: self.format,
            delimiter: self.delimiter.as_deref(),
            records: &self.records,
            children: self.children.as_ref(),
            id: self.id.as_ref(),
            attributes: self.attributes.as_ref(),
            omit: &self.omit,
            nested: self.nested,
            types: &self.types,
        }
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if self.retries > HIGHEST_RETRIES {
            return wrong("rest.retries", format!("must be at most {HIGHEST_RETRIES}"));
        }
        if self.changes.is_some() && self.children.is_some() {
            return wrong(
                "rest.changes",
                "does not go with children: a record that has changed does not say which of them are gone",
            );
        }
        if self.read.is_some() && self.children.is_some() {
            return wrong(
                "rest.read",
                "does not go with children: they are no records of their own",
            );
        }
        if self.record.is_some() && self.read.is_none() {
            return wrong("rest.record", "belongs to read, which is missing");
        }
        self.compiled()?;
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
        let Compiled {
            mapping,
            created_id,
            message,
            metadata,
            delta,
            paging,
            operations: [list, search, create, update, delete],
            read,
        } = self.compiled()?;
        Ok(RestSettings {
            url: address("rest.url", &self.url, variable)?,
            search_url: search_url
                .map(|search_url| address("rest.search_url", search_url, variable))
                .transpose()?,
            connection: self.connection().resolve(variable)?,
            user_parameter: self.user_parameter,
            paging,
            retries: self.retries,
            mapping,
            created_id,
            message,
            metadata,
            delta,
            list,
            search: Some(search),
            create: Some(create),
            update: Some(update),
            delete: Some(delete),
            read,
            soap: None,
        })
    }

    /// What needs no variable.
    fn compiled(&self) -> Result<Compiled, KeyError> {
        let operation = |name: &str, entry: &OperationEntry, method, path, names| {
            let usual = Usual {
                method,
                path,
                names,
            };
            entry.resolve(&format!("rest.{name}"), &usual)
        };
        let update_method = match self.update_method {
            UpdateMethod::Put => Method::PUT,
            UpdateMethod::Patch => Method::PATCH,
        };
        let (paging, delta) = (self.paging.as_ref(), self.changes.as_ref());
        let of_question = match delta {
            Some(_) => OF_DELTA,
            None => OF_QUESTION,
        };
        let mapping = self.mapping().resolve()?;
        let path =
            |text: &str| Path::parse(text).map_err(|reason| ("rest.record".to_owned(), reason));
        let path_at = |name, text: &Option<String>| path_at(TABLE, name, text.as_deref());
        let read = match &self.read {
            None => None,
            Some(entry) => Some(ReadSettings {
                operation: operation("read", entry, Method::GET, "/{{ id }}", OF_OBJECT)?,
                record: path(self.record.as_deref().unwrap_or_default())?,
                mapping: Mapping {
                    records: path("")?,
                    ..mapping.clone()
                },
            }),
        };
        Ok(Compiled {
            mapping,
            created_id: path_at("created_id", &self.created_id)?,
            message: path_at("message", &self.message)?,
            metadata: path_at("metadata", &self.metadata)?,
            delta: delta
                .map(|delta| delta.resolve("rest", ToldBy::Query))
                .transpose()?,
            paging: paging.map(|paging| paging.resolve("rest")).transpose()?,
            operations: [
                operation("list", &self.list, Method::GET, "", of_question)?,
                operation("search", &self.search, Method::GET, "", of_question)?,
                operation("create", &self.create, Method::POST, "", OF_CREATE)?,
                operation(
                    "update",
                    &self.update,
                    update_method,
                    "/{{ id }}",
                    OF_OBJECT,
                )?,
                operation(
                    "delete",
                    &self.delete,
                    Method::DELETE,
                    "/{{ id }}",
                    OF_OBJECT,
                )?,
            ],
            read,
        })
    }
}

/// A path that may be missing.
pub(super) fn path_at(
    table: &str,
    name: &str,
    text: Option<&str>,
) -> Result<Option<Path>, KeyError> {
    let path = text.map(Path::parse).transpose();
    path.map_err(|reason| (format!("{table}.{name}"), reason))
}

/// The compiled parts of an entry.
struct Compiled {
    mapping: Mapping,
    created_id: Option<Path>,
    message: Option<Path>,
    metadata: Option<Path>,
    delta: Option<DeltaSettings>,
    paging: Option<Paging>,
    /// List, search, create, update, delete.
    operations: [Operation; 5],
    read: Option<ReadSettings>,
}
