//! The answer to a pull, read the way the devices in the field read it.
//!
//! A page is a JSON array of small objects that must stand in one order, each optional, closed by one
//! command object. The device engine walks it strictly: an item out of its place, or unknown, is taken as
//! the command object, and whatever follows is never looked at. Reading it more kindly here would let a
//! server pass that no device understands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::rhoconnect::object::{Attributes, ObjectId, Objects, Text, objects};

/// The only page version there is; spoken by every server of this family.
const PAGE_VERSION: u64 = 3;

/// The order in which a device expects the items before the command object.
const ITEMS: [&str; 7] = [
    "version",
    "token",
    "source",
    "count",
    "refresh_time",
    "progress_count",
    "total_count",
];

/// What acknowledges a page: sent back with the next request once the page is applied and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(u64);

impl Token {
    /// Reads a token as devices do: a decimal number above 1. Anything else means that there is nothing to
    /// acknowledge.
    pub fn from_wire(text: &str) -> Option<Self> {
        text.parse().ok().filter(|&number| number > 1).map(Self)
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One answer of a pull.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What acknowledges this page; none when the source is up to date.
    pub token: Option<Token>,
    /// Objects in `insert` and in `delete`, together.
    pub count: u64,
    /// Seconds after which the server would like to be asked again.
    pub refresh_time: Option<u64>,
    /// Objects the device has already, by the server's count.
    pub progress_count: u64,
    /// Objects of the whole source.
    pub total_count: u64,
    /// What the device is to do.
    pub command: Command,
}

/// What a page tells the device to do. Applied in the order of [`Replica::apply`](crate::rhoconnect::Replica::apply),
/// not of these fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The source's schema is another one: everything local is void.
    pub schema_changed: bool,
    /// What went wrong on the server for the source as a whole.
    pub source_errors: Vec<SourceError>,
    /// Creates, updates and deletes of this device that the back end refused.
    pub rejections: Vec<Rejection>,
    /// Values to put back after refused updates: the whole objects.
    pub rollbacks: Objects,
    /// The source's metadata: a text, mostly JSON.
    pub metadata: Option<String>,
    /// The ids that the back end gave to objects this device made, by temporary id.
    pub links: BTreeMap<ObjectId, ObjectId>,
    /// Attributes to remove. An object is gone with its last attribute.
    pub delete: Objects,
    /// Attributes to set.
    pub insert: Objects,
}

/// An error of a source: its back end does not answer, or refused the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// `query-error`, `login-error`, `logoff-error`, …
    pub kind: String,
    /// What the back end said.
    pub message: String,
}

/// An operation of this device that the back end refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Which operation it was.
    pub operation: Operation,
    /// The object it was about: for a create, the temporary id.
    pub id: ObjectId,
    /// What the back end said.
    pub message: String,
    /// The attributes as they were sent.
    pub attributes: Attributes,
}

/// What a device does to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A new object.
    Create,
    /// New values for some attributes.
    Update,
    /// An object removed.
    Delete,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// An answer that is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The answer is not the JSON of a page.
    #[error("the server's answer is not a page")]
    Json(#[from] serde_json::Error),
    /// An empty array.
    #[error("the server's answer is an empty page")]
    Empty,
    /// A page of another protocol version, or of none.
    #[error("the server speaks page version {0}, this device version {PAGE_VERSION}")]
    Version(u64),
}

impl Page {
    /// Reads a page from the body of an answer.
    ///
    /// # Errors
    ///
    /// [`PageError`], when it is none.
    pub fn parse(body: &[u8]) -> Result<Self, PageError> {
        let items: Vec<&RawValue> = serde_json::from_slice(body)?;
        if items.is_empty() {
            return Err(PageError::Empty);
        }
        let mut page = Self::default();
        let mut expected = ITEMS.iter();
        for item in items {
            let Some((name, value)) = head(item)? else {
                break;
            };
            if !expected.any(|&known| known == name) {
                page.command = read::<WireCommand>(item)?.into();
                break;
            }
            page.take(&name, value)?;
        }
        Ok(page)
    }

