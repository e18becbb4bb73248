//! What a local run leaves in `.rhosync/`: who runs, where to find it, and its secrets.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where a run is to be found; in `.rhosync/up.json` while it serves.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    /// The server.
    pub(crate) server_url: String,
    /// Its Redis.
    pub(crate) redis_url: String,
    /// The example back end.
    pub(crate) shop_url: String,
}

/// A process of a run. All of them are in `.rhosync/processes.json`, in the order in which they were started,
/// for the next run to end if this one is killed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: u32,
    /// The file name of its program.
    pub(crate) program: String,
}

impl Running {
    /// The run in this folder, if one serves there.
    pub(crate) fn read(state: &Path) -> Result<Option<Self>> {
        read_json(&state.join("up.json"))
    }

    /// Makes the run known.
    pub(crate) fn write(&self, state: &Path) -> Result<()> {
        write_private(&state.join("up.json"), &serde_json::to_vec_pretty(self)?)
    }
}

impl Process {
    /// The processes of the run in this folder, or of one that was cut off there.
    pub(crate) fn read_all(state: &Path) -> Result<Vec<Self>> {
        Ok(read_json(&state.join("processes.json"))?.unwrap_or_default())
    }

    /// Makes the processes known.
    pub(crate) fn write_all(processes: &[Self], state: &Path) -> Result<()> {
        write_private(
            &state.join("processes.json"),
            &serde_json::to_vec_pretty(processes)?,
        )
    }
}

/// The run is over: takes away what says where it is.
pub(crate) fn forget_run(state: &Path) {
    for file in ["up.json", "processes.json"] {
        // Where it cannot be removed, it was never written.
        let _ = fs::remove_file(state.join(file));
    }
}

/// Reads a file of JSON, if there is one.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(json) => {
            let value = serde_json::from_slice(&json);
            Ok(Some(value.with_context(|| {
                format!("{} is damaged; remove it", path.display())
            })?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Held as long as a run lasts. The system lets it go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl Lock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(state: &Path) -> Result<Self> {
        fs::create_dir_all(state).with_context(|| format!("cannot create {}", state.display()))?;
        let path = state.join("up.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{}", std::process::id())?;
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)?;
                bail!(
                    "it runs already, as process {pid}; stop that one first (Ctrl-C there, or `kill {pid}`)"
                )
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }
}

/// A secret that is made once and kept in a file that only the user can read.
pub(crate) fn secret(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => Ok(secret.trim().to_owned()),
        Ok(_) => make_secret(path),
        Err(error) if error.kind() == ErrorKind::NotFound => make_secret(path),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn make_secret(path: &Path) -> Result<String> {
    let mut random = [0; 16];
    let mut source = File::open("/dev/urandom").context("this system has no random numbers")?;
    source.read_exact(&mut random)?;
    let secret = format!("{:032x}", u128::from_ne_bytes(random));
    write_private(path, format!("{secret}\n").as_bytes())?;
    Ok(secret)
}

/// Writes a file that only the user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(part, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_run_is_told_who_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let error = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(lock);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_secret_is_made_once_and_read_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/secret");
        let made = secret(&path).unwrap();
        assert_eq!(made.len(), 32);
        assert_eq!(secret(&path).unwrap(), made);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
