//! Who is told of something.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use sync_client::{ChangeListener, Progress, ProgressListener};

/// Is told that sources have changed, by their names, with a NULL behind the last. It is called after each transaction, on the thread that
/// made it: return soon, and ask the database again.
pub type rhosync_changed =
    Option<unsafe extern "C" fn(context: *mut c_void, sources: *const *const c_char)>;

/// Is told how far a sync is: how many changes were sent, how many verdicts came, and how many objects came, changed or went.
pub type rhosync_progressed =
    Option<unsafe extern "C" fn(context: *mut c_void, sent: u64, verdicts: u64, objects: u64)>;

/// What a callback is called with. Only the app knows what it is.
#[derive(Clone, Copy)]
pub(crate) struct Context(pub(crate) *mut c_void);

// SAFETY: the header says that callbacks may be called from any thread; the library does not look into it.
unsafe impl Send for Context {}
// SAFETY: the same.
unsafe impl Sync for Context {}

pub(crate) struct Changed {
    pub(crate) told: unsafe extern "C" fn(*mut c_void, *const *const c_char),
    pub(crate) context: Context,
}

impl ChangeListener for Changed {
    fn changed(&self, sources: Vec<String>) {
        let names: Vec<_> = sources
            .into_iter()
            .filter_map(|name| CString::new(name).ok())
            .collect();
        let mut list: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        list.push(ptr::null());
        // SAFETY: the app's own function, with the app's own context.
        unsafe { (self.told)(self.context.0, list.as_ptr()) };
    }
}

pub(crate) struct Progressed {
    pub(crate) told: unsafe extern "C" fn(*mut c_void, u64, u64, u64),
    pub(crate) context: Context,
}

impl ProgressListener for Progressed {
    fn progressed(&self, progress: Progress) {
        let Progress {
            sent,
            verdicts,
            objects,
        } = progress;
        // SAFETY: the app's own function, with the app's own context.
        unsafe { (self.told)(self.context.0, sent, verdicts, objects) };
    }
}
