//! A back end in the test's own memory, which fails when it is told to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use sync_core::{
    Adapter, AdapterError, Attributes, Call, ContentError, Done, ObjectId, QueryEnd, Stash,
};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The call does not arrive.
    Unreachable,
    /// The call is carried out, but its answer is lost; a query's breaks off before its last part.
    LostAnswer,
    /// The back end refuses.
    Rejected,
    /// The back end does not let the user in.
    Login,
    /// The back end does not let the server in.
    Unauthorized,
    /// The back end answers something that nobody understands.
    Nonsense,
    /// The call is carried out, but the back end cannot be left.
    Logoff,
}

/// A back end that keeps objects, honours idempotency keys and counts what it was asked to do twice.
#[derive(Default)]
pub struct BackEnd {
    objects: RefCell<BTreeMap<ObjectId, Attributes>>,
    outcomes: RefCell<BTreeMap<String, Done>>,
    faults: RefCell<VecDeque<Fault>>,
    /// Whether the fault of this call is one that shows when the back end is left.
    cannot_be_left: Cell<bool>,
    next_id: Cell<u64>,
    queries: Cell<u64>,
    writes: Cell<u64>,
    part_size: Cell<Option<usize>>,
    goes_on: Cell<bool>,
    in_part: RefCell<Option<Rc<dyn Fn()>>>,
    in_query: RefCell<Option<Rc<dyn Fn()>>>,
    query_waits: Cell<bool>,
    write_waits: Cell<bool>,
    creates: Cell<u64>,
    waiting: Cell<u64>,
    metadata: RefCell<Option<String>>,
    schema: RefCell<Option<String>>,
    update_message: RefCell<Option<String>>,
    findable: RefCell<BTreeMap<ObjectId, Attributes>>,
    searches: Cell<u64>,
    files: RefCell<Vec<Vec<u8>>>,
    written_in: RefCell<Vec<String>>,
    is_halved: Cell<bool>,
}

/// A call that waits at the back end. Its caller may give it up.
struct Waits<'a>(&'a Cell<u64>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl BackEnd {
    /// All objects.
    pub fn objects(&self) -> BTreeMap<ObjectId, Attributes> {
        self.objects.borrow().clone()
    }

    /// Sets an object, as somebody else's application would.
    pub fn put(&self, id: &str, attributes: &[(&str, &str)]) {
        self.set(id, to_owned(attributes));
    }

    /// An object's attributes.
    pub fn get(&self, id: &str) -> Option<Attributes> {
        let id = ObjectId::parse(id).expect("an object id");
        self.objects.borrow().get(&id).cloned()
    }

    /// Sets an object's attributes, as somebody else's application would.
    pub fn set(&self, id: &str, attributes: Attributes) {
        let id = ObjectId::parse(id).expect("an object id");
        self.objects.borrow_mut().insert(id, attributes);
    }

    /// Removes an object, as somebody else's application would.
    pub fn remove(&self, id: &str) {
        self.objects
            .borrow_mut()
            .remove(&ObjectId::parse(id).expect("an object id"));
    }

