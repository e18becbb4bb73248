//! Wakes users' devices.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{JobError, JobHandler, NewJob, Priority, RunningJob};
use crate::engine::{Engine, SyncError};
use crate::ids::{ClientId, JobId, Millis, QueueName, SourceName, UserId};
use crate::ports::{Clock as _, Ports, hex};
use crate::push::{PushAddress, PushMessage, PushOutcome, PushSender, PushService};
use crate::store::{ClientRecord, Clients, PUSH_ADDRESS};

/// How often a service that does not take a push is tried: for about an hour. A device syncs by itself some time.
const ATTEMPTS: u32 = 12;

/// Users of whom one job sees to it that they are pinged.
const USERS_PER_JOB: usize = 500;

/// Clients of a user that are read at once.
const CLIENTS_CHUNK: usize = 100;

/// Finds a user's devices and has each of them pushed to, by a job of its own: so one that cannot be reached is tried
/// again alone.
pub struct Ping;

/// Pushes to one device.
pub struct Push;

#[derive(Debug, Deserialize)]
struct PingPayload {
    user: UserId,
    message: PushMessage,
}

#[derive(Debug, Deserialize)]
struct PushPayload {
    client: ClientId,
    message: PushMessage,
}

impl Ping {
    /// What its jobs are called.
    pub const NAME: &str = "ping";

    /// The job that pings a user. One that waits stands for all that say the same.
    pub(crate) fn job(
        queue: QueueName,
        user: &UserId,
        message: &PushMessage,
        due: Millis,
    ) -> NewJob {
        let said = Sha256::digest(json!(message).to_string());
        NewJob {
            name: Self::NAME.to_owned(),
            queue,
            payload: json!({ "user": user, "message": message }).to_string(),
            user: user.as_str().to_owned(),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            due,
            unique: Some(format!("{} {user} {}", Self::NAME, hex(&said))),
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for Ping {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let PingPayload { user, message } = job.payload()?;
        let devices = devices(engine, &user).await?;
        for client in devices.values() {
            let push = Push::job(job, client, &message, engine.ports().clock().now());
            engine.enqueue(&push).await?;
        }
        Ok(format!("{} devices", devices.len()))
    }
}

/// Pings everybody about a source that all share.
pub struct PingAll;

/// Which source, and after which user to go on.
#[derive(Debug, Deserialize)]
struct PingAllPayload {
    source: SourceName,
    after: Option<String>,
}

impl PingAll {
    /// What its jobs are called.
    pub const NAME: &str = "ping-all";

    /// The job that begins after a user. One that waits stands for all.
    pub(crate) fn job(
        queue: QueueName,
        source: &SourceName,
        after: Option<&str>,
        due: Millis,
    ) -> NewJob {
        let begins = after.unwrap_or_default();
        NewJob {
            name: Self::NAME.to_owned(),
            queue,
            payload: json!({ "source": source, "after": after }).to_string(),
            user: String::new(),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            due,
            unique: Some(format!("{} {source} {begins}", Self::NAME)),
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for PingAll {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let PingAllPayload { source, after } = job.payload()?;
        let users = engine
            .accounts()
            .list_users(after.as_deref(), USERS_PER_JOB)
            .await
            .map_err(SyncError::from)?;
        let message = PushMessage::about(&source);
        for user in &users {
            let user = UserId::parse(user.as_str()).map_err(SyncError::from)?;
            engine.ping_soon(&user, &message).await?;
        }
        if let Some(last) = users.last().filter(|_| users.len() == USERS_PER_JOB) {
            let (queue, now) = (job.claimed().queue.clone(), engine.ports().clock().now());
            engine
                .enqueue(&Self::job(queue, &source, Some(last), now))
                .await?;
        }
        Ok(format!("{} users", users.len()))
    }
}

/// A device as a whole, however many clients it has registered: by its own id, or else by its address.
type Device = (String, PushService);

/// The newest client of each device of a user that can be pushed to.
async fn devices<P: Ports>(
    engine: &Engine<P>,
    user: &UserId,
) -> Result<BTreeMap<Device, ClientId>, JobError> {
    let clients = Clients::new(engine.ports().redis());
    let mut newest: BTreeMap<Device, (Millis, ClientId)> = BTreeMap::new();
    let mut last: Option<ClientId> = None;
    loop {
        let after = last.as_ref().map(ClientId::as_str);
        let chunk = clients.list(user, after, CLIENTS_CHUNK).await?;
        let records = futures_util::future::try_join_all(chunk.iter().map(|id| clients.get(id)));
        for (id, record) in chunk.iter().zip(records.await?) {
            let Some(record) = record.filter(|record| record.user == *user) else {
                continue;
            };
            let Some(address) = address(&record) else {
                continue;
            };
            let phone = record.description.get("phone_id");
            let phone = phone.filter(|phone| !phone.is_empty());
            let device = (phone.unwrap_or(&address.token).clone(), address.service);
            let known = newest.get(&device).map(|(since, _)| *since);
            if known.is_none_or(|since| since <= record.created_at) {
                newest.insert(device, (record.created_at, id.clone()));
            }
        }
        last = chunk.last().cloned();
        if chunk.len() < CLIENTS_CHUNK {
            let clients = newest.into_iter();
            return Ok(clients
                .map(|(device, (_, client))| (device, client))
                .collect());
        }
    }
}

/// Where a client is pushed to, if anywhere.
fn address(client: &ClientRecord) -> Option<PushAddress> {
    let said = |name: &str| client.description.get(name).map_or("", String::as_str);
    let service = PushService::of_device(said("device_type"), said("device_push_type"))?;
    let token = said(PUSH_ADDRESS);
    (!token.is_empty()).then(|| PushAddress {
        service,
        token: token.to_owned(),
    })
}

impl Push {
    /// What its jobs are called.
    pub const NAME: &str = "push";

    fn job(ping: &RunningJob, client: &ClientId, message: &PushMessage, due: Millis) -> NewJob {
        let ping = ping.claimed();
        let id: &JobId = &ping.id;
        NewJob {
            name: Self::NAME.to_owned(),
            queue: ping.queue.clone(),
            payload: json!({ "client": client, "message": message }).to_string(),
            user: ping.user.clone(),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            due,
            // A ping that is tried again finds the pushes that wait.
            unique: Some(format!("{} {id} {client}", Self::NAME)),
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for Push {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let PushPayload { client, message } = job.payload()?;
        let clients = Clients::new(engine.ports().redis());
        let record = clients.get(&client).await?;
        let Some(address) = record.as_ref().and_then(address) else {
            return Ok("the device cannot be pushed to any more".to_owned());
        };
        let sender = PushSender::new(engine.ports(), &engine.settings().push);
        match sender.send(&address, &message).await {
            PushOutcome::Delivered => Ok("delivered".to_owned()),
            PushOutcome::DeviceGone => {
                clients.forget_push_address(&client, &address.token).await?;
                Ok("the service does not know the device any more".to_owned())
            }
            PushOutcome::TryLater { after, message } => Err(JobError::Retry {
                reason: message,
                after,
            }),
            PushOutcome::Refused { message } => Err(JobError::Dead(message)),
            PushOutcome::Misconfigured { setting, message } => {
                Err(JobError::Dead(format!("{setting}: {message}")))
            }
        }
    }
}
