//! The store's keys and scripts.

pub(crate) mod keys;
pub(crate) mod script;
pub(crate) mod set_or_get;