    /// What happens to the calls to come, one after the other; then nothing goes wrong any more.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.borrow_mut().extend(faults);
    }

    /// How many faults are to come.
    pub fn faults_left(&self) -> usize {
        self.faults.borrow().len()
    }

    /// Forgets the faults to come.
    pub fn heal(&self) {
        self.faults.borrow_mut().clear();
    }

    /// Hands query answers over in parts of this many objects.
    pub fn answer_in_parts(&self, size: usize) {
        self.part_size.set(Some(size));
    }

    /// Goes on with the part before which an earlier query broke off.
    pub fn go_on(&self) {
        self.goes_on.set(true);
    }

    /// Something that happens before each part of a query's answer.
    pub fn before_part(&self, action: impl Fn() + 'static) {
        *self.in_part.borrow_mut() = Some(Rc::new(action));
    }

    /// Something that happens between the moment a query's answer is made and the moment it arrives.
    pub fn during_query(&self, action: impl Fn() + 'static) {
        *self.in_query.borrow_mut() = Some(Rc::new(action));
    }

    /// Whether answers of queries wait on the way.
    pub fn wait_in_query(&self, wait: bool) {
        self.query_waits.set(wait);
    }

    /// Whether creates wait at the back end before they are carried out.
    pub fn wait_in_write(&self, wait: bool) {
        self.write_waits.set(wait);
    }

    /// How many queries and creates are at the back end and wait there.
    pub fn waiting(&self) -> u64 {
        self.waiting.get()
    }

    /// How many creates have arrived at the back end, repeated ones too.
    pub fn creates_asked(&self) -> u64 {
        self.creates.get()
    }

    /// What the back end says of the source beside its objects.
    pub fn set_metadata(&self, metadata: Option<&str>) {
        *self.metadata.borrow_mut() = metadata.map(str::to_owned);
    }

    /// Has this said of every update that it makes.
    pub fn set_update_message(&self, message: &str) {
        *self.update_message.borrow_mut() = Some(message.to_owned());
    }

    /// What the back end says of how the source's objects are stored.
    pub fn set_schema(&self, schema: Option<&str>) {
        *self.schema.borrow_mut() = schema.map(str::to_owned);
    }

    /// Sets an object that a search finds, whether or not a query hands it over.
    pub fn put_findable(&self, id: &str, attributes: &[(&str, &str)]) {
        let attributes = to_owned(attributes);
        let id = ObjectId::parse(id).expect("an object id");
        self.findable.borrow_mut().insert(id, attributes);
    }

    /// How often the back end was searched.
    pub fn searches(&self) -> u64 {
        self.searches.get()
    }

    /// How often the back end was queried.
    pub fn queries(&self) -> u64 {
        self.queries.get()
    }

    /// How many changes were carried out, repeated ones not counted.
    pub fn writes(&self) -> u64 {
        self.writes.get()
    }

    /// The files of all creates that were asked for, in order; those of repeated ones too.
    pub fn files(&self) -> Vec<Vec<u8>> {
        self.files.borrow().clone()
    }

    /// From now on everybody's partition has half of the objects, and each user's own the other half and some of the first.
    pub fn halve(&self) {
        self.is_halved.set(true);
    }

    /// The partitions that changes were asked for in, in order; those of repeated ones too.
    pub fn written_in(&self) -> Vec<String> {
        self.written_in.borrow().clone()
    }

    async fn read_files(
        &self,
        call: &Call<'_>,
        attributes: &Attributes,
    ) -> Result<(), AdapterError> {
        let unavailable = |error: ContentError| AdapterError::Unavailable {
            message: error.to_string(),
        };
        for value in attributes.values() {
            let Some(blob) = call.blobs.open_blob_at(value).await.map_err(unavailable)? else {
                continue;
            };
            let mut content = Vec::new();
            let mut pieces = blob.read(0..blob.size);
            while let Some(piece) = pieces.next().await {
                content.extend_from_slice(&piece.map_err(unavailable)?);
            }
            self.files.borrow_mut().push(content);
        }
        Ok(())
    }

    fn next_fault(&self) -> Fault {
        self.faults.borrow_mut().pop_front().unwrap_or(Fault::None)
    }

    fn write(
        &self,
        call: &Call<'_>,
        change: impl FnOnce(&mut BTreeMap<ObjectId, Attributes>) -> Result<Done, AdapterError>,
    ) -> Result<Done, AdapterError> {
        let written_in = call.partition.map(str::to_owned);
        self.written_in.borrow_mut().extend(written_in);
        let fault = self.next_fault();
        match fault {
            Fault::Unreachable => {
                return Err(AdapterError::Unavailable {
                    message: "unreachable".to_owned(),
                });
            }
            Fault::Rejected => {
                return Err(AdapterError::Rejected {
                    message: "rejected".to_owned(),
                });
            }
            Fault::Unauthorized => return Err(unauthorized()),
            Fault::Nonsense => {
                return Err(AdapterError::BadAnswer {
                    message: "nonsense".to_owned(),
                });
            }
            Fault::None | Fault::LostAnswer | Fault::Login | Fault::Logoff => {}
        }
        let known = self.outcomes.borrow().get(call.idempotency_key).cloned();
        let outcome = if let Some(outcome) = known {
            outcome
        } else {
            let outcome = change(&mut self.objects.borrow_mut())?;
            self.writes.set(self.writes.get() + 1);
            self.outcomes
                .borrow_mut()
                .insert(call.idempotency_key.to_owned(), outcome.clone());
            outcome
        };
        if fault == Fault::LostAnswer {
            return Err(AdapterError::Unavailable {
                message: "the answer was lost".to_owned(),
            });
        }
        Ok(outcome)
    }
}

