//! What the worker's script calls.

use std::sync::Arc;

use js_sys::{Function, Uint8Array};
use send_wrapper::SendWrapper;
use serde_json::json;
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfgBuilder, install};
use sync_client::json::{self, Call, NamedCredentials, NamedSearch, answer};
use sync_client::{
    ChangeListener, Conversation, Database, FollowEnd, FollowStep, Options, Progress,
    ProgressListener, SyncOptions,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::platform::Browser;

/// The name of SQLite's virtual file system over the browser's private files.
const VFS: &str = "opfs-sahpool";

/// The database's file in its folder.
const FILE: &str = "database";

/// Files that SQLite has open at once, and some to spare: the database, its journal, the file that is the right to sync.
const FILES: usize = 8;

/// A database in the browser's private files. Only a dedicated worker can have it, and only one at a time.
#[wasm_bindgen]
pub struct Core {
    database: Database,
}

/// What is said to the server until a sync is done, or signing in.
#[wasm_bindgen]
pub struct Exchange {
    conversation: Arc<Conversation>,
}

/// A request, as the script carries it.
#[wasm_bindgen]
pub struct Request {
    head: String,
    body: Vec<u8>,
}

#[wasm_bindgen]
impl Request {
    /// `method`, `url`, `headers` and `timeoutMs`, as JSON.
    #[wasm_bindgen(getter)]
    pub fn head(&self) -> String {
        self.head.clone()
    }

    /// Its body, often empty.
    #[wasm_bindgen(getter)]
    pub fn body(&self) -> Uint8Array {
        Uint8Array::from(self.body.as_slice())
    }
}

/// What is to be done next while the database is followed.
#[wasm_bindgen]
pub struct Step {
    what: &'static str,
    ms: f64,
    conversation: Option<Arc<Conversation>>,
}

#[wasm_bindgen]
impl Step {
    /// `sync`: carry the exchange, and end it. `listen`: carry it beside everything else. `wait`: nothing for `ms`, or until something
    /// happens. `stopped` and `signedOut`: nothing any more.
    #[wasm_bindgen(getter)]
    pub fn what(&self) -> String {
        self.what.to_owned()
    }

    /// How many milliseconds.
    #[wasm_bindgen(getter)]
    pub fn ms(&self) -> f64 {
        self.ms
    }

    /// The exchange to carry, once.
    #[wasm_bindgen(js_name = takeExchange)]
    pub fn take_exchange(&mut self) -> Option<Exchange> {
        let conversation = self.conversation.take()?;
        Some(Exchange { conversation })
    }
}

impl From<FollowStep> for Step {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a wait is much shorter than two to the 53rd milliseconds"
    )]
    fn from(step: FollowStep) -> Self {
        let (what, ms, conversation) = match step {
            FollowStep::Sync(conversation) => ("sync", 0, Some(conversation)),
            FollowStep::Listen(conversation) => ("listen", 0, Some(conversation)),
            FollowStep::Wait { ms } => ("wait", ms, None),
            FollowStep::Ended(FollowEnd::Stopped) => ("stopped", 0, None),
            FollowStep::Ended(FollowEnd::SignedOut) => ("signedOut", 0, None),
        };
        Self {
            what,
            ms: ms as f64,
            conversation,
        }
    }
}

/// A function of the worker's script. There is one thread here: nobody else calls it.
struct Callback(SendWrapper<Function>);

impl Callback {
    fn new(function: Function) -> Arc<Self> {
        Arc::new(Self(SendWrapper::new(function)))
    }

    fn call(&self, told: &serde_json::Value) {
        // A listener that throws has failed at its own work: the database's goes on.
        let _ = self
            .0
            .call1(&JsValue::NULL, &JsValue::from_str(&told.to_string()));
    }
}

impl ChangeListener for Callback {
    fn changed(&self, sources: Vec<String>) {
        self.call(&json!(sources));
    }
}

impl ProgressListener for Callback {
    fn progressed(&self, progress: Progress) {
        self.call(&json!(progress));
    }
}

