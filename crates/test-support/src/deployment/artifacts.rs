//! Where the finished programs and components are.

use std::env;
use std::path::{Path, PathBuf};

/// Names the folder of the finished components.
const COMPONENT_DIR: &str = "RHOSYNC_WASM_DIR";

/// Names the folder of the native programs.
const PROGRAM_DIR: &str = "RHOSYNC_BIN_DIR";

/// The repository.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace around this crate")
}

/// The folder of the finished components.
pub fn component_dir() -> PathBuf {
    env::var_os(COMPONENT_DIR).map_or_else(
        || workspace().join("target/wasm32-wasip2/release"),
        PathBuf::from,
    )
}

/// A native program of the workspace.
///
/// # Panics
///
/// When it is not built; the text says how to.
pub fn program(name: &str) -> PathBuf {
    let folder =
        env::var_os(PROGRAM_DIR).map_or_else(|| workspace().join("target/debug"), PathBuf::from);
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "{} is missing: build it with `cargo build --workspace`, or name its folder in {PROGRAM_DIR}",
        program.display()
    );
    program
}

/// Where compiled components are kept for all tests of all runs; they are found by their content.
pub(crate) fn compiled_dir() -> PathBuf {
    component_dir().join("compiled")
}
