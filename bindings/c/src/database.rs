//! The database, as C calls it.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use sync_client::{
    Attributes, ChangeListener, Credentials, Database, Operation, ProgressListener, SyncOptions,
    SystemPlatform, Transport,
};

use crate::changes::{hand_out_failed, hand_out_pending, rhosync_changes, rhosync_op};
use crate::error::{Failure, code_of, rhosync_code};
use crate::listeners::{Changed, Context, Progressed, rhosync_changed};
use crate::objects::{hand_out_objects, hand_out_rows, rhosync_objects, rhosync_rows};
use crate::options::{options, rhosync_options, rhosync_sync_options, sync_options};
use crate::report::{hand_out_report, rhosync_report};
use crate::sources::{hand_out_sources, rhosync_sources};
use crate::transport::Carrier;
use crate::values::{
    attributes, list, optional_text, rhosync_attribute, rhosync_value, text, texts, value,
};

/// An offline database that keeps itself in sync with a server.
pub struct rhosync_database(Database);

/// One change of a transaction.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_operation {
    /// What it does.
    pub op: rhosync_op,
    /// The source of its object.
    pub source: *const c_char,
    /// The object; of one that is made, an id of `rhosync_new_id`, or NULL if nobody asks for it.
    pub id: *const c_char,
    /// Attributes that get a value.
    pub attributes: *const rhosync_attribute,
    /// How many these are.
    pub attribute_count: usize,
    /// Attributes that lose theirs, with a NULL behind the last, or NULL.
    pub unset: *const *const c_char,
}

type Done = Result<(), Failure>;

unsafe fn database<'a>(given: *const rhosync_database) -> Result<&'a Database, Failure> {
    // SAFETY: the caller's word.
    let given = unsafe { given.as_ref() };
    given
        .map(|it| &it.0)
        .ok_or_else(|| Failure::invalid("the database is NULL"))
}

/// Where something is handed out to.
unsafe fn slot<'a, T>(given: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller's word.
    unsafe { given.as_mut() }.ok_or_else(|| Failure::invalid("there is no place for the answer"))
}

fn hand_out_text(text: String) -> *mut c_char {
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
    code_of(unsafe { open(path, options, database) })
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

/// Says who is signed in; NULL if nobody is. Free it by `rhosync_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_user(
    db: *const rhosync_database,
    user: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let who = database(db)?.user()?;
            *slot(user)? = who.map_or(ptr::null_mut(), hand_out_text);
            Ok(())
        })()
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
    code_of(unsafe {
        (|| {
            let credentials = Credentials::Password {
                login: text(login)?.to_owned(),
                password: text(password)?.to_owned(),
            };
            sign_in(db, credentials, has_erased)
        })()
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
    code_of(unsafe {
        (|| {
            let token = text(token)?.to_owned();
            sign_in(db, Credentials::Token { token }, has_erased)
        })()
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
    code_of(unsafe { database(db) }.and_then(|it| Ok(it.sign_out()?)))
}

/// Makes an object, and says its id, which never changes for the app; `id` may be NULL, or free it by `rhosync_string_free`. It goes up
/// with the next sync.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_create(
    db: *const rhosync_database,
    source: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
    id: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let made = database(db)?.create(text(source)?, attributes(first, count)?)?;
            if let Some(place) = id.as_mut() {
                *place = hand_out_text(made);
            }
            Ok(())
        })()
    })
}

/// Sets attributes of an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_update(
    db: *const rhosync_database,
    source: *const c_char,
    id: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let set = attributes(first, count)?;
            Ok(database(db)?.update(text(source)?, text(id)?, set)?)
        })()
    })
}

/// Removes an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_delete(
    db: *const rhosync_database,
    source: *const c_char,
    id: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe { (|| Ok(database(db)?.delete(text(source)?, text(id)?)?))() })
}

/// Makes changes of any objects and sources, all of them or none. At the back end each has its own verdict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_transaction(
    db: *const rhosync_database,
    first: *const rhosync_operation,
    count: usize,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let operations: Result<_, _> = list(first, count)?
                .iter()
                .map(|given| operation(given))
                .collect();
            database(db)?.transaction(operations?)?;
            Ok(())
        })()
    })
}

unsafe fn operation(given: &rhosync_operation) -> Result<Operation, Failure> {
    // SAFETY: the caller's word.
    let (source, set) = unsafe {
        let set = attributes(given.attributes, given.attribute_count)?;
        (text(given.source)?.to_owned(), set)
    };
    // SAFETY: the same.
    let id = || unsafe { text(given.id) }.map(str::to_owned);
    Ok(match given.op {
        rhosync_op::Create => Operation::Create {
            source,
            // SAFETY: the same.
            id: unsafe { optional_text(given.id) }?,
            attributes: set,
        },
        rhosync_op::Update => Operation::Update {
            source,
            id: id()?,
            set,
            // SAFETY: the same.
            unset: unsafe { texts(given.unset) }?,
        },
        rhosync_op::Delete => Operation::Delete { source, id: id()? },
    })
}

/// A new id for an object of a transaction that others refer to; free it by `rhosync_string_free`.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_new_id() -> *mut c_char {
    hand_out_text(sync_client::new_id(&SystemPlatform))
}

/// Looks for an object, by the id that the app knows, or by the back end's: one, or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_get(
    db: *const rhosync_database,
    source: *const c_char,
    id: *const c_char,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let found = database(db)?.get(text(source)?, text(id)?)?;
            *slot(objects)? = hand_out_objects(found.into_iter().collect());
            Ok(())
        })()
    })
}

/// Lists objects in the order of their ids: at most `limit` after the first `offset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_list(
    db: *const rhosync_database,
    source: *const c_char,
    limit: u32,
    offset: u32,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let found = database(db)?.list(text(source)?, limit, offset)?;
            *slot(objects)? = hand_out_objects(found);
            Ok(())
        })()
    })
}

