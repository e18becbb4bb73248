//! Opening a database, and who is signed in.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;

use sync_client::{Credentials, Database, Key, SystemPlatform, Transport};

use crate::error::{Failure, code_of, rhosync_code};
use crate::options::{options, rhosync_options};
use crate::sources::{hand_out_sources, rhosync_sources};
use crate::transport::Carrier;
use crate::values::text;

/// An offline database that keeps itself in sync with a server.
pub struct rhosync_database(Database);

pub(crate) type Done = Result<(), Failure>;

pub(crate) unsafe fn database<'a>(given: *const rhosync_database) -> Result<&'a Database, Failure> {
    // SAFETY: the caller's word.
    let given = unsafe { given.as_ref() };
    given
        .map(|it| &it.0)
        .ok_or_else(|| Failure::invalid("the database is NULL"))
}

/// Where something is handed out to.
pub(crate) unsafe fn slot<'a, T>(given: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller's word.
    unsafe { given.as_mut() }.ok_or_else(|| Failure::invalid("there is no place for the answer"))
}

pub(crate) fn hand_out_text(text: String) -> *mut c_char {
    CString::new(text.replace('\0', " ")).map_or(ptr::null_mut(), CString::into_raw)
}

/// Frees a text that a call has handed out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: `hand_out_text` has made it.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// Opens a database file, or makes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_open(
    path: *const c_char,
    options: *const rhosync_options,
    database: *mut *mut rhosync_database,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe { open(path, options, database) })
}

unsafe fn open(
    path: *const c_char,
    given: *const rhosync_options,
    database: *mut *mut rhosync_database,
) -> Done {
    // SAFETY: the caller's word.
    unsafe {
        let path = text(path)?;
        let given = given
            .as_ref()
            .ok_or_else(|| Failure::invalid("the options are NULL"))?;
        let transport = given.transport.as_ref().and_then(Carrier::of);
        let transport = transport.map(|it| Arc::new(it) as Arc<dyn Transport>);
        #[cfg(feature = "transport")]
        let transport =
            transport.or_else(|| Some(Arc::new(sync_client::UreqTransport::default()) as Arc<_>));
        let platform = Arc::new(SystemPlatform);
        let opened = Database::open_on(path, options(given)?, platform, transport, None)?;
        *slot(database)? = Box::into_raw(Box::new(rhosync_database(opened)));
    }
    Ok(())
}

/// Closes a database, or NULL. No call of it may be under way: end a sync by `rhosync_cancel` before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_close(database: *mut rhosync_database) {
    if !database.is_null() {
        // SAFETY: `rhosync_open` has made it.
        drop(unsafe { Box::from_raw(database) });
    }
}

/// Encrypts the database file by another key, all or nothing. No other process may have it open. `RHOSYNC_CODE_INVALID` for one that was
/// opened without a key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_change_key(
    db: *const rhosync_database,
    key: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let key = Key::new(text(key)?.to_owned());
        Ok(database(db)?.change_key(&key)?)
    })
}

/// Says who is signed in; NULL if nobody is. Free it by `rhosync_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_user(
    db: *const rhosync_database,
    user: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let who = database(db)?.user()?;
        *slot(user)? = who.map_or(ptr::null_mut(), hand_out_text);
        Ok(())
    })
}

/// Signs a user in. What is in the database stays if it is his and this device's. Otherwise it is erased, and `has_erased`, which may be
/// NULL, says so: look at `rhosync_pending` before, if another user may have left something.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_sign_in(
    db: *const rhosync_database,
    login: *const c_char,
    password: *const c_char,
    has_erased: *mut bool,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let credentials = Credentials::Password {
            login: text(login)?.to_owned(),
            password: text(password)?.to_owned(),
        };
        sign_in(db, credentials, has_erased)
    })
}

/// Signs a user in by a token of the identity provider.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_sign_in_with_token(
    db: *const rhosync_database,
    token: *const c_char,
    has_erased: *mut bool,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let token = text(token)?.to_owned();
        sign_in(db, Credentials::Token { token }, has_erased)
    })
}

unsafe fn sign_in(
    db: *const rhosync_database,
    credentials: Credentials,
    has_erased: *mut bool,
) -> Done {
    // SAFETY: the caller's word.
    let signed_in = unsafe { database(db) }?.sign_in_with(credentials)?;
    // SAFETY: the same.
    if let Some(place) = unsafe { has_erased.as_mut() } {
        *place = signed_in.has_erased;
    }
    Ok(())
}

/// Signs out: at once on the device, and at the server if it can be reached.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_sign_out(db: *const rhosync_database) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe { database(db) }.and_then(|it| Ok(it.sign_out()?)))
}

/// Says how the sources are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_source_statuses(
    db: *const rhosync_database,
    sources: *mut *mut rhosync_sources,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        *slot(sources)? = hand_out_sources(database(db)?.sources()?);
        Ok(())
    })
}

/// Says how the database is, as JSON, for support. It has no tokens and no values of objects. Free it by `rhosync_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_diagnostics(
    db: *const rhosync_database,
    json: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        *slot(json)? = hand_out_text(database(db)?.diagnostics()?);
        Ok(())
    })
}
