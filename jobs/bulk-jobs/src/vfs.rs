//! What SQLite knows of the system in a component: the time and randomness. There are no files, as every database
//! is in memory.
//!
//! SQLite is compiled without a system of its own (`SQLITE_OS_OTHER`) and calls [`sqlite3_os_init`] instead.

#![expect(
    unsafe_code,
    reason = "SQLite finds two functions by name and hands pointers to the others"
)]

use std::ffi::{c_char, c_int};
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::ffi::{
    SQLITE_CANTOPEN, SQLITE_IOERR_DELETE, SQLITE_OK, sqlite3_file, sqlite3_filename, sqlite3_vfs,
    sqlite3_vfs_register,
};

/// 1970-01-01 as a Julian day, in milliseconds: SQLite's days begin at noon.
const UNIX_EPOCH_JULIAN_MS: i64 = 210_866_760_000_000;
const MS_PER_DAY: f64 = 86_400_000.0;

/// Gives SQLite the only system it has here. Called once, before the first database is opened.
#[unsafe(no_mangle)]
extern "C" fn sqlite3_os_init() -> c_int {
    let vfs = Box::new(sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<sqlite3_file>() as c_int,
        mxPathname: 1,
        pNext: ptr::null_mut(),
        zName: c"component".as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    });
    // SAFETY: SQLite owns the record from here on; it is never freed.
    unsafe { sqlite3_vfs_register(Box::into_raw(vfs), 1) }
}

/// There is nothing to give back.
#[unsafe(no_mangle)]
extern "C" fn sqlite3_os_end() -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    _: sqlite3_filename,
    file: *mut sqlite3_file,
    _: c_int,
    _: *mut c_int,
) -> c_int {
    // SAFETY: SQLite has room for `szOsFile` bytes there. Without methods the file needs no closing.
    unsafe { (*file).pMethods = ptr::null() };
    SQLITE_CANTOPEN
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    SQLITE_IOERR_DELETE
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    _: *const c_char,
    _: c_int,
    exists: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the address of a variable of its own.
    unsafe { *exists = 0 };
    SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut sqlite3_vfs,
    _: *const c_char,
    _: c_int,
    _: *mut c_char,
) -> c_int {
    SQLITE_CANTOPEN
}

unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, length: c_int, bytes: *mut c_char) -> c_int {
    let Ok(size) = usize::try_from(length) else {
        return 0;
    };
    // SAFETY: SQLite has room for `length` bytes there, and has set all of them.
    let bytes = unsafe { std::slice::from_raw_parts_mut(bytes.cast::<u8>(), size) };
    match getrandom::fill(bytes) {
        Ok(()) => length,
        Err(_) => 0,
    }
}

/// Nobody else has the database: SQLite has nothing to wait for.
unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_: *mut sqlite3_vfs, days: *mut f64) -> c_int {
    // SAFETY: SQLite passes the address of a variable of its own.
    unsafe { *days = julian_ms() as f64 / MS_PER_DAY };
    SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut sqlite3_vfs, ms: *mut i64) -> c_int {
    // SAFETY: SQLite passes the address of a variable of its own.
    unsafe { *ms = julian_ms() };
    SQLITE_OK
}

fn julian_ms() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UNIX_EPOCH_JULIAN_MS.saturating_add(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
