//! The records of an answer on their way to the server.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapter::exchange::{Answer, misfit, no_room, to_object};
use crate::adapter::rest::RestAdapter;
use crate::adapter::rest::delta::Harvest;
use crate::adapter::{AdapterError, Stash};
use crate::mapping::{Mapped, Mapping, Misfit, Path, Record};
use crate::memory::{Reservation, TreeWeight};
use crate::model::{Attributes, ObjectId, to_text};
use crate::ports::Ports;

/// How much memory the objects of a part take that is handed over, and with it another.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// What a record takes in a list that grows.
const RECORD_BYTES: usize = 3 * size_of::<&RawValue>();

/// An answer that was handed over.
pub(super) struct Page {
    /// How many records it has, with those that cannot be kept: whether a page is the last is told by its length.
    pub(super) found: usize,
    /// What it says at the path that leads to the next page.
    pub(super) next: Option<String>,
}

/// Records of a list that are not read yet, and what is around them.
struct Listing<'a> {
    around: Value,
    records: Vec<&'a RawValue>,
    /// The memory that the list takes.
    _room: Reservation,
}

/// What records become until they are handed over.
struct Objects {
    kept: Vec<(ObjectId, Attributes)>,
    /// Ids of those that cannot be kept, and why.
    refused: Vec<(String, String)>,
    /// The memory that they take.
    room: Reservation,
}

impl Objects {
    fn new(room: Reservation) -> Self {
        Self {
            kept: Vec::new(),
            refused: Vec::new(),
            room,
        }
    }

    /// Takes the next record.
    fn take(
        &mut self,
        record: Record,
        mapping: &Mapping,
        harvest: &mut Harvest<'_>,
    ) -> Result<(), Misfit> {
        let is_deleted = harvest.look_at_record(&record);
        let Mapped { id, values } = mapping.object(record)?;
        if is_deleted {
            harvest.deleted.extend(ObjectId::parse(id));
            return Ok(());
        }
        match values.and_then(|values| to_object(&id, values)) {
            Ok(object) => self.kept.push(object),
            Err(reason) => self.refused.push((id, reason)),
        }
        Ok(())
    }

    /// Takes the next record of a list as it is written, if there is memory for it.
    fn take_written(
        &mut self,
        record: &RawValue,
        mapping: &Mapping,
        harvest: &mut Harvest<'_>,
    ) -> Result<(), AdapterError> {
        let mut room = self.room.another();
        let weighed = room.grow_by_json(record.get().as_bytes());
        weighed.map_err(no_room)?;
        let value = serde_json::from_str(record.get())
            .map_err(|error| misfit("records", format!("a record cannot be read: {error}")))?;
        let (kept, refused) = (self.kept.len(), self.refused.len());
        self.take(Record::new(value), mapping, harvest)?;
        let kept = self.kept.get(kept..).unwrap_or_default().iter();
        let kept = kept.map(|(_, attributes)| TreeWeight::of_texts(attributes.iter()));
        let refused = self.refused.get(refused..).unwrap_or_default().iter();
        let refused = refused.map(|(id, reason)| TreeWeight::ENTRY + id.len() + reason.len());
        let weight = kept.chain(refused).sum();
        self.room.grow_by_tree(weight).map_err(no_room)
    }

    fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.refused.is_empty()
    }

    /// What was taken from the end on, in the order of the answer.
    fn turned(mut self) -> Self {
        self.kept.reverse();
        self.refused.reverse();
        self
    }

    /// Hands over what was taken.
    async fn hand_over(self, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        for (id, reason) in &self.refused {
            stash.refuse(id, reason);
        }
        Ok(stash.stash(self.kept).await?)
    }
}

impl<P: Ports> RestAdapter<P> {
    /// Hands over what an answer has. `next` is the path that leads to the next page.
    pub(super) async fn stash_answer(
        &self,
        answer: &Answer,
        next: Option<&Path>,
        harvest: &mut Harvest<'_>,
        stash: &mut dyn Stash,
    ) -> Result<Page, AdapterError> {
        let page = match self.listing(answer) {
            Some(listing) => {
                self.stash_listing(listing, answer, next, harvest, stash)
                    .await?
            }
            None => {
                let tree = self.tree(answer)?;
                let next = self.look_around(&tree, next, harvest, stash);
                let records = self.settings.mapping.records(tree)?;
                let found = records.len();
                let mut objects = Objects::new(answer.room());
                for (at, record) in records.into_iter().enumerate() {
                    let taken = objects.take(record, &self.settings.mapping, harvest);
                    taken.map_err(|misfit| misfit.of_record(at + 1, found))?;
                }
                objects.hand_over(stash).await?;
                Page { found, next }
            }
        };
        if let Some(deleted) = harvest.take_deleted() {
            stash.remove(deleted).await?;
        }
        Ok(page)
    }

    /// Takes from an answer what it says beside its records; answers what leads to the next page.
    fn look_around(
        &self,
        around: &Value,
        next: Option<&Path>,
        harvest: &mut Harvest<'_>,
        stash: &mut dyn Stash,
    ) -> Option<String> {
        harvest.look_at_answer(around, &self.settings.mapping);
        let text = |path: &Path| path.read(around).map(|found| to_text(found.into_owned()));
        if let Some(metadata) = self.settings.metadata.as_ref().and_then(text) {
            stash.describe(metadata);
        }
        next.and_then(text)
    }

    /// Hands the records of a list over part by part.
    async fn stash_listing(
        &self,
        listing: Listing<'_>,
        answer: &Answer,
        next: Option<&Path>,
        harvest: &mut Harvest<'_>,
        stash: &mut dyn Stash,
    ) -> Result<Page, AdapterError> {
        let next = self.look_around(&listing.around, next, harvest, stash);
        let found = listing.records.len();
        let mut objects = Objects::new(answer.room());
        // From the end: of two records with the same id the last counts, and of two parts the first.
        for (at, record) in listing.records.into_iter().enumerate().rev() {
            let taken = objects.take_written(record, &self.settings.mapping, harvest);
            taken.map_err(|error| of_record(error, at + 1, found))?;
            if objects.room.bytes() >= PART_BYTES {
                let part = std::mem::replace(&mut objects, Objects::new(answer.room()));
                part.turned().hand_over(stash).await?;
            }
        }
        if !objects.is_empty() {
            objects.turned().hand_over(stash).await?;
        }
        Ok(Page { found, next })
    }

    /// Finds the records of a list, if a tree of all of it is not needed.
    fn listing<'a>(&self, answer: &'a Answer) -> Option<Listing<'a>> {
        if self.settings.soap.is_some() {
            return None;
        }
        let mut room = answer.room();
        let mut records = Vec::new();
        let mut each = |record| {
            room.grow_by_tree(RECORD_BYTES).ok()?;
            records.push(record);
            Some(())
        };
        let body = answer.unpacked().ok()?;
        let around = self.settings.mapping.read_each(body, &mut each)?;
        Some(Listing {
            around,
            records,
            _room: room,
        })
    }
}

/// The error of the record with this number, of several.
fn of_record(error: AdapterError, number: usize, all: usize) -> AdapterError {
    match error {
        AdapterError::Misfit { setting, message } => {
            let reason = message;
            Misfit { setting, reason }.of_record(number, all).into()
        }
        other => other,
    }
}
