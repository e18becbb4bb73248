#![doc = include_str!("../README.md")]
#![expect(
    unsafe_code,
    reason = "C hands over pointers, of which only its programmer knows what they point to"
)]
#![expect(
    non_camel_case_types,
    unreachable_pub,
    reason = "who calls is C: names are those of the header, which says once what pointers have to be"
)]

mod changes;
mod data;
mod database;
mod error;
mod files;
mod held;
mod listeners;
mod objects;
mod options;
mod report;
mod sources;
mod sync;
mod transport;
mod values;
