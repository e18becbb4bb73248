//! The database, as other languages call it.

use std::sync::Arc;

use sync_client::{
    Attributes, Credentials, FailedChange, FileStatus, Key, Operation, Options, PendingChange,
    SignedIn, SourceStatus, SyncOptions, SyncReport,
};

use crate::host::{Carrier, ChangeListener, ProgressListener, Result, Teller, Transport};
use crate::types::{Row, Rows, StoredObject};

/// An offline database that keeps itself in sync with a server.
///
/// All calls can be made from any thread. Those that write are on disk when they return.
#[derive(uniffi::Object)]
pub struct Database(sync_client::Database);

#[uniffi::export]
impl Database {
    /// Opens a database file, or makes it. Without a transport it never syncs.
    ///
    /// # Errors
    /// The file's.
    #[uniffi::constructor]
    pub fn open(
        path: &str,
        options: Options,
        transport: Option<Arc<dyn Transport>>,
    ) -> Result<Arc<Self>> {
        let transport =
            transport.map(|it| Arc::new(Carrier(it)) as Arc<dyn sync_client::Transport>);
        let platform = Arc::new(sync_client::SystemPlatform);
        let opened = sync_client::Database::open_on(path, options, platform, transport, None)?;
        Ok(Arc::new(Self(opened)))
    }

    /// Encrypts the database file by another key. No other process may have it open.
    ///
    /// # Errors
    /// `Invalid` for a file that was opened without a key, and the file's. The old key stands then.
    pub fn change_key(&self, key: Key) -> Result<()> {
        self.0.change_key(&key)
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// The file's.
    pub fn user(&self) -> Result<Option<String>> {
        self.0.user()
    }

    /// Signs a user in. What is in the database stays if it is his and this device's. Otherwise it is erased: look at `pending` before,
    /// if another user may have left something.
    ///
    /// # Errors
    /// `LoginRefused`, `Offline`, and others.
    pub fn sign_in(&self, login: &str, password: &str) -> Result<SignedIn> {
        self.0.sign_in(login, password)
    }

    /// Signs a user in by what he has.
    ///
    /// # Errors
    /// See `sign_in`.
    pub fn sign_in_with(&self, credentials: Credentials) -> Result<SignedIn> {
        self.0.sign_in_with(credentials)
    }

    /// Signs out: at once on the device, and at the server if it can be reached. What is in the database stays, for the same user to go
    /// on.
    ///
    /// # Errors
    /// The file's.
    pub fn sign_out(&self) -> Result<()> {
        self.0.sign_out()
    }

    /// Makes an object, and returns its id, which never changes for the app. It goes up with the next sync.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn create(&self, source: &str, attributes: Attributes) -> Result<String> {
        self.0.create(source, attributes)
    }

    /// Sets attributes of an object.
    ///
    /// # Errors
    /// `UnknownObject`, and the file's.
    pub fn update(&self, source: &str, id: &str, set: Attributes) -> Result<()> {
        self.0.update(source, id, set)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// `UnknownObject`, and the file's.
    pub fn delete(&self, source: &str, id: &str) -> Result<()> {
        self.0.delete(source, id)
    }

    /// Makes changes of any objects and sources, all of them or none. Returns the id of each one's object.
    ///
    /// All or none is what happens on the device: at the back end each has its own verdict.
    ///
    /// # Errors
    /// `UnknownObject`, and the file's. Nothing was done then.
    pub fn transaction(&self, operations: Vec<Operation>) -> Result<Vec<String>> {
        self.0.transaction(operations)
    }

    /// A new UUID of version 7: unique, and in the order of time. For objects of a transaction that others refer to.
    pub fn new_id(&self) -> String {
        sync_client::new_id(&sync_client::SystemPlatform)
    }

    /// An object, by the id that the app knows, or by the back end's.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn get(&self, source: &str, id: &str) -> Result<Option<StoredObject>> {
        self.0.get(source, id)
    }

