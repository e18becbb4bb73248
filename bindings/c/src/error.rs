//! Codes, and what they mean.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sync_client::Error;

/// What became of a call.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_code {
    /// All went well.
    Ok = 0,
    /// The file cannot be read or written.
    Storage = 1,
    /// The call does not fit what is in the database, or an argument is no UTF-8 or NULL.
    Invalid = 2,
    /// The database was opened without this source.
    UnknownSource = 3,
    /// There is no such object.
    UnknownObject = 4,
    /// Name or password are wrong, or the token.
    LoginRefused = 5,
    /// No answer came.
    Offline = 6,
    /// The server cannot do it now.
    ServerBusy = 7,
    /// The server does not take it.
    Refused = 8,
    /// A sync is under way, here or in another process.
    SyncRunning = 9,
    /// It was cancelled.
    Cancelled = 10,
    /// The library was built without a transport, and the app has brought none.
    NoTransport = 11,
    /// The file cannot be read by the key. It was left as it is.
    WrongKey = 12,
    /// The library has a fault. The call was not finished.
    Internal = 13,
}

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// Why a call comes to nothing.
pub(crate) struct Failure {
    code: rhosync_code,
    reason: String,
}

impl Failure {
    /// An argument that is not as it has to be.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self {
            code: rhosync_code::Invalid,
            reason: reason.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Storage { .. } => rhosync_code::Storage,
            Error::Invalid { .. } => rhosync_code::Invalid,
            Error::UnknownSource { .. } => rhosync_code::UnknownSource,
            Error::UnknownObject { .. } => rhosync_code::UnknownObject,
            Error::LoginRefused { .. } => rhosync_code::LoginRefused,
            Error::Offline { .. } => rhosync_code::Offline,
            Error::ServerBusy { .. } => rhosync_code::ServerBusy,
            Error::Refused { .. } => rhosync_code::Refused,
            Error::SyncRunning => rhosync_code::SyncRunning,
            Error::Cancelled => rhosync_code::Cancelled,
            Error::NoTransport => rhosync_code::NoTransport,
            Error::WrongKey => rhosync_code::WrongKey,
        };
        Self {
            code,
            reason: error.to_string(),
        }
    }
}

/// Makes a call, and says what became of it; the message is kept for the thread. A panic ends the call: C could not be unwound.
pub(crate) fn code_of(call: impl FnOnce() -> Result<(), Failure>) -> rhosync_code {
    // The database is behind locks that do not mind, and its file rolls back what was not finished.
    let (code, reason) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => (rhosync_code::Ok, String::new()),
        Ok(Err(Failure { code, reason })) => (code, reason),
        Err(_) => (
            rhosync_code::Internal,
            "the library has a fault: the call was not finished".to_owned(),
        ),
    };
    let reason = CString::new(reason.replace('\0', " ")).unwrap_or_default();
    MESSAGE.set(reason);
    code
}

/// What the last call of this thread failed with, for people; empty if it went well. It is there until this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_message() -> *const c_char {
    MESSAGE.with_borrow(|message| message.as_ptr())
}