#[async_trait(?Send)]
impl Adapter for BackEnd {
    async fn login(&self, _: &Call<'_>) -> Result<(), AdapterError> {
        let mut faults = self.faults.borrow_mut();
        match faults.front() {
            Some(Fault::Login) => {
                faults.pop_front();
                Err(not_let_in())
            }
            Some(Fault::Logoff) => {
                faults.pop_front();
                self.cannot_be_left.set(true);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn logoff(&self, _: &Call<'_>) -> Result<(), AdapterError> {
        if self.cannot_be_left.take() {
            return Err(AdapterError::Rejected {
                message: "no back end logoff".to_owned(),
            });
        }
        Ok(())
    }

    async fn query(
        &self,
        call: &Call<'_>,
        _: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        self.queries.set(self.queries.get() + 1);
        let fault = self.next_fault();
        if fault == Fault::Unreachable {
            return Err(AdapterError::Unavailable {
                message: "unreachable".to_owned(),
            });
        }
        if fault == Fault::Unauthorized {
            return Err(unauthorized());
        }
        let objects = self.objects().into_iter();
        let objects: Vec<_> = objects
            .filter(|(id, attributes)| {
                let is_in = match self.is_halved.get() {
                    true => is_in_half(call, id),
                    false => is_in_partition(call, attributes),
                };
                is_in && matches(call, attributes)
            })
            .collect();
        let action = self.in_query.borrow().clone();
        if let Some(action) = action {
            action();
        }
        self.waiting.set(self.waiting.get() + 1);
        let waits = Waits(&self.waiting);
        while self.query_waits.get() {
            tokio::task::yield_now().await;
        }
        drop(waits);
        let size = self.part_size.get().unwrap_or(objects.len()).max(1);
        let reached = stash.goes_on_at().and_then(|reached| reached.parse().ok());
        let reached = reached.filter(|_| self.goes_on.get()).unwrap_or(0);
        let in_part = self.in_part.borrow().clone();
        let mut parts = objects.chunks(size).enumerate().skip(reached).peekable();
        while let Some((number, part)) = parts.next() {
            if let Some(action) = &in_part {
                action();
            }
            if fault == Fault::LostAnswer && parts.peek().is_none() {
                return Err(AdapterError::Unavailable {
                    message: "the answer was cut".to_owned(),
                });
            }
            stash.stash(part.to_vec()).await?;
            if self.goes_on.get() && parts.peek().is_some() {
                stash.reached(&(number + 1).to_string()).await?;
            }
        }
        Ok(QueryEnd::Complete { etag: None })
    }

    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError> {
        self.read_files(call, attributes).await?;
        self.creates.set(self.creates.get() + 1);
        self.waiting.set(self.waiting.get() + 1);
        let waits = Waits(&self.waiting);
        while self.write_waits.get() {
            tokio::task::yield_now().await;
        }
        drop(waits);
        self.write(call, |objects| {
            self.next_id.set(self.next_id.get() + 1);
            let id = ObjectId::parse(format!("b{}", self.next_id.get())).expect("an object id");
            objects.insert(id.clone(), attributes.clone());
            Ok(Done::created(id))
        })
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        self.write(call, |objects| {
            let object = objects.get_mut(id).ok_or_else(|| AdapterError::NotFound {
                message: format!("there is no {id}"),
            })?;
            object.extend(attributes.clone());
            Ok(Done {
                message: self.update_message.borrow().clone(),
                ..Done::default()
            })
        })
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        self.write(call, |objects| {
            objects.remove(id).ok_or_else(|| AdapterError::NotFound {
                message: format!("there is no {id}"),
            })?;
            Ok(Done::default())
        })
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        self.searches.set(self.searches.get() + 1);
        if self.next_fault() != Fault::None {
            return Err(AdapterError::Unavailable {
                message: "search broke".to_owned(),
            });
        }
        let found = self.findable.borrow().clone();
        let found = found
            .into_iter()
            .filter(|(_, attributes)| {
                matches(call, attributes) && is_in_partition(call, attributes)
            })
            .collect();
        Ok(stash.stash(found).await?)
    }

    async fn metadata(&self, _: &Call<'_>) -> Result<Option<String>, AdapterError> {
        Ok(self.metadata.borrow().clone())
    }

    async fn schema(&self, _: &Call<'_>) -> Result<Option<String>, AdapterError> {
        Ok(self.schema.borrow().clone())
    }
}

/// Whether an object has all that a call asks for.
fn matches(call: &Call<'_>, attributes: &Attributes) -> bool {
    let mut wanted = call.parameters.iter();
    wanted.all(|(name, value)| attributes.get(name) == Some(value))
}

/// Whether an object is in the half of all objects that a call asks for.
fn is_in_half(call: &Call<'_>, id: &ObjectId) -> bool {
    let last = id.as_str().bytes().last().unwrap_or_default();
    match call.partition {
        Some("app") => last.is_multiple_of(2),
        _ => !last.is_multiple_of(2) || last.is_multiple_of(3),
    }
}

/// Whether an object is of the region that is asked for, where one is.
fn is_in_partition(call: &Call<'_>, attributes: &Attributes) -> bool {
    let has = |name: &str, wanted: &str| attributes.get(name).is_some_and(|value| value == wanted);
    match call.partition.map(|name| (name, name.split_once('/'))) {
        None => true,
        Some((_, Some(("region", region))) | (region, None)) if region != "user" => {
            has("region", region)
        }
        Some((_, Some(_))) => false,
        Some((_, None)) => has("owner", call.user.as_str()),
    }
}

fn to_owned(attributes: &[(&str, &str)]) -> Attributes {
    attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn unauthorized() -> AdapterError {
    AdapterError::Unauthorized {
        message: "the token has expired".to_owned(),
    }
}

fn not_let_in() -> AdapterError {
    AdapterError::Login {
        message: "no back end login".to_owned(),
    }
}
