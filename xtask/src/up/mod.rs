//! `up`: the whole system on this machine, from a fresh clone to a device that syncs.

pub(crate) mod admin;
mod manifest;
pub(crate) mod state;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::build;
use crate::needs::{self, Purpose, find_program};
use crate::net::{free_port_from, is_free};
use crate::process::{GLANCE, Service, end_leftover};
use crate::redis::{Redis, named_url};
use crate::term::{self, FAINT, GOOD, HEADING};
use crate::workspace::{Native, Workspace};
use admin::{ADMIN, Admin};
use state::{Lock, Process, Running};

/// The user that `device` logs in when it is not told another.
pub(crate) const DEMO_USER: &str = "demo";
/// Its password: known to everybody, and so made by this tool only, never by the server.
pub(crate) const DEMO_PASSWORD: &str = "demo-password";

/// Where the server listens, if nobody else does.
const SERVER_PORT: u16 = 9292;
/// Where the example back end listens, if nobody else does.
const SHOP_PORT: u16 = 9293;
/// How long the server may take: without a cache it compiles every component first.
const START: Duration = Duration::from_secs(180);
/// How long the server may be silent before the user is told why it is not ready.
const QUIET: Duration = Duration::from_secs(5);

/// Starts everything, says where it is, and runs until Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Up {
    /// Run the components in the installed `spin` instead of this repository's host.
    #[arg(long)]
    spin: bool,

    /// Port of the server [default: 9292, or the next free one].
    #[arg(long)]
    port: Option<u16>,

    /// Build the native programs optimised: slow to build, for measuring.
    #[arg(long)]
    release: bool,
}

impl Up {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let begun = Instant::now();
        let state = workspace.state();
        let _lock = Lock::take(&state)?;
        end_leftovers(&state)?;
        let port = self.choose_port()?;
        let spin = if self.spin { Some(find_spin()?) } else { None };
        let native = if self.release {
            Native::Optimised
        } else {
            Native::Dev
        };
        needs::ensure(workspace, &[Purpose::Build])?;
        if named_url().is_none() {
            needs::ensure(workspace, &[Purpose::Run])?;
        }
        build::all(workspace, native)?;

        // Not before: a build is ended by Ctrl-C directly.
        let interrupted = on_interrupt()?;
        let mut services = Services {
            workspace,
            native,
            state,
            running: Vec::new(),
        };
        let started = services.start(spin.as_deref(), port, &interrupted);
        let outcome = match started {
            Ok(Some(running)) => {
                running.announce(begun.elapsed(), &secrets(workspace)?.admin_password);
                services.watch(&interrupted)
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        term::step("Stopping");
        services.stop();
        outcome
    }

    fn choose_port(&self) -> Result<u16> {
        match self.port {
            Some(port) if is_free(port) => Ok(port),
            Some(port) => bail!("port {port} is taken; choose another with --port"),
            None => free_port_from(SERVER_PORT),
        }
    }
}

/// What the server has to be told and nobody else may know.
struct Secrets {
    admin_password: String,
    session_secret: String,
}

fn secrets(workspace: &Workspace) -> Result<Secrets> {
    let state = workspace.state();
    Ok(Secrets {
        admin_password: state::secret(&state.join("admin-password"))?,
        session_secret: state::secret(&state.join("session-secret"))?,
    })
}

/// The processes of a run.
struct Services<'a> {
    workspace: &'a Workspace,
    native: Native,
    state: PathBuf,
    /// In the order in which they were started.
    running: Vec<Service>,
}