#[wasm_bindgen]
impl Core {
    /// Opens the database in a folder of the browser's private files. `options` is JSON; `changed` is called with the names of sources
    /// after each transaction that touched them.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    pub async fn open(folder: String, options: String, changed: Function) -> Result<Self, JsValue> {
        let options: Options = read(&options)?;
        let files = OpfsSAHPoolCfgBuilder::new()
            .vfs_name(VFS)
            .directory(&folder)
            .initial_capacity(FILES)
            .build();
        install::<WasmOsCallback>(&files, true)
            .await
            .map_err(|error| thrown_as("storage", &error.to_string()))?;
        let vfs = Some(VFS.to_owned());
        let database = Database::open_on(FILE, options, Arc::new(Browser), None, vfs)
            .map_err(|error| thrown(&error))?;
        database.watch(Vec::new(), Callback::new(changed));
        Ok(Self { database })
    }

    /// Makes a call that needs no network. Call and answer are JSON.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    pub fn call(&self, call: &str) -> Result<String, JsValue> {
        let call: Call = read(call)?;
        answer(&self.database, call)
            .map(|answer| answer.to_string())
            .map_err(|error| thrown(&error))
    }

    /// Keeps a file, and says its address.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = addFile)]
    pub fn add_file(
        &self,
        name: &str,
        content_type: &str,
        content: &[u8],
    ) -> Result<String, JsValue> {
        let kept = self.database.add_file(name, content_type, content);
        kept.map_err(|error| thrown(&error))
    }

    /// The content of a file, if it is here.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = readFile)]
    pub fn read_file(&self, address: &str) -> Result<Option<Vec<u8>>, JsValue> {
        let found = self.database.read_file(address);
        found.map_err(|error| thrown(&error))
    }

    /// Begins to sign in. `credentials` is JSON.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = beginSignIn)]
    pub fn begin_sign_in(&self, credentials: &str) -> Result<Exchange, JsValue> {
        let credentials: NamedCredentials = read(credentials)?;
        let credentials = credentials.known().ok_or_else(|| {
            let reason = "sign in with login and password, or with a token";
            thrown_as("invalid", reason)
        })?;
        let conversation = self.database.begin_sign_in(credentials);
        Ok(Exchange { conversation })
    }

    /// Who has signed in.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = endSignIn)]
    pub fn end_sign_in(&self, exchange: &Exchange) -> Result<String, JsValue> {
        let done = self.database.end_sign_in(&exchange.conversation);
        done.map_err(|error| thrown(&error))
            .and_then(|done| written(&done))
    }

    /// Begins to search at the back end. `search` is JSON.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = beginSearchRemote)]
    pub fn begin_search_remote(&self, search: &str) -> Result<Exchange, JsValue> {
        let search: NamedSearch = read(search)?;
        let begun = search.begin(&self.database);
        let conversation = begun.map_err(|error| thrown(&error))?;
        Ok(Exchange { conversation })
    }

    /// What was found.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = endSearchRemote)]
    pub fn end_search_remote(&self, exchange: &Exchange) -> Result<String, JsValue> {
        let done = self.database.end_search_remote(&exchange.conversation);
        done.map_err(|error| thrown(&error))
            .and_then(|done| written(&done))
    }

    /// Begins to sign out. The device is signed out when this returns.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = beginSignOut)]
    pub fn begin_sign_out(&self) -> Result<Exchange, JsValue> {
        let begun = self.database.begin_sign_out();
        let conversation = begun.map_err(|error| thrown(&error))?;
        Ok(Exchange { conversation })
    }

    /// Begins a sync. `options` is JSON; `progressed` is called with how far it is.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = beginSync)]
    pub fn begin_sync(&self, options: &str, progressed: Function) -> Result<Exchange, JsValue> {
        let options: SyncOptions = read(options)?;
        let listener = Callback::new(progressed);
        let begun = self.database.begin_sync(options, Some(listener));
        let conversation = begun.map_err(|error| thrown(&error))?;
        Ok(Exchange { conversation })
    }

    /// What a sync has done, which ends wherever it is.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = endSync)]
    pub fn end_sync(&self, exchange: &Exchange) -> Result<String, JsValue> {
        written(&self.database.end_sync(&exchange.conversation))
    }

    /// Ends the sync that is under way as soon as it can.
    pub fn cancel(&self) {
        self.database.cancel();
    }

    /// Begins to follow.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = beginFollow)]
    pub fn begin_follow(&self) -> Result<(), JsValue> {
        self.database
            .begin_follow(true)
            .map_err(|error| thrown(&error))
    }

    /// What to do next while the database is followed.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = followStep)]
    pub fn follow_step(&self) -> Result<Step, JsValue> {
        let step = self.database.follow_step();
        step.map(Into::into).map_err(|error| thrown(&error))
    }

    /// Ends following, with all that is under way.
    #[wasm_bindgen(js_name = endFollow)]
    pub fn end_follow(&self) {
        self.database.end_follow();
    }

    /// Tells that things may be better than they were: the network is back, or a page is seen again.
    pub fn wake(&self) {
        self.database.wake();
    }
}

#[wasm_bindgen]
impl Exchange {
    /// The next request. None when everything is said.
    ///
    /// # Errors
    /// What the script throws, as JSON.
    #[wasm_bindgen(js_name = nextRequest)]
    pub fn next_request(&self) -> Result<Option<Request>, JsValue> {
        let next = self.conversation.next_request();
        let Some(request) = next.map_err(|error| thrown(&error))? else {
            return Ok(None);
        };
        Ok(Some(Request {
            head: json::request(&request),
            body: request.body,
        }))
    }

    /// Takes the head of an answer. `false` says that nobody wants the rest.
    #[wasm_bindgen(js_name = answerHead)]
    pub fn answer_head(
        &self,
        status: u16,
        retry_after: Option<String>,
        etag: Option<String>,
        content_range: Option<String>,
    ) -> bool {
        let headers = json::answer_headers(retry_after, etag, content_range);
        self.conversation.answer_head(status, headers)
    }

    /// Takes a piece of an answer's body. What it says is kept before this returns. `false` says that nobody wants the rest.
    #[wasm_bindgen(js_name = answerChunk)]
    pub fn answer_chunk(&self, bytes: &Uint8Array) -> bool {
        self.conversation.answer_chunk(bytes.to_vec())
    }

    /// Takes the end of an answer: nothing if it is complete, or else why there is none or not all.
    #[wasm_bindgen(js_name = answerEnd)]
    pub fn answer_end(&self, failure: Option<String>) {
        self.conversation.answer_end(failure);
    }

    /// Whether it was cancelled since it began.
    #[wasm_bindgen(js_name = isCancelled)]
    pub fn is_cancelled(&self) -> bool {
        self.conversation.is_cancelled()
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, JsValue> {
    json::read(text).map_err(|error| JsValue::from_str(&error))
}

fn written<T: serde::Serialize>(value: &T) -> Result<String, JsValue> {
    json::written(value).map_err(|error| JsValue::from_str(&error))
}

fn thrown(error: &sync_client::Error) -> JsValue {
    JsValue::from_str(&json::thrown(error))
}

/// The same for what only browsers can go wrong with.
fn thrown_as(code: &str, reason: &str) -> JsValue {
    JsValue::from_str(&json::thrown_as(code, reason))
}
