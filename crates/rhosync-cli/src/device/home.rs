//! What a command-line device keeps from one call to the next: its session and its replicas, in one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use sync_client::rhoconnect::{Replica, Session};

use crate::files;

/// A device's memory, in `devices/<server>/<user>-<number>.json` of the user's data folder.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    /// Who the device is to the server.
    pub(crate) session: Session,
    replicas: BTreeMap<String, Replica>,
}

#[derive(Deserialize)]
struct Content {
    session: Session,
    replicas: BTreeMap<String, Replica>,
}

#[derive(Serialize)]
struct ContentRef<'a> {
    session: &'a Session,
    replicas: BTreeMap<&'a str, &'a Replica>,
}

impl Home {
    /// Opens a user's n-th device of a server; a new one is empty.
    pub(crate) fn open(data: &Path, server: &str, user: &str, device: u32) -> Result<Self> {
        if user.is_empty()
            || !user
                .chars()
                .all(|c| c.is_alphanumeric() || "._@-".contains(c))
        {
            bail!("{user:?} cannot be a user's name");
        }
        let path = data
            .join("devices")
            .join(folder_name(server))
            .join(format!("{user}-{device}.json"));
        let Content { session, replicas } = match files::read(&path)? {
            Some(json) => serde_json::from_str(&json)
                .with_context(|| format!("{} is damaged; remove it", path.display()))?,
            None => Content {
                session: Session::default(),
                replicas: BTreeMap::new(),
            },
        };
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
        let json = serde_json::to_vec(&ContentRef { session, replicas })?;
        files::write_private(&self.path, &json).context("the device cannot keep its data")
    }
}

/// A server's address as the name of a folder: what it has for one server must not reach another.
fn folder_name(server: &str) -> String {
    let host = server.split_once("://").map_or(server, |(_, host)| host);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            c
        } else {
            '_'
        }
    };
    host.trim_start_matches('.').chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "http://127.0.0.1:9292";

    #[test]
    fn a_device_remembers_its_client_and_all_its_sources() {
        let data = tempfile::tempdir().unwrap();
        let open = || Home::open(data.path(), SERVER, "demo", 1).unwrap();
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
        let mut other = Home::open(data.path(), SERVER, "demo", 2).unwrap();
        assert_eq!(other.replica("Product").objects().count(), 0);
        let mut elsewhere = Home::open(data.path(), "https://b", "demo", 1).unwrap();
        assert_eq!(elsewhere.replica("Product").objects().count(), 0);
    }

    #[test]
    fn every_server_has_a_folder() {
        assert_eq!(folder_name(SERVER), "127.0.0.1_9292");
        assert_eq!(folder_name("https://../a/b"), "_a_b");
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        assert!(Home::open(Path::new("data"), SERVER, "../x", 1).is_err());
    }
}
