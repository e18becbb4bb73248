//! The types of the library, as UniFFI has to see them: the same definitions once more, from which it makes those of the other
//! languages. A definition that is not the library's any more does not compile.

use std::collections::HashMap;

use sync_client::{
    AppliedChange, Attributes, ChangeState, Credentials, DeviceOptions, Ended, FailedChange,
    FileState, FileStatus, Header, HttpRequest, Key, Operation, Options, PendingChange, Progress,
    Removal, RemovalReason, SignedIn, SourceOptions, SourceProblem, SourceStatus, SyncOptions,
    SyncReport, Value,
};

/// The error has a name of its own where languages have an `Error` already.
pub(crate) type RhoSyncError = sync_client::Error;

/// So has the object.
pub(crate) type StoredObject = sync_client::Object;

/// A value of an attribute.
#[uniffi::remote(Enum)]
pub enum Value {
    /// None.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text. Lists and objects are kept as their JSON.
    Text(String),
}

uniffi::custom_type!(
    /// The attributes of an object.
    Attributes,
    HashMap<String, Value>,
    {
        remote,
        lower: |attributes| attributes.into_iter().collect(),
        try_lift: |attributes| Ok(attributes.into_iter().collect()),
    }
);

/// The values of a row, or of a query's parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

uniffi::custom_type!(
    /// The values of a row, or of a query's parameters.
    Row,
    Vec<Value>,
    {
        lower: |row| row.0,
        try_lift: |values| Ok(Row(values)),
    }
);

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, with a value for each column.
    pub rows: Vec<Row>,
}

impl From<sync_client::Rows> for Rows {
    fn from(answer: sync_client::Rows) -> Self {
        let sync_client::Rows { columns, rows } = answer;
        Self {
            columns,
            rows: rows.into_iter().map(Row).collect(),
        }
    }
}

/// How a database is opened.
#[uniffi::remote(Record)]
pub struct Options {
    /// The server's address, `https://sync.example.com`.
    pub server: String,
    /// The sources that the app works with.
    pub sources: Vec<SourceOptions>,
    /// What the server is told of the device.
    pub device: DeviceOptions,
    /// Most bytes of files that are kept, 512 MiB where it is not said.
    #[uniffi(default)]
    pub file_quota_bytes: Option<u64>,
    /// What the file is encrypted by, where the library was built with encryption: 64 hexadecimal digits are a key, any other text is a
    /// passphrase.
    #[uniffi(default)]
    pub key: Option<Key>,
}

uniffi::custom_type!(
    /// What a file is encrypted by. It shows itself to nobody.
    Key,
    String,
    {
        remote,
        lower: |key| format!("{key:?}"),
        try_lift: |text| Ok(Key::new(text)),
    }
);

/// What the app wants of a source.
#[uniffi::remote(Record)]
pub struct SourceOptions {
    /// Its name.
    pub name: String,
    /// Attributes that the app knows of: each has a column from the beginning on. The columns of others come with the schema, or with the
    /// first object that has them.
    #[uniffi(default)]
    pub attributes: Vec<String>,
    /// Indexes, each over one attribute or more.
    #[uniffi(default)]
    pub indexes: Vec<Vec<String>>,
    /// Attributes that `search` looks into.
    #[uniffi(default)]
    pub search: Vec<String>,
}

/// What the server is told of the device, so that it can wake it.
#[uniffi::remote(Record)]
pub struct DeviceOptions {
    /// Platform: `ios`, `android` or `web`.
    #[uniffi(default)]
    pub kind: Option<String>,
    /// The push service where it is not the platform's own: `apns`, `fcm` or `webpush`.
    #[uniffi(default)]
    pub push_type: Option<String>,
    /// The push service's address of the device.
    #[uniffi(default)]
    pub push_token: Option<String>,
    /// Identifies the physical device.
    #[uniffi(default)]
    pub device_id: Option<String>,
    /// The app.
    #[uniffi(default)]
    pub app_id: Option<String>,
    /// Its version.
    #[uniffi(default)]
    pub app_version: Option<String>,
}

/// How a sync is done.
#[uniffi::remote(Record)]
pub struct SyncOptions {
    /// The sources; empty for all.
    #[uniffi(default)]
    pub sources: Vec<String>,
    /// When it has to be over, in milliseconds from now: systems give background work some seconds.
    #[uniffi(default)]
    pub deadline_ms: Option<u64>,
    /// Compares the copies with the server's also where nothing seems wrong.
    #[uniffi(default = false)]
    pub verify: bool,
}

