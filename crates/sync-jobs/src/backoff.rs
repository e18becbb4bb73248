//! How long to wait before something is tried again.

use sync_redis::Random;

/// How waits grow from attempt to attempt: they double, up to a limit.
///
/// Each is spread over its second half, so that what failed together does not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first attempt, in milliseconds.
    pub first_ms: u64,
    /// The longest wait, in milliseconds.
    pub longest_ms: u64,
}

impl Backoff {
    /// How jobs are tried again: one whose back end was down for an hour notices within ten minutes that it is back.
    pub const JOBS: Self = Self {
        first_ms: 1_000,
        longest_ms: 600_000,
    };

    /// How long to wait after an attempt, the first is 1, in milliseconds.
    pub fn wait_ms(self, attempt: u32, random: &impl Random) -> u64 {
        let doublings = attempt.saturating_sub(1).min(20);
        let longest = (self.first_ms << doublings).min(self.longest_ms);
        let mut drawn = [0; 8];
        random.fill(&mut drawn);
        longest / 2 + u64::from_le_bytes(drawn) % (longest / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_never_fall_below_half() {
        let waits =
            [1, 2, 3, 10, 11, u32::MAX].map(|attempt| Backoff::JOBS.wait_ms(attempt, &Fixed(0)));
        assert_eq!(waits, [500, 1_000, 2_000, 256_000, 300_000, 300_000]);
        for attempt in 1..30 {
            for drawn in 0..=255 {
                let wait = Backoff::JOBS.wait_ms(attempt, &Fixed(drawn));
                assert!(
                    (500..=Backoff::JOBS.longest_ms).contains(&wait),
                    "{attempt}: {wait}"
                );
            }
        }
    }
}
