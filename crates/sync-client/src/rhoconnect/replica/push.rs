//! Sending changes: choosing what to send, and noting what was accepted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Creating, Journey, Replica};
use crate::rhoconnect::object::{Attributes, ObjectId, Objects};

/// The changes of one POST. The server takes them all (they are durable then), or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// Grows with every push of the replica, so that the server passes over one that arrives after a later one.
    pub number: u64,
    /// New objects by temporary id.
    pub create: Objects,
    /// New values of some attributes, by object.
    pub update: Objects,
    /// Objects to remove, with the values the device knows.
    pub delete: Objects,
}

impl Push {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }

    /// How many operations of each kind.
    pub fn counts(&self) -> PushCounts {
        PushCounts {
            created: self.create.len(),
            updated: self.update.len(),
            deleted: self.delete.len(),
        }
    }
}

/// How many operations went up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// New objects.
    pub created: usize,
    /// Changed objects.
    pub updated: usize,
    /// Removed objects.
    pub deleted: usize,
}

impl PushCounts {
    /// All operations.
    pub fn total(&self) -> usize {
        let Self {
            created,
            updated,
            deleted,
        } = self;
        created + updated + deleted
    }
}

impl Replica {
    /// Takes what is to go up now. Whatever happens to it on the way, nothing is forgotten before
    /// [`accepted`](Self::accepted); a replica kept in a file must be saved before the push is sent, because
    /// a create that was sent once is from then on repeated unchanged.
    ///
    /// Held back are changes of objects whose create has no link yet, and changes that refer to such an
    /// object: the back end could not know the id.
    pub fn take_push(&mut self) -> Push {
        let temporary = self.temporary_ids();
        let refers = |own: &str, values: &Attributes| {
            values
                .values()
                .any(|value| value != own && temporary.contains(value))
        };
        let mut push = Push::default();
        let mut departing = Vec::new();
        for (id, change) in &self.queue {
            match change {
                Change::Create(attributes) if !refers(id, attributes) => departing.push(id.clone()),
                Change::Update(values) if !temporary.contains(id) && !refers(id, values) => {
                    push.update.insert(id.clone(), values.clone());
                }
                Change::Delete if !temporary.contains(id) => {
                    push.delete
                        .insert(id.clone(), self.server.get(id).cloned().unwrap_or_default());
                }
                _ => {}
            }
        }
        for id in departing {
            if let Some(Change::Create(attributes)) = self.queue.remove(&id) {
                self.creating.insert(
                    id,
                    Creating {
                        journey: Journey::Attempted,
                        attributes,
                    },
                );
            }
        }
        push.create = self
            .creating
            .iter()
            .filter(|(_, creating)| creating.journey == Journey::Attempted)
            .map(|(id, creating)| (id.clone(), creating.attributes.clone()))
            .collect();
        if !push.is_empty() {
            self.pushes += 1;
            push.number = self.pushes;
        }
        push
    }

    /// Takes note that the server has a push: its updates and deletes are done with, its creates wait for
    /// their link or error. What was changed here meanwhile stays queued.
    pub fn accepted(&mut self, push: &Push) {
        for id in push.create.keys() {
            if let Some(creating) = self.creating.get_mut(id) {
                creating.journey = Journey::Accepted;
            }
        }
        for (id, sent) in &push.update {
            self.server
                .entry(id.clone())
                .or_default()
                .extend(sent.clone());
            if let Some(Change::Update(values)) = self.queue.get_mut(id) {
                values.retain(|name, value| sent.get(name) != Some(value));
                if values.is_empty() {
                    self.queue.remove(id);
                }
            }
        }
        for id in push.delete.keys() {
            self.server.remove(id);
            self.queue.remove(id);
        }
    }

    /// Gives objects the ids of the back end, wherever the temporary ones stand.
    pub(super) fn link(
        &mut self,
        links: BTreeMap<ObjectId, ObjectId>,
    ) -> BTreeMap<ObjectId, ObjectId> {
        let mut linked = BTreeMap::new();
        for (temporary, id) in links {
            let Some(Creating { mut attributes, .. }) = self.creating.remove(&temporary) else {
                continue;
            };
            // What the server has already said about the object is newer than what was sent.
            attributes.extend(self.server.remove(&id).unwrap_or_default());
            self.server.insert(id.clone(), attributes);
            if let Some(change) = self.queue.remove(&temporary) {
                self.queue.insert(id.clone(), change);
            }
            linked.insert(temporary, id);
        }
        // References to temporary ids are held back, so they stand in the queue only.
        for change in self.queue.values_mut() {
            let (Change::Create(values) | Change::Update(values)) = change else {
                continue;
            };
            for value in values.values_mut() {
                if let Some(id) = linked.get(value) {
                    value.clone_from(id);
                }
            }
        }
        linked
    }

    /// The ids the back end does not know.
    fn temporary_ids(&self) -> BTreeSet<ObjectId> {
        let queued = self
            .queue
            .iter()
            .filter(|(_, change)| matches!(change, Change::Create(_)))
            .map(|(id, _)| id);
        self.creating.keys().chain(queued).cloned().collect()
    }
}
