#![doc = include_str!("../README.md")]

mod bulk_data;
mod cost;
mod device;
mod events;
mod images;
mod jobs;
mod load;
mod machine;
mod memory;
mod native;
mod refresh;
mod report;
mod rows;
mod stage;
mod term;
mod wire;

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use comfy_table::presets;
use test_support::workspace;
use tokio::signal::unix::{SignalKind, signal};

use report::{Budget, Report, Row};
use rows::Bench;
use stage::Stage;
use term::BAD;

/// The largest cost of the same changes in 100 000 objects, compared with 1 000.
const MOST_FOR_SIZE: f64 = 1.3;
/// The most that the program which makes the load may take of the processor, for each second of the server's: what it takes on
/// shared processors it takes from both sides of a comparison, and the ratio comes out too good.
const MOST_LOAD: f64 = 0.1;
/// The most bytes of Redis an idle device may take.
const MOST_BYTES: f64 = 1_024.0;

/// Measures the server against a bare component in the same host.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench",
    bin_name = "cargo xtask bench",
    after_help = "With --no-build, `cargo xtask` measures what is built already."
)]
struct Options {
    /// How long each turn lasts; every comparison takes thirty of them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seconds: u64,

    /// How many clients ask at once.
    #[arg(long, value_name = "N", default_value_t = 16)]
    clients: usize,

    /// Measure these only.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    only: Vec<What>,

    /// Write `docs/benchmarks.md`.
    #[arg(long, conflicts_with = "only")]
    write: bool,

    /// Fail when a budget is missed.
    #[arg(long)]
    assert: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A poll that finds nothing new.
    IdlePoll,
    /// A pull of 20 changes.
    Pull,
    /// The idle poll by the address of RhoSync.
    OldIdlePoll,
    /// The pull by the address of RhoSync.
    OldPull,
    /// A new device's first sync of 1 000 objects.
    FirstSync,
    /// A push of one new object.
    Push,
    /// The same changes in a small and in a large source.
    Size,
    /// Bytes of Redis for each idle device.
    Memory,
    /// Jobs that do nothing.
    Jobs,
    /// A bulk data file, beside `sqlite3` making the same.
    BulkData,
    /// Devices that wait for news.
    Events,
    /// Refreshes from a large `rest` back end.
    Refresh,
    /// An idle sync of one source by our own library.
    NativeIdle,
    /// The same of ten.
    NativeIdleTen,
    /// A sync of 20 changes by our own library.
    NativePull,
    /// A new object by our own library.
    NativeCreate,
    /// First syncs by images, and by pages.
    Images,
}

impl What {
    /// Name, meaning and budget of what is compared with the bare component.
    fn row(self) -> Option<(&'static str, &'static str, Option<f64>)> {
        Some(match self {
            Self::IdlePoll => (
                "idle poll",
                "`GET /app/v1/<source>` by a device that has everything: what most devices do most of the time.",
                Some(0.6),
            ),
            Self::Pull => (
                "pull of 20 changes",
                "a pull that finds 20 objects all of whose attributes changed. It is not acknowledged, so the next \
                 one finds them again.",
                Some(0.35),
            ),
            Self::OldIdlePoll => (
                "idle poll of RhoSync",
                "the same poll by the older address, `GET /application?source_name=<source>`.",
                Some(0.6),
            ),
            Self::OldPull => (
                "pull of RhoSync",
                "the same pull by the older address.",
                Some(0.35),
            ),
            Self::FirstSync => (
                "first sync of 1 000 objects",
                "a new device registers and pulls two pages of 500 objects, acknowledging them to the end: four \
                 requests.",
                None,
            ),
            Self::Push => (
                "push of one create",
                "`POST /app/v1/<source>` with one new object, which is stored before the answer.",
                None,
            ),
            Self::NativeIdle => (
                "idle sync of our own library",
                "`POST /sync/v1/sync` by a device that has everything of one source.",
                Some(0.9),
            ),
            Self::NativeIdleTen => (
                "idle sync of ten sources",
                "the same with ten sources in one request.",
                Some(0.9),
            ),
            Self::NativePull => (
                "20 changes by our own library",
                "`POST /sync/v1/sync` that finds 20 objects all of whose attributes changed. The cursor is not kept, so the \
                 next one finds them again.",
                Some(0.5),
            ),
            Self::NativeCreate => (
                "create by our own library",
                "`POST /sync/v1/sync` with one new object; the verdict is in its answer.",
                None,
            ),
            Self::Size
            | Self::Memory
            | Self::Jobs
            | Self::BulkData
            | Self::Events
            | Self::Images
            | Self::Refresh => return None,
        })
    }

