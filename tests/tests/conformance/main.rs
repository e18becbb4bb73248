//! The conformance suite: every case of `tests/conformance/` against a server, each as a test of its own.
//!
//! See `tests/conformance/README.md` for the notation, and for how to point it at another server.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot set up its world has failed, and the place says why"
)]

mod body;
mod case;
mod coverage;
mod run;
mod server;
mod template;

use std::sync::{Arc, RwLock};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::server::Server;

fn main() {
    let arguments = Arguments::from_args();
    let cases = match case::read_all() {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::exit(1);
        }
    };
    let server = Arc::new(Server::default());
    // Cases that change what all others see run alone.
    let alone = Arc::new(RwLock::new(()));
    let cases = Arc::new(cases);
    let mut trials: Vec<Trial> = (0..cases.len())
        .map(|index| {
            let (cases, server, alone) =
                (Arc::clone(&cases), Arc::clone(&server), Arc::clone(&alone));
            let name = cases[index].name.clone();
            Trial::test(name, move || {
                let case = &cases[index];
                let (_shared, _exclusive) = if case.runs_alone {
                    (None, alone.write().ok())
                } else {
                    (alone.read().ok(), None)
                };
                run::run(case, &server).map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
        .collect();
    trials.extend(coverage::trials(&cases));
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Ends the host, Redis and the back ends.
    drop(Arc::into_inner(server));
    conclusion.exit();
}
