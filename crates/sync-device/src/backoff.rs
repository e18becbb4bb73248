//! How long to wait after a failure.

/// The longest wait.
const MOST_MS: u64 = 15 * 60 * 1_000;

/// How long to wait after so many failures in a row, in milliseconds: between half and the whole of what doubles from a second
/// on, so that devices that failed together do not come back together. `random` is any number.
pub fn backoff_ms(failures: u32, random: u64) -> u64 {
    let whole = 1_000_u64
        .saturating_mul(1 << failures.saturating_sub(1).min(20))
        .min(MOST_MS);
    whole / 2 + random % (whole / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_spread() {
        assert_eq!((backoff_ms(1, 0), backoff_ms(1, 500)), (500, 1_000));
        assert_eq!(backoff_ms(3, 0), 2_000);
        assert_eq!(backoff_ms(u32::MAX, 0), MOST_MS / 2);
    }
}
