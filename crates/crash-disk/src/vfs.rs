//! The disk as SQLite calls it.

#![expect(
    unsafe_code,
    reason = "SQLite is C: it hands over pointers, and says how long they are good"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Once};

use rusqlite::ffi;

use crate::disk::{Disk, Ended, SharedMemory, State, System, disk_of, lock};

/// The longest path.
const LONGEST: c_int = 512;

/// What SQLite keeps for each file that is open.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

/// A file that is open.
struct Open {
    disk: Arc<Mutex<State>>,
    process: u64,
    file: u64,
    number: u64,
    shared_memory: Option<Arc<SharedMemory>>,
}

impl Open {
    /// Does something with the disk, if the process that has opened the file still lives.
    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T, c_int>) -> Result<T, c_int> {
        let mut state = lock(&self.disk);
        match state.is_of(self.process) {
            true => work(&mut state),
            false => Err(ffi::SQLITE_IOERR),
        }
    }
}

impl From<Ended> for c_int {
    fn from(_: Ended) -> Self {
        ffi::SQLITE_IOERR
    }
}

fn code(done: Result<(), c_int>) -> c_int {
    done.err().unwrap_or(ffi::SQLITE_OK)
}

/// Makes the file system known to SQLite, once for all disks.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<Handle>() as c_int,
            mxPathname: LONGEST,
            pNext: ptr::null_mut(),
            zName: c"crash-disk".as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_path),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: None,
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        debug_assert_eq!(Disk::VFS, "crash-disk");
        // SAFETY: it is complete, and never freed.
        let registered = unsafe { ffi::sqlite3_vfs_register(Box::leak(vfs), 0) };
        assert_eq!(registered, ffi::SQLITE_OK);
    });
}

const fn methods(version: c_int) -> ffi::sqlite3_io_methods {
    ffi::sqlite3_io_methods {
        iVersion: version,
        xClose: Some(close),
        xRead: Some(read),
        xWrite: Some(write),
        xTruncate: Some(truncate),
        xSync: Some(sync),
        xFileSize: Some(file_size),
        xLock: Some(take_lock),
        xUnlock: Some(give_lock),
        xCheckReservedLock: Some(check_reserved),
        xFileControl: Some(file_control),
        xSectorSize: Some(sector_size),
        xDeviceCharacteristics: Some(characteristics),
        xShmMap: Some(shm_map),
        xShmLock: Some(shm_lock),
        xShmBarrier: Some(shm_barrier),
        xShmUnmap: Some(shm_unmap),
        xFetch: None,
        xUnfetch: None,
    }
}

static NATIVE: ffi::sqlite3_io_methods = methods(2);

/// The first version of the methods has none for shared memory.
static BROWSER: ffi::sqlite3_io_methods = methods(1);

/// SAFETY: SQLite calls the methods of a file between its opening and its closing only, with the handle that `open` has filled.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

