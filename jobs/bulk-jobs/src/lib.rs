#![doc = include_str!("../README.md")]

mod deflate;
mod device_database;
mod image;
mod job;
mod schema;

#[cfg(target_arch = "wasm32")]
mod entry;
#[cfg(target_arch = "wasm32")]
mod vfs;

pub use device_database::{DatabaseError, DeviceDatabase};
pub use image::MakeImage;
pub use job::MakeBulkData;
