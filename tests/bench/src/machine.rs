//! The machine: what it is, and what the measured processes take of it.

use std::fs;
use std::ops::{Add, Sub};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use sysinfo::{
    CpuRefreshKind, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System,
};
use test_support::workspace;

/// Crates whose versions decide how fast it is.
const CRATES: [&str; 4] = ["wasmtime", "spin-sdk", "hyper", "redis"];

/// Processor time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// Of the server.
    pub(crate) server: Duration,
    /// Of the store.
    pub(crate) store: Duration,
    /// Of this program, which makes the load.
    pub(crate) load: Duration,
}

impl Cpu {
    /// What two processes and this one have used so far.
    pub(crate) fn of(server: u32, store: u32) -> Result<Self> {
        let pids = [server, store, std::process::id()].map(Pid::from_u32);
        let mut system = System::new()?;
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&pids),
            false,
            ProcessRefreshKind::nothing().with_cpu().without_tasks(),
        );
        let [server, store, load] = pids.map(|pid| {
            let process = system.process(pid);
            Duration::from_millis(process.map_or(0, sysinfo::Process::accumulated_cpu_time))
        });
        Ok(Self {
            server,
            store,
            load,
        })
    }

    /// The share of one of `requests`.
    pub(crate) fn each(self, requests: u64) -> Self {
        let share =
            |time: Duration| Duration::from_secs_f64(time.as_secs_f64() / requests.max(1) as f64);
        Self {
            server: share(self.server),
            store: share(self.store),
            load: share(self.load),
        }
    }
}

impl Add for Cpu {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            server: self.server + other.server,
            store: self.store + other.store,
            load: self.load + other.load,
        }
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            store: self.store.saturating_sub(earlier.store),
            load: self.load.saturating_sub(earlier.load),
        }
    }
}

/// What a measurement is worth nothing without, by name.
pub(crate) fn facts(redis_version: &str) -> Result<Vec<(&'static str, String)>> {
    let mut system = System::new()?;
    system.refresh_cpu_specifics(CpuRefreshKind::nothing());
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let cores = system.cpus().len();
    let model = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
    let memory = system.total_memory() as f64 / f64::from(1 << 30);
    let rustc = Command::new("rustc").arg("--version").output()?;
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let day = now.split('T').next().unwrap_or(&now).to_owned();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    Ok(vec![
        ("date", day),
        (
            "command",
            format!("`cargo xtask bench {}`", arguments.join(" ")),
        ),
        (
            "processor",
            format!("{cores} × {model} ({})", System::cpu_arch()),
        ),
        ("memory", format!("{memory:.0} GiB")),
        ("kernel", System::kernel_long_version()?),
        ("Redis", redis_version.to_owned()),
        (
            "compiler",
            String::from_utf8_lossy(&rustc.stdout).trim().to_owned(),
        ),
        ("crates", locked_versions()?),
    ])
}

/// The versions that `Cargo.lock` names.
fn locked_versions() -> Result<String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let text =
        fs::read_to_string(workspace().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let Lock { package } = toml::from_str(&text)?;
    let versions: Vec<String> = package
        .into_iter()
        .filter(|package| CRATES.contains(&&*package.name))
        .map(|Package { name, version }| format!("{name} {version}"))
        .collect();
    Ok(versions.join(", "))
}
