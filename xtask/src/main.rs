#![doc = include_str!("../README.md")]

mod bench;
mod budget;
mod build;
mod bundles;
mod cargo;
mod check;
mod doctor;
mod install;
mod javascript;
mod libraries;
mod needs;
mod net;
mod oracle;
mod package;
mod process;
mod progress;
mod redis;
mod rhosync;
mod swift;
mod term;
mod test;
mod up;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use build::Part;
use term::BAD;
use workspace::{Native, Workspace};

/// Builds, runs and tests RhoSync.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    /// Show all that other programs say: what is downloaded, compiled and installed.
    #[arg(long, global = true)]
    verbose: bool,

    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds everything, starts Redis, the example back end and the server, and says where they are.
    Up(up::Up),
    /// Is a device: syncs, shows and changes a source, offline too.
    Device(rhosync::Arguments),
    /// Shows and changes the jobs of a server.
    Jobs(rhosync::Arguments),
    /// Builds components and programs.
    Build {
        /// What to build.
        #[arg(value_enum, default_value_t = Part::All)]
        part: Part,
        /// Build native programs optimised: slow to build, for measuring. Components always are.
        #[arg(long)]
        release: bool,
    },
    /// Makes what a release has: the components, their digests, and the template of applications.
    Package(package::Package),
    /// Measures the server against a bare component in the same host.
    Bench(bench::Bench),
    /// Checks and tests everything, with all it needs set up first.
    Test(test::Test),
    /// Plays histories of devices, back end and network that nobody has seen yet.
    Oracle(oracle::Oracle),
    /// Checks what no test sees: format, lints, documents, the rules of the house.
    Check(check::Check),
    /// Shows what set-up needs, whether it is there, and what would be installed.
    Doctor(doctor::Doctor),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{BAD}error:{BAD:#} {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(Cli { verbose, task }: Cli) -> Result<()> {
    let workspace = Workspace::find(verbose)?;
    match task {
        Task::Up(up) => up.run(&workspace)?,
        Task::Device(arguments) => match rhosync::device(&workspace, arguments)? {},
        Task::Jobs(arguments) => match rhosync::jobs(&workspace, arguments)? {},
        Task::Build { part, release } => {
            let native = if release {
                Native::Optimised
            } else {
                Native::Dev
            };
            build::build(&workspace, part, native)?;
        }
        Task::Package(package) => package.run(&workspace)?,
        Task::Bench(bench) => match bench.run(&workspace)? {},
        Task::Test(test) => test.run(&workspace)?,
        Task::Oracle(oracle) => oracle.run(&workspace)?,
        Task::Check(check) => check.run(&workspace)?,
        Task::Doctor(doctor) => doctor.run(&workspace)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
