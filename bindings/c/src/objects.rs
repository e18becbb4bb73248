//! Objects and rows.

use std::ffi::c_char;

use sync_client::{Object, Rows};

use crate::held::{Arena, hand_out, take_back};
use crate::values::{rhosync_attribute, rhosync_value, shown, shown_attributes};

/// An object as the app sees it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_object {
    /// The id that the app knows it by, which never changes.
    pub id: *const c_char,
    /// The back end's id; NULL until it has given one.
    pub remote_id: *const c_char,
    /// Its attributes, in the order of their names.
    pub attributes: *const rhosync_attribute,
    /// How many these are.
    pub attribute_count: usize,
    /// Whether changes of it have no verdict yet.
    pub is_pending: bool,
    /// Whether a search at the back end has found it, and the source's copy has it not.
    pub is_found: bool,
}

/// Objects.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_objects {
    /// They.
    pub items: *const rhosync_object,
    /// How many they are.
    pub count: usize,
}

/// The answer to a query.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_rows {
    /// The names of the columns.
    pub columns: *const *const c_char,
    /// How many columns there are.
    pub column_count: usize,
    /// The values, row by row: the value of row `r` and column `c` is `values[r * column_count + c]`.
    pub values: *const rhosync_value,
    /// How many rows there are.
    pub row_count: usize,
}

/// Frees objects, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_objects_free(objects: *mut rhosync_objects) {
    // SAFETY: the caller's word.
    unsafe { take_back(objects) };
}

/// Frees rows, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_rows_free(rows: *mut rhosync_rows) {
    // SAFETY: the caller's word.
    unsafe { take_back(rows) };
}

fn shown_object(object: Object, arena: &mut Arena) -> rhosync_object {
    let Object {
        id,
        remote_id,
        attributes,
        is_pending,
        is_found,
    } = object;
    let (attributes, attribute_count) = shown_attributes(attributes, arena);
    rhosync_object {
        id: arena.text(id),
        remote_id: arena.optional_text(remote_id),
        attributes,
        attribute_count,
        is_pending,
        is_found,
    }
}

pub(crate) fn hand_out_objects(objects: Vec<Object>) -> *mut rhosync_objects {
    hand_out(|arena| {
        let objects: Vec<_> = objects
            .into_iter()
            .map(|object| shown_object(object, arena))
            .collect();
        let (items, count) = arena.list(objects);
        rhosync_objects { items, count }
    })
}

pub(crate) fn hand_out_rows(answer: Rows) -> *mut rhosync_rows {
    let Rows { columns, rows } = answer;
    hand_out(|arena| {
        let row_count = rows.len();
        let values: Vec<_> = rows
            .into_iter()
            .flatten()
            .map(|value| shown(value, arena))
            .collect();
        let columns: Vec<_> = columns.into_iter().map(|name| arena.text(name)).collect();
        let (columns, column_count) = arena.list(columns);
        rhosync_rows {
            columns,
            column_count,
            values: arena.list(values).0,
            row_count,
        }
    })
}