    /// Its name, as one types it.
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it is measured on a server of its own.
    fn is_alone(self) -> bool {
        matches!(
            self,
            Self::Jobs | Self::BulkData | Self::Events | Self::Images | Self::Refresh
        )
    }
}

fn main() -> ExitCode {
    match Options::parse().run() {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("{BAD}error:{BAD:#} {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    /// Does it.
    fn run(&self) -> Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (mut report, redis_version) = runtime.block_on(self.measure_unless_interrupted())?;
        for what in self.chosen().filter(|what| what.is_alone()) {
            term::step(format!("Measuring {}", what.name()));
            match what {
                What::Jobs => report.budgets.extend(jobs::measure()),
                What::Events => report.budgets.extend(events::measure()?),
                What::Refresh => report.budgets.extend(refresh::measure()),
                What::Images => report.budgets.push(images::measure()?),
                _ => report.budgets.extend(bulk_data::measure()),
            }
        }

        let style = presets::UTF8_FULL_CONDENSED;
        for table in [report.speed(style), report.costs(style), report.aims(style)] {
            if !table.is_empty() {
                anstream::println!("{table}");
            }
        }
        if self.write {
            let path = workspace().join("docs/benchmarks.md");
            let page = report.page(&machine::facts(&redis_version)?);
            fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
            term::note(format!("written: {}", path.display()));
        }
        Ok(if self.assert && !report.is_met() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    /// What is to be measured.
    fn chosen(&self) -> impl Iterator<Item = What> {
        let all = What::value_variants().iter().copied();
        all.filter(|what| self.only.is_empty() || self.only.contains(what))
    }

    /// Ctrl-C ends the processes of the stage too, which do not hear it themselves.
    async fn measure_unless_interrupted(&self) -> Result<(Report, String)> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            outcome = self.measure() => outcome,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("told to end"),
        }
    }

    async fn measure(&self) -> Result<(Report, String)> {
        let turn = Duration::from_secs(self.seconds);
        let mut bench = Bench::new(Stage::start().await?, self.clients, turn).await?;
        let mut report = Report::default();
        for what in self.chosen().filter(|what| !what.is_alone()) {
            let name = what.name();
            term::step(format!("Measuring {name}"));
            let start = Instant::now();
            measure(&mut bench, what, &mut report)
                .await
                .with_context(|| format!("{name} cannot be measured"))?;
            term::note(format!("took {}", term::duration(start.elapsed())));
        }
        Ok((report, bench.redis_version().await?))
    }
}

async fn measure(bench: &mut Bench, what: What, report: &mut Report) -> Result<()> {
    let comparison = match what {
        What::IdlePoll => bench.idle_poll().await?,
        What::Pull => bench.pull().await?,
        What::OldIdlePoll => bench.old_idle_poll().await?,
        What::OldPull => bench.old_pull().await?,
        What::FirstSync => bench.first_sync().await?,
        What::Push => bench.push().await?,
        What::Size => {
            let size = bench.size().await?;
            let slower = 1.0 / size.ratio;
            report.budgets.push(Budget {
                what: "100 changes in 100 000 objects: time, compared with 1 000".to_owned(),
                measured: format!("{slower:.2} ×"),
                aim: format!("≤ {MOST_FOR_SIZE} ×"),
                is_met: slower <= MOST_FOR_SIZE,
            });
            report.size = Some(size);
            return Ok(());
        }
        What::Memory => {
            let memory = bench.memory().await?;
            for (of, bytes) in [
                ("one user", memory.of_one_user),
                ("a user of its own", memory.of_many_users),
            ] {
                report.budgets.push(Budget {
                    what: format!("idle device of {of}: memory in Redis"),
                    measured: format!("{bytes:.0} bytes"),
                    aim: format!("≤ {MOST_BYTES} bytes"),
                    is_met: bytes <= MOST_BYTES,
                });
            }
            return Ok(());
        }
        What::NativeIdle => bench.native_idle(1).await?,
        What::NativeIdleTen => bench.native_idle(10).await?,
        What::NativePull => bench.native_pull().await?,
        What::NativeCreate => bench.native_create().await?,
        What::Jobs | What::BulkData | What::Events | What::Images | What::Refresh => return Ok(()),
    };
    if let Some((name, meaning, least)) = what.row() {
        let ratio = comparison.ratio;
        if let Some(least) = least {
            let mut budget = Budget {
                what: format!("{name}: rate, compared with the bare component"),
                measured: format!("{ratio:.2} ×"),
                aim: format!("≥ {least} ×"),
                is_met: ratio >= least,
            };
            let cpu = comparison.measured.cpu;
            budget.note_load(cpu.load.as_secs_f64() / cpu.server.as_secs_f64(), MOST_LOAD);
            report.budgets.push(budget);
        }
        report.rows.push(Row {
            name,
            meaning,
            comparison,
        });
    }
    Ok(())
}
