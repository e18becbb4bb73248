//! Wakes users' devices.

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use futures_util::join;
use sync_jobs::{EnqueueError, JobError, JobHandler, Jobs, NewJob, RunningJob};

use crate::jobs::{
    CheckPush, CheckPushPayload, Ping, PingAll, PingAllPayload, PingPayload, Push, PushPayload,
};
use crate::metrics::ping_count;
use crate::model::{ClientEvent, ClientEventKind, ClientId, Millis, PingMessage, UserId, short};
use crate::ping::{PingOutcome, PingSender, PushAddress, PushService};
use crate::ports::{Clock as _, Ports, RedisConn};
use crate::settings::Settings;
use crate::store::{
    AccountStore, ClientEvents, ClientRecord, Clients, MetricsStore, MinuteTotals, PUSH_ADDRESS,
    Pings, PushCount, PushFate, StoreError,
};

/// Users of whom one job sees to it that they are pinged.
const USERS_PER_JOB: usize = 500;

/// Clients of a user that are read at once.
const CLIENTS_CHUNK: usize = 100;

/// What jobs that wake devices need: who the users are, which devices they have, and how those are pushed to. No engine:
/// they have nothing to do with documents, sessions and back ends.
pub struct PingContext<P> {
    ports: Rc<P>,
    settings: Settings,
}

impl<P: Ports> PingContext<P> {
    /// A context with the keys and addresses of push services that these settings have.
    pub fn new(ports: Rc<P>, settings: Settings) -> Self {
        Self { ports, settings }
    }

    /// The world.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts what became of pushes. They went out, so nothing is done again if that cannot be written down.
    async fn count(&self, count: PushCount<'_>) {
        let now = self.ports.clock().now();
        if let Err(error) = Pings::new(self.ports.redis()).count(now, count).await {
            tracing::warn!(%error, "what became of a push could not be counted");
        }
    }

