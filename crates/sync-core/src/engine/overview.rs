//! How the system is doing as a whole. What it costs does not depend on how many devices there are: everything was counted or
//! listed by whoever did it.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use futures_util::join;
use sync_jobs::{JobState, Jobs, QueueCounts};
use sync_proto::api::{
    Attention, AttentionKind, ClientCounts, Overview, PushServiceInfo, QueueInfo, SourceErrorKind,
    SourceHealth, SourceState, StoreInfo, TrafficPoint, Urgency,
};

use crate::engine::client_list::STUCK_AFTER_MS;
use crate::engine::{Engine, SourceInfo, SyncError};
use crate::jobs::Deliver;
use crate::metrics::quantile;
use crate::model::{Millis, PollInterval};
use crate::ports::{Clock as _, Ports};
use crate::store::{
    CircuitStore, ClientIndex, Figures, LOGIN_ERROR, MetricsStore, MinuteTotals, Refreshed,
    SourceCondition, SourceCopies, WaitingChanges, store_time, waiting_of_entry,
};

/// Minutes of traffic.
const TRAFFIC_MINUTES: u64 = 60;

/// Whole minutes that the counts of queues go back.
const QUEUE_MINUTES: u64 = 10;

const ACTIVE_NOW_MS: u64 = 5 * 60_000;

const DAY_MS: u64 = 86_400_000;

/// How many intervals a source that is asked by itself may be late.
const LATE_INTERVALS: u64 = 3;

/// What a source may be late at least, in milliseconds: a worker may be busy.
const LATE_MS: u64 = 5 * 60_000;

/// Of a hundred bytes that the store may use, how many it uses when it is nearly full.
const NEARLY_FULL_PERCENT: u64 = 85;

/// Clients that are stuck.
#[derive(Default)]
struct Stuck {
    count: u64,
    first: Option<Attention>,
}

impl<P: Ports> Engine<P> {
    /// Puts together what an administrator looks at first.
    ///
    /// # Errors
    /// The store's.
    pub async fn overview(&self, version: &str) -> Result<Overview, SyncError> {
        let redis = self.ports.redis();
        let clock = self.ports.clock();
        let (index, metrics) = (ClientIndex::new(redis), MetricsStore::new(redis));
        let (jobs, circuits) = (Jobs::new(redis), CircuitStore::new(redis));
        let now = clock.now();
        let since = |ms: u64| Millis(now.0.saturating_sub(ms));
        let figures = async {
            let began = clock.monotonic();
            let figures = metrics.figures().await?;
            Ok::<_, SyncError>((figures, clock.monotonic().saturating_sub(began)))
        };
        let traffic = async {
            let time = store_time(redis).await?;
            Ok::<_, SyncError>(metrics.minutes(time, TRAFFIC_MINUTES).await?)
        };
        let conditions = async {
            let copies = SourceCopies::new(redis);
            let sources = self.sources(None).await?;
            let conditions = sources.iter().map(|source| copies.condition(&source.name));
            let conditions = try_join_all(conditions).await?;
            let sources: Vec<_> = sources.into_iter().zip(conditions).collect();
            Ok::<_, SyncError>(sources)
        };
        let clients = async {
            let (all, now, today) = join!(
                index.count(),
                index.heard_since(since(ACTIVE_NOW_MS)),
                index.heard_since(since(DAY_MS))
            );
            Ok::<_, SyncError>(ClientCounts {
                active_now: now?,
                active_today: today?,
                registered: all?,
            })
        };
        let dead = async {
            let queues = self.changes_queues().await?;
            let counts = queues
                .iter()
                .map(|queue| jobs.count_dead_of(queue, Deliver::NAME));
            let counts = try_join_all(counts).await?;
            let counts = queues
                .iter()
                .map(|queue| queue.as_str().to_owned())
                .zip(counts);
            Ok::<BTreeMap<String, u64>, SyncError>(counts.collect())
        };
        let (figures, traffic, conditions, clients, dead, queues, circuits, stuck, services) = join!(
            figures,
            traffic,
            conditions,
            clients,
            dead,
            jobs.all_counts(QUEUE_MINUTES),
            circuits.all(),
            self.stuck_clients(since(STUCK_AFTER_MS)),
            self.push_services()
        );
        let (figures, took) = figures?;
        let (conditions, queues) = (conditions?, queues?);
        let store = to_store(figures, took);
        let push_services = services?;
        let sources: Vec<SourceHealth> = conditions
            .iter()
            .map(|(source, condition)| to_health(source, condition, now))
            .collect();
        let mut attention = Vec::new();
        attention.extend(of_stuck(stuck?));
        attention.extend(of_queues(&queues, &dead?));
        attention.extend(sources.iter().filter_map(of_source));
        attention.extend(of_circuits(circuits?));
        attention.extend(push_services.iter().filter_map(of_push_service));
        attention.extend(of_store(&store));
        attention.sort_by_key(|one| (one.urgency, one.kind));
        Ok(Overview {
            version: version.to_owned(),
            at: now.0,
            store,
            clients: clients?,
            users: figures.users,
            traffic: traffic?.into_iter().map(to_point).collect(),
            attention,
            sources,
            queues: queues.into_iter().map(queue_info).collect(),
            push_services,
        })
    }