    /// Takes one of the items before the command object.
    fn take(&mut self, name: &str, value: &RawValue) -> Result<(), PageError> {
        if name == "source" {
            return Ok(());
        }
        let Text(text) = read(value)?;
        let number = text.parse().unwrap_or(0);
        match name {
            "version" if number != PAGE_VERSION => return Err(PageError::Version(number)),
            "token" => self.token = Token::from_wire(&text),
            "count" => self.count = number,
            "refresh_time" => self.refresh_time = Some(number),
            "progress_count" => self.progress_count = number,
            "total_count" => self.total_count = number,
            _ => {}
        }
        Ok(())
    }
}

/// The first name of an item and its value; none for an empty object.
fn head(item: &RawValue) -> Result<Option<(String, &RawValue)>, PageError> {
    let map: BTreeMap<String, &RawValue> = read(item)?;
    Ok(match map.len() {
        0 => None,
        1 => map.into_iter().next(),
        // Several names: only the command object has them.
        _ => Some((String::new(), item)),
    })
}

fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, PageError> {
    Ok(serde_json::from_str(value.get())?)
}

/// The command object as it stands on the wire.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct WireCommand {
    schema_changed: Option<Text>,
    source_error: BTreeMap<String, WireError>,
    search_error: BTreeMap<String, WireError>,
    #[serde(deserialize_with = "objects")]
    create_error: Objects,
    #[serde(deserialize_with = "objects")]
    update_error: Objects,
    #[serde(deserialize_with = "objects")]
    delete_error: Objects,
    #[serde(deserialize_with = "objects")]
    update_rollback: Objects,
    metadata: Option<Text>,
    links: BTreeMap<ObjectId, WireLink>,
    #[serde(deserialize_with = "objects")]
    delete: Objects,
    #[serde(deserialize_with = "objects")]
    insert: Objects,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    message: Text,
}

#[derive(Deserialize)]
struct WireLink {
    l: Text,
}

impl From<WireCommand> for Command {
    fn from(wire: WireCommand) -> Self {
        let WireCommand {
            schema_changed,
            source_error,
            search_error,
            create_error,
            update_error,
            delete_error,
            update_rollback,
            metadata,
            links,
            delete,
            insert,
        } = wire;
        let source_errors = source_error
            .into_iter()
            .chain(search_error)
            .map(
                |(
                    kind,
                    WireError {
                        message: Text(message),
                    },
                )| SourceError { kind, message },
            )
            .collect();
        let rejections = [
            (Operation::Create, create_error),
            (Operation::Update, update_error),
            (Operation::Delete, delete_error),
        ]
        .into_iter()
        .flat_map(|(operation, errors)| rejections(operation, errors))
        .collect();
        Self {
            schema_changed: schema_changed.is_some(),
            source_errors,
            rejections,
            rollbacks: update_rollback,
            metadata: metadata.map(|Text(text)| text),
            links: links
                .into_iter()
                .map(|(id, WireLink { l: Text(link) })| (id, link))
                .collect(),
            delete,
            insert,
        }
    }
}

/// Joins the twins of an error list: the object under its id, the message under `<id>-error`.
fn rejections(operation: Operation, mut errors: Objects) -> Vec<Rejection> {
    const TWIN: &str = "-error";
    let twins: Vec<ObjectId> = errors
        .iter()
        .filter(|(key, value)| key.ends_with(TWIN) && value.contains_key("message"))
        .map(|(key, _)| key.clone())
        .collect();
    twins
        .into_iter()
        .filter_map(|twin| {
            let message = errors.remove(&twin)?.remove("message")?;
            let id = twin.strip_suffix(TWIN)?.to_owned();
            let attributes = errors.remove(&id).unwrap_or_default();
            Some(Rejection {
                operation,
                id,
                message,
                attributes,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
