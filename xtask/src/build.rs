//! `build`: makes every program and component.

use anyhow::Result;

use crate::bundles::{CONSOLE, WEB_LIBRARY};
use crate::libraries::{self, C, KOTLIN, NODE, PYTHON, SWIFT};
use crate::needs::{self, Purpose};
use crate::workspace::{COMPONENT_TARGET, Native, Workspace};
use crate::{budget, cargo};

/// The components that `spin.toml` names.
pub(crate) const COMPONENTS: [&str; 6] = [
    "sync-handler",
    "live",
    "adapter-jobs",
    "bulk-jobs",
    "push-jobs",
    "admin-ui-component",
];
/// What only tests run: applications' own components, and those that the host's tests are about.
pub(crate) const TEST_COMPONENTS: [&str; 6] = [
    "report-jobs",
    "tasks-plugin",
    "guest-listener",
    "guest-probe",
    "guest-probe-p2",
    BARE,
];
/// An application's own server, with an adapter in Rust. It is built by itself: with `sync-handler` beside it, cargo would give
/// that crate its own way in from Spin, and a component cannot have two.
pub(crate) const OWN_SERVER: &str = "exchange-rates";
/// The component that a benchmark compares the others with.
const BARE: &str = "guest-redis-get";
/// The program of operators and developers.
pub(crate) const RHOSYNC: &str = "rhosync";
/// The programs a local run needs.
const PROGRAMS: [&str; 4] = ["dev-host", "shop", RHOSYNC, CONSOLE.bundler];

/// What to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// The administration console's bundle for the browser.
    Console,
    /// The device library's package for browsers.
    WebLibrary,
    /// The device library's header and library for C.
    CLibrary,
    /// The device library's Maven project for Kotlin.
    KotlinLibrary,
    /// The device library's package for Node.
    NodeLibrary,
    /// The device library's wheel for Python.
    PythonLibrary,
    /// The device library's package for Swift.
    SwiftLibrary,
    /// All packages of the device library that can be made on this system, and how large they are.
    Libraries,
    /// The components that `spin.toml` names, the console's included.
    Components,
    /// The native programs: dev-host, the example shop, rhosync.
    Host,
    /// All of it.
    All,
}

/// Builds a part.
pub(crate) fn build(workspace: &Workspace, part: Part, native: Native) -> Result<()> {
    needs::ensure(workspace, &[Purpose::Build])?;
    match part {
        Part::Console => {
            programs(workspace, Native::Dev, &[CONSOLE.bundler])?;
            CONSOLE.make(workspace)?;
        }
        Part::WebLibrary => {
            programs(workspace, Native::Dev, &[WEB_LIBRARY.bundler])?;
            WEB_LIBRARY.make(workspace)?;
        }
        Part::CLibrary => C.make(workspace)?,
        Part::KotlinLibrary => KOTLIN.make(workspace)?,
        Part::NodeLibrary => NODE.make(workspace)?,
        Part::PythonLibrary => PYTHON.make(workspace)?,
        Part::SwiftLibrary => SWIFT.make(workspace)?,
        Part::Libraries => libraries::make_all(workspace)?,
        Part::Components => {
            programs(workspace, Native::Dev, &[CONSOLE.bundler])?;
            components(workspace)?;
            budget::check(workspace)?;
        }
        Part::Host => programs(workspace, native, &PROGRAMS)?,
        Part::All => {
            all(workspace, native)?;
            budget::check(workspace)?;
        }
    }
    Ok(())
}

/// Builds all that a run needs.
pub(crate) fn all(workspace: &Workspace, native: Native) -> Result<()> {
    programs(workspace, native, &PROGRAMS)?;
    if native != Native::Dev {
        programs(workspace, Native::Dev, &[CONSOLE.bundler])?;
    }
    components(workspace)
}

/// Builds the components that `spin.toml` names. The bundler of the console's is built already.
pub(crate) fn components(workspace: &Workspace) -> Result<()> {
    CONSOLE.make(workspace)?;
    component_build(workspace, "Building the components", &COMPONENTS)
}

/// Builds the components that only tests run. Those that `spin.toml` names have to be built after them: what is built with
/// `OWN_SERVER` is a `sync_handler.wasm` without a way in, in the place of the real one.
pub(crate) fn test_components(workspace: &Workspace) -> Result<()> {
    component_build(
        workspace,
        "Building the components of the tests",
        &TEST_COMPONENTS,
    )?;
    component_build(
        workspace,
        "Building a server with an adapter of its own",
        &[OWN_SERVER],
    )
}

/// Builds what a benchmark needs: the optimised host and what measures it, the components and the one they are
/// compared with.
pub(crate) fn measured(workspace: &Workspace) -> Result<()> {
    needs::ensure(workspace, &[Purpose::Build, Purpose::Run])?;
    programs(workspace, Native::Dev, &[CONSOLE.bundler])?;
    components(workspace)?;
    component_build(workspace, "Building the bare component", &[BARE])?;
    programs(workspace, Native::Optimised, &["dev-host", "bench"])
}

/// Builds all programs and tests of the workspace.
pub(crate) fn programs_and_tests(workspace: &Workspace) -> Result<()> {
    let cargo = workspace.cargo(["build", "--workspace", "--all-targets"]);
    cargo::run(workspace, "Building all programs and tests", cargo)
}

/// Builds native programs.
///
/// Features are chosen for the whole workspace and its tests, as `cargo test --workspace` chooses them, so that nothing is
/// compiled twice, the host's compiler above all. That tests count is the doing of `--examples`; there are none to build.
pub(crate) fn programs(workspace: &Workspace, native: Native, programs: &[&str]) -> Result<()> {
    let mut cargo = workspace.cargo(["build", "--workspace", "--examples"]);
    cargo.args(["--profile", native.profile()]);
    for program in programs {
        cargo.args(["--bin", program]);
    }
    let what = match programs {
        [program] => format!("Building {program}"),
        programs => format!("Building {} programs", programs.len()),
    };
    cargo::run(workspace, what, cargo)
}

fn component_build(workspace: &Workspace, what: &str, packages: &[&str]) -> Result<()> {
    let mut cargo = workspace.cargo(["build", "--release", "--target", COMPONENT_TARGET]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    cargo::run(workspace, what, cargo)
}
