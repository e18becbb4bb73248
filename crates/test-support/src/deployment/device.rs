//! A device: its end of the wire, and its copies of the sources.

use std::collections::BTreeMap;

use sync_client::rhoconnect::{
    Attributes, ClientError, DeviceClient, Objects, Replica, Session, Start, SyncOptions,
    SyncReport,
};

use crate::deployment::transport::LossyTransport;

/// Objects of a page: few, so that every sync of more than a handful takes several.
const PAGE_SIZE: u32 = 50;

/// A phone or a tablet of a user.
pub struct Device {
    client: DeviceClient<LossyTransport>,
    replicas: BTreeMap<String, Replica>,
    page_size: u32,
}

impl Device {
    /// A new device of a user, logged in and registered.
    ///
    /// # Panics
    ///
    /// When the user cannot log in.
    pub fn log_in(server: &str, user: &str, password: &str) -> Self {
        let mut client = DeviceClient::new(LossyTransport::default(), server, Session::default());
        client.login(user, password).expect("to log in");
        client.create_client().expect("to get a client id");
        Self {
            client,
            replicas: BTreeMap::new(),
            page_size: PAGE_SIZE,
        }
    }

    /// The same with pages of another size.
    #[must_use]
    pub fn with_page_size(self, page_size: u32) -> Self {
        Self { page_size, ..self }
    }

    /// Its end of the wire, for single requests.
    pub fn client(&mut self) -> &mut DeviceClient<LossyTransport> {
        &mut self.client
    }

    /// The network it is on.
    pub fn network(&self) -> &LossyTransport {
        self.client.transport()
    }

    /// Its copy of a source.
    pub fn replica_mut(&mut self, source: &str) -> &mut Replica {
        self.replicas
            .entry(source.to_owned())
            .or_insert_with(|| Replica::new(source))
    }

    /// Changes go up, and what is new comes down.
    ///
    /// # Errors
    ///
    /// What [`DeviceClient::sync`] says.
    pub fn sync(&mut self, source: &str) -> Result<SyncReport, ClientError> {
        self.sync_from(source, Start::Silent)
    }

    /// As [`Self::sync`], beginning as told.
    ///
    /// # Errors
    ///
    /// What [`DeviceClient::sync`] says.
    pub fn sync_from(&mut self, source: &str, start: Start) -> Result<SyncReport, ClientError> {
        let options = SyncOptions {
            page_size: self.page_size,
            start,
        };
        let replica = self
            .replicas
            .entry(source.to_owned())
            .or_insert_with(|| Replica::new(source));
        self.client.sync(replica, options, &mut ())
    }

    /// What its user sees of a source.
    pub fn objects(&self, source: &str) -> Objects {
        let replica = self.replicas.get(source);
        replica
            .into_iter()
            .flat_map(Replica::objects)
            .map(|(id, attributes)| (id.to_owned(), attributes.into_owned()))
            .collect()
    }

    /// What its user sees of an object.
    pub fn get(&self, source: &str, id: &str) -> Option<Attributes> {
        Some(self.replicas.get(source)?.get(id)?.into_owned())
    }

    /// The id of the object with this name.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one.
    pub fn id_of(&self, source: &str, name: &str) -> String {
        let mut ids = self
            .objects(source)
            .into_iter()
            .filter(|(_, attributes)| attributes.get("name").is_some_and(|it| it == name))
            .map(|(id, _)| id);
        let id = ids
            .next()
            .unwrap_or_else(|| panic!("the device has no {name}"));
        assert_eq!(ids.next(), None, "the device has two of {name}");
        id
    }

    /// Whether anything its user did to a source is still unconfirmed.
    pub fn is_waiting(&self, source: &str) -> bool {
        self.replicas.get(source).is_some_and(|replica| {
            replica.has_changes() || replica.objects().any(|(id, _)| replica.is_pending(id))
        })
    }
}
