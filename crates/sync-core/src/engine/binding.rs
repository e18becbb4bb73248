//! Binds clients: to a user, and per source to a partition.

use crate::account::Session;
use crate::engine::held::LetGo;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{ClientEventKind, ClientId, DocumentId, SourceName, UserId};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Clients, Continuation};
use sync_proto::DeviceDescription;

/// Which copy of a source a client is to follow.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// This one.
    Copy(&'a DocumentId),
    /// The one it follows already, if that is a part of the source; else its user's.
    Followed,
}

impl<P: Ports> Engine<P> {
    /// Registers a new client of the session's user.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`](crate::AccountError::NotAuthenticated) and the store's.
    pub async fn create_client(
        &self,
        session: &Session,
        device: &DeviceDescription,
    ) -> Result<ClientId, SyncError> {
        self.accounts.check_session(session).await?;
        let client = ClientId::parse(self.ports.random().hex::<16>())?;
        self.put_client(&client, session, device).await?;
        Ok(client)
    }

    /// Keeps what a device says about itself. A client that is not known yet is created, and one of another user goes
    /// over to the session's.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`](crate::AccountError::NotAuthenticated), an id that is none, and the store's.
    pub async fn register_client(
        &self,
        session: &Session,
        client: &str,
        device: &DeviceDescription,
    ) -> Result<(), SyncError> {
        self.accounts.check_session(session).await?;
        let client = ClientId::parse(client)?;
        let owner = Clients::new(self.ports.redis()).user(&client).await?;
        if let Some(owner) = owner.filter(|owner| *owner != session.user) {
            self.hand_over(&client, &owner, &session.user).await?;
        }
        self.put_client(&client, session, device).await
    }

    /// Makes everything news to the client again: all sources, or those named. Names the server does not know are passed
    /// over: devices have sources of their own, and name them with the others.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`](crate::AccountError::NotAuthenticated), [`SyncError::UnknownClient`] and the store's.
    pub async fn reset_client(
        &self,
        session: &Session,
        client: &str,
        sources: Option<&[String]>,
    ) -> Result<(), SyncError> {
        let began = self.ports.clock().monotonic();
        self.accounts.check_session(session).await?;
        let client = known_form(client)?;
        let record = self.client_record(&client).await?;
        if record.user != session.user {
            return self.hand_over(&client, &record.user, &session.user).await;
        }
        let is_named = |bound: &DocumentId| {
            sources.is_none_or(|names| names.iter().any(|name| name == bound.source.as_str()))
        };
        for bound in record.bound_documents() {
            if is_named(&bound) {
                self.document(&bound)
                    .restart(&client, &session.user)
                    .await?;
            }
        }
        self.note_event(&client, ClientEventKind::Reset, None, began);
        Ok(())
    }

