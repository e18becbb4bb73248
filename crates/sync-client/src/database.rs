//! The database that an app works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_device::{Attributes, Value};
use sync_store::{Key, OpenOptions, Store};

use crate::conversation::Transport;
use crate::error::Error;
use crate::model::{FailedChange, Object, Operation, PendingChange, Rows, SourceStatus};
use crate::options::Options;
use crate::platform::{Platform, new_id};
use crate::shared::Shared;
use crate::watch::ChangeListener;

/// Most bytes of files that are kept where the app does not say.
const FILE_QUOTA: u64 = 512 * 1024 * 1024;

/// An offline database that keeps itself in sync with a server.
///
/// All calls can be made from any thread. Those that write are on disk when they return.
#[derive(Clone)]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
}

impl Database {
    /// Opens a database file, or makes it, with a transport of the library's own.
    ///
    /// # Errors
    /// The file's.
    #[cfg(all(feature = "ureq", not(target_family = "wasm")))]
    pub fn open(path: &str, options: Options) -> Result<Self, Error> {
        let transport = Arc::new(crate::UreqTransport::default());
        let platform = Arc::new(crate::SystemPlatform);
        Self::open_on(path, options, platform, Some(transport), None)
    }

    /// The same with a transport of the host's.
    ///
    /// # Errors
    /// The file's.
    #[cfg(not(target_family = "wasm"))]
    pub fn open_with_transport(
        path: &str,
        options: Options,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, Error> {
        let platform = Arc::new(crate::SystemPlatform);
        Self::open_on(path, options, platform, Some(transport), None)
    }

    /// The same on another platform. A host without `transport` carries requests itself. `vfs` names a virtual file system of
    /// SQLite.
    ///
    /// # Errors
    /// The file's.
    pub fn open_on(
        path: &str,
        options: Options,
        platform: Arc<dyn Platform>,
        transport: Option<Arc<dyn Transport>>,
        vfs: Option<String>,
    ) -> Result<Self, Error> {
        let Options {
            server,
            sources,
            device,
            file_quota_bytes,
            key,
        } = options;
        let sources = sources.into_iter().map(Into::into).collect();
        let store = Store::open(path, &OpenOptions { sources, vfs, key })?;
        Ok(Self {
            shared: Arc::new(Shared::new(
                store,
                &server,
                file_quota_bytes.unwrap_or(FILE_QUOTA),
                device,
                platform,
            )),
            transport,
        })
    }

    /// Encrypts the file by another key. No other process may have it open.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that was opened without a key, and the file's. The old key stands then.
    pub fn change_key(&self, key: &Key) -> Result<(), Error> {
        Ok(self.shared.store().change_key(key)?)
    }

    pub(crate) fn transport(&self) -> Result<&dyn Transport, Error> {
        self.transport.as_deref().ok_or(Error::NoTransport)
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// The file's.
    pub fn user(&self) -> Result<Option<String>, Error> {
        let session = self.shared.store().session()?;
        Ok(session.user.filter(|_| session.refresh.is_some()))
    }

    /// Makes an object, and returns its id, which never changes for the app. It goes up with the next sync.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn create(&self, source: &str, attributes: Attributes) -> Result<String, Error> {
        let ids = self.transaction(vec![Operation::Create {
            source: source.to_owned(),
            id: None,
            attributes,
        }])?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    /// Sets attributes of an object.
    ///
    /// # Errors
    /// [`Error::UnknownObject`], and the file's.
    pub fn update(&self, source: &str, id: &str, set: Attributes) -> Result<(), Error> {
        self.transaction(vec![Operation::Update {
            source: source.to_owned(),
            id: id.to_owned(),
            set,
            unset: Vec::new(),
        }])
        .map(drop)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// [`Error::UnknownObject`], and the file's.
    pub fn delete(&self, source: &str, id: &str) -> Result<(), Error> {
        self.transaction(vec![Operation::Delete {
            source: source.to_owned(),
            id: id.to_owned(),
        }])
        .map(drop)
    }

    /// Makes changes of any objects and sources, all of them or none. Returns the id of each one's object.
    ///
    /// All or none is what happens on the device: at the back end each has its own verdict.
    ///
    /// # Errors
    /// [`Error::UnknownObject`], and the file's. Nothing was done then.
    pub fn transaction(&self, operations: Vec<Operation>) -> Result<Vec<String>, Error> {
        let platform = self.shared.platform.as_ref();
        let operations: Vec<sync_store::Operation> = operations
            .iter()
            .map(|operation| operation.to_store(|| new_id(platform)))
            .collect();
        self.shared
            .store()
            .change(&operations, platform.now_ms(), || new_id(platform))?;
        self.shared.tell();
        self.shared.following.has_changes(platform.elapsed_ms());
        Ok(operations.into_iter().map(|it| it.object).collect())
    }

    /// An object, by the id that the app knows, or by the back end's.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn get(&self, source: &str, id: &str) -> Result<Option<Object>, Error> {
        Ok(self.shared.store().get(source, id)?)
    }

    /// Objects in the order of their ids: at most `limit` after the first `offset`.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn list(&self, source: &str, limit: u32, offset: u32) -> Result<Vec<Object>, Error> {
        Ok(self.shared.store().list(source, limit, offset)?)
    }

    /// Asks a query in SQLite's SQL. Each source is a view of its name, with the columns `id`, `pending` (whether there are changes without
    /// a verdict), one for each attribute, and `attributes`, the whole as JSON.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a query that is wrong, writes, or reads anything else.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Rows, Error> {
        Ok(self.shared.store().query(sql, params)?)
    }

