//! What is handed out to C: plain structures, and what they point to.

use std::ffi::c_char;
use std::ptr;

/// Memory that a structure points into. It stays where it is until all of it goes.
#[derive(Default)]
pub(crate) struct Arena {
    kept: Vec<Box<dyn Kept>>,
}

trait Kept {}

impl<T> Kept for T {}

impl Arena {
    /// Keeps a text, with a zero behind it.
    pub(crate) fn text(&mut self, text: String) -> *const c_char {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        self.list(bytes).0.cast()
    }

    /// Keeps a text if there is one.
    pub(crate) fn optional_text(&mut self, text: Option<String>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.text(text))
    }

    /// Keeps a list.
    pub(crate) fn list<T: 'static>(&mut self, list: Vec<T>) -> (*const T, usize) {
        let count = list.len();
        let list = list.into_boxed_slice();
        let first = list.as_ptr();
        self.kept.push(Box::new(list));
        (first, count)
    }
}

/// A structure that C sees the begin of.
#[repr(C)]
pub(crate) struct Held<T> {
    shown: T,
    arena: Arena,
}

/// Hands out a structure.
pub(crate) fn hand_out<T>(make: impl FnOnce(&mut Arena) -> T) -> *mut T {
    let mut arena = Arena::default();
    let shown = make(&mut arena);
    Box::into_raw(Box::new(Held { shown, arena })).cast()
}

/// Takes back what [`hand_out`] has handed out, or nothing.
///
/// # Safety
/// It is that, and was not taken back before.
pub(crate) unsafe fn take_back<T>(handed_out: *mut T) {
    if !handed_out.is_null() {
        // SAFETY: `hand_out` has made it of a box of this type.
        let Held { shown, arena } = *unsafe { Box::from_raw(handed_out.cast::<Held<T>>()) };
        drop((shown, arena.kept));
    }
}
