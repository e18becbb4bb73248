//! Clients, as administrators list and delete them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::join;

use crate::engine::binding::known_form;
use crate::engine::{Engine, SyncError};
use crate::model::{ClientEventKind, ClientId, DocumentId, Millis, Partition, SourceName, UserId};
use crate::ping::PushService;
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{
    ClientEvents, ClientIndex, ClientRecord, Clients, PUSH_ADDRESS, WaitingChanges,
};

/// How a client is pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPush {
    /// By which service.
    pub service: PushService,
    /// Whether it has told where.
    pub has_token: bool,
    /// When it was last pinged, and what went wrong then, as far as that is known.
    pub last: Option<(Millis, Option<String>)>,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDetails {
    /// Id.
    pub id: ClientId,
    /// Whose it is.
    pub user: UserId,
    /// Since when it is registered.
    pub created_at: Millis,
    /// What the device said of itself, by the names devices use: `device_type`, `device_pin`, ….
    pub description: BTreeMap<String, String>,
    /// The sources it syncs, with the partition its copy is of.
    pub sources: BTreeMap<SourceName, Partition>,
    /// When it was last heard of.
    pub seen_at: Option<Millis>,
    /// How it is pushed to, if it can be.
    pub push: Option<ClientPush>,
}

impl<P: Ports> Engine<P> {
    /// Lists a user's clients by id, after one and at most `limit`.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::AccountError::UnknownUser) and the store's.
    pub async fn list_clients(
        &self,
        login: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ClientId>, SyncError> {
        let user = self.accounts.user(login).await?.login;
        Ok(Clients::new(self.ports.redis())
            .list(&user, after, limit)
            .await?)
    }

    /// Reads a client.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`] and the store's.
    pub async fn client(&self, id: &str) -> Result<ClientDetails, SyncError> {
        let id = known_form(id)?;
        let ClientRecord {
            user,
            created_at,
            session: _,
            description,
            bindings,
            left: _,
        } = self.client_record(&id).await?;
        let events = ClientEvents::new(self.ports.redis());
        let (seen_at, events) = join!(self.seen_at(&id), events.list(&id, 0, usize::MAX));
        let pinged = events?
            .into_iter()
            .find(|event| event.kind == ClientEventKind::Ping);
        let said = |name: &str| description.get(name).map_or("", String::as_str);
        let service = PushService::of_device(said("device_type"), said("device_push_type"));
        let push = service.map(|service| ClientPush {
            service,
            has_token: !said(PUSH_ADDRESS).is_empty(),
            last: pinged.map(|ping| (ping.at, ping.error)),
        });
        Ok(ClientDetails {
            id,
            user,
            created_at,
            description,
            sources: bindings,
            seen_at: seen_at?,
            push,
        })
    }

    /// Deletes a client with all that waits for it or of it, and ends the session by which it was registered. What it
    /// had sent and the back end has not taken yet is lost with it.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`], also when it is another user's than `login`, and the store's.
    pub async fn delete_client(&self, login: Option<&str>, id: &str) -> Result<(), SyncError> {
        let id = known_form(id)?;
        let owner = self.client_record(&id).await?.user;
        if login.is_some_and(|login| login != owner.as_str()) {
            return Err(SyncError::UnknownClient);
        }
        self.remove_client(&id, &owner).await
    }

    /// Registers a new client for a user, on behalf of an administrator.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::AccountError::UnknownUser) and the store's.
    pub async fn create_client_for(&self, login: &str) -> Result<ClientId, SyncError> {
        let user = self.accounts.user(login).await?.login;
        let client = ClientId::parse(self.ports.random().hex::<16>())?;
        let now = self.ports.clock().now();
        Clients::new(self.ports.redis())
            .put(&client, &user, "", now, self.silent_until(now), &[])
            .await?;
        Ok(client)
    }

    pub(super) async fn client_record(&self, id: &ClientId) -> Result<ClientRecord, SyncError> {
        Clients::new(self.ports.redis())
            .get(id)
            .await?
            .ok_or(SyncError::UnknownClient)
    }

    /// Removes a client that was found in a user's list. Interrupted, it can be repeated.
    pub(super) async fn remove_client(
        &self,
        id: &ClientId,
        user: &UserId,
    ) -> Result<(), SyncError> {
        let clients = Clients::new(self.ports.redis());
        let Some(record) = clients.get(id).await? else {
            self.take_off_lists(id, [].iter()).await?;
            return Ok(clients.remove(id, user).await?);
        };
        if let Some(session) = &record.session {
            self.accounts.end_session(&record.user, session).await?;
        }
        for document in documents_of(&record) {
            self.document(&document).forget_client(id).await?;
        }
        self.take_off_lists(id, record.bindings.keys()).await?;
        tracing::info!(client.id = %id, user.id = %record.user, "a client was deleted");
        Ok(clients.remove(id, &record.user).await?)
    }

    /// Takes a client that goes, and that synced some sources, off the lists of clients.
    pub(super) async fn take_off_lists(
        &self,
        id: &ClientId,
        sources: impl Iterator<Item = &SourceName>,
    ) -> Result<(), SyncError> {
        let redis = self.ports.redis();
        let (index, waiting) = (ClientIndex::new(redis), WaitingChanges::new(redis));
        let (taken_off, forgotten) = join!(index.remove(id, sources), waiting.forget(id));
        taken_off?;
        Ok(forgotten?)
    }
}

/// Every document that may keep something for the client: where it is bound, and what operations it left elsewhere.
pub(super) fn documents_of(record: &ClientRecord) -> Vec<DocumentId> {
    let sources: BTreeSet<&SourceName> = record.bindings.keys().chain(&record.left).collect();
    sources
        .into_iter()
        .flat_map(|source| {
            let partitions: BTreeSet<Partition> = record
                .bindings
                .get(source)
                .cloned()
                .into_iter()
                .chain([Partition::App, Partition::User(record.user.clone())])
                .collect();
            partitions.into_iter().map(|partition| DocumentId {
                source: source.clone(),
                partition,
            })
        })
        .collect()
}
