//! Reading and changing objects.

use std::ffi::c_char;

use sync_client::{Operation, SystemPlatform};

use crate::changes::rhosync_op;
use crate::database::{database, hand_out_text, rhosync_database, slot};
use crate::error::{Failure, code_of, rhosync_code};
use crate::objects::{hand_out_objects, hand_out_rows, rhosync_objects, rhosync_rows};
use crate::values::{
    attributes, list, optional_text, rhosync_attribute, rhosync_value, text, texts, value,
};

/// One change of a transaction.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_operation {
    /// What it does.
    pub op: rhosync_op,
    /// The source of its object.
    pub source: *const c_char,
    /// The object; of one that is made, an id of `rhosync_new_id`, or NULL if nobody asks for it.
    pub id: *const c_char,
    /// Attributes that get a value.
    pub attributes: *const rhosync_attribute,
    /// How many these are.
    pub attribute_count: usize,
    /// Attributes that lose theirs, with a NULL behind the last, or NULL.
    pub unset: *const *const c_char,
}

/// Makes an object, and says its id, which never changes for the app; `id` may be NULL, or free it by `rhosync_string_free`. It goes up
/// with the next sync.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_create(
    db: *const rhosync_database,
    source: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
    id: *mut *mut c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let made = database(db)?.create(text(source)?, attributes(first, count)?)?;
        if let Some(place) = id.as_mut() {
            *place = hand_out_text(made);
        }
        Ok(())
    })
}

/// Sets attributes of an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_update(
    db: *const rhosync_database,
    source: *const c_char,
    id: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let set = attributes(first, count)?;
        Ok(database(db)?.update(text(source)?, text(id)?, set)?)
    })
}

/// Removes an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_delete(
    db: *const rhosync_database,
    source: *const c_char,
    id: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe { Ok(database(db)?.delete(text(source)?, text(id)?)?) })
}

/// Makes changes of any objects and sources, all of them or none. At the back end each has its own verdict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_transaction(
    db: *const rhosync_database,
    first: *const rhosync_operation,
    count: usize,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let operations: Result<_, _> = list(first, count)?
            .iter()
            .map(|given| operation(given))
            .collect();
        database(db)?.transaction(operations?)?;
        Ok(())
    })
}

unsafe fn operation(given: &rhosync_operation) -> Result<Operation, Failure> {
    // SAFETY: the caller's word.
    let (source, set) = unsafe {
        let set = attributes(given.attributes, given.attribute_count)?;
        (text(given.source)?.to_owned(), set)
    };
    // SAFETY: the same.
    let id = || unsafe { text(given.id) }.map(str::to_owned);
    Ok(match given.op {
        rhosync_op::Create => Operation::Create {
            source,
            // SAFETY: the same.
            id: unsafe { optional_text(given.id) }?,
            attributes: set,
        },
        rhosync_op::Update => Operation::Update {
            source,
            id: id()?,
            set,
            // SAFETY: the same.
            unset: unsafe { texts(given.unset) }?,
        },
        rhosync_op::Delete => Operation::Delete { source, id: id()? },
    })
}

/// A new id for an object of a transaction that others refer to; free it by `rhosync_string_free`.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_new_id() -> *mut c_char {
    hand_out_text(sync_client::new_id(&SystemPlatform))
}

/// Looks for an object, by the id that the app knows, or by the back end's: one, or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_get(
    db: *const rhosync_database,
    source: *const c_char,
    id: *const c_char,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let found = database(db)?.get(text(source)?, text(id)?)?;
        *slot(objects)? = hand_out_objects(found.into_iter().collect());
        Ok(())
    })
}

/// Lists objects in the order of their ids: at most `limit` after the first `offset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_list(
    db: *const rhosync_database,
    source: *const c_char,
    limit: u32,
    offset: u32,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let found = database(db)?.list(text(source)?, limit, offset)?;
        *slot(objects)? = hand_out_objects(found);
        Ok(())
    })
}

/// Looks for the objects that have all of the words, or words that begin so; the best first. The source must have been opened with
/// `search`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_search(
    db: *const rhosync_database,
    source: *const c_char,
    words: *const c_char,
    limit: u32,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let found = database(db)?.search(text(source)?, text(words)?, limit)?;
        *slot(objects)? = hand_out_objects(found);
        Ok(())
    })
}

/// Searches a source at its back end, by parameters that it understands. What was found is kept beside the source's copy, to be read and
/// changed like all objects, until `rhosync_forget_found`. Of a source that passes through, which has no copy, this is the way to its
/// objects: what was found before goes then. `objects` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_search_remote(
    db: *const rhosync_database,
    source: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
    objects: *mut *mut rhosync_objects,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let parameters = attributes(first, count)?;
        let found = database(db)?.search_remote(text(source)?, &parameters)?;
        if let Some(place) = objects.as_mut() {
            *place = hand_out_objects(found);
        }
        Ok(())
    })
}

/// Forgets what searches at the back end have found in a source. Changes of it go up all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_forget_found(
    db: *const rhosync_database,
    source: *const c_char,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe { Ok(database(db)?.forget_found(text(source)?)?) })
}

/// Narrows a source down to a part of it, by parameters for its back end; none for the whole source. They are kept, and the next sync brings
/// that part in the place of what is there. A source whose changes wait for their verdicts goes over when they have them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_set_parameters(
    db: *const rhosync_database,
    source: *const c_char,
    first: *const rhosync_attribute,
    count: usize,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let parameters = attributes(first, count)?;
        Ok(database(db)?.set_parameters(text(source)?, &parameters)?)
    })
}

/// Asks a query in SQLite's SQL. Each source is a view of its name, with the columns `id`, `pending` (whether there are changes without a
/// verdict), one for each attribute, and `attributes`, the whole as JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_query(
    db: *const rhosync_database,
    sql: *const c_char,
    params: *const rhosync_value,
    count: usize,
    rows: *mut *mut rhosync_rows,
) -> rhosync_code {
    // SAFETY: the caller's word.
    code_of(|| unsafe {
        let params: Result<Vec<_>, _> = list(params, count)?
            .iter()
            .map(|given| value(given))
            .collect();
        let answer = database(db)?.query(text(sql)?, &params?)?;
        *slot(rows)? = hand_out_rows(answer);
        Ok(())
    })
}