/// Looks for the objects that have all of the words, or words that begin so; the best first. The source must have been opened with
/// `search`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_search(
    db: *const rhosync_database,
    source: *const c_char,
    words: *const c_char,
    limit: u32,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let found = database(db)?.search(text(source)?, text(words)?, limit)?;
            *slot(objects)? = hand_out_objects(found);
            Ok(())
        })()
    })
}

/// Asks a query in SQLite's SQL. Each source is a view of its name, with the columns `id`, `pending` (whether there are changes without a
/// verdict), one for each attribute, and `attributes`, the whole as JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_query(
    db: *const rhosync_database,
    sql: *const c_char,
    params: *const rhosync_value,
    count: usize,
    rows: *mut *mut rhosync_rows,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let params: Result<Vec<_>, _> = list(params, count)?
                .iter()
                .map(|given| value(given))
                .collect();
            let answer = database(db)?.query(text(sql)?, &params?)?;
            *slot(rows)? = hand_out_rows(answer);
            Ok(())
        })()
    })
}

/// Tells of each change of some sources, or of all if `sources` is NULL; there is a NULL behind the last. It hears of what this database
/// does, not of other processes. `watch` is what `rhosync_unwatch` takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_watch(
    db: *const rhosync_database,
    sources: *const *const c_char,
    changed: rhosync_changed,
    context: *mut c_void,
    watch: *mut u64,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let listener = listener(changed, context)?;
            *slot(watch)? = database(db)?.watch(texts(sources)?, listener);
            Ok(())
        })()
    })
}

/// Tells of each change of the sources that a query reads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_watch_query(
    db: *const rhosync_database,
    sql: *const c_char,
    changed: rhosync_changed,
    context: *mut c_void,
    watch: *mut u64,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let listener = listener(changed, context)?;
            *slot(watch)? = database(db)?.watch_query(text(sql)?, listener)?;
            Ok(())
        })()
    })
}

fn listener(
    changed: rhosync_changed,
    context: *mut c_void,
) -> Result<Arc<dyn ChangeListener>, Failure> {
    let told = changed.ok_or_else(|| Failure::invalid("nobody is told of changes"))?;
    let context = Context(context);
    Ok(Arc::new(Changed { told, context }))
}

/// Ends a watch. A call of it that is under way on another thread goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_unwatch(db: *const rhosync_database, watch: u64) {
    // SAFETY: the caller's word.
    if let Ok(database) = unsafe { database(db) } {
        database.unwatch(watch);
    }
}

/// Sends what was done and brings what is new. How it ended is in the report: that there is no network is no error. `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_sync(
    db: *const rhosync_database,
    options: *const rhosync_sync_options,
    report: *mut *mut rhosync_report,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let (options, listener) = match options.as_ref() {
                Some(given) => (sync_options(given)?, steps(given)),
                None => (SyncOptions::default(), None),
            };
            let done = database(db)?.sync_with(options, listener)?;
            *slot(report)? = hand_out_report(done);
            Ok(())
        })()
    })
}

fn steps(given: &rhosync_sync_options) -> Option<Arc<dyn ProgressListener>> {
    let told = given.progressed?;
    let context = Context(given.context);
    Some(Arc::new(Progressed { told, context }))
}

/// Ends the sync that is under way on another thread as soon as it can.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_cancel(db: *const rhosync_database) {
    // SAFETY: the caller's word.
    if let Ok(database) = unsafe { database(db) } {
        database.cancel();
    }
}

/// Syncs what a push message asks to sync, within `deadline_ms` unless it is 0. The report is NULL if the message is not the server's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_handle_ping(
    db: *const rhosync_database,
    payload: *const c_char,
    deadline_ms: u64,
    report: *mut *mut rhosync_report,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let deadline_ms = (deadline_ms > 0).then_some(deadline_ms);
            let done = database(db)?.handle_ping(text(payload)?, deadline_ms)?;
            *slot(report)? = done.map_or(ptr::null_mut(), hand_out_report);
            Ok(())
        })()
    })
}

/// Lists the changes that have no verdict yet, oldest first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_pending(
    db: *const rhosync_database,
    changes: *mut *mut rhosync_changes,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            *slot(changes)? = hand_out_pending(database(db)?.pending()?);
            Ok(())
        })()
    })
}

/// Lists the changes that failed and wait to be retried or discarded, oldest first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_failed(
    db: *const rhosync_database,
    changes: *mut *mut rhosync_changes,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            *slot(changes)? = hand_out_failed(database(db)?.failed()?);
            Ok(())
        })()
    })
}

/// Sends a change that failed once more, as if it were made now: with these values in the place of its own, if there are some. So a
/// conflict is resolved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_retry(
    db: *const rhosync_database,
    change: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            let values: Attributes = attributes(first, count)?;
            let values = (count > 0).then_some(values);
            Ok(database(db)?.retry(text(change)?, values)?)
        })()
    })
}

/// Forgets a change that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_discard(
    db: *const rhosync_database,
    change: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe { (|| Ok(database(db)?.discard(text(change)?)?))() })
}

/// Says how the sources are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_source_statuses(
    db: *const rhosync_database,
    sources: *mut *mut rhosync_sources,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            *slot(sources)? = hand_out_sources(database(db)?.sources()?);
            Ok(())
        })()
    })
}

/// Says how the database is, as JSON, for support. It has no tokens and no values of objects. Free it by `rhosync_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_diagnostics(
    db: *const rhosync_database,
    json: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(unsafe {
        (|| {
            *slot(json)? = hand_out_text(database(db)?.diagnostics()?);
            Ok(())
        })()
    })
}
