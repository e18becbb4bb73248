//! Randomness, and how bytes are written.

/// Makes unpredictable bytes, fit for secrets.
pub trait Random {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// Makes `BYTES` bytes, written as twice as many hexadecimal digits.
    fn hex<const BYTES: usize>(&self) -> String {
        let mut buffer = [0; BYTES];
        self.fill(&mut buffer);
        hex(&buffer)
    }
}

/// Writes bytes as lower-case hexadecimal digits.
///
/// Some are secrets, so the time it takes does not depend on what the bytes are.
pub fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}
