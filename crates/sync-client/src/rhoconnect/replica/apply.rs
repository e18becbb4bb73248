//! Applying a page that was pulled.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Replica;
use crate::rhoconnect::object::{Attributes, ObjectId, Objects};
use crate::rhoconnect::page::{Command, Operation, Page, Rejection, SourceError};

/// What pages changed in what the user sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Objects that are new.
    pub added: BTreeSet<ObjectId>,
    /// Objects with other values than before.
    pub changed: BTreeSet<ObjectId>,
    /// Objects that are gone.
    pub removed: BTreeSet<ObjectId>,
    /// Objects that have got the back end's id, by their temporary one.
    pub linked: BTreeMap<ObjectId, ObjectId>,
    /// Operations of this device that the back end refused.
    pub rejections: Vec<Rejection>,
    /// What is wrong with the source as a whole.
    pub source_errors: Vec<SourceError>,
    /// Everything local was dropped, queued changes included, because the source's schema is another one.
    pub schema_changed: bool,
}

impl Applied {
    /// Adds what a later page changed.
    pub(crate) fn extend(&mut self, later: Self) {
        let Self {
            added,
            changed,
            removed,
            linked,
            rejections,
            source_errors,
            schema_changed,
        } = later;
        if schema_changed {
            *self = Self {
                linked: std::mem::take(&mut self.linked),
                ..Self::default()
            };
        }
        for id in added {
            let known = if self.removed.remove(&id) {
                &mut self.changed
            } else {
                &mut self.added
            };
            known.insert(id);
        }
        self.changed
            .extend(changed.into_iter().filter(|id| !self.added.contains(id)));
        for id in removed {
            self.changed.remove(&id);
            if !self.added.remove(&id) {
                self.removed.insert(id);
            }
        }
        self.linked.extend(linked);
        self.rejections.extend(rejections);
        for error in source_errors {
            if !self.source_errors.contains(&error) {
                self.source_errors.push(error);
            }
        }
        self.schema_changed |= schema_changed;
    }
}

impl Replica {
    /// Applies a page: errors and rollbacks, links, deletes, inserts, in this order. Applying the same page
    /// again changes nothing. What is queued here stays on top of what the page brings.
    ///
    /// The page's token is kept ([`token`](Self::token)) until the next page comes.
    pub fn apply(&mut self, page: Page) -> Applied {
        let Page { token, command, .. } = page;
        if command.schema_changed {
            self.clear();
            self.token = token;
            return Applied {
                schema_changed: true,
                ..Applied::default()
            };
        }
        self.token = token;

        let before = self.seen_before(&command);
        let Command {
            source_errors,
            rejections,
            rollbacks,
            metadata,
            links,
            delete,
            insert,
            ..
        } = command;
        self.reject(&rejections, rollbacks);
        if metadata.is_some() {
            self.metadata = metadata;
        }
        let linked = self.link(links);
        self.remove(&delete);
        for (id, attributes) in insert {
            self.server.entry(id).or_default().extend(attributes);
        }

        let mut applied = Applied {
            linked,
            rejections,
            source_errors,
            ..Applied::default()
        };
        for (id, before) in before {
            match (before, self.get(&id)) {
                (None, Some(_)) => applied.added.insert(id),
                (Some(_), None) => applied.removed.insert(id),
                (Some(before), Some(after)) if before != *after => applied.changed.insert(id),
                _ => false,
            };
        }
        applied
    }

    /// What the user sees, before the page, of the objects it is about. An object that gets its link stands
    /// there under its new id: to the user it is the same one.
    fn seen_before(&self, command: &Command) -> BTreeMap<ObjectId, Option<Attributes>> {
        let Command {
            rejections,
            rollbacks,
            links,
            delete,
            insert,
            ..
        } = command;
        let rejected = rejections.iter().map(|rejection| &rejection.id);
        let ids = rejected
            .chain(rollbacks.keys())
            .chain(delete.keys())
            .chain(insert.keys());
        let view = |id: &ObjectId| self.get(id).map(Cow::into_owned);
        let mut seen: BTreeMap<_, _> = ids.map(|id| (id.clone(), view(id))).collect();
        for (temporary, id) in links {
            seen.remove(temporary);
            seen.insert(id.clone(), view(id).or_else(|| view(temporary)));
        }
        seen
    }

    /// Takes back what the back end refused.
    ///
    /// A refused update leaves no value behind: what the rollback does not restore was not there before. A
    /// refused delete needs nothing, as the object comes back with an `insert`.
    fn reject(&mut self, rejections: &[Rejection], rollbacks: Objects) {
        let restored: Vec<(ObjectId, Attributes)> = rollbacks
            .into_iter()
            .filter(|(id, _)| self.server.contains_key(id))
            .collect();
        for Rejection {
            operation,
            id,
            attributes,
            ..
        } in rejections
        {
            match operation {
                Operation::Create => {
                    if self.creating.remove(id).is_some() {
                        self.queue.remove(id);
                    }
                }
                Operation::Update => self.remove_attributes(id, attributes),
                Operation::Delete => {}
            }
        }
        for (id, attributes) in restored {
            self.server.entry(id).or_default().extend(attributes);
        }
    }

    /// Applies a page's `delete`. For a temporary id it means that the back end made nothing of the create.
    fn remove(&mut self, delete: &Objects) {
        for (id, attributes) in delete {
            if self.creating.remove(id).is_some() {
                self.queue.remove(id);
            }
            self.remove_attributes(id, attributes);
        }
    }

    fn remove_attributes(&mut self, id: &str, attributes: &Attributes) {
        let Some(object) = self.server.get_mut(id) else {
            return;
        };
        object.retain(|name, _| !attributes.contains_key(name));
        if object.is_empty() {
            self.server.remove(id);
        }
    }
}