    /// Who has changes that wait since before some time, or that were given up.
    async fn stuck_clients(&self, before: Millis) -> Result<Stuck, SyncError> {
        let index = WaitingChanges::new(self.ports.redis());
        let (waiting, count, given_up) = join!(
            index.list(Some(before), None, 1),
            index.count_stuck(before),
            index.list_given_up(None, 1)
        );
        let mut first = None;
        let (waiting, given_up) = (waiting?, given_up?);
        if let Some((entry, since)) = waiting.items.first()
            && let Some((client, document)) = waiting_of_entry(entry)
        {
            let known = index.of(&[(&client, document.clone())]).await?;
            let message = known.into_iter().flatten().find_map(|known| known.error);
            first = Some((client, document.source.into_string(), *since, message));
        } else if let Some((client, since)) = given_up.items.first()
            && let Ok(client) = crate::model::ClientId::parse(client.as_str())
        {
            // This looks whether they are still kept.
            let kept = self.given_up_changes(&client, 1).await?;
            if let Some(kept) = kept.into_iter().next() {
                let source = kept.change.source.into_string();
                first = Some((client, source, *since, kept.reason));
            }
        }
        let first = first.map(|(client, subject, since, message)| Attention {
            urgency: Urgency::Bad,
            kind: AttentionKind::StuckClients,
            subject,
            count: 0,
            client: Some(client.into_string()),
            since: Some(since.0),
            message,
        });
        Ok(Stuck {
            count: count?,
            first,
        })
    }
}

fn of_stuck(Stuck { count, first }: Stuck) -> Option<Attention> {
    let count = count.max(1);
    first.map(|first| Attention { count, ..first })
}

fn attention(urgency: Urgency, kind: AttentionKind, subject: &str, count: u64) -> Attention {
    Attention {
        urgency,
        kind,
        subject: subject.to_owned(),
        count,
        client: None,
        since: None,
        message: None,
    }
}

fn of_queues(queues: &[QueueCounts], dead_changes: &BTreeMap<String, u64>) -> Vec<Attention> {
    let mut found = Vec::new();
    for queue in queues {
        let name = queue.queue.as_str();
        let count = |state| queue.jobs.get(&state).copied().unwrap_or(0);
        let changes = dead_changes.get(name).copied().unwrap_or(0);
        let others = count(JobState::Dead).saturating_sub(changes);
        let ready = count(JobState::Ready);
        let claimed = queue.lately.get("claimed").copied().unwrap_or(0);
        let is_idle = ready > 0 && claimed == 0 && count(JobState::Leased) == 0;
        let mut note = |is_so: bool, urgency, kind, count| {
            if is_so {
                found.push(attention(urgency, kind, name, count));
            }
        };
        let (bad, warning) = (Urgency::Bad, Urgency::Warning);
        note(changes > 0, bad, AttentionKind::DeadChanges, changes);
        note(others > 0, warning, AttentionKind::DeadJobs, others);
        note(queue.paused, warning, AttentionKind::QueuePaused, ready);
        let is_left = is_idle && !queue.paused;
        note(is_left, bad, AttentionKind::JobsWaiting, ready);
    }
    found
}

fn of_source(source: &SourceHealth) -> Option<Attention> {
    let (urgency, kind) = match source.state {
        SourceState::Failing if source.error_kind == Some(SourceErrorKind::LoginError) => {
            (Urgency::Bad, AttentionKind::CredentialRefused)
        }
        SourceState::Failing => (Urgency::Warning, AttentionKind::SourceFailing),
        SourceState::Old => (Urgency::Warning, AttentionKind::SourceOld),
        SourceState::Paused => (Urgency::Warning, AttentionKind::SourcePaused),
        SourceState::Fresh | SourceState::Fed | SourceState::PassThrough | SourceState::Unused => {
            return None;
        }
    };
    let since = match source.state {
        SourceState::Failing => source.failing_since,
        SourceState::Old => source.refreshed_at,
        _ => None,
    };
    Some(Attention {
        since,
        message: source.error.clone(),
        ..attention(urgency, kind, &source.name, source.partitions)
    })
}

