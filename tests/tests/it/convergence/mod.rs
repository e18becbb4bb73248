//! Whatever devices and a back end do, and whatever the network loses, delays or repeats: once it is quiet, every
//! device has what the back end has.
//!
//! The engine is the real one, on a real Redis; so are the devices' copies. Only the network between them is played
//! here, since it has to fail on command. `PROPTEST_CASES` runs that many cases that nobody has seen yet.

mod case;
mod device;
mod found;
mod steps;

use std::cell::Cell;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use test_support::TestRedis;

use self::case::{Case, Copies};
use self::found::found;
use self::steps::{Step, step};

/// A source that everybody shares and that asks the back end with every sync.
const SOURCE: &str = "Shared";

/// Devices of two users.
const DEVICES: usize = 4;

/// Cases of a normal run.
const CASES: u32 = 1_000;

/// The same of copies that are made of several.
const COMBINED_CASES: u32 = 400;

/// Where the random histories of a normal run start.
const SEED: u64 = 2_026;

/// Histories after which a run of many says how far it is.
const PROGRESS: u32 = 500;

/// The seeds of histories that have failed, which every run plays first.
const FAILURES: &str = "tests/it/convergence.proptest-regressions";

/// The same of copies that are made of several.
const COMBINED_FAILURES: &str = "tests/it/convergence-combined.proptest-regressions";

/// Syncs of all devices that find nothing more to wait for, after which nothing is expected to move.
const STABLE_ROUNDS: usize = 5;

/// Syncs of all devices after which everything must have settled.
const QUIET_ROUNDS: usize = 30;

/// Plays a history and looks whether everybody has the same in the end.
async fn play(
    redis: &Rc<TestRedis>,
    page_bytes: Option<usize>,
    copies: Copies,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let mut case = Case::start(redis, page_bytes, copies).await;
    for step in steps {
        case.run(step).await;
    }
    case.settle().await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

#[expect(clippy::print_stderr, reason = "a run of hours says how far it is")]
fn report(played: u32) {
    eprintln!("{played} histories");
}

#[test]
fn all_devices_converge() {
    converge(Copies::Shared, CASES, FAILURES);
}

#[test]
fn they_do_so_where_copies_are_made_of_several() {
    converge(Copies::Combined, COMBINED_CASES, COMBINED_FAILURES);
}

fn converge(copies: Copies, cases: u32, failures: &'static str) {
    let runtime = runtime();
    let redis = Rc::new(TestRedis::start());
    // The normal run is the same every time; one with a number of cases of its own looks for what nobody has seen yet.
    let wanted = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let played = Cell::new(0_u32);
    let config = ProptestConfig {
        cases: wanted.unwrap_or(cases),
        rng_seed: wanted.map_or(RngSeed::Fixed(SEED), |_| RngSeed::Random),
        max_shrink_iters: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(failures))),
        ..Default::default()
    };
    proptest!(config, |(steps in vec(step(wanted.is_some()), 1..60), page_bytes in prop::option::weighted(0.25, 1_usize..600))| {
        runtime.block_on(play(&redis, page_bytes, copies, steps))?;
        played.set(played.get() + 1);
        if wanted.is_some() && played.get().is_multiple_of(PROGRESS) {
            report(played.get());
        }
    });
}

#[test]
fn histories_that_once_failed_converge() {
    let runtime = runtime();
    let redis = Rc::new(TestRedis::start());
    for (name, steps) in found() {
        for copies in [Copies::Shared, Copies::Combined] {
            let played = runtime.block_on(play(&redis, None, copies, steps.clone()));
            played.unwrap_or_else(|error| panic!("{name}, {copies:?}: {error}"));
        }
    }
}
