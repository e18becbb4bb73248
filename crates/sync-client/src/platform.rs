//! What the library needs of the system beside files and the network.

/// A clock and randomness. Browsers have others than the system, and tests have their own.
pub trait Platform: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Milliseconds since any moment, by a clock that does not jump where there is one.
    fn elapsed_ms(&self) -> u64 {
        self.now_ms()
    }

    /// So many random bytes.
    fn random(&self, length: u32) -> Vec<u8>;
}

/// The system's own.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemPlatform;

#[cfg(not(target_family = "wasm"))]
impl Platform for SystemPlatform {
    fn now_ms(&self) -> u64 {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
    }

    fn elapsed_ms(&self) -> u64 {
        static BEGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let since = BEGIN.get_or_init(std::time::Instant::now).elapsed();
        u64::try_from(since.as_millis()).unwrap_or(0)
    }

    fn random(&self, length: u32) -> Vec<u8> {
        let mut bytes = vec![0; length as usize];
        // A system without randomness is none that a program can do anything about: ids would not be unique.
        if getrandom::fill(&mut bytes).is_err() {
            std::process::abort();
        }
        bytes
    }
}

/// A new UUID of version 7: unique, and in the order of time. For objects of a transaction that others refer to.
pub fn new_id(platform: &dyn Platform) -> String {
    let random = platform.random(10);
    let random = random.first_chunk::<10>().copied().unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(platform.now_ms(), &random)
        .into_uuid()
        .to_string()
}

/// A random number.
pub(crate) fn random_number(platform: &dyn Platform) -> u64 {
    let random = platform.random(8);
    u64::from_le_bytes(random.first_chunk::<8>().copied().unwrap_or_default())
}
