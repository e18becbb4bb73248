//! Changes that wait, and changes that failed.

use std::ffi::c_char;
use std::ptr;

use sync_client::{Attributes, ChangeState, FailedChange, Operation, PendingChange};

use crate::held::{Arena, hand_out, take_back};
use crate::values::{rhosync_attribute, shown_attributes};

/// What a change does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_op {
    /// An object is made.
    Create = 0,
    /// Attributes of an object change.
    Update = 1,
    /// An object goes.
    Delete = 2,
}

/// How far a change is.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_state {
    /// It was never sent.
    Queued = 0,
    /// It was sent; whether it arrived is not known.
    Sent = 1,
    /// The server has it.
    Accepted = 2,
    /// Nothing of it was done, or not all: it waits to be retried or discarded.
    Failed = 3,
}

/// A change that has no verdict yet, or failed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_change {
    /// Its id.
    pub id: *const c_char,
    /// What it does.
    pub op: rhosync_op,
    /// The source of its object.
    pub source: *const c_char,
    /// Its object.
    pub object: *const c_char,
    /// The attributes that it sets: in a conflict the app's values.
    pub attributes: *const rhosync_attribute,
    /// How many these are.
    pub attribute_count: usize,
    /// The attributes that it removes.
    pub unset: *const *const c_char,
    /// How many these are.
    pub unset_count: usize,
    /// How far it is.
    pub state: rhosync_state,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// Whether it failed since others have changed the same.
    pub is_conflict: bool,
    /// Why it failed, for programs: `refused`, `conflict`, `invalid_value`, `not_created`, …; NULL if it did not.
    pub code: *const c_char,
    /// Why it failed, for people, or NULL.
    pub reason: *const c_char,
    /// Whether the server has told how the object is there: in `current`.
    pub has_current: bool,
    /// The object as the server has it: in a conflict the others' values.
    pub current: *const rhosync_attribute,
    /// How many attributes these are.
    pub current_count: usize,
}

/// Changes, oldest first.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_changes {
    /// They.
    pub items: *const rhosync_change,
    /// How many they are.
    pub count: usize,
}

/// Frees changes, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_changes_free(changes: *mut rhosync_changes) {
    // SAFETY: the caller's word.
    unsafe { take_back(changes) };
}

/// A change of which only the operation is shown.
fn shown_operation(
    id: String,
    operation: Operation,
    made_at_ms: u64,
    arena: &mut Arena,
) -> rhosync_change {
    let (op, source, object, set, unset) = match operation {
        Operation::Create {
            source,
            id,
            attributes,
        } => {
            let object = id.unwrap_or_default();
            (rhosync_op::Create, source, object, attributes, Vec::new())
        }
        Operation::Update {
            source,
            id,
            set,
            unset,
        } => (rhosync_op::Update, source, id, set, unset),
        Operation::Delete { source, id } => (
            rhosync_op::Delete,
            source,
            id,
            Attributes::new(),
            Vec::new(),
        ),
    };
    let (attributes, attribute_count) = shown_attributes(set, arena);
    let unset: Vec<_> = unset.into_iter().map(|name| arena.text(name)).collect();
    let (unset, unset_count) = arena.list(unset);
    rhosync_change {
        id: arena.text(id),
        op,
        source: arena.text(source),
        object: arena.text(object),
        attributes,
        attribute_count,
        unset,
        unset_count,
        state: rhosync_state::Queued,
        made_at_ms,
        is_conflict: false,
        code: ptr::null(),
        reason: ptr::null(),
        has_current: false,
        current: ptr::null(),
        current_count: 0,
    }
}

fn shown_pending(change: PendingChange, arena: &mut Arena) -> rhosync_change {
    let PendingChange {
        id,
        operation,
        state,
        made_at_ms,
    } = change;
    rhosync_change {
        state: match state {
            ChangeState::Queued => rhosync_state::Queued,
            ChangeState::Sent => rhosync_state::Sent,
            ChangeState::Accepted => rhosync_state::Accepted,
            ChangeState::Refused | ChangeState::Partly => rhosync_state::Failed,
        },
        ..shown_operation(id, operation, made_at_ms, arena)
    }
}

fn shown_failed(change: FailedChange, arena: &mut Arena) -> rhosync_change {
    let FailedChange {
        id,
        operation,
        is_conflict,
        code,
        reason,
        current,
        made_at_ms,
    } = change;
    let has_current = current.is_some();
    let (current, current_count) = shown_attributes(current.unwrap_or_default(), arena);
    rhosync_change {
        state: rhosync_state::Failed,
        is_conflict,
        code: arena.text(code),
        reason: arena.optional_text(reason),
        has_current,
        current,
        current_count,
        ..shown_operation(id, operation, made_at_ms, arena)
    }
}

pub(crate) fn hand_out_pending(changes: Vec<PendingChange>) -> *mut rhosync_changes {
    hand_out(|arena| {
        let changes: Vec<_> = changes
            .into_iter()
            .map(|change| shown_pending(change, arena))
            .collect();
        let (items, count) = arena.list(changes);
        rhosync_changes { items, count }
    })
}

pub(crate) fn shown_failures(changes: Vec<FailedChange>, arena: &mut Arena) -> rhosync_changes {
    let changes: Vec<_> = changes
        .into_iter()
        .map(|change| shown_failed(change, arena))
        .collect();
    let (items, count) = arena.list(changes);
    rhosync_changes { items, count }
}

pub(crate) fn hand_out_failed(changes: Vec<FailedChange>) -> *mut rhosync_changes {
    hand_out(|arena| shown_failures(changes, arena))
}