/// SAFETY: SQLite's texts end by a zero.
unsafe fn text<'a>(of: *const c_char) -> Option<&'a str> {
    match of.is_null() {
        true => None,
        false => unsafe { CStr::from_ptr(of) }.to_str().ok(),
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let handle = file.cast::<Handle>();
    // SAFETY: SQLite has memory of the size that it was told. Without methods it does not close a file that was not opened.
    unsafe { (*handle).base.pMethods = ptr::null() };
    let Some((disk, name)) = unsafe { text(name) }.and_then(disk_of) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let mut state = lock(&disk);
    let may_create = flags & ffi::SQLITE_OPEN_CREATE != 0;
    let found = match state.image.find(name) {
        Some(found) => Ok(found),
        None if may_create => state.step(|image| image.create(Some(name))),
        None => return ffi::SQLITE_CANTOPEN,
    };
    let Ok(found) = found else {
        return ffi::SQLITE_IOERR;
    };
    let methods = match state.system {
        System::Native => &NATIVE,
        System::Browser => &BROWSER,
    };
    let (process, number) = (state.process, state.next_open());
    drop(state);
    let open = Box::new(Open {
        disk,
        process,
        file: found,
        number,
        shared_memory: None,
    });
    // SAFETY: as above.
    unsafe {
        (*handle).open = Box::into_raw(open);
        (*handle).base.pMethods = methods;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    let Some((disk, name)) = unsafe { text(name) }.and_then(disk_of) else {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    };
    let mut state = lock(&disk);
    if state.image.find(name).is_none() {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    let mut deleted = state.step(|image| image.delete(name));
    if sync_folder != 0 && deleted.is_ok() {
        deleted = state.step(|image| image.sync_folder());
    }
    code(deleted.map_err(c_int::from))
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    let found = unsafe { text(name) }.and_then(disk_of);
    let is_there = found.is_some_and(|(disk, name)| lock(&disk).image.find(name).is_some());
    // SAFETY: it is where SQLite wants the answer.
    unsafe { *out = is_there.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite's texts end by a zero, and `out` has room for `size` bytes.
    unsafe {
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if name.len() > usize::try_from(size).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr(), out.cast(), name.len());
    }
    ffi::SQLITE_OK
}

/// SQLite asks for it only where this is the default file system.
unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

/// Nobody else is at work here: who waits, waits for nothing.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: it is where SQLite wants the answer: days, in the year 2000.
    unsafe { *out = 2_451_545.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: nobody uses it any more; `open` has made it.
    let open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    let _ = open.with(|state| {
        state.unlock(open.file, open.number, 0);
        Ok(())
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    out: *mut c_void,
    count: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let open = unsafe { opened(file) };
    // SAFETY: SQLite has room for `count` bytes there.
    let out =
        unsafe { slice::from_raw_parts_mut(out.cast::<u8>(), usize::try_from(count).unwrap_or(0)) };
    code(open.with(|state| {
        let content = state.image.content(open.file);
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
        let found = &content[from..content.len().min(from + out.len())];
        let (filled, empty) = out.split_at_mut(found.len());
        filled.copy_from_slice(found);
        empty.fill(0);
        match empty.is_empty() {
            true => Ok(()),
            false => Err(ffi::SQLITE_IOERR_SHORT_READ),
        }
    }))
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    count: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let open = unsafe { opened(file) };
    // SAFETY: SQLite has `count` bytes there.
    let bytes =
        unsafe { slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(count).unwrap_or(0)) };
    let at = usize::try_from(at).unwrap_or(0);
    code(open.with(|state| Ok(state.step(|image| image.write(open.file, at, bytes))?)))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    let open = unsafe { opened(file) };
    let length = usize::try_from(length).unwrap_or(0);
    code(open.with(|state| Ok(state.step(|image| image.resize(open.file, length))?)))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    let open = unsafe { opened(file) };
    code(open.with(|state| Ok(state.step(|image| image.sync(open.file))?)))
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    let open = unsafe { opened(file) };
    code(open.with(|state| {
        let length = state.image.content(open.file).len();
        // SAFETY: it is where SQLite wants the answer.
        unsafe { *out = length as ffi::sqlite3_int64 };
        Ok(())
    }))
}

unsafe extern "C" fn take_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    let open = unsafe { opened(file) };
    code(
        open.with(|state| match state.lock(open.file, open.number, level) {
            true => Ok(()),
            false => Err(ffi::SQLITE_BUSY),
        }),
    )
}

unsafe extern "C" fn give_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    let open = unsafe { opened(file) };
    // What has no lock any more, as its process has ended, has given it back.
    let _ = open.with(|state| {
        state.unlock(open.file, open.number, level);
        Ok(())
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    let open = unsafe { opened(file) };
    code(open.with(|state| {
        // SAFETY: it is where SQLite wants the answer.
        unsafe { *out = state.is_reserved(open.file).into() };
        Ok(())
    }))
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// Zero: SQLite's own default.
unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    0
}

/// As SQLite takes every disk to be: a write damages nothing beside it.
unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let open = unsafe { opened(file) };
    if open.shared_memory.is_none() {
        let number = open.file;
        match open.with(|state| Ok(state.shared_memory(number))) {
            Ok(shared) => open.shared_memory = Some(shared),
            Err(code) => return code,
        }
    }
    let Some(shared) = &open.shared_memory else {
        return ffi::SQLITE_IOERR;
    };
    let mut regions = lock(&shared.regions);
    let wanted = usize::try_from(region).unwrap_or(0);
    while extend != 0 && regions.len() <= wanted {
        let words = usize::try_from(size).unwrap_or(0) / size_of::<AtomicU64>();
        let region = std::iter::repeat_with(AtomicU64::default).take(words);
        regions.push(region.collect());
    }
    let found = regions.get(wanted);
    // It stays where it is as long as the file is open, and may be written at any time: it is made of atomics.
    let found = found.map_or(ptr::null_mut(), |region| region.as_ptr().cast_mut().cast());
    // SAFETY: it is where SQLite wants the answer.
    unsafe { *out = found };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let open = unsafe { opened(file) };
    let Some(shared) = &open.shared_memory else {
        return ffi::SQLITE_IOERR;
    };
    let from = usize::try_from(offset).unwrap_or(0);
    let mut locks = lock(&shared.locks);
    let wanted = &mut locks[from..from + usize::try_from(count).unwrap_or(0)];
    let is_shared = flags & ffi::SQLITE_SHM_SHARED != 0;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        for slot in wanted {
            *slot = if is_shared { (*slot - 1).max(0) } else { 0 };
        }
        return ffi::SQLITE_OK;
    }
    let is_free = |slot: &i32| if is_shared { *slot >= 0 } else { *slot == 0 };
    if !wanted.iter().all(is_free) {
        return ffi::SQLITE_BUSY;
    }
    for slot in wanted {
        *slot = if is_shared { *slot + 1 } else { -1 };
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    let open = unsafe { opened(file) };
    open.shared_memory = None;
    let _ = open.with(|state| {
        state.forget_unused_memory(open.file);
        Ok(())
    });
    ffi::SQLITE_OK
}
