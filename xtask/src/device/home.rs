//! What a command-line device keeps from one call to the next: its session and its replicas, in one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use sync_client::{Replica, Session};

use crate::up::state::{read_json, write_private};

/// A device's memory, in `.rhosync/devices/<user>-<number>.json`.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    /// Who the device is to the server.
    pub(crate) session: Session,
    replicas: BTreeMap<String, Replica>,
}

#[derive(Deserialize)]
struct Kept {
    session: Session,
    replicas: BTreeMap<String, Replica>,
}

#[derive(Serialize)]
struct Keeping<'a> {
    session: &'a Session,
    replicas: BTreeMap<&'a str, &'a Replica>,
}

impl Home {
    /// Opens a user's n-th device; a new one is empty.
    pub(crate) fn open(state: &Path, user: &str, device: u32) -> Result<Self> {
        if user.is_empty()
            || !user
                .chars()
                .all(|c| c.is_alphanumeric() || "._@-".contains(c))
        {
            bail!("{user:?} cannot be a user's name");
        }
        let path = state.join("devices").join(format!("{user}-{device}.json"));
        let Kept { session, replicas } = read_json(&path)?.unwrap_or_else(|| Kept {
            session: Session::default(),
            replicas: BTreeMap::new(),
        });
        Ok(Self {
            path,
            session,
            replicas,
        })
    }

    /// Takes a source's replica out, to work on; [`save`](Self::save) puts it back.
    pub(crate) fn replica(&mut self, source: &str) -> Replica {
        self.replicas
            .remove(source)
            .unwrap_or_else(|| Replica::new(source))
    }

    /// Makes every other source start over as well, because the client is another one.
    pub(crate) fn start_over(&mut self) {
        self.replicas.values_mut().for_each(Replica::start_over);
    }

    /// Forgets every other source, because the server was told to forget what this device has.
    pub(crate) fn clear(&mut self) {
        self.replicas.clear();
    }

    /// Writes everything down, with the replica that is being worked on.
    pub(crate) fn save(&self, session: &Session, replica: &Replica) -> Result<()> {
        let mut replicas: BTreeMap<_, _> = self
            .replicas
            .iter()
            .map(|(source, replica)| (source.as_str(), replica))
            .collect();
        replicas.insert(replica.source(), replica);
        let json = serde_json::to_vec(&Keeping { session, replicas })?;
        write_private(&self.path, &json).context("the device cannot keep its data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_remembers_its_client_and_all_its_sources() {
        let state = tempfile::tempdir().unwrap();
        let open = || Home::open(state.path(), "demo", 1).unwrap();
        for source in ["Product", "Customer"] {
            let mut home = open();
            let mut replica = home.replica(source);
            replica.create_as("t", [("name", source)]);
            let mut session = home.session.clone();
            session.client_id = Some("c1".to_owned());
            home.save(&session, &replica).unwrap();
        }
        let mut home = open();
        assert_eq!(home.session.client_id.as_deref(), Some("c1"));
        for source in ["Product", "Customer"] {
            assert_eq!(home.replica(source).get("t").unwrap()["name"], source);
        }
        let mut other = Home::open(state.path(), "demo", 2).unwrap();
        assert_eq!(other.replica("Product").objects().count(), 0);
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        assert!(Home::open(Path::new("/tmp"), "../x", 1).is_err());
    }
}
