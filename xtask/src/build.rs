//! `build`: makes every program and component.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::install::install;
use crate::process::run;
use crate::term;
use crate::workspace::{BROWSER_TARGET, COMPONENT_TARGET, Native, Workspace, find_program};

/// The components that `spin.toml` names.
pub(crate) const COMPONENTS: [&str; 5] = [
    "sync-handler",
    "adapter-jobs",
    "bulk-jobs",
    "push-jobs",
    "admin-ui-component",
];
/// The programs a local run needs.
const PROGRAMS: [&str; 2] = ["dev-host", "shop"];
/// The component that a benchmark compares the others with.
const BARE: &str = "guest-redis-get";
/// The example of a component with a job type of its own.
pub(crate) const EXAMPLE: &str = "report-jobs";
/// The cargo profile that makes small programs for the browser.
const CONSOLE_PROFILE: &str = "console";
/// The compiler of what components have in C, which fails when no clang here can make WebAssembly.
const C_COMPILER: &str = "jobs/bulk-jobs/sqlite/clang";
/// Where the components are that only the host's tests run.
pub(crate) const GUESTS: &str = "crates/dev-host/guests";

/// What to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// The administration console's bundle for the browser.
    Console,
    /// The components that `spin.toml` names, the console's included.
    Components,
    /// The native programs: dev-host and the example shop.
    Host,
    /// All of it.
    All,
}

/// Builds a part.
pub(crate) fn build(workspace: &Workspace, part: Part, native: Native) -> Result<()> {
    match part {
        Part::Console => console_bundle(workspace)?,
        Part::Components => components(workspace)?,
        Part::Host => programs(workspace, native)?,
        Part::All => {
            components(workspace)?;
            programs(workspace, native)?;
        }
    }
    Ok(())
}

/// Builds the components that `spin.toml` names.
pub(crate) fn components(workspace: &Workspace) -> Result<()> {
    console_bundle(workspace)?;
    ensure_c_compiler(workspace)?;
    term::step("Building the components");
    ensure_target(COMPONENT_TARGET)?;
    run(component_build(workspace, &COMPONENTS))
}

/// Installs what compiles SQLite into a component, where it is missing: see `.cargo/config.toml`.
pub(crate) fn ensure_c_compiler(workspace: &Workspace) -> Result<()> {
    let compiles = || {
        Command::new(workspace.root.join(C_COMPILER))
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if compiles() || (install(&["clang", "llvm"]).is_ok() && compiles()) {
        return Ok(());
    }
    bail!("there is no clang that can make WebAssembly")
}

/// Builds the components that the host's tests run.
pub(crate) fn guests(workspace: &Workspace) -> Result<()> {
    let guests = workspace.members_in(GUESTS);
    term::step("Building the components for the host's tests");
    ensure_target(COMPONENT_TARGET)?;
    run(component_build(workspace, &guests))
}

/// Builds the native programs.
pub(crate) fn programs(workspace: &Workspace, native: Native) -> Result<()> {
    term::step("Building the host and the example shop (the first time takes some minutes)");
    run(program_build(workspace, native, &PROGRAMS))
}

/// Builds what a benchmark needs: the optimised host and what measures it, the components and the one they are
/// compared with.
pub(crate) fn measured(workspace: &Workspace) -> Result<()> {
    components(workspace)?;
    term::step("Building what is measured (the first time takes some minutes)");
    run(component_build(workspace, &[BARE]))?;
    run(program_build(
        workspace,
        Native::Optimised,
        &["dev-host", "bench"],
    ))
}

/// Builds all programs and tests of the workspace.
///
/// As `cargo test --workspace` sees them: with other packages selected, cargo would choose other features of
/// what they stand on, and compile the largest of it, the host's compiler, once more.
pub(crate) fn programs_and_tests(workspace: &Workspace) -> Result<()> {
    term::step("Building all programs and tests (the first time takes some minutes)");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--workspace", "--all-targets"]);
    run(cargo)
}

fn console_bundle(workspace: &Workspace) -> Result<()> {
    term::step("Bundling the console");
    ensure_target(BROWSER_TARGET)?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", CONSOLE_PROFILE]);
    cargo.args(["--package", "admin-ui", "--target", BROWSER_TARGET]);
    run(cargo)?;
    let wasm = workspace
        .target
        .join(BROWSER_TARGET)
        .join(CONSOLE_PROFILE)
        .join("admin-ui.wasm");
    if is_bundled(workspace, &wasm) {
        return Ok(());
    }
    let mut cargo = workspace.cargo();
    cargo.args(["run", "--quiet", "--package", "console-bundler", "--"]);
    cargo.arg(&wasm).arg(workspace.root.join("admin-ui"));
    run(cargo)?;
    File::create(bundle_stamp(workspace)).context("cannot note that the console is bundled")?;
    Ok(())
}

/// Whether the bundle was made of what is there now.
fn is_bundled(workspace: &Workspace, wasm: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let folder = workspace.root.join("admin-ui");
    let inputs = [
        folder.join("icon.svg"),
        folder.join("index.html"),
        folder.join("style.css"),
        folder.join("bundler/src/main.rs"),
    ];
    let inputs = inputs.iter().map(PathBuf::as_path).chain([wasm]);
    let bundled = changed(&bundle_stamp(workspace));
    folder.join("dist/index.html").is_file()
        && bundled.is_some()
        && inputs
            .map(changed)
            .all(|changed| changed.is_some() && changed < bundled)
}

/// The file that is as old as the bundle: the bundle's own files stay untouched where nothing changed.
fn bundle_stamp(workspace: &Workspace) -> PathBuf {
    workspace.target.join("console-bundle.stamp")
}

fn program_build(workspace: &Workspace, native: Native, programs: &[&str]) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", native.profile()]);
    for program in programs {
        cargo.args(["--package", program]);
    }
    cargo
}

fn component_build(workspace: &Workspace, packages: &[impl AsRef<str>]) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--release", "--target", COMPONENT_TARGET]);
    for package in packages {
        cargo.args(["--package", package.as_ref()]);
    }
    cargo
}

/// Adds a compilation target where it is missing.
pub(crate) fn ensure_target(target: &str) -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("cannot run rustc")?;
    let folder = String::from_utf8_lossy(&libraries.stdout);
    if libraries.status.success() && std::path::Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    if find_program("rustup").is_none() {
        bail!("the compilation target {target} is missing; add it the way this Rust was installed");
    }
    term::note(format!(
        "adding the compilation target {target} with rustup"
    ));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", target]);
    run(rustup)
}
