//! How long to wait for a server that does not answer.

use std::time::Duration;

/// The longest time between two attempts, unless even a server that answers is asked less often.
const LONGEST: Duration = Duration::from_secs(60);

/// Longest time that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// How long to wait after so many failures in a row, where a server that answers is asked every so often, and which has asked for so many
/// seconds.
pub(crate) fn wait_after(failures: u32, every: Duration, asked: u32) -> Duration {
    every
        .saturating_mul(1 << failures.min(6))
        .min(LONGEST.max(every))
        .max(Duration::from_secs(asked.into()).min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_the_longest() {
        let seconds = |failures, every| {
            let wait = wait_after(failures, Duration::from_secs(every), 0);
            wait.as_secs()
        };
        assert_eq!([0, 1, 2, 3].map(|it| seconds(it, 5)), [5, 10, 20, 40]);
        assert_eq!(seconds(4, 5), 60);
        assert_eq!(seconds(u32::MAX, 5), 60);
        // A server that knows better is heard, and not for ever.
        let asked = |seconds| wait_after(1, Duration::from_secs(5), seconds).as_secs();
        assert_eq!([7, 90, u32::MAX].map(asked), [10, 90, 600]);
        // What is asked for every two minutes anyway is not asked for more often because it fails.
        assert_eq!(seconds(3, 120), 120);
    }
}
