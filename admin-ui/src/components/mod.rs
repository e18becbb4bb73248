//! Parts of pages. They show what they are given and fetch nothing.

mod chart;
mod confirm;
mod dialog;
mod edited;
mod field;
mod list;
mod loaded;
mod messages;
mod table;
mod time;
mod value;
mod when;

pub(crate) use chart::{LineChart, Sparkline, Track};
pub(crate) use confirm::Confirm;
pub(crate) use dialog::{Dialog, DialogForm};
pub(crate) use edited::Edited;
pub(crate) use field::{BESIDE_FIELDS, Field, PasswordOf, Select, TextArea, Toggle, against};
pub(crate) use list::{Choices, Pager, SearchBox, TYPING, choices};
pub(crate) use loaded::{Found, empty, gone, kept, loaded, problem, problem_of};
pub(crate) use messages::{MessageList, Messages};
pub(crate) use table::{Column, Row, Sorting, quoted, row_link, sorted_table, table, table_of};
pub(crate) use time::{ago, lasting};
pub(crate) use value::{facts, heading, sub_heading, tag, tile};
pub(crate) use when::When;
