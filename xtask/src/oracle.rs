//! `oracle`: plays histories that nobody has seen yet, and compares every device with the back end.

use anyhow::{Context as _, Result};

use crate::needs::{self, Purpose, REDIS};
use crate::process::run;
use crate::redis::URL_VARIABLE;
use crate::term;
use crate::workspace::Workspace;

/// The test that plays them.
const TEST: &str = "convergence::all_devices_converge";

/// Plays random histories of devices, back end and network against the real engine on a real Redis.
///
/// One that fails is printed as short as it can be made, and its seed is written to a file beside the test, which every
/// later run of the tests plays again: commit it with the mend.
#[derive(Debug, clap::Args)]
pub(crate) struct Oracle {
    /// How many histories to play.
    #[arg(long, default_value_t = 20_000)]
    cases: u32,
}

impl Oracle {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        needs::ensure(workspace, &[Purpose::Run, Purpose::Test])?;
        let redis = REDIS.program().context("Redis is gone again")?;
        let mut cargo = workspace.cargo(["test", "--workspace", "--test", "it"]);
        cargo
            .args(["--", "--exact", "--nocapture", TEST])
            .env("PROPTEST_CASES", self.cases.to_string())
            .env("RHOSYNC_REDIS_SERVER", redis)
            .env_remove(URL_VARIABLE);
        term::step("Playing histories");
        run(cargo)
    }
}
