//! Counts what clients asked for, and how much of it twice.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use serde::Serialize;

use super::Call;
use crate::database::{Change, OperationKey, Written};
use crate::resource::Resource;

/// Counts since the start or the last reset.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counters {
    /// Calls by method and route (`GET /products/{id}`), however they ended.
    calls: BTreeMap<String, u64>,
    writes: Writes,
}

#[derive(Debug, Default, Serialize)]
struct Writes {
    /// Writes that were done.
    applied: u64,
    /// Writes that were answered from memory, because their key was seen before.
    replayed: u64,
    /// Writes done with an idempotency key, told apart by it. A duplicate is a request that was carried out twice.
    by_key: Tally<OperationKey>,
    /// Creates, told apart by the values they set. A duplicate is probably a record that is there twice.
    creates_by_body: Tally<String>,
}

/// Tells first times from repetitions.
#[derive(Debug, Serialize)]
struct Tally<T> {
    distinct: u64,
    duplicate: u64,
    #[serde(skip)]
    seen: HashSet<T>,
}

impl Counters {
    pub(super) fn count_call(&mut self, call: &Call) {
        *self
            .calls
            .entry(format!("{} {}", call.method, call.pattern))
            .or_default() += 1;
    }

    pub(super) fn count_write(
        &mut self,
        resource: &Resource,
        change: &Change,
        key: Option<OperationKey>,
        written: &Written,
    ) {
        let writes = &mut self.writes;
        if let Written::Before(_) = written {
            writes.replayed += 1;
            return;
        }
        writes.applied += 1;
        if let Some(key) = key {
            writes.by_key.count(key);
        }
        if let Change::Create(values) = change {
            writes
                .creates_by_body
                .count(format!("{} {values:?}", resource.name));
        }
    }
}

impl<T: Eq + Hash> Tally<T> {
    fn count(&mut self, item: T) {
        if self.seen.insert(item) {
            self.distinct += 1;
        } else {
            self.duplicate += 1;
        }
    }
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self {
            distinct: 0,
            duplicate: 0,
            seen: HashSet::new(),
        }
    }
}
