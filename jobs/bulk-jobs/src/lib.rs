#![doc = include_str!("../README.md")]

mod deflate;
mod device_database;
mod image;
mod image_database;
mod job;
mod pages;
mod schema;

#[cfg(target_arch = "wasm32")]
mod entry;
#[cfg(target_arch = "wasm32")]
mod vfs;

pub use device_database::{DatabaseError, DeviceDatabase};
pub use image::MakeImage;
pub use image_database::{ImageDatabase, ImageError};
pub use job::MakeBulkData;
