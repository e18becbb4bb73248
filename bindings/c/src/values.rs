//! Values and attributes.

use std::ffi::{CStr, c_char};
use std::{ptr, slice};

use sync_client::{Attributes, Value};

use crate::error::Failure;
use crate::held::Arena;

/// What a value is.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum rhosync_type {
    /// None.
    Null = 0,
    /// A truth value, in `integer`.
    Boolean = 1,
    /// A whole number, in `integer`.
    Integer = 2,
    /// A number with a fraction, in `number`.
    Number = 3,
    /// A text, in `text`. Lists and objects are kept as their JSON.
    Text = 4,
}

/// A value of an attribute.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_value {
    /// What it is.
    pub type_: rhosync_type,
    /// The whole number, or 0 and 1 for false and true.
    pub integer: i64,
    /// The number.
    pub number: f64,
    /// The text, with a zero behind it.
    pub text: *const c_char,
    /// Bytes of the text.
    pub length: usize,
}

/// An attribute of an object.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_attribute {
    /// Its name.
    pub name: *const c_char,
    /// Its value.
    pub value: rhosync_value,
}

const NULL: rhosync_value = rhosync_value {
    type_: rhosync_type::Null,
    integer: 0,
    number: 0.0,
    text: ptr::null(),
    length: 0,
};

/// No value.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_null() -> rhosync_value {
    NULL
}

/// A truth value.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_boolean(value: bool) -> rhosync_value {
    rhosync_value {
        type_: rhosync_type::Boolean,
        integer: value.into(),
        ..NULL
    }
}

/// A whole number.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_integer(value: i64) -> rhosync_value {
    rhosync_value {
        type_: rhosync_type::Integer,
        integer: value,
        ..NULL
    }
}

/// A number with a fraction.
#[unsafe(no_mangle)]
pub extern "C" fn rhosync_number(value: f64) -> rhosync_value {
    rhosync_value {
        type_: rhosync_type::Number,
        number: value,
        ..NULL
    }
}

/// A text, up to its zero. It is not copied: it has to live as long as the value is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_text(value: *const c_char) -> rhosync_value {
    if value.is_null() {
        return NULL;
    }
    rhosync_value {
        type_: rhosync_type::Text,
        text: value,
        // SAFETY: the caller's text ends with a zero.
        length: unsafe { CStr::from_ptr(value) }.count_bytes(),
        ..NULL
    }
}

/// A value as C sees it.
pub(crate) fn shown(value: Value, arena: &mut Arena) -> rhosync_value {
    match value {
        Value::Null => NULL,
        Value::Boolean(value) => rhosync_boolean(value),
        Value::Integer(value) => rhosync_integer(value),
        Value::Float(value) => rhosync_number(value),
        Value::Text(text) => rhosync_value {
            type_: rhosync_type::Text,
            length: text.len(),
            text: arena.text(text),
            ..NULL
        },
    }
}

/// Attributes as C sees them.
pub(crate) fn shown_attributes(
    attributes: Attributes,
    arena: &mut Arena,
) -> (*const rhosync_attribute, usize) {
    let attributes: Vec<_> = attributes
        .into_iter()
        .map(|(name, value)| rhosync_attribute {
            name: arena.text(name),
            value: shown(value, arena),
        })
        .collect();
    arena.list(attributes)
}

/// A list of C's.
///
/// # Safety
/// It has as many items as it says.
pub(crate) unsafe fn list<'a, T>(first: *const T, count: usize) -> Result<&'a [T], Failure> {
    match (first.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::invalid("a list is NULL that has items")),
        // SAFETY: the caller's word.
        (false, _) => Ok(unsafe { slice::from_raw_parts(first, count) }),
    }
}

/// A text of C's.
///
/// # Safety
/// It ends with a zero, or is NULL.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::invalid("a text is NULL"));
    }
    // SAFETY: the caller's word.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map_err(|_| Failure::invalid("a text is no UTF-8"))
}

/// A text of C's that may be NULL.
///
/// # Safety
/// See [`text`].
pub(crate) unsafe fn optional_text(given: *const c_char) -> Result<Option<String>, Failure> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's word.
    unsafe { text(given) }.map(|text| Some(text.to_owned()))
}

/// Texts of C's, up to a NULL.
///
/// # Safety
/// There is one behind the last, and each is a text.
pub(crate) unsafe fn texts(mut next: *const *const c_char) -> Result<Vec<String>, Failure> {
    let mut texts = Vec::new();
    if next.is_null() {
        return Ok(texts);
    }
    // SAFETY: the caller's word: there is a NULL behind the last.
    while !unsafe { *next }.is_null() {
        // SAFETY: the same.
        let (given, behind) = unsafe { (text(*next)?, next.add(1)) };
        texts.push(given.to_owned());
        next = behind;
    }
    Ok(texts)
}

/// A value of C's.
///
/// # Safety
/// A text has the length that it says.
pub(crate) unsafe fn value(given: &rhosync_value) -> Result<Value, Failure> {
    Ok(match given.type_ {
        rhosync_type::Null => Value::Null,
        rhosync_type::Boolean => Value::Boolean(given.integer != 0),
        rhosync_type::Integer => Value::Integer(given.integer),
        rhosync_type::Number => Value::Float(given.number),
        rhosync_type::Text => {
            // SAFETY: the caller's word.
            let bytes = unsafe { list(given.text.cast::<u8>(), given.length) }?;
            let text =
                str::from_utf8(bytes).map_err(|_| Failure::invalid("a value is no UTF-8"))?;
            Value::Text(text.to_owned())
        }
    })
}

/// Attributes of C's.
///
/// # Safety
/// Names and values are texts and values.
pub(crate) unsafe fn attributes(
    first: *const rhosync_attribute,
    count: usize,
) -> Result<Attributes, Failure> {
    // SAFETY: the caller's word.
    let given = unsafe { list(first, count) }?;
    given
        .iter()
        .map(|attribute| {
            // SAFETY: the same.
            let (name, value) = unsafe { (text(attribute.name)?, value(&attribute.value)?) };
            Ok((name.to_owned(), value))
        })
        .collect()
}
