//! Files that objects refer to.

use std::ffi::c_char;
use std::ptr;

use sync_client::{FileState, FileStatus};

use crate::database::{database, hand_out_text, rhosync_database, slot};
use crate::error::{code_of, rhosync_code};
use crate::held::{hand_out, take_back};
use crate::values::{list, text};

/// How far a file is.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_file_state {
    /// It is here, and goes up before the change that refers to it.
    Queued = 0,
    /// It is here, and the server has it.
    Here = 1,
    /// It comes with the next sync.
    Wanted = 2,
    /// The server has none, or none for this user.
    Missing = 3,
    /// There is no room for it.
    NoRoom = 4,
}

/// A file that is known here.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_file_status {
    /// How far it is.
    pub state: rhosync_file_state,
    /// Its media type, empty until it is known.
    pub content_type: *const c_char,
    /// Bytes that are here.
    pub bytes: u64,
    /// Of one that goes up, bytes that the server has.
    pub sent: u64,
}

/// The content of a file.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_content {
    /// It.
    pub bytes: *const u8,
    /// How many bytes it has.
    pub length: usize,
}

/// Frees what tells of a file, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_file_status_free(status: *mut rhosync_file_status) {
    // SAFETY: the caller's word.
    unsafe { take_back(status) };
}

/// Frees the content of a file, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_content_free(content: *mut rhosync_content) {
    // SAFETY: the caller's word.
    unsafe { take_back(content) };
}

/// Keeps a file, and says its address, to be freed by `rhosync_string_free`: what an object refers to it by, in an attribute whose name
/// ends in `-rhoblob`. It goes up with the next sync, before the changes that refer to it. One that no change refers to is removed after a
/// day. `RHOSYNC_CODE_INVALID` if there is no room for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_add_file(
    db: *const rhosync_database,
    name: *const c_char,
    content_type: *const c_char,
    content: *const u8,
    length: usize,
    address: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let place = slot(address)?;
        let content = list(content, length)?;
        let kept = database(db)?.add_file(text(name)?, text(content_type)?, content)?;
        *place = hand_out_text(kept);
        Ok(())
    })
}

/// Says how the file at an address is; NULL if nothing is known of it here. Free it by `rhosync_file_status_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_file(
    db: *const rhosync_database,
    address: *const c_char,
    status: *mut *mut rhosync_file_status,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let known = database(db)?.file(text(address)?)?;
        *slot(status)? = known.map_or(ptr::null_mut(), hand_out_status);
        Ok(())
    })
}

/// Reads the content of the file at an address; NULL if it is not here: see `rhosync_want_file`. Free it by `rhosync_content_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_read_file(
    db: *const rhosync_database,
    address: *const c_char,
    content: *mut *mut rhosync_content,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let found = database(db)?.read_file(text(address)?)?;
        *slot(content)? = found.map_or(ptr::null_mut(), |found| {
            hand_out(|arena| {
                let (bytes, length) = arena.list(found);
                rhosync_content { bytes, length }
            })
        });
        Ok(())
    })
}

/// Has the file at an address come with the next sync, unless it is here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_want_file(
    db: *const rhosync_database,
    address: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe { Ok(database(db)?.want_file(text(address)?)?) })
}

fn hand_out_status(status: FileStatus) -> *mut rhosync_file_status {
    let FileStatus {
        state,
        content_type,
        bytes,
        sent,
    } = status;
    hand_out(|arena| rhosync_file_status {
        state: match state {
            FileState::Queued => rhosync_file_state::Queued,
            FileState::Here => rhosync_file_state::Here,
            FileState::Wanted => rhosync_file_state::Wanted,
            FileState::Missing => rhosync_file_state::Missing,
            FileState::NoRoom => rhosync_file_state::NoRoom,
        },
        content_type: arena.text(content_type),
        bytes,
        sent,
    })
}
