//! One component with many behaviours: the path of a request says which.
//!
//! The host's tests use it to see what a component sees (headers, variables, files), to reach out of the sandbox
//! (Redis, HTTP), and to misbehave in every way the host must survive.

#[cfg(target_arch = "wasm32")]
mod entry;
