//! The device's copy of one source, with what the user changed in it offline.
//!
//! Two layers make up what the user sees: `server` holds what the server is known to have (or has accepted),
//! `queue` holds the changes that still have to go up and lies on top. So a page can be applied at any time:
//! it touches the lower layer only, and values waiting to be sent are never overwritten by older ones.

mod apply;
mod push;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rhoconnect::object::{Attributes, ObjectId, Objects};
use crate::rhoconnect::page::Token;

pub use apply::Applied;
pub use push::{Push, PushCounts};

/// A change that the server has not accepted yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    /// A new object with these values, under a temporary id.
    Create(Attributes),
    /// New values for some attributes.
    Update(Attributes),
    /// The object is to go.
    Delete,
}

/// Where a create stands on its way from the device to the back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Journey {
    /// Went up at least once, but no answer came back: the server may have it or not. It is sent again
    /// exactly as it was, because a server that has it looks at the temporary id only.
    Attempted,
    /// The server has it; its link, or its error, comes with a page.
    Accepted,
}

/// A local copy of one source: its objects, and the changes made here that still have to go up.
///
/// Pure state: it does no I/O and knows no clock. It serialises whole, so that a device can keep it in a file.
///
/// ```
/// use sync_client::rhoconnect::Replica;
///
/// let mut products = Replica::new("Product");
/// let id = products.create([("name", "Lamp"), ("price", "12")]);
/// products.update(&id, [("price", "13")]);
/// assert_eq!(products.get(&id).unwrap()["price"], "13");
/// assert!(products.has_changes());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    source: String,
    server: Objects,
    queue: BTreeMap<ObjectId, Change>,
    /// Creates that went up and have no id of the back end yet, by temporary id.
    creating: BTreeMap<ObjectId, Creating>,
    metadata: Option<String>,
    token: Option<Token>,
    /// How many pushes were taken, ever: also what was forgotten counts, since it may still be on its way.
    #[serde(default)]
    pushes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Creating {
    journey: Journey,
    /// As sent, and sent again until an answer comes.
    attributes: Attributes,
}

impl Replica {
    /// An empty copy of the source of this name.
    pub fn new(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            server: Objects::new(),
            queue: BTreeMap::new(),
            creating: BTreeMap::new(),
            metadata: None,
            token: None,
            pushes: 0,
        }
    }

    /// The source's name.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The source's metadata, as last received.
    pub fn metadata(&self) -> Option<&str> {
        self.metadata.as_deref()
    }

    /// What acknowledges the page that was applied last, if that is still to be done.
    pub fn token(&self) -> Option<Token> {
        self.token
    }

    /// One object as the user sees it, local changes included.
    pub fn get(&self, id: &str) -> Option<Cow<'_, Attributes>> {
        let server = self.server.get(id);
        let sent = self.creating.get(id).map(|creating| &creating.attributes);
        let below = server.or(sent);
        match self.queue.get(id) {
            None => below.map(Cow::Borrowed),
            Some(Change::Delete) => None,
            Some(Change::Create(attributes)) => Some(Cow::Borrowed(attributes)),
            Some(Change::Update(values)) => {
                let mut attributes = below.cloned().unwrap_or_default();
                attributes.extend(values.clone());
                Some(Cow::Owned(attributes))
            }
        }
    }

    /// All objects as the user sees them, by id.
    pub fn objects(&self) -> impl Iterator<Item = (&str, Cow<'_, Attributes>)> {
        let ids: BTreeSet<&ObjectId> = self
            .server
            .keys()
            .chain(self.creating.keys())
            .chain(self.queue.keys())
            .collect();
        ids.into_iter()
            .filter_map(|id| Some((id.as_str(), self.get(id)?)))
    }

    /// Whether an object has changes of this device that the back end has not confirmed: queued ones, or a
    /// create whose link is still to come.
    pub fn is_pending(&self, id: &str) -> bool {
        self.queue.contains_key(id) || self.creating.contains_key(id)
    }

    /// Whether there is anything to send, now or once a link has come.
    pub fn has_changes(&self) -> bool {
        !self.queue.is_empty()
            || self
                .creating
                .values()
                .any(|creating| creating.journey == Journey::Attempted)
    }

    /// Makes a new object and returns its temporary id: unique across devices, and sorting by time, so that
    /// creates go up in the order in which they were made.
    pub fn create<K: Into<String>, V: Into<String>>(
        &mut self,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> ObjectId {
        let id = Uuid::now_v7().simple().to_string();
        self.create_as(id.clone(), attributes);
        id
    }

    /// Makes a new object under a temporary id of the caller's choice.
    ///
    /// The id must never have been used on this source before, as the server recognises a repeated create by
    /// it, and it must not look like a value: when the link comes, attributes that hold the id are renamed.
    pub fn create_as<K: Into<String>, V: Into<String>>(
        &mut self,
        id: impl Into<ObjectId>,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) {
        self.queue
            .insert(id.into(), Change::Create(owned(attributes)));
    }

    /// Sets some attributes of an object. Says whether there is such an object.
    pub fn update<K: Into<String>, V: Into<String>>(
        &mut self,
        id: &str,
        values: impl IntoIterator<Item = (K, V)>,
    ) -> bool {
        if self.get(id).is_none() {
            return false;
        }
        match self
            .queue
            .entry(id.to_owned())
            .or_insert_with(|| Change::Update(Attributes::new()))
        {
            Change::Create(attributes) | Change::Update(attributes) => {
                attributes.extend(owned(values))
            }
            // `get` found the object, so it is not deleted.
            Change::Delete => return false,
        }
        true
    }

    /// Removes an object. Says whether there was one. An object that never went up leaves no trace.
    pub fn delete(&mut self, id: &str) -> bool {
        if self.get(id).is_none() {
            return false;
        }
        match self.queue.remove(id) {
            Some(Change::Create(_)) => {}
            _ => {
                self.queue.insert(id.to_owned(), Change::Delete);
            }
        }
        true
    }

    /// Forgets all that came from the server, but not what is queued: for going on as another client, after the
    /// server has forgotten this one. The next run brings everything again.
    pub fn start_over(&mut self) {
        self.server.clear();
        self.token = None;
        // A create that the server has comes back as an object; whatever was queued for its temporary id was
        // waiting for a link that will not come any more.
        let (waiting, unsent) = std::mem::take(&mut self.creating)
            .into_iter()
            .partition(|(_, it)| it.journey == Journey::Accepted);
        self.creating = unsent;
        let waiting: BTreeMap<ObjectId, Creating> = waiting;
        self.queue.retain(|id, _| !waiting.contains_key(id));
    }

    /// Forgets all that came from the server and all that is queued: the state of a new device.
    pub fn clear(&mut self) {
        *self = Self {
            pushes: self.pushes,
            ..Self::new(std::mem::take(&mut self.source))
        };
    }
}

fn owned<K: Into<String>, V: Into<String>>(
    attributes: impl IntoIterator<Item = (K, V)>,
) -> Attributes {
    attributes
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[cfg(test)]
mod tests;