/// Who signs in.
#[uniffi::remote(Enum)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        login: String,
        /// The password.
        password: String,
    },
    /// A token of the identity provider.
    Token {
        /// It.
        token: String,
    },
}

/// Who has signed in.
#[uniffi::remote(Record)]
pub struct SignedIn {
    /// The user, as the server calls him.
    pub user: String,
    /// The device's id at the server.
    pub client: String,
    /// Whether the database had another user's data, or another device's, which was erased.
    pub has_erased: bool,
}

/// An object as the app sees it.
#[uniffi::remote(Record)]
pub struct StoredObject {
    /// The id that the app knows it by, which never changes.
    pub id: String,
    /// The back end's id, once it has given one.
    pub remote_id: Option<String>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Whether changes of it have no verdict yet.
    pub is_pending: bool,
    /// Whether a search at the back end has found it, and the source's copy has it not.
    pub is_found: bool,
}

/// One change of a transaction.
#[uniffi::remote(Enum)]
pub enum Operation {
    /// An object is made.
    Create {
        /// Its source.
        source: String,
        /// Its id: one that was never used, or none for a new one.
        id: Option<String>,
        /// Its attributes.
        attributes: Attributes,
    },
    /// Attributes of an object change.
    Update {
        /// Its source.
        source: String,
        /// Its id.
        id: String,
        /// Attributes that get a value.
        set: Attributes,
        /// Attributes that lose theirs.
        unset: Vec<String>,
    },
    /// An object goes.
    Delete {
        /// Its source.
        source: String,
        /// Its id.
        id: String,
    },
}

/// How far a change is.
#[uniffi::remote(Enum)]
pub enum ChangeState {
    /// It was never sent.
    Queued,
    /// It was sent; whether it arrived is not known.
    Sent,
    /// The server has it.
    Accepted,
    /// Nothing of it was done.
    Refused,
    /// All was done but for these attributes, which others have set.
    Partly,
}

/// A change that has no verdict yet.
#[uniffi::remote(Record)]
pub struct PendingChange {
    /// Its id.
    pub id: String,
    /// What is done.
    pub operation: Operation,
    /// How far it is.
    pub state: ChangeState,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
}

/// A change of which nothing was done, or not all. It waits to be retried or discarded.
#[uniffi::remote(Record)]
pub struct FailedChange {
    /// Its id.
    pub id: String,
    /// What was not done: in a conflict the app's values.
    pub operation: Operation,
    /// Whether it is a conflict: others have changed the same.
    pub is_conflict: bool,
    /// Why, for programs: `refused`, `conflict`, `invalid_value`, `not_created`, …
    pub code: String,
    /// Why, for people.
    pub reason: Option<String>,
    /// The object as the server has it: in a conflict the others' values.
    pub current: Option<Attributes>,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
}

/// What a sync did. Nothing is lost, however it ended: the next goes on from there.
#[uniffi::remote(Record)]
pub struct SyncReport {
    /// How it ended.
    pub ended: Ended,
    /// When the next one is due, in milliseconds, unless there is something to send before.
    pub next_in_ms: u64,
    /// Changes that were sent.
    pub sent: u64,
    /// Changes that the back end has done now.
    pub applied: Vec<AppliedChange>,
    /// Changes that were refused, or in conflict with those of others. They wait to be retried or discarded.
    pub failed: Vec<FailedChange>,
    /// Objects that came or changed.
    pub received: u64,
    /// Objects that went.
    pub deleted: u64,
    /// Objects that were damaged, lost or too many in the file, and are as they should be again.
    pub mended: u64,
    /// Sources whose objects were removed as a whole.
    pub removed: Vec<Removal>,
}

/// How a sync ended.
#[uniffi::remote(Enum)]
pub enum Ended {
    /// Everything is said.
    Complete,
    /// No whole answer came.
    Offline {
        /// Why.
        reason: String,
    },
    /// The server asks to come back later.
    ServerBusy {
        /// For programs.
        code: String,
        /// For people.
        reason: String,
    },
    /// Nobody is signed in, or the session has ended.
    SignedOut,
    /// The server does not take what the device says.
    Refused {
        /// The answer's status.
        status: u16,
        /// For programs.
        code: String,
        /// For people.
        reason: String,
    },
    /// Somebody has cancelled it.
    Cancelled,
    /// Its time was over.
    DeadlinePassed,
}

