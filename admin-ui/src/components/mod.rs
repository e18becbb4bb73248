//! Parts of pages. They show what they are given and fetch nothing.

mod check_list;
mod facts;
mod verdict_banner;

pub(crate) use check_list::CheckList;
pub(crate) use facts::Facts;
pub(crate) use verdict_banner::VerdictBanner;
