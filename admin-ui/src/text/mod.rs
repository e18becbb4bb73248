//! Turns what the server says into what people read. Plain functions, tested without a browser.

mod attention;
mod chart;
mod fields;
mod format;
mod subject;
mod words;

pub(crate) use attention::{Notice, notice, push_service};
pub(crate) use chart::{Scale, at_fraction, csv, is_number};
pub(crate) use fields::{field_of, unknown_names};
pub(crate) use format::{
    ago, bytes, count, counted, decimal, fixed, next_attempt, percent, sentence_case, span,
};
pub(crate) use subject::subject;
pub(crate) use words::{
    Tone, action, adapter, audience, change_kind, change_state, client_health, event, is_copy,
    job_state, outcome, partition, role, scope, setting_origin, source_error, source_state,
};