impl Services<'_> {
    /// Starts all of them; none when the user has had enough before they were ready.
    fn start(
        &mut self,
        spin: Option<&Path>,
        port: u16,
        interrupted: &Receiver<()>,
    ) -> Result<Option<Running>> {
        let logs = self.state.join("logs");
        let Redis {
            url: redis_url,
            service,
        } = Redis::start(&self.state.join("redis"), &logs)?;
        if let Some(redis) = service {
            self.adopt(redis)?;
        }

        let shop_port = free_port_from(if port == SHOP_PORT {
            SHOP_PORT + 1
        } else {
            SHOP_PORT
        })?;
        let shop_url = format!("http://127.0.0.1:{shop_port}");
        term::step(format!("Starting the example shop on port {shop_port}"));
        self.adopt(Service::start("shop", self.shop(shop_port), &logs)?)?;

        let server_url = format!("http://127.0.0.1:{port}");
        term::step(format!("Starting the server on port {port}"));
        let Secrets {
            admin_password,
            session_secret,
        } = secrets(self.workspace)?;
        let mut server = self.server(spin, port)?;
        server
            .env("SPIN_VARIABLE_REDIS_URL", &redis_url)
            .env("SPIN_VARIABLE_SHOP_URL", &shop_url)
            .env("SPIN_VARIABLE_ADMIN_PASSWORD", &admin_password)
            .env("SPIN_VARIABLE_SESSION_SECRET", session_secret);
        self.adopt(Service::start("server", server, &logs)?)?;

        let admin = Admin::new(&server_url);
        if !self.wait_until_ready(&admin, interrupted)? {
            return Ok(None);
        }
        admin.ensure_user(&admin_password, DEMO_USER, DEMO_PASSWORD)?;
        let running = Running {
            server_url,
            redis_url,
            shop_url,
        };
        running.write(&self.state)?;
        Ok(Some(running))
    }

    fn shop(&self, port: u16) -> Command {
        let mut command = Command::new(self.workspace.program_dir(self.native).join("shop"));
        command.current_dir(&self.workspace.root);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--database"]);
        command.arg(self.state.join("shop.sqlite3"));
        command
    }

    fn server(&self, spin: Option<&Path>, port: u16) -> Result<Command> {
        let manifest = manifest::manifest(self.workspace)?;
        let listen = format!("127.0.0.1:{port}");
        let command = if let Some(spin) = spin {
            let mut command = Command::new(spin);
            command
                .arg("up")
                .arg("--from")
                .arg(manifest)
                .args(["--listen", &listen]);
            command.arg("--state-dir").arg(self.state.join("spin"));
            command
        } else {
            let mut command =
                Command::new(self.workspace.program_dir(self.native).join("dev-host"));
            command
                .arg("--manifest")
                .arg(manifest)
                .args(["--listen", &listen]);
            command.arg("--cache-dir").arg(self.state.join("cache"));
            command
        };
        Ok(command)
    }

    /// Waits until the server says that it is ready. False when the user did not wait so long.
    fn wait_until_ready(&mut self, admin: &Admin, interrupted: &Receiver<()>) -> Result<bool> {
        let start = Instant::now();
        let mut told = String::new();
        loop {
            let Err(reason) = admin.ready() else {
                return Ok(true);
            };
            self.check()?;
            if start.elapsed() > START {
                let tail = self.running.last().map(Service::tail).unwrap_or_default();
                bail!("the server is not ready: {reason}{tail}");
            }
            if start.elapsed() > QUIET && reason != told {
                term::note(format!("still waiting: {reason}"));
                told = reason;
            }
            if interrupted.recv_timeout(GLANCE) != Err(RecvTimeoutError::Timeout) {
                return Ok(false);
            }
        }
    }

    /// Runs until Ctrl-C, or until one of the processes ends.
    fn watch(&mut self, interrupted: &Receiver<()>) -> Result<()> {
        while interrupted.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
            self.check()?;
        }
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        self.running.iter_mut().try_for_each(Service::check)
    }

    /// Ends the processes, those that use others first.
    fn stop(&mut self) {
        while let Some(service) = self.running.pop() {
            term::note(service.name());
            drop(service);
        }
        state::forget_run(&self.state);
    }

    /// Takes a process in, so that it is ended with the others, by the next run if need be.
    fn adopt(&mut self, service: Service) -> Result<()> {
        self.running.push(service);
        let processes: Vec<_> = self
            .running
            .iter()
            .map(|service| Process {
                pid: service.pid(),
                program: service.program().to_owned(),
            })
            .collect();
        Process::write_all(&processes, &self.state)
    }
}

impl Running {
    /// Tells the user what there is and what to try.
    fn announce(&self, took: Duration, admin_password: &str) {
        let Self {
            server_url,
            shop_url,
            redis_url,
        } = self;
        let took = term::duration(took);
        anstream::println!(
            "
{GOOD}RhoSync is up{GOOD:#} after {took}.

    server    {server_url}
    console   {server_url}/console/    {ADMIN} / {admin_password}
    shop      {shop_url}    {FAINT}the example back end{FAINT:#}
    Redis     {redis_url}
    user      {DEMO_USER} / {DEMO_PASSWORD}

Try, in another terminal:

    {HEADING}cargo xtask device --user {DEMO_USER}{HEADING:#}
    {HEADING}cargo xtask device --user {DEMO_USER} create name=Lamp price=12.50{HEADING:#}
    {HEADING}cargo xtask device --user {DEMO_USER} --device 2 watch{HEADING:#}

To make an app of your own, follow {HEADING}docs/tutorial.md{HEADING:#}.

Ctrl-C stops everything; the data is there at the next start. {FAINT}Logs: .rhosync/logs/{FAINT:#}"
        );
    }
}

/// Ends what a run left behind that was killed before it could stop its processes.
fn end_leftovers(state: &Path) -> Result<()> {
    for Process { pid, program } in Process::read_all(state)?.iter().rev() {
        end_leftover(*pid, program);
    }
    state::forget_run(state);
    Ok(())
}

fn find_spin() -> Result<PathBuf> {
    find_program("spin")
        .context("`spin` is not installed; without --spin this repository's own host is used")
}

/// Hears Ctrl-C, and the request to end that the system sends.
pub(crate) fn on_interrupt() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Nobody listens any more only when the program is ending already.
        let _ = sender.send(());
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(receiver)
}
