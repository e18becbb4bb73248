//! What authors of adapters test with: one device of one user, at one source.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};
use sync_core::{
    Attributes, ClientId, ObjectId, ObjectPage, RustAdapters, SearchRequest, Session, Version,
};

use super::{World, engine_with};
use crate::redis_server::TestRedis;

/// Objects that are read at once.
const PART: usize = 1_000;

/// What is called an error of a source, and of no object.
const SOURCE_ERRORS: [&str; 2] = ["query-error", "login-error"];

/// Objects by their ids.
type Objects = BTreeMap<String, Attributes>;

/// A device at a source, on an engine and a store of the test's own. Each verb does what a device does with the server, and waits
/// for what comes of it; afterwards the test looks at what the server has, what the device has, and what the device was told.
pub struct AdapterTest {
    world: World,
    source: String,
    session: Session,
    client: ClientId,
    creates: Cell<u32>,
    told: RefCell<Vec<Value>>,
}

impl AdapterTest {
    /// A device of `user` at a source of these settings.
    ///
    /// # Panics
    ///
    /// When the settings are wrong, or there is no Redis.
    pub async fn start(settings: &str, adapters: &RustAdapters, source: &str, user: &str) -> Self {
        let redis = Rc::new(TestRedis::start());
        let engine = engine_with(&redis, settings, adapters, 1).await;
        let world = World::on(redis, 1).await.with_engine(engine);
        let session = world.session(user).await;
        let client = world.client(&session).await;
        Self {
            world,
            source: source.to_owned(),
            session,
            client,
            creates: Cell::new(0),
            told: RefCell::default(),
        }
    }

    /// Syncs: has the back end asked if that is due, and takes all pages.
    pub async fn query(&self) {
        self.query_by(&[]).await;
    }

    /// Syncs what the parameters narrow the source down to.
    pub async fn query_by(&self, parameters: &[(&str, &str)]) {
        let told = self
            .world
            .sync_narrowed(&self.session, &self.client, &self.source, parameters);
        *self.told.borrow_mut() = told.await;
    }

    /// Creates an object; answers the id that the back end gave it, if it did.
    pub async fn create(&self, attributes: &[(&str, &str)]) -> Option<String> {
        self.creates.set(self.creates.get() + 1);
        let temporary = format!("temporary-{}", self.creates.get());
        self.push("create", &temporary, attributes).await;
        self.links().remove(&temporary)
    }

    /// Changes attributes of an object.
    pub async fn update(&self, id: &str, attributes: &[(&str, &str)]) {
        self.push("update", id, attributes).await;
    }

    /// Deletes an object.
    pub async fn delete(&self, id: &str) {
        self.push("delete", id, &[]).await;
    }

    async fn push(&self, operation: &str, id: &str, attributes: &[(&str, &str)]) {
        let values = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)));
        let values: Map<_, _> = values.collect();
        let changes = json!({ operation: { id: values } });
        let pushed = self
            .world
            .push(&self.session, &self.client, &self.source, changes);
        pushed.await.expect("to send a change");
        self.query().await;
    }

    /// Finds objects by parameters.
    ///
    /// # Panics
    ///
    /// When the request fails as a whole. What the adapter says is among [`AdapterTest::errors`].
    pub async fn search(&self, parameters: &[(&str, &str)]) -> Objects {
        let parameters = parameters.iter();
        let parameters: Vec<_> = parameters
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = SearchRequest {
            client: self.client.as_str(),
            sources: &[(self.source.clone(), String::new())],
            parameters: &parameters,
            page_size: PART,
            is_repeated: false,
            trace: None,
        };
        let found = self.world.engine.search(&self.session, request).await;
        let found = serde_json::to_value(found.expect("to search")).expect("JSON");
        let told = found.as_array().into_iter().flatten();
        *self.told.borrow_mut() = told.filter_map(|page| page.get(5).cloned()).collect();
        let inserts = self.told_of("insert");
        let objects = inserts.into_iter();
        objects
            .map(|(id, object)| (id, serde_json::from_value(object).expect("attributes")))
            .collect()
    }

    /// What the server has: the master document.
    ///
    /// # Panics
    ///
    /// When the store fails.
    pub async fn md(&self) -> Objects {
        let (engine, user) = (&self.world.engine, self.session.user().as_str());
        let read = async |after| engine.objects(&self.source, user, after, PART).await;
        all(async |after| read(after).await.expect("the master document")).await
    }

    /// What the device has: the client document.
    ///
    /// # Panics
    ///
    /// When the store fails.
    pub async fn cd(&self) -> Objects {
        let (engine, client) = (&self.world.engine, self.client.as_str());
        let read = async |after| {
            engine
                .client_objects(client, &self.source, after, PART)
                .await
        };
        all(async |after| read(after).await.expect("the client document")).await
    }

    /// What the last verb led to that went wrong: messages by the id of an object, or by `query-error` and its kin.
    pub fn errors(&self) -> BTreeMap<String, String> {
        let kinds = [
            "create-error",
            "update-error",
            "delete-error",
            "source-error",
            "search-error",
        ];
        let errors = kinds.into_iter().flat_map(|kind| self.told_of(kind));
        let messages = errors.filter_map(|(name, said)| {
            let message = said.get("message")?.as_str()?.to_owned();
            // An error of an object stands beside the object, which has its id for a name.
            let is_of_source = SOURCE_ERRORS.contains(&name.as_str());
            let id = name.strip_suffix("-error").filter(|_| !is_of_source);
            Some((id.unwrap_or(&name).to_owned(), message))
        });
        messages.collect()
    }

    /// The ids that the back end gave, by those that the device made up, as the last verb told.
    pub fn links(&self) -> BTreeMap<String, String> {
        let links = self.told_of("links").into_iter();
        let id = |link: &Value| Some(link.get("l")?.as_str()?.to_owned());
        links
            .filter_map(|(temporary, link)| Some((temporary, id(&link)?)))
            .collect()
    }

    /// What the device was told of one kind.
    fn told_of(&self, kind: &str) -> Map<String, Value> {
        let told = self.told.borrow();
        let of_kind = told.iter().filter_map(|page| page.get(kind)?.as_object());
        of_kind
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// Reads a document part by part.
async fn all(read: impl AsyncFn(Version) -> ObjectPage) -> Objects {
    let mut objects = Objects::new();
    let mut after = Version::ZERO;
    loop {
        let ObjectPage {
            objects: part,
            next,
        } = read(after).await;
        let part = part.into_iter();
        objects.extend(
            part.map(|(id, attributes): (ObjectId, _)| (id.as_str().to_owned(), attributes)),
        );
        match next {
            None => return objects,
            Some(next) => after = next,
        }
    }
}
