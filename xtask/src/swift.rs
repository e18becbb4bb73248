//! The tests of the device library for Swift: they run where there is a compiler.

use std::process::Command;

/// How the names of the tests begin that need it.
pub(crate) const TESTS: &str = "bindings::swift::";

/// Why they cannot run on this machine, if they cannot. Set-up installs no compiler for them: it takes two gigabytes, and few systems have a
/// package of it.
pub(crate) fn hindrance() -> Option<String> {
    let said = Command::new("swift").arg("--version").output();
    // Other programs have that name too.
    let is_compiler = said.is_ok_and(|said| {
        String::from_utf8_lossy(&said.stdout).contains("Swift version")
            || String::from_utf8_lossy(&said.stderr).contains("Swift version")
    });
    (!is_compiler).then(|| "there is no Swift compiler (`swiftlang` in Debian 13)".to_owned())
}
