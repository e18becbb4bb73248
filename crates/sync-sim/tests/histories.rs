//! Histories of the normal run, and as many more as somebody wants.

#![expect(
    clippy::print_stderr,
    reason = "a run of hours says how far it is, and a failed one which history it was"
)]

use std::env;
use std::rc::Rc;

use sync_sim::play;
use test_support::TestRedis;

/// Histories of a normal run: a minute and a half of a processor.
const HISTORIES: u64 = 300;

#[test]
fn every_history_ends_well() {
    let number = |name: &str| env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seeds = match (number("RHOSYNC_SIM_SEED"), number("RHOSYNC_SIM_HISTORIES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(histories)) => {
            let first = u64::from(std::process::id()) << 32;
            first..first + histories
        }
        (None, None) => 0..HISTORIES,
    };
    let redis = Rc::new(TestRedis::start());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for seed in seeds {
        let named = Named(seed);
        runtime.block_on(play(&redis, seed));
        std::mem::forget(named);
        if seed % 500 == 499 {
            eprintln!("up to history {seed}");
        }
    }
}

/// Says which history it was that failed.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("play it again: RHOSYNC_SIM_SEED={}", self.0);
    }
}
