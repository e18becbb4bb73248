#![doc = include_str!("../README.md")]
#![expect(
    clippy::indexing_slicing,
    reason = "a disk that does not know its own files has failed, and the test with it"
)]

mod disk;
mod image;
mod vfs;

pub use disk::{Disk, Moment, System};
pub use image::End;