    pub(super) async fn put_client(
        &self,
        client: &ClientId,
        session: &Session,
        device: &DeviceDescription,
    ) -> Result<(), SyncError> {
        let DeviceDescription {
            device_type,
            device_push_type,
            device_pin,
            device_port,
            phone_id,
            device_app_id,
            device_app_version,
        } = device;
        let description: Vec<_> = [
            ("device_type", device_type),
            ("device_push_type", device_push_type),
            ("device_pin", device_pin),
            ("device_port", device_port),
            ("phone_id", phone_id),
            ("device_app_id", device_app_id),
            ("device_app_version", device_app_version),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
        .collect();
        let now = self.ports.clock().now();
        let began = self.ports.clock().monotonic();
        self.note_event(client, ClientEventKind::Register, None, began);
        Ok(Clients::new(self.ports.redis())
            .put(
                client,
                &session.user,
                &session.id,
                now,
                self.silent_until(now),
                &description,
            )
            .await?)
    }

    pub(super) async fn owner(&self, client: &ClientId) -> Result<UserId, SyncError> {
        Clients::new(self.ports.redis())
            .user(client)
            .await?
            .ok_or(SyncError::UnknownClient)
    }

    /// Gives a client to another user. It starts from nothing in every source and never sees the other's data.
    pub(super) async fn hand_over(
        &self,
        client: &ClientId,
        from: &UserId,
        to: &UserId,
    ) -> Result<(), SyncError> {
        let clients = Clients::new(self.ports.redis());
        let record = self.client_record(client).await?;
        for bound in record.bound_documents() {
            self.detach(client, &bound).await?;
        }
        clients.hand_over(client, from, to).await?;
        tracing::info!(client.id = %client, user.id = %to, "a client went over to another user");
        Ok(())
    }

    /// Takes a client's cursor away. Its next one, wherever it is, starts behind every token given out so far.
    pub(super) async fn detach(
        &self,
        client: &ClientId,
        bound: &DocumentId,
    ) -> Result<(), SyncError> {
        let next = self.document(bound).unbind(client).await?;
        self.note_detached(client, bound, next).await
    }

    /// As [`detach`](Self::detach), unless something is still to be told to the client in that document. Says whether the cursor is gone.
    pub(super) async fn detach_if_told(
        &self,
        client: &ClientId,
        bound: &DocumentId,
    ) -> Result<bool, SyncError> {
        let Some(next) = self.document(bound).unbind_if_told(client).await? else {
            return Ok(false);
        };
        self.note_detached(client, bound, next).await?;
        Ok(true)
    }

    async fn note_detached(
        &self,
        client: &ClientId,
        bound: &DocumentId,
        mut next: Continuation,
    ) -> Result<(), SyncError> {
        let clients = Clients::new(self.ports.redis());
        let known = clients
            .binding(client, &bound.source)
            .await?
            .map_or(0, |binding| binding.next.offset);
        next.offset = next.offset.max(known);
        Ok(clients.clear_binding(client, &bound.source, next).await?)
    }

    /// Finds the document a client's cursor for the source is in, after the one it was expected in had none.
    ///
    /// A new client is bound to the document that is wanted. One that is bound to another partition begins to leave it, and the
    /// answer is the document it leaves. One that was silent for so long that its cursor is gone must start over.
    pub(super) async fn find_document(
        &self,
        user: &UserId,
        client: &ClientId,
        source: Source<'_>,
        wanted: Wanted<'_>,
    ) -> Result<DocumentId, SyncError> {
        let clients = Clients::new(self.ports.redis());
        let mut binding = clients
            .binding(client, source.name)
            .await?
            .ok_or(SyncError::UnknownClient)?;
        if binding.user != *user {
            self.hand_over(client, &binding.user, user).await?;
            binding = clients
                .binding(client, source.name)
                .await?
                .ok_or(SyncError::UnknownClient)?;
        }
        let wanted = match (wanted, &binding.partition) {
            (Wanted::Copy(wanted), _) => wanted.clone(),
            (Wanted::Followed, Some(part)) if part.is_narrowed() => DocumentId {
                source: source.name.clone(),
                partition: part.clone(),
            },
            (Wanted::Followed, _) => self.document_for(source, user).await?,
        };
        match binding.partition {
            Some(partition) if partition != wanted.partition => {
                let left = DocumentId {
                    source: source.name.clone(),
                    partition,
                };
                self.let_go(client, user, &left, LetGo::Leaving).await?;
                let document = self.document(&left);
                if document.begin_leaving(client, user).await? {
                    return Ok(left);
                }
                // The binding first: a client without the cursor that it is bound to starts over.
                clients
                    .set_binding(client, source.name, &wanted.partition)
                    .await?;
                let mut next = document.unbind(client).await?;
                next.offset = next.offset.max(binding.next.offset);
                self.attach(user, client, source.name, &wanted, next, true)
                    .await?;
                Ok(wanted)
            }
            bound => {
                let was_lost = bound.is_some() && !binding.is_beginning;
                self.attach(user, client, source.name, &wanted, binding.next, was_lost)
                    .await?;
                Ok(wanted)
            }
        }
    }

    /// Gives a client that has thrown everything away a cursor in a document, wherever the one it had was.
    pub(super) async fn attach_anew(
        &self,
        user: &UserId,
        client: &ClientId,
        document: &DocumentId,
    ) -> Result<(), SyncError> {
        let DocumentId { source, partition } = document;
        let clients = Clients::new(self.ports.redis());
        let binding = clients.binding(client, source).await?;
        let mut binding = binding.ok_or(SyncError::UnknownClient)?;
        if let Some(left) = binding.partition.filter(|left| left != partition) {
            let left = DocumentId {
                source: source.clone(),
                partition: left,
            };
            self.detach(client, &left).await?;
            let left = clients.binding(client, source).await?;
            binding.next = left.map_or_else(Continuation::default, |binding| binding.next);
        }
        self.attach(user, client, source, document, binding.next, false)
            .await
    }

    async fn attach(
        &self,
        user: &UserId,
        client: &ClientId,
        source: &SourceName,
        document: &DocumentId,
        next: Continuation,
        was_lost: bool,
    ) -> Result<(), SyncError> {
        let clients = Clients::new(self.ports.redis());
        // The binding first: a cursor nobody knows of would survive a reset.
        let partition = &document.partition;
        match was_lost {
            true => clients.set_binding(client, source, partition).await?,
            false => clients.begin_binding(client, source, partition).await?,
        }
        let now = self.ports.clock().now();
        let new_life = self.ports.random().hex::<8>();
        let store = self.document(document);
        store
            .bind(client, user, next, now, was_lost, &new_life)
            .await?;
        if !was_lost {
            clients.set_binding(client, source, partition).await?;
        }
        let had_another = was_lost || next.offset > 0;
        if had_another && clients.take_untold(client, source).await? {
            store.start_over(client, user, None).await?;
        }
        self.metrics.meter().copy(document, None);
        Ok(())
    }
}

/// A client id that cannot be one is as unknown as one that was never given out.
pub(super) fn known_form(client: &str) -> Result<ClientId, SyncError> {
    ClientId::parse(client).map_err(|_| SyncError::UnknownClient)
}
