//! What a case stands on: a running host, a private Redis, and where the guests are.

mod host;
mod log;
mod redis;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use self::host::{Host, Refusal, refused};
pub(crate) use self::log::Log;
pub(crate) use self::redis::{Redis, free_port};

/// How long a case waits at most for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The build of the guests, to be quoted where one is missing.
const BUILD: &str = "cargo build --release --target wasm32-wasip2 -p guest-probe -p guest-probe-p2 -p guest-listener -p guest-redis-get";

/// The `.wasm` file of the guest `name`.
///
/// It is looked for in `RHOSYNC_WASM_DIR`, else in the target folder that this test was built in.
pub(crate) fn guest(name: &str) -> PathBuf {
    let folder = std::env::var_os("RHOSYNC_WASM_DIR").map_or_else(
        || {
            let test = std::env::current_exe().expect("a test knows its own path");
            let target = test
                .ancestors()
                .nth(3)
                .expect("a test is at <target>/<profile>/deps/<name>");
            target.join("wasm32-wasip2/release")
        },
        PathBuf::from,
    );
    let file = folder.join(format!("guest_{name}.wasm"));
    assert!(
        file.is_file(),
        "there is no {file:?}; build the guests with: {BUILD}"
    );
    file
}

/// A manifest of an application with `rest`, in which `$probe`, `$probe_p2`, `$listener` and `$redis_get` are the guests' files.
pub(crate) fn manifest(rest: &str) -> String {
    let mut text = format!("spin_manifest_version = 2\n[application]\nname = \"case\"\n{rest}");
    for name in ["probe_p2", "probe", "listener", "redis_get"] {
        let variable = format!("${name}");
        if text.contains(&variable) {
            text = text.replace(&variable, &guest(name).display().to_string());
        }
    }
    text
}

/// The manifest of an application whose only component is the probe, at every path, with more of its own table.
pub(crate) fn probe(component: &str) -> String {
    manifest(&format!(
        "[[trigger.http]]\ncomponent = \"probe\"\nroute = \"/...\"\n\
         [component.probe]\nsource = \"$probe\"\n{component}"
    ))
}
