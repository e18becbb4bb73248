//! What a run is told beside the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// How an application is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path of `spin.toml`.
    pub manifest: PathBuf,
    /// Values of application variables; they win over `SPIN_VARIABLE_*` in the environment.
    pub variables: BTreeMap<String, String>,
    /// The folder with the `.wasm` files of components whose source is on the web.
    pub components_dir: Option<PathBuf>,
    /// Where compiled components are kept; `None`: in the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// How long a component may take to begin a response.
    pub request_timeout: Duration,
    /// How long it may take to end one.
    pub response_timeout: Duration,
    /// The most memory of an instance, in bytes.
    pub memory_limit: usize,
    /// Run only the components with these ids; empty: all.
    pub only: BTreeSet<String>,
}
