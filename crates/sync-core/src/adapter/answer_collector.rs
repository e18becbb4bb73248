//! Collects a back end's answer in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::adapter::{Refusals, Stash, StashError};
use crate::model::{Attributes, ObjectId, bytes_of};

/// Takes an answer whole, as long as it is not too much.
pub(crate) struct AnswerCollector {
    /// The objects so far. One that was handed over twice stands as it came last.
    pub(crate) objects: BTreeMap<ObjectId, Attributes>,
    /// What could not be kept.
    pub(crate) refused: Refusals,
    bytes: usize,
    max_objects: usize,
    max_bytes: usize,
}

impl AnswerCollector {
    pub(crate) fn new(max_objects: usize, max_bytes: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            refused: Refusals::default(),
            bytes: 0,
            max_objects,
            max_bytes,
        }
    }
}

#[async_trait(?Send)]
impl Stash for AnswerCollector {
    async fn stash(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError> {
        for (id, attributes) in part {
            self.bytes += bytes_of(&id, &attributes);
            self.objects.insert(id, attributes);
            if self.objects.len() > self.max_objects || self.bytes > self.max_bytes {
                return Err(StashError::TooMuch {
                    max_objects: self.max_objects,
                    max_bytes: self.max_bytes,
                });
            }
        }
        Ok(())
    }

    async fn remove(&mut self, ids: Vec<ObjectId>) -> Result<(), StashError> {
        for id in ids {
            self.objects.remove(&id);
        }
        Ok(())
    }

    fn refuse(&mut self, id: &str, reason: &str) {
        self.refused.note(id, reason);
    }
}
