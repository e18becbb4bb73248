//! The Rust side of `wit/`, generated.

use spin_sdk::wit_bindgen;

wit_bindgen::generate!({
    runtime_path: "spin_sdk::wit_bindgen::rt",
    world: "sync-spin:host/databases",
    path: "wit",
    generate_all,
});

pub(super) use spin::{mysql::mysql, postgres::postgres};