    /// Objects in the order of their ids: at most `limit` after the first `offset`.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn list(&self, source: &str, limit: u32, offset: u32) -> Result<Vec<StoredObject>> {
        self.0.list(source, limit, offset)
    }

    /// Asks a query in SQLite's SQL. Each source is a view of its name, with the columns `id`, `pending` (whether there are changes
    /// without a verdict), one for each attribute, and `attributes`, the whole as JSON.
    ///
    /// # Errors
    /// `Invalid` for a query that is wrong, writes, or reads anything else.
    pub fn query(&self, sql: &str, params: Row) -> Result<Rows> {
        self.0.query(sql, &params.0).map(Into::into)
    }

    /// The objects that have all of the words, or words that begin so; the best first. The source must have been opened with `search`.
    ///
    /// # Errors
    /// `Invalid` for a source without search; the file's.
    pub fn search(&self, source: &str, words: &str, limit: u32) -> Result<Vec<StoredObject>> {
        self.0.search(source, words, limit)
    }

    /// Searches a source at its back end, by parameters that it understands; returns what was found. That is kept beside the source's copy, to
    /// be read and changed like all objects, until `forget_found`. Of a source that passes through, which has no copy, this is the way to
    /// its objects: what was found before goes then.
    ///
    /// # Errors
    /// `Refused` with the back end's reason, `Offline`, `ServerBusy`, `LoginRefused`; `SyncRunning` if a sync is just about to get new
    /// tokens; a source that the database was not opened with; the file's.
    pub fn search_remote(&self, source: &str, parameters: Attributes) -> Result<Vec<StoredObject>> {
        self.0.search_remote(source, &parameters)
    }

    /// Forgets what searches at the back end have found in a source. Changes of it go up all the same.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn forget_found(&self, source: &str) -> Result<()> {
        self.0.forget_found(source)
    }

    /// The sources that a query reads.
    ///
    /// # Errors
    /// `Invalid` for a query that is wrong.
    pub fn sources_of(&self, sql: &str) -> Result<Vec<String>> {
        self.0.sources_of(sql)
    }

    /// Keeps a file, and answers its address: what an object refers to it by, in an attribute whose name ends in `-rhoblob`. It goes up
    /// with the next sync, before the changes that refer to it. One that no change refers to is removed after a day.
    ///
    /// # Errors
    /// `Invalid` if there is no room for it; the database file's.
    pub fn add_file(&self, name: &str, content_type: &str, content: Vec<u8>) -> Result<String> {
        self.0.add_file(name, content_type, &content)
    }

    /// How the file at an address is; none if nothing is known of it here.
    ///
    /// # Errors
    /// `Invalid` for what is no file's address; the database file's.
    pub fn file(&self, address: &str) -> Result<Option<FileStatus>> {
        self.0.file(address)
    }

    /// The content of the file at an address; none if it is not here: see `want_file`.
    ///
    /// # Errors
    /// As `file`.
    pub fn read_file(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.0.read_file(address)
    }

    /// Has the file at an address come with the next sync, unless it is here.
    ///
    /// # Errors
    /// As `file`.
    pub fn want_file(&self, address: &str) -> Result<()> {
        self.0.want_file(address)
    }

    /// Tells a listener of each change of some sources, or of all if none is named. Returns what `unwatch` takes.
    ///
    /// It hears of what this database object does, not of other processes.
    pub fn watch(&self, sources: Vec<String>, listener: Arc<dyn ChangeListener>) -> u64 {
        self.0.watch(sources, Arc::new(Teller(listener)))
    }

    /// The same for the sources that a query reads.
    ///
    /// # Errors
    /// `Invalid` for a query that is wrong.
    pub fn watch_query(&self, sql: &str, listener: Arc<dyn ChangeListener>) -> Result<u64> {
        self.0.watch_query(sql, Arc::new(Teller(listener)))
    }

    /// Ends a watch.
    pub fn unwatch(&self, watch: u64) {
        self.0.unwatch(watch);
    }

    /// Sends what was done and brings what is new. How it ended is in the report: that there is no network is no error.
    ///
    /// # Errors
    /// `SyncRunning`, and the file's.
    pub fn sync(
        &self,
        options: SyncOptions,
        listener: Option<Arc<dyn ProgressListener>>,
    ) -> Result<SyncReport> {
        let listener =
            listener.map(|it| Arc::new(Teller(it)) as Arc<dyn sync_client::ProgressListener>);
        self.0.sync_with(options, listener)
    }

    /// Ends whatever sync of this database is under way in this process, as soon as it can.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Syncs what a push message asks to sync; nothing if it is not the server's.
    ///
    /// # Errors
    /// See `sync`.
    pub fn handle_ping(
        &self,
        payload: &str,
        deadline_ms: Option<u64>,
    ) -> Result<Option<SyncReport>> {
        self.0.handle_ping(payload, deadline_ms)
    }

    /// The changes that have no verdict yet, oldest first.
    ///
    /// # Errors
    /// The file's.
    pub fn pending(&self) -> Result<Vec<PendingChange>> {
        self.0.pending()
    }

    /// The changes that failed and wait to be retried or discarded, oldest first.
    ///
    /// # Errors
    /// The file's.
    pub fn failed(&self) -> Result<Vec<FailedChange>> {
        self.0.failed()
    }

    /// Sends a change that failed once more, as if it were made now: with `values` in the place of its own, if there are some. So a
    /// conflict is resolved.
    ///
    /// # Errors
    /// `Invalid` for a change that did not fail; the file's.
    pub fn retry(&self, change: &str, values: Option<Attributes>) -> Result<()> {
        self.0.retry(change, values)
    }

    /// Forgets a change that failed.
    ///
    /// # Errors
    /// `Invalid` for a change that did not fail; the file's.
    pub fn discard(&self, change: &str) -> Result<()> {
        self.0.discard(change)
    }

    /// Narrows a source down to a part of it, by parameters for its back end; none for the whole source. They are kept, and the next sync
    /// brings that part in the place of what is there. A source whose changes wait for their verdicts goes over when they have them.
    ///
    /// # Errors
    /// `Invalid` for more than 100 parameters, or 8 KiB; a source that the database was not opened with; the file's.
    pub fn set_parameters(&self, source: &str, parameters: Attributes) -> Result<()> {
        self.0.set_parameters(source, &parameters)
    }

    /// How the sources are.
    ///
    /// # Errors
    /// The file's.
    pub fn sources(&self) -> Result<Vec<SourceStatus>> {
        self.0.sources()
    }

    /// How the database is, as JSON, for support. It has no tokens and no values of objects.
    ///
    /// # Errors
    /// The file's.
    pub fn diagnostics(&self) -> Result<String> {
        self.0.diagnostics()
    }
}