    async fn enqueue(&self, job: &NewJob) -> Result<(), EnqueueError> {
        let jobs = Jobs::new(self.ports.redis());
        jobs.enqueue(job).await.map(drop)
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<PingContext<P>> for Ping {
    async fn run(&self, context: &PingContext<P>, job: &RunningJob) -> Result<String, JobError> {
        let PingPayload {
            user,
            message,
            ping,
        } = job.payload()?;
        let ping = ping.as_deref();
        let Devices {
            by_address: devices,
            without_address,
        } = devices(context.ports.redis(), &user).await?;
        // A job for a device that nobody can push to would be dead at once, with each ping.
        let mut missing = BTreeMap::<&str, usize>::new();
        for ((_, service), client) in &devices {
            if let Some(table) = service.missing_table(&context.settings.ping) {
                *missing.entry(table).or_default() += 1;
                continue;
            }
            let push = Push::job(job.claimed(), client, &message, ping);
            context.enqueue(&push).await?;
        }
        let unreachable = missing.values().sum::<usize>() + without_address;
        if unreachable > 0 && ping.is_some() {
            let table = missing.keys().next();
            let error = table.map(|table| format!("{table} is not set up"));
            let count = PushCount {
                ping,
                service: None,
                fate: PushFate::Unreachable,
                pushes: unreachable as u64,
                error: error.as_deref(),
            };
            context.count(count).await;
        }
        let mut result = format!("{} devices", devices.len());
        for (table, devices) in missing {
            tracing::warn!(user.id = %user, setting = table, devices, "devices cannot be pinged: their service is not set up");
            result.push_str(&format!(
                ", {devices} of them not pinged: {table} is not set up"
            ));
        }
        Ok(result)
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<PingContext<P>> for PingAll {
    async fn run(&self, context: &PingContext<P>, job: &RunningJob) -> Result<String, JobError> {
        let PingAllPayload { source, after } = job.payload()?;
        let accounts = AccountStore::new(context.ports.redis());
        let users = accounts.list(after.as_deref(), USERS_PER_JOB).await?;
        let message = PingMessage::about(&source);
        for user in &users {
            let user = UserId::parse(user.as_str()).map_err(JobError::dead)?;
            let window = context.settings.ping.window();
            let ping = Ping::job(&user, &message, window, None);
            context.enqueue(&ping).await?;
        }
        if let Some(last) = users.last().filter(|_| users.len() == USERS_PER_JOB) {
            context.enqueue(&Self::job(&source, Some(last))).await?;
        }
        Ok(format!("{} users", users.len()))
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<PingContext<P>> for Push {
    async fn run(&self, context: &PingContext<P>, job: &RunningJob) -> Result<String, JobError> {
        let PushPayload {
            client,
            message,
            ping,
        } = job.payload()?;
        let count = async |service: Option<PushService>, fate, error: Option<&str>| {
            let count = PushCount {
                ping: ping.as_deref(),
                service: service.map(PushService::as_str),
                fate,
                pushes: 1,
                error,
            };
            context.count(count).await;
        };
        let clients = Clients::new(context.ports.redis());
        let record = clients.get(&client).await?;
        let Some(address) = record.as_ref().and_then(address) else {
            count(None, PushFate::Unreachable, None).await;
            return Ok("the device cannot be pushed to any more".to_owned());
        };
        if let Some(table) = address.service.missing_table(&context.settings.ping) {
            let what = format!("{table} is not set up any more");
            count(None, PushFate::Unreachable, Some(&what)).await;
            return Ok(what);
        }
        let sender = PingSender::new(&*context.ports, &context.settings.ping);
        let service = Some(address.service);
        let outcome = sender.send(&address, &message).await;
        let noted = note(&*context.ports, &client, address.service, &outcome).await;
        if let Err(error) = noted {
            // Trying again would ping again.
            tracing::warn!(client.id = %client, %error, "what became of a ping is not noted");
        }
        match outcome {
            PingOutcome::Delivered => {
                count(service, PushFate::Delivered, None).await;
                Ok("delivered".to_owned())
            }
            PingOutcome::DeviceGone => {
                clients.forget_push_address(&client, &address.token).await?;
                let what = "the service does not know the device any more";
                count(service, PushFate::Failed, Some(what)).await;
                Ok(what.to_owned())
            }
            PingOutcome::TryLater { after, message } => {
                if job.is_last_attempt() {
                    count(service, PushFate::Failed, Some(&message)).await;
                }
                Err(JobError::Retry {
                    reason: message,
                    after,
                })
            }
            PingOutcome::Refused { message } => {
                count(service, PushFate::Failed, Some(&message)).await;
                Err(JobError::dead(message))
            }
            PingOutcome::Misconfigured { setting, message } => {
                let what = format!("{setting}: {message}");
                count(service, PushFate::Failed, Some(&what)).await;
                Err(JobError::dead(what))
            }
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<PingContext<P>> for CheckPush {
    async fn run(&self, context: &PingContext<P>, job: &RunningJob) -> Result<String, JobError> {
        let CheckPushPayload { service } = job.payload()?;
        let service = PushService::parse(&service)
            .ok_or_else(|| JobError::dead(format!("there is no push service {service:?}")))?;
        let sender = PingSender::new(&*context.ports, &context.settings.ping);
        serde_json::to_string(&sender.check(service).await).map_err(JobError::dead)
    }
}

/// Notes what became of a ping: for the client, and for the service as a whole.
async fn note<P: Ports>(
    ports: &P,
    client: &ClientId,
    service: PushService,
    outcome: &PingOutcome,
) -> Result<(), StoreError> {
    let (name, status, error) = match outcome {
        PingOutcome::Delivered => ("delivered", 200, None),
        // The device has gone, and nothing is wrong with the service.
        PingOutcome::DeviceGone => ("gone", 410, None),
        PingOutcome::TryLater { message, .. } => ("later", 503, Some(message.clone())),
        PingOutcome::Refused { message } => ("refused", 400, Some(message.clone())),
        PingOutcome::Misconfigured { setting, message } => {
            ("misconfigured", 500, Some(format!("{setting}: {message}")))
        }
    };
    let error = error.map(|message| short(&message));
    let gone = || "the service does not know the device any more".to_owned();
    let event = ClientEvent {
        status,
        error: error.or_else(|| (status == 410).then(gone)),
        ..ClientEvent::new(ports.clock().now(), ClientEventKind::Ping)
    };
    let (redis, service) = (ports.redis(), service.as_str());
    let events = ClientEvents::new(redis);
    let counts = ping_count(service, name);
    let (metrics, totals) = (MetricsStore::new(redis), MinuteTotals::default());
    let (noted, counted) = join!(
        events.add(client, std::slice::from_ref(&event)),
        metrics.add(&counts, &totals)
    );
    noted.and(counted)
}

/// A user's devices.
struct Devices {
    /// The newest client of each device that can be pushed to.
    by_address: BTreeMap<Device, ClientId>,
    /// How many clients have no address.
    without_address: usize,
}

/// A device as a whole, however many clients it has registered: by its own id, or else by its address.
type Device = (String, PushService);

/// The devices of a user.
async fn devices<R: RedisConn>(redis: &R, user: &UserId) -> Result<Devices, StoreError> {
    let clients = Clients::new(redis);
    let mut newest: BTreeMap<Device, (Millis, ClientId)> = BTreeMap::new();
    let mut without_address = 0;
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
                without_address += 1;
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
            return Ok(Devices {
                by_address: clients
                    .map(|(device, (_, client))| (device, client))
                    .collect(),
                without_address,
            });
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
