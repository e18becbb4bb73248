//! Histories of the normal run, and as many more as somebody wants.

#![expect(
    clippy::print_stderr,
    reason = "a run of hours says how far it is, and a failed one which history it was"
)]
#![expect(
    clippy::expect_used,
    reason = "a history that cannot be played has failed"
)]

use std::env;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sync_sim::play;
use test_support::TestRedis;

/// Histories of a normal run: about three minutes of a processor.
const HISTORIES: u64 = 1_000;

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
    let next = AtomicU64::new(seeds.start);
    let players = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..players {
            scope.spawn(|| play_all(&next, seeds.end));
        }
    });
}

/// Plays one history after the other, on a store of its own.
fn play_all(next: &AtomicU64, end: u64) {
    let redis = Rc::new(TestRedis::start());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
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
