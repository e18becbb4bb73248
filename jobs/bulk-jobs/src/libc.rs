//! What SQLite needs from a C library and WASI lacks.

#![expect(
    unsafe_code,
    reason = "SQLite finds the function by its name, which no other has"
)]

/// The process's number. SQLite makes randomness of it, among other things.
#[unsafe(no_mangle)]
extern "C" fn getpid() -> i32 {
    1
}
