//! The audit log: who did what, and who was not let do it. It says nothing of what was sent.

use crate::ports::{Order, Ports};
use crate::store::{AuditKind, AuditPosition, AuditRecord, AuditStore, StoreError};

/// Entries that are looked through at once for somebody's.
const CHUNK: usize = 1_000;

/// How many times that is done for one part of a list.
const CHUNKS: usize = 5;

/// The audit log.
pub struct AuditLog<'a, P> {
    ports: &'a P,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPart {
    /// Entries.
    pub entries: Vec<(AuditPosition, AuditRecord)>,
    /// After which to go on, if there may be more.
    pub next: Option<AuditPosition>,
}

impl<'a, P: Ports> AuditLog<'a, P> {
    /// The log of this store.
    pub fn new(ports: &'a P) -> Self {
        Self { ports }
    }

    /// Keeps an entry.
    ///
    /// # Errors
    /// The store's.
    pub async fn add(&self, kind: AuditKind, record: &AuditRecord) -> Result<(), StoreError> {
        AuditStore::new(self.ports.redis()).add(kind, record).await
    }

    /// Lists entries that follow a place, or the first ones, and only somebody's if a name is given. A part may be short though
    /// there is more.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        place: Option<AuditPosition>,
        limit: usize,
        who: Option<&str>,
        order: Order,
    ) -> Result<AuditPart, StoreError> {
        let store = AuditStore::new(self.ports.redis());
        let chunk = if who.is_some() { CHUNK } else { limit };
        let mut entries = Vec::new();
        let mut next = place;
        for _ in 0..CHUNKS {
            let found = store.list(next, chunk, order).await?;
            let is_last = found.len() < chunk;
            for (place, record) in found {
                next = Some(place);
                if who.is_none_or(|who| who == record.who) {
                    entries.push((place, record));
                }
                if entries.len() == limit {
                    return Ok(AuditPart { entries, next });
                }
            }
            if is_last {
                return Ok(AuditPart {
                    entries,
                    next: None,
                });
            }
        }
        Ok(AuditPart { entries, next })
    }
}
