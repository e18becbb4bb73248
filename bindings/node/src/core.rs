//! The database, as the script calls it.

use std::sync::{Arc, Mutex, PoisonError};

use napi::Status;
use napi::bindgen_prelude::{AsyncTask, Function, Result, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use serde_json::json;
use sync_client::json::{self, Call, NamedCredentials, NamedSearch, answer, thrown_as, written};
use sync_client::{
    ChangeListener, Database, Key, Options, Progress, ProgressListener, SyncOptions, SystemPlatform,
};

use crate::exchange::Exchange;
use crate::work::{Work, work};

/// A function of the script. It does not keep the program from ending.
type Told = ThreadsafeFunction<String, (), String, Status, false, true>;

struct Listener(Told);

impl ChangeListener for Listener {
    fn changed(&self, sources: Vec<String>) {
        self.0.call(
            json!(sources).to_string(),
            ThreadsafeFunctionCallMode::NonBlocking,
        );
    }
}

impl ProgressListener for Listener {
    fn progressed(&self, progress: Progress) {
        self.0.call(
            json!(progress).to_string(),
            ThreadsafeFunctionCallMode::NonBlocking,
        );
    }
}

fn listener(told: Function<'_, String, ()>) -> Result<Arc<Listener>> {
    let told = told.build_threadsafe_function().weak::<true>();
    Ok(Arc::new(Listener(told.build()?)))
}

/// A new UUID of version 7, for objects that get their id from the app.
#[napi]
pub fn new_id() -> String {
    sync_client::new_id(&SystemPlatform)
}

/// A database.
#[napi]
pub struct Core {
    database: Arc<Mutex<Option<Database>>>,
}

/// Opens a database file, or makes it. `options` is JSON; `changed` is called with the names of sources after each transaction that touched
/// them, as JSON.
#[napi]
pub fn open_core(
    path: String,
    options: String,
    changed: Function<'_, String, ()>,
) -> Result<AsyncTask<Work<Core>>> {
    let listener = listener(changed)?;
    Ok(work(move || {
        let options: Options = json::read(&options)?;
        let opened = Database::open_on(&path, options, Arc::new(SystemPlatform), None, None);
        let database = opened.map_err(|error| json::thrown(&error))?;
        database.watch(Vec::new(), listener);
        Ok(Core {
            database: Arc::new(Mutex::new(Some(database))),
        })
    }))
}

#[napi]
impl Core {
    fn with<T>(
        &self,
        job: impl FnOnce(Database) -> std::result::Result<T, String> + Send + 'static,
    ) -> AsyncTask<Work<T>>
    where
        T: Send + napi::bindgen_prelude::ToNapiValue + napi::bindgen_prelude::TypeName + 'static,
    {
        let kept = Arc::clone(&self.database);
        work(move || {
            let database = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
            job(database.ok_or_else(|| thrown_as("closed", "the database is closed"))?)
        })
    }

    /// Makes a call that needs no network. Call and answer are JSON.
    #[napi]
    pub fn call(&self, call: String) -> AsyncTask<Work<String>> {
        self.with(move |database| {
            let call: Call = json::read(&call)?;
            let answer = answer(&database, call).map_err(|error| json::thrown(&error))?;
            Ok(answer.to_string())
        })
    }

    /// Keeps a file, and says its address.
    #[napi]
    pub fn add_file(
        &self,
        name: String,
        content_type: String,
        content: Uint8Array,
    ) -> AsyncTask<Work<String>> {
        // A copy: the script may write into its own meanwhile.
        let content = content.to_vec();
        self.with(move |database| {
            let kept = database.add_file(&name, &content_type, &content);
            kept.map_err(|error| json::thrown(&error))
        })
    }

    /// The content of a file, if it is here.
    #[napi]
    pub fn read_file(&self, address: String) -> AsyncTask<Work<Option<Uint8Array>>> {
        self.with(move |database| {
            let found = database.read_file(&address);
            let found = found.map_err(|error| json::thrown(&error))?;
            Ok(found.map(Into::into))
        })
    }

    /// Encrypts the database file by another key.
    #[napi]
    pub fn change_key(&self, key: String) -> AsyncTask<Work<()>> {
        self.with(move |database| {
            let changed = database.change_key(&Key::new(key));
            changed.map_err(|error| json::thrown(&error))
        })
    }

    /// Begins to sign in. `credentials` is JSON.
    #[napi]
    pub fn begin_sign_in(&self, credentials: String) -> AsyncTask<Work<Exchange>> {
        self.with(move |database| {
            let credentials: NamedCredentials = json::read(&credentials)?;
            let credentials = credentials.known().ok_or_else(|| {
                let reason = "sign in with login and password, or with a token";
                thrown_as("invalid", reason)
            })?;
            let conversation = database.begin_sign_in(credentials);
            Ok(Exchange { conversation })
        })
    }

    /// Who has signed in, as JSON.
    #[napi]
    pub fn end_sign_in(&self, exchange: &Exchange) -> AsyncTask<Work<String>> {
        let conversation = Arc::clone(&exchange.conversation);
        self.with(move |database| {
            let done = database.end_sign_in(&conversation);
            written(&done.map_err(|error| json::thrown(&error))?)
        })
    }

    /// Begins to search at the back end. `search` is JSON.
    #[napi]
    pub fn begin_search_remote(&self, search: String) -> AsyncTask<Work<Exchange>> {
        self.with(move |database| {
            let search: NamedSearch = json::read(&search)?;
            let begun = search.begin(&database);
            let conversation = begun.map_err(|error| json::thrown(&error))?;
            Ok(Exchange { conversation })
        })
    }

    /// What was found, as JSON.
    #[napi]
    pub fn end_search_remote(&self, exchange: &Exchange) -> AsyncTask<Work<String>> {
        let conversation = Arc::clone(&exchange.conversation);
        self.with(move |database| {
            let done = database.end_search_remote(&conversation);
            written(&done.map_err(|error| json::thrown(&error))?)
        })
    }

    /// Begins to sign out. The device is signed out when this is over.
    #[napi]
    pub fn begin_sign_out(&self) -> AsyncTask<Work<Exchange>> {
        self.with(move |database| {
            let begun = database.begin_sign_out();
            let conversation = begun.map_err(|error| json::thrown(&error))?;
            Ok(Exchange { conversation })
        })
    }

    /// Begins a sync. `options` is JSON; `progressed` is called with how far it is, as JSON.
    #[napi]
    pub fn begin_sync(
        &self,
        options: String,
        progressed: Function<'_, String, ()>,
    ) -> Result<AsyncTask<Work<Exchange>>> {
        let listener = listener(progressed)?;
        Ok(self.with(move |database| {
            let options: SyncOptions = json::read(&options)?;
            let begun = database.begin_sync(options, Some(listener));
            let conversation = begun.map_err(|error| json::thrown(&error))?;
            Ok(Exchange { conversation })
        }))
    }

    /// What a sync has done, as JSON; it ends wherever it is.
    #[napi]
    pub fn end_sync(&self, exchange: &Exchange) -> AsyncTask<Work<String>> {
        let conversation = Arc::clone(&exchange.conversation);
        self.with(move |database| written(&database.end_sync(&conversation)))
    }

    /// Ends the sync that is under way as soon as it can.
    #[napi]
    pub fn cancel(&self) {
        let kept = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*kept {
            database.cancel();
        }
    }

    /// Lets go of the file, as soon as no call is under way.
    #[napi]
    pub fn close(&self) {
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
