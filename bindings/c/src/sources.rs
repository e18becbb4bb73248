//! How the sources are.

use std::ffi::c_char;
use std::ptr;

use sync_client::{SourceProblem, SourceStatus};

use crate::held::{hand_out, take_back};

/// How a source is.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_source_status {
    /// Its name.
    pub name: *const c_char,
    /// Objects that the server has, as far as the device knows.
    pub count: u64,
    /// Whether it was synced at least once.
    pub is_begun: bool,
    /// The schema, as JSON, or NULL if it has none.
    pub schema: *const c_char,
    /// What the back end tells apps of the source, or NULL.
    pub metadata: *const c_char,
    /// What is wrong with it, for programs, or NULL. Its objects are there all the same.
    pub problem_code: *const c_char,
    /// What is wrong with it, for people, or NULL.
    pub problem_reason: *const c_char,
}

/// How the sources are.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_sources {
    /// They.
    pub items: *const rhosync_source_status,
    /// How many they are.
    pub count: usize,
}

/// Frees what tells of sources, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_sources_free(sources: *mut rhosync_sources) {
    // SAFETY: the caller's word.
    unsafe { take_back(sources) };
}

pub(crate) fn hand_out_sources(sources: Vec<SourceStatus>) -> *mut rhosync_sources {
    hand_out(|arena| {
        let sources: Vec<_> = sources
            .into_iter()
            .map(|status| {
                let SourceStatus {
                    name,
                    count,
                    is_begun,
                    schema,
                    metadata,
                    problem,
                } = status;
                let (problem_code, problem_reason) = match problem {
                    Some(SourceProblem { code, reason }) => (arena.text(code), arena.text(reason)),
                    None => (ptr::null(), ptr::null()),
                };
                rhosync_source_status {
                    name: arena.text(name),
                    count,
                    is_begun,
                    schema: arena.optional_text(schema),
                    metadata: arena.optional_text(metadata),
                    problem_code,
                    problem_reason,
                }
            })
            .collect();
        let (items, count) = arena.list(sources);
        rhosync_sources { items, count }
    })
}
