//! How long to wait before a job is tried again.

use crate::ports::Random;

/// The wait after the first attempt, in milliseconds.
const FIRST_MS: u64 = 1_000;

/// The longest wait, in milliseconds: a back end that was down for an hour is noticed to be back within ten minutes.
const LONGEST_MS: u64 = 600_000;

/// How long to wait after an attempt (the first is 1), in milliseconds.
///
/// It doubles with every attempt, up to a limit, and spreads over half of that: jobs that failed together do not come back
/// together.
pub fn backoff_ms(attempt: u32, random: &impl Random) -> u64 {
    let doublings = attempt.saturating_sub(1).min(20);
    let longest = (FIRST_MS << doublings).min(LONGEST_MS);
    let mut drawn = [0; 8];
    random.fill(&mut drawn);
    longest / 2 + u64::from_le_bytes(drawn) % (longest / 2 + 1)
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
    fn waits_double_up_to_ten_minutes_and_never_fall_below_half() {
        let waits = [1, 2, 3, 10, 11, u32::MAX].map(|attempt| backoff_ms(attempt, &Fixed(0)));
        assert_eq!(waits, [500, 1_000, 2_000, 256_000, 300_000, 300_000]);
        for attempt in 1..30 {
            for drawn in 0..=255 {
                let wait = backoff_ms(attempt, &Fixed(drawn));
                assert!((500..=LONGEST_MS).contains(&wait), "{attempt}: {wait}");
            }
        }
    }
}