/// A kind that a newer server has written is none.
fn to_error_kind(kind: &str) -> Option<SourceErrorKind> {
    match kind {
        "query-error" => Some(SourceErrorKind::QueryError),
        LOGIN_ERROR => Some(SourceErrorKind::LoginError),
        "logoff-error" => Some(SourceErrorKind::LogoffError),
        _ => None,
    }
}

fn of_circuits(circuits: Vec<(String, bool)>) -> impl Iterator<Item = Attention> {
    let open = circuits.into_iter().filter(|(_, is_open)| *is_open);
    open.map(|(source, _)| attention(Urgency::Warning, AttentionKind::CircuitOpen, &source, 1))
}

fn of_push_service(service: &PushServiceInfo) -> Option<Attention> {
    let message = Some(service.error.clone()?);
    let urgency = match service.delivered {
        0 => Urgency::Bad,
        _ => Urgency::Warning,
    };
    let failing = attention(
        urgency,
        AttentionKind::PushFailing,
        &service.name,
        service.failed,
    );
    Some(Attention { message, ..failing })
}

fn of_store(store: &StoreInfo) -> Option<Attention> {
    let most = store.max_bytes?;
    let is_full = store.bytes.saturating_mul(100) >= most.saturating_mul(NEARLY_FULL_PERCENT);
    is_full.then(|| attention(Urgency::Bad, AttentionKind::StoreFull, "store", 1))
}

fn to_store(figures: Figures, took: std::time::Duration) -> StoreInfo {
    let Figures {
        users: _,
        store_keys,
        store_bytes,
        most_store_bytes,
    } = figures;
    StoreInfo {
        bytes: store_bytes,
        max_bytes: most_store_bytes,
        keys: store_keys,
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    }
}

fn to_point((at, totals): (Millis, MinuteTotals)) -> TrafficPoint {
    let MinuteTotals {
        requests,
        failed,
        syncs,
        by_time,
    } = totals;
    TrafficPoint {
        at: at.0,
        syncs,
        requests,
        failed,
        p50_ms: quantile(&by_time, 50),
        p95_ms: quantile(&by_time, 95),
    }
}

fn to_health(source: &SourceInfo, condition: &SourceCondition, now: Millis) -> SourceHealth {
    let SourceCondition {
        copies,
        objects,
        refreshed,
        failing_since,
    } = condition;
    let at = refreshed.as_ref().map(|refreshed| refreshed.at);
    let state = if source.is_paused {
        SourceState::Paused
    } else if source.settings.pass_through {
        SourceState::PassThrough
    } else if source.settings.poll_interval == PollInterval::Never {
        SourceState::Fed
    } else if *copies == 0 {
        SourceState::Unused
    } else if failing_since.is_some() {
        SourceState::Failing
    } else if at.is_some_and(|at| is_late(source, at, now)) {
        SourceState::Old
    } else {
        SourceState::Fresh
    };
    let error = |refreshed: &Refreshed| refreshed.error.clone();
    let (kind, message) = refreshed.as_ref().and_then(error).unzip();
    SourceHealth {
        name: source.name.as_str().to_owned(),
        state,
        objects: *objects,
        partitions: *copies,
        refreshed_at: at.map(|at| at.0),
        took_ms: refreshed.as_ref().map(|refreshed| refreshed.took),
        failing_since: failing_since.map(|since| since.0),
        error_kind: kind.as_deref().and_then(to_error_kind),
        error: message,
    }
}

/// Whether a source that is asked by itself was not for long. Another is asked when a device asks: it is as old as that.
fn is_late(source: &SourceInfo, at: Millis, now: Millis) -> bool {
    let PollInterval::Seconds(seconds) = source.settings.poll_interval else {
        return false;
    };
    let most = seconds.saturating_mul(1_000 * LATE_INTERVALS).max(LATE_MS);
    source.settings.background && now.0.saturating_sub(at.0) > most
}

/// A queue as the API tells of it.
pub fn queue_info(counts: QueueCounts) -> QueueInfo {
    let QueueCounts {
        queue,
        paused,
        jobs,
        forgotten: _,
        lately,
    } = counts;
    let jobs = jobs.into_iter();
    QueueInfo {
        name: queue.into_string(),
        paused,
        jobs: jobs
            .map(|(state, count)| (state.to_string(), count))
            .collect(),
        last_minutes: lately,
    }
}
