//! One module per page.

mod not_found;
mod status;

pub(crate) use not_found::NotFound;
pub(crate) use status::StatusPage;
