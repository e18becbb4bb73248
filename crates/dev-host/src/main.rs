//! The command line of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use bytesize::ByteSize;
use clap::Parser;
use dev_host::{Application, Host, Options};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What is logged where `RUST_LOG` says nothing: our own and the components' lines, of others only what is wrong.
const DEFAULT_LOG: &str = "warn,dev_host=info,guest=info";

/// What is logged with `--quiet`.
const QUIET_LOG: &str = "error";

/// Runs a Spin application of HTTP and Redis triggers, without Spin.
///
/// When it is ready it prints `Serving http://<address>` and the routes. Logs, also the components' output, go to
/// stderr; RUST_LOG filters them. SIGTERM or SIGINT ends it, after the requests under way. Exit codes: 0 ended when
/// asked to, 1 failed while running, 2 wrong usage or application.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The application's manifest; its paths are relative to its folder.
    #[arg(short, long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,

    /// Where to answer HTTP requests; port 0 takes any free one.
    #[arg(short, long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// Sets an application variable. Otherwise SPIN_VARIABLE_<NAME> does, or the manifest's default.
    #[arg(short, long = "variable", value_name = "NAME=VALUE", value_parser = parse_variable)]
    variables: Vec<(String, String)>,

    /// Runs only the components with these ids. May be repeated.
    #[arg(short, long = "component", value_name = "ID")]
    components: Vec<String>,

    /// How long a component may take to begin a response.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    request_timeout: Duration,

    /// How long a component may take to end the last response that it has begun. Event streams last ten minutes.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    response_timeout: Duration,

    /// The most memory one instance of a component may use.
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    memory_limit: ByteSize,

    /// A folder with the files of components whose source is on the web, from which nothing is downloaded; their
    /// digests are checked.
    #[arg(long, value_name = "FOLDER")]
    components_dir: Option<PathBuf>,

    /// Where compiled components are kept from one start to the next. Default: in the user's cache folder.
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,

    /// Logs only errors.
    #[arg(short, long)]
    quiet: bool,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has to be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Arguments {
    fn options(self) -> Result<Options> {
        Ok(Options {
            manifest: self.manifest,
            variables: self.variables.into_iter().collect::<BTreeMap<_, _>>(),
            components_dir: self.components_dir,
            cache_dir: self.cache_dir,
            request_timeout: self.request_timeout,
            response_timeout: self.response_timeout,
            memory_limit: usize::try_from(self.memory_limit.as_u64()).context("--memory-limit")?,
            only: self.components.into_iter().collect::<BTreeSet<_>>(),
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.quiet);
    let listen = arguments.listen;
    match arguments
        .options()
        .and_then(|options| Application::load(&options))
    {
        Ok(application) => match run(application, listen).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, 1),
        },
        Err(error) => fail(&error, 2),
    }
}

async fn run(application: Application, listen: SocketAddr) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let host = application.listen(listen).await?;
    announce(&host).context("cannot write to stdout")?;
    host.run(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
    .await;
    Ok(())
}

/// Says that requests are answered from now on, in the words of Spin.
fn announce(host: &Host) -> io::Result<()> {
    let address = host.address();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "Serving http://{address}")?;
    writeln!(stdout, "Available Routes:")?;
    for (id, route) in host.routes() {
        match route.strip_suffix("/...") {
            Some(prefix) => writeln!(stdout, "  {id}: http://{address}{prefix} (wildcard)")?,
            None => writeln!(stdout, "  {id}: http://{address}{route}")?,
        }
    }
    stdout.flush()
}

fn log_to_stderr(quiet: bool) {
    let default = if quiet { QUIET_LOG } else { DEFAULT_LOG };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

#[expect(clippy::print_stderr, reason = "the last word of a program that ends")]
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("dev-host: {error:#}");
    ExitCode::from(code)
}
