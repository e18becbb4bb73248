//! Makes sure that there is a bundle to embed, and that a changed one is embedded again.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=../dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_WORKSPACE_WRAPPER");
    let for_spin = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32");
    // Lints need no bundle: nothing of what they make is ever run.
    let for_lints =
        env::var("RUSTC_WORKSPACE_WRAPPER").is_ok_and(|wrapper| wrapper.contains("clippy"));
    if for_spin && !for_lints && !Path::new("../dist/index.html").exists() {
        println!(
            "cargo::error=the console is not bundled yet: run `cargo xtask build console` first"
        );
    }
}
