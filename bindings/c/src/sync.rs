//! Syncing, what became of changes, and who hears of it.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

use sync_client::{Attributes, ChangeListener, ProgressListener, SyncOptions};

use crate::changes::{hand_out_failed, hand_out_pending, rhosync_changes};
use crate::database::{database, rhosync_database, slot};
use crate::error::{Failure, code_of, rhosync_code};
use crate::listeners::{Changed, Context, Progressed, rhosync_changed};
use crate::options::{rhosync_sync_options, sync_options};
use crate::report::{hand_out_report, rhosync_report};
use crate::values::{attributes, rhosync_attribute, text, texts};

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
    code_of(|| unsafe {
        let listener = listener(changed, context)?;
        *slot(watch)? = database(db)?.watch(texts(sources)?, listener);
        Ok(())
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
    code_of(|| unsafe {
        let listener = listener(changed, context)?;
        *slot(watch)? = database(db)?.watch_query(text(sql)?, listener)?;
        Ok(())
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
    code_of(|| unsafe {
        let (options, listener) = match options.as_ref() {
            Some(given) => (sync_options(given)?, steps(given)),
            None => (SyncOptions::default(), None),
        };
        let done = database(db)?.sync_with(options, listener)?;
        *slot(report)? = hand_out_report(done);
        Ok(())
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
    code_of(|| unsafe {
        let deadline_ms = (deadline_ms > 0).then_some(deadline_ms);
        let done = database(db)?.handle_ping(text(payload)?, deadline_ms)?;
        *slot(report)? = done.map_or(ptr::null_mut(), hand_out_report);
        Ok(())
    })
}

/// Lists the changes that have no verdict yet, oldest first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_pending(
    db: *const rhosync_database,
    changes: *mut *mut rhosync_changes,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        *slot(changes)? = hand_out_pending(database(db)?.pending()?);
        Ok(())
    })
}

/// Lists the changes that failed and wait to be retried or discarded, oldest first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_failed(
    db: *const rhosync_database,
    changes: *mut *mut rhosync_changes,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        *slot(changes)? = hand_out_failed(database(db)?.failed()?);
        Ok(())
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
    code_of(|| unsafe {
        let values: Attributes = attributes(first, count)?;
        let values = (count > 0).then_some(values);
        Ok(database(db)?.retry(text(change)?, values)?)
    })
}

/// Forgets a change that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_discard(
    db: *const rhosync_database,
    change: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe { Ok(database(db)?.discard(text(change)?)?) })
}