    /// The objects that have all of the words, or words that begin so; the best first. The source must have been opened with
    /// `search`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a source without search; the file's.
    pub fn search(&self, source: &str, words: &str, limit: u32) -> Result<Vec<Object>, Error> {
        Ok(self.shared.store().search(source, words, limit)?)
    }

    /// The sources that a query reads.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a query that is wrong.
    pub fn sources_of(&self, sql: &str) -> Result<Vec<String>, Error> {
        Ok(self.shared.store().sources_of(sql)?)
    }

    /// Tells a listener of each change of some sources, or of all if none is named. Returns what [`Self::unwatch`] takes.
    ///
    /// It hears of what this database object does, not of other processes.
    pub fn watch(&self, sources: Vec<String>, listener: Arc<dyn ChangeListener>) -> u64 {
        self.shared.watchers.add(sources, listener)
    }

    /// The same for the sources that a query reads.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a query that is wrong.
    pub fn watch_query(&self, sql: &str, listener: Arc<dyn ChangeListener>) -> Result<u64, Error> {
        let sources = self.sources_of(sql)?;
        Ok(self.watch(sources, listener))
    }

    /// Ends a watch.
    pub fn unwatch(&self, watch: u64) {
        self.shared.watchers.remove(watch);
    }

    /// The changes that have no verdict yet, oldest first.
    ///
    /// # Errors
    /// The file's.
    pub fn pending(&self) -> Result<Vec<PendingChange>, Error> {
        let open = self.shared.store().open_changes()?;
        Ok(open.into_iter().map(Into::into).collect())
    }

    /// The changes that failed and wait to be retried or discarded, oldest first.
    ///
    /// # Errors
    /// The file's.
    pub fn failed(&self) -> Result<Vec<FailedChange>, Error> {
        let failed = self.shared.store().failed_changes()?;
        Ok(failed.into_iter().map(Into::into).collect())
    }

    /// Sends a change that failed once more, as if it were made now: with `values` in the place of its own, if there are some. So
    /// a conflict is resolved.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a change that did not fail; the file's.
    pub fn retry(&self, change: &str, values: Option<Attributes>) -> Result<(), Error> {
        let platform = self.shared.platform.as_ref();
        let ids = [new_id(platform), new_id(platform)];
        let [id, object] = &ids;
        self.shared
            .store()
            .retry(change, values.as_ref(), platform.now_ms(), [id, object])?;
        self.shared.tell();
        self.shared.following.has_changes(platform.elapsed_ms());
        Ok(())
    }

    /// Forgets a change that failed.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a change that did not fail; the file's.
    pub fn discard(&self, change: &str) -> Result<(), Error> {
        self.shared.store().discard(change)?;
        self.shared.tell();
        Ok(())
    }

    /// Narrows a source down to a part of it, by parameters for its back end; none for the whole source. They are kept, and the next sync
    /// brings that part in the place of what is there. A source whose changes wait for their verdicts goes over when they have them.
    ///
    /// Parameters are texts: numbers and truth values are written as in JSON. Which there are, and what they mean, the back end says.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than 100 parameters, or 8 KiB; a source that the database was not opened with; the file's.
    pub fn set_parameters(&self, source: &str, parameters: &Attributes) -> Result<(), Error> {
        let parameters = texts(parameters);
        if self.shared.store().set_parameters(source, &parameters)? {
            let now_ms = self.shared.platform.elapsed_ms();
            self.shared.following.has_changes(now_ms);
        }
        Ok(())
    }

    /// How the sources are.
    ///
    /// # Errors
    /// The file's.
    pub fn sources(&self) -> Result<Vec<SourceStatus>, Error> {
        let sources = self.shared.store().sources()?;
        Ok(sources.into_iter().map(Into::into).collect())
    }
}

/// Parameters as they go to a back end.
pub(crate) fn texts(parameters: &Attributes) -> BTreeMap<String, String> {
    let parameters = parameters.iter();
    parameters
        .map(|(name, value)| (name.clone(), value.to_text()))
        .collect()
}
