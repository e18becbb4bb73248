//! How long to wait for a server that does not answer.

use std::time::Duration;

/// The longest time between two attempts, unless even a server that answers is asked less often.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait after so many failures in a row, where a server that answers is asked every so often.
pub(crate) fn wait_after(failures: u32, every: Duration) -> Duration {
    every
        .saturating_mul(1 << failures.min(6))
        .min(LONGEST.max(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_the_longest() {
        let seconds = |failures, every| {
            let wait = wait_after(failures, Duration::from_secs(every));
            wait.as_secs()
        };
        assert_eq!([0, 1, 2, 3].map(|it| seconds(it, 5)), [5, 10, 20, 40]);
        assert_eq!(seconds(4, 5), 60);
        assert_eq!(seconds(u32::MAX, 5), 60);
        // What is asked for every two minutes anyway is not asked for more often because it fails.
        assert_eq!(seconds(3, 120), 120);
    }
}