/// A change that the back end has done.
#[uniffi::remote(Record)]
pub struct AppliedChange {
    /// The change.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its object, by the id that the app knows.
    pub object: String,
    /// What the back end says of it to the user. It is said here and nowhere else.
    pub message: Option<String>,
}

/// A source whose objects were removed.
#[uniffi::remote(Record)]
pub struct Removal {
    /// The source.
    pub source: String,
    /// Why.
    pub reason: RemovalReason,
}

/// Why objects of a source were removed. But for `Revoked` the source begins anew by itself.
#[uniffi::remote(Enum)]
pub enum RemovalReason {
    /// The user sees another part of the source now.
    Moved,
    /// The user does not see the source any more.
    Revoked,
    /// The server's store was set back.
    Restored,
    /// The objects have another shape.
    Schema,
    /// The device was silent for too long.
    TooOld,
    /// An administrator lets the device start over.
    Requested,
}

/// How far a sync is.
#[uniffi::remote(Record)]
pub struct Progress {
    /// Changes that were sent.
    pub sent: u64,
    /// Verdicts that came.
    pub verdicts: u64,
    /// Objects that came, changed or went.
    pub objects: u64,
}

/// How a source is.
#[uniffi::remote(Record)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Objects that the server has, as far as the device knows.
    pub count: u64,
    /// Whether it was synced at least once.
    pub is_begun: bool,
    /// The schema, as JSON, if it has one.
    pub schema: Option<String>,
    /// What the back end tells apps of the source.
    pub metadata: Option<String>,
    /// What is wrong with it.
    pub problem: Option<SourceProblem>,
}

/// What is wrong with a source. Its objects are there all the same.
#[uniffi::remote(Record)]
pub struct SourceProblem {
    /// For programs.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// How far a file is.
#[uniffi::remote(Enum)]
pub enum FileState {
    /// It is here, and goes up before the change that refers to it.
    Queued,
    /// It is here, and the server has it.
    Here,
    /// It comes with the next sync.
    Wanted,
    /// The server has none, or none for this user.
    Missing,
    /// There is no room for it.
    NoRoom,
}

/// A file that is known here.
#[uniffi::remote(Record)]
pub struct FileStatus {
    /// How far it is.
    pub state: FileState,
    /// Its media type, once it is known.
    pub content_type: String,
    /// Bytes that are here.
    pub bytes: u64,
    /// Of one that goes up, bytes that the server has.
    pub sent: u64,
}

/// A header of a request or an answer.
#[uniffi::remote(Record)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A request to the server.
#[uniffi::remote(Record)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Headers, the token among them. Each goes as it is.
    pub headers: Vec<Header>,
    /// The body, often empty. That of a file is no text.
    pub body: Vec<u8>,
    /// How long the whole may take.
    pub timeout_ms: u64,
}

/// Why a call came to nothing. How a sync ended is no error: `SyncReport` says it.
#[uniffi::remote(Error)]
pub enum RhoSyncError {
    /// The file cannot be read or written.
    Storage {
        /// Why.
        reason: String,
    },
    /// The file cannot be read by the key. It was left as it is.
    WrongKey,
    /// The call does not fit what is in the database: an object that is not there, a query that may not be asked.
    Invalid {
        /// Why.
        reason: String,
    },
    /// The database was opened without this source.
    UnknownSource {
        /// It.
        source_name: String,
    },
    /// There is no such object.
    UnknownObject {
        /// Its source.
        source_name: String,
        /// It.
        id: String,
    },
    /// Name or password are wrong, or the token.
    LoginRefused {
        /// The server's words.
        reason: String,
    },
    /// No answer came.
    Offline {
        /// Why.
        reason: String,
    },
    /// The server cannot do it now.
    ServerBusy {
        /// The server's words.
        reason: String,
        /// When to try again, in milliseconds.
        retry_in_ms: u64,
    },
    /// The server does not take it.
    Refused {
        /// The answer's status.
        status: u16,
        /// For programs.
        code: String,
        /// The server's words.
        reason: String,
    },
    /// A sync is under way, here or in another process.
    SyncRunning,
    /// It was cancelled.
    Cancelled,
    /// The database was opened without a transport, and is asked for a call that needs one.
    NoTransport,
}

/// What an error says to people.
#[uniffi::export]
pub fn message_of(error: RhoSyncError) -> String {
    error.to_string()
}
