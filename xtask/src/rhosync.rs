//! `device` and `jobs`: short ways to `rhosync` with the server that `up` runs.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build::{self, RHOSYNC};
use crate::process::become_program;
use crate::up::admin::Admin;
use crate::up::state::{self, Running};
use crate::up::{DEMO_PASSWORD, DEMO_USER};
use crate::workspace::{Native, Workspace};

/// What `rhosync` takes from the environment.
const SERVER: &str = "RHOSYNC_SERVER";
const TOKEN: &str = "RHOSYNC_TOKEN";
const USER: &str = "RHOSYNC_USER";
const PASSWORD: &str = "RHOSYNC_PASSWORD";
const DATA_DIR: &str = "RHOSYNC_DATA_DIR";

/// Arguments of `rhosync`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What `rhosync` is to do; `--help` tells what it can.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs `rhosync device` as the demo user, on data in `.rhosync/`.
pub(crate) fn device(workspace: &Workspace, arguments: Arguments) -> Result<Infallible> {
    let mut rhosync = rhosync(workspace, "device", arguments)?;
    if let Some(running) = Running::read(&workspace.state())? {
        set_unless_named(&mut rhosync, SERVER, running.server_url);
    }
    if env::var_os(USER).is_none() && env::var_os(PASSWORD).is_none() {
        rhosync.env(USER, DEMO_USER).env(PASSWORD, DEMO_PASSWORD);
    }
    set_unless_named(&mut rhosync, DATA_DIR, workspace.state());
    Err(become_program(rhosync))
}

/// Runs `rhosync jobs` as the administrator.
pub(crate) fn jobs(workspace: &Workspace, arguments: Arguments) -> Result<Infallible> {
    let mut rhosync = rhosync(workspace, "jobs", arguments)?;
    let names_server = [SERVER, TOKEN]
        .iter()
        .any(|name| env::var_os(name).is_some());
    if !names_server && let Some(running) = Running::read(&workspace.state())? {
        let password = state::secret(&workspace.state().join("admin-password"))?;
        let token = Admin::new(&running.server_url).login(&password);
        let token = token.context("the administrator cannot log in")?;
        rhosync.env(SERVER, running.server_url).env(TOKEN, token);
    }
    Err(become_program(rhosync))
}

fn rhosync(workspace: &Workspace, command: &str, arguments: Arguments) -> Result<Command> {
    build::programs(workspace, Native::Dev, &[RHOSYNC])?;
    let mut rhosync = Command::new(workspace.program_dir(Native::Dev).join(RHOSYNC));
    rhosync.arg(command).args(arguments.arguments);
    Ok(rhosync)
}

fn set_unless_named(command: &mut Command, name: &str, value: impl Into<OsString>) {
    if env::var_os(name).is_none() {
        command.env(name, value.into());
    }
}
