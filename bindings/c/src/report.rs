//! What a sync did.

use std::ffi::c_char;

use sync_client::{AppliedChange, Ended, Removal, RemovalReason, SyncReport};

use crate::changes::{rhosync_changes, shown_failures};
use crate::held::{hand_out, take_back};

/// How a sync ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_ended {
    /// Everything is said.
    Complete = 0,
    /// No whole answer came: come again in `next_in_ms`.
    Offline = 1,
    /// The server asks to come back in `next_in_ms`.
    ServerBusy = 2,
    /// Nobody is signed in, or the session has ended.
    SignedOut = 3,
    /// The server does not take what the device says.
    Refused = 4,
    /// Somebody has cancelled it.
    Cancelled = 5,
    /// Its time was over.
    DeadlinePassed = 6,
}

/// A change that the back end has done.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_applied {
    /// The change.
    pub id: *const c_char,
    /// Its source.
    pub source: *const c_char,
    /// Its object, by the id that the app knows.
    pub object: *const c_char,
    /// What the back end says of it to the user, or NULL. It is said here and nowhere else.
    pub message: *const c_char,
}

/// Why objects of a source were removed. But for `REVOKED` the source begins anew by itself.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_removal_reason {
    /// The user sees another part of the source now.
    Moved = 0,
    /// The user does not see the source any more.
    Revoked = 1,
    /// The server's store was set back.
    Restored = 2,
    /// The objects have another shape.
    Schema = 3,
    /// The device was silent for too long.
    TooOld = 4,
    /// An administrator lets the device start over.
    Requested = 5,
}

/// A source whose objects were removed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_removal {
    /// The source.
    pub source: *const c_char,
    /// Why.
    pub reason: rhosync_removal_reason,
}

/// What a sync did. Nothing is lost, however it ended: the next goes on from there.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_report {
    /// How it ended.
    pub ended: rhosync_ended,
    /// Why, for people: where it was offline, or the server was busy or refused; or else NULL.
    pub reason: *const c_char,
    /// Why, for programs: where the server was busy or refused; or else NULL.
    pub code: *const c_char,
    /// The answer's status where the server refused, or else 0.
    pub status: u16,
    /// When the next one is due, in milliseconds, unless there is something to send before.
    pub next_in_ms: u64,
    /// Changes that were sent.
    pub sent: u64,
    /// Objects that came or changed.
    pub received: u64,
    /// Objects that went.
    pub deleted: u64,
    /// Objects that were damaged, lost or too many in the file, and are as they should be again.
    pub mended: u64,
    /// Changes that the back end has done now.
    pub applied: *const rhosync_applied,
    /// How many these are.
    pub applied_count: usize,
    /// Changes that were refused, or in conflict with those of others. They wait to be retried or discarded.
    pub failed: rhosync_changes,
    /// Sources whose objects were removed as a whole.
    pub removed: *const rhosync_removal,
    /// How many these are.
    pub removed_count: usize,
}

/// Frees a report, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_report_free(report: *mut rhosync_report) {
    // SAFETY: the caller's word.
    unsafe { take_back(report) };
}

pub(crate) fn hand_out_report(report: SyncReport) -> *mut rhosync_report {
    let SyncReport {
        ended,
        next_in_ms,
        sent,
        applied,
        failed,
        received,
        deleted,
        mended,
        removed,
    } = report;
    hand_out(|arena| {
        let (ended, status, code, reason) = match ended {
            Ended::Complete => (rhosync_ended::Complete, 0, None, None),
            Ended::Offline { reason } => (rhosync_ended::Offline, 0, None, Some(reason)),
            Ended::ServerBusy { code, reason } => {
                (rhosync_ended::ServerBusy, 0, Some(code), Some(reason))
            }
            Ended::SignedOut => (rhosync_ended::SignedOut, 0, None, None),
            Ended::Refused {
                status,
                code,
                reason,
            } => (rhosync_ended::Refused, status, Some(code), Some(reason)),
            Ended::Cancelled => (rhosync_ended::Cancelled, 0, None, None),
            Ended::DeadlinePassed => (rhosync_ended::DeadlinePassed, 0, None, None),
        };
        let applied: Vec<_> = applied
            .into_iter()
            .map(|applied| {
                let AppliedChange {
                    id,
                    source,
                    object,
                    message,
                } = applied;
                rhosync_applied {
                    id: arena.text(id),
                    source: arena.text(source),
                    object: arena.text(object),
                    message: arena.optional_text(message),
                }
            })
            .collect();
        let (applied, applied_count) = arena.list(applied);
        let removed: Vec<_> = removed
            .into_iter()
            .map(|Removal { source, reason }| rhosync_removal {
                source: arena.text(source),
                reason: match reason {
                    RemovalReason::Moved => rhosync_removal_reason::Moved,
                    RemovalReason::Revoked => rhosync_removal_reason::Revoked,
                    RemovalReason::Restored => rhosync_removal_reason::Restored,
                    RemovalReason::Schema => rhosync_removal_reason::Schema,
                    RemovalReason::TooOld => rhosync_removal_reason::TooOld,
                    RemovalReason::Requested => rhosync_removal_reason::Requested,
                },
            })
            .collect();
        let (removed, removed_count) = arena.list(removed);
        rhosync_report {
            ended,
            reason: arena.optional_text(reason),
            code: arena.optional_text(code),
            status,
            next_in_ms,
            sent,
            received,
            deleted,
            mended,
            applied,
            applied_count,
            failed: shown_failures(failed, arena),
            removed,
            removed_count,
        }
    })
}
