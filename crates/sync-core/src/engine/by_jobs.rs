//! What jobs do for devices while none waits.

use std::time::Duration;

use sync_jobs::{
    EnqueueError, Enqueued, JobHandlers, JobId, Jobs, NewJob, QueueName, Sweeper, Worker,
};

use crate::engine::refresh::Patience;
use crate::engine::{Engine, RefreshOutcome, Source, SyncError};
use crate::jobs::{Query, SendChanges};
use crate::model::{
    ADMINISTRATOR, ClientId, DocumentId, Millis, PartitionRule, PollInterval, SourceName, UserId,
};
use crate::ports::Ports;
use crate::settings::SourceSettings;
use crate::store::{Operations, store_time};

/// How long after a change was taken in it is seen to at the latest, if the server dies just then.
const INSURANCE: Duration = Duration::from_secs(60);

/// How long a job asks a back end at a stretch. What takes longer goes on with the job's next attempt, so that the job is not
/// stopped in the middle.
const STEP: Duration = Duration::from_secs(240);

/// Where jobs wait that see to changes of sources that name no queue.
pub(super) static CHANGES_QUEUE: QueueName = QueueName::constant("adapter");

/// Where jobs wait that ask back ends, of sources that name no queue.
static QUERY_QUEUE: QueueName = QueueName::constant("adapter");

/// Where jobs wait that see to a source's changes, if nobody else does.
pub(super) fn changes_queue(source: Source<'_>) -> &QueueName {
    source.settings.cud_queue.as_ref().unwrap_or(&CHANGES_QUEUE)
}

/// Where jobs wait that ask a source's back end, if nobody else does.
pub(super) fn query_queue(settings: &SourceSettings) -> &QueueName {
    settings.query_queue.as_ref().unwrap_or(&QUERY_QUEUE)
}

/// Changes that still wait.
pub(crate) struct StillWaiting {
    /// How many.
    pub(crate) count: usize,
    /// When the next may be tried.
    pub(crate) next_in: Duration,
}

impl<P: Ports> Engine<P> {
    /// Takes a job in and rings its component's doorbell.
    ///
    /// # Errors
    /// See [`EnqueueError`].
    pub async fn enqueue(&self, job: &NewJob) -> Result<Enqueued, EnqueueError> {
        Jobs::new(self.ports.redis()).enqueue(job).await
    }

    /// Sees to jobs that are due, and to those of schedules.
    pub fn sweeper(&self) -> Sweeper<'_, P> {
        Sweeper::new(&*self.ports, &self.settings.jobs)
    }

    /// Works on a component's jobs whose handlers need the engine.
    pub fn worker<'a>(
        &'a self,
        handlers: &'a JobHandlers<Self>,
        component: &'a str,
    ) -> Worker<'a, P, Self> {
        Worker::new(&*self.ports, &self.settings.jobs, component, handlers, self)
    }

    /// Sees to it that the back end is asked soon.
    pub(super) async fn query_soon(
        &self,
        queue: &QueueName,
        document: &DocumentId,
        user: &UserId,
        parameters: &[(String, String)],
    ) -> Result<(), SyncError> {
        let partition = document.partition.to_stored();
        let job = Query::job(queue, &document.source, &partition, user, parameters);
        self.enqueue_own(&job).await
    }

    /// Asks the back end for a user's copy, if it is time to.
    pub(crate) async fn refresh_by_job(
        &self,
        source: &str,
        user: &UserId,
        parameters: &[(String, String)],
    ) -> Result<RefreshOutcome, SyncError> {
        let found = self.source(source).await?;
        let source = found.as_source();
        let max_age_ms = match self.poll_interval(source).await? {
            PollInterval::Never => return Ok(RefreshOutcome::NotDue),
            PollInterval::EverySync => 0,
            // A job that comes around as often must not find the last answer just not old enough.
            PollInterval::Seconds(seconds) => seconds.saturating_mul(900),
        };
        let document = self.copy_asked_for(source, user, parameters).await?;
        let patience = Patience::Step(STEP);
        let members = document.members();
        for member in &members {
            let refreshed = self.refresh(user, source, &[], member, max_age_ms, patience);
            match refreshed.await? {
                RefreshOutcome::Yes | RefreshOutcome::NotDue => {}
                // The others are asked with the next attempt, and by devices meanwhile.
                outcome @ (RefreshOutcome::Unfinished | RefreshOutcome::Failed { .. }) => {
                    return Ok(outcome);
                }
            }
        }
        let is_for_clients = document.partition.ends_with_its_clients();
        if is_for_clients && !self.document(&document).has_clients().await? {
            return Ok(RefreshOutcome::NotDue);
        }
        if !members.is_empty() {
            return self.combine(source, &document, patience).await;
        }
        self.refresh(user, source, parameters, &document, max_age_ms, patience)
            .await
    }

    /// Sees to it that the copies of these users are refreshed: those that somebody syncs. Says how many.
    pub(crate) async fn query_in_background(
        &self,
        queue: &QueueName,
        source: &SourceName,
        settings: &SourceSettings,
        users: &[String],
    ) -> Result<usize, SyncError> {
        let users = match settings.partition {
            // One copy for everybody, asked for in anybody's name, but the administrator's: back ends are told, and may know
            // their users.
            PartitionRule::App => users
                .iter()
                .position(|user| user != ADMINISTRATOR)
                .and_then(|at| users.get(at..=at))
                .unwrap_or_default(),
            // Of users who share one, the first has it asked for, and finds it fresh for the others.
            PartitionRule::User | PartitionRule::Computed => users,
        };
        let mut asked = 0;
        for user in users {
            let user = UserId::parse(user.as_str())?;
            let document = self.copy_of(source, settings, &user).await?;
            if !self.document(&document).has_clients().await? {
                continue;
            }
            let partition = document.partition.to_stored();
            let job = Query::job(queue, source, &partition, &user, &[]);
            self.enqueue_own(&job).await?;
            asked += 1;
        }
        Ok(asked)
    }

    /// Sees to it that a client's changes are worked on, whatever happens from now on: a job that runs later. Says which, if
    /// it is a new one.
    pub(super) async fn insure_work(
        &self,
        queue: &QueueName,
        document: &DocumentId,
        user: &UserId,
        client: &ClientId,
    ) -> Result<Option<JobId>, SyncError> {
        let job = SendChanges::job(queue, document, user, client, INSURANCE);
        let jobs = Jobs::new(self.ports.redis());
        match jobs.insure(&job).await.map_err(own)? {
            Enqueued::New(id) => Ok(Some(id)),
            Enqueued::Waiting(_) | Enqueued::Again(_) | Enqueued::Ticked => Ok(None),
        }
    }

    /// Takes the job back that would have worked on a client's changes: all of them have their verdict.
    pub(super) async fn withdraw_insurance(&self, job: &JobId) -> Result<(), SyncError> {
        Ok(Jobs::new(self.ports.redis()).withdraw(job).await?)
    }

    /// Sees to it that a client's changes are worked on now.
    pub(super) async fn work_soon(
        &self,
        queue: &QueueName,
        document: &DocumentId,
        user: &UserId,
        client: &ClientId,
    ) -> Result<(), SyncError> {
        let job = SendChanges::job(queue, document, user, client, Duration::ZERO);
        self.enqueue_own(&job).await
    }

    /// Works on a client's changes. Says which still wait.
    pub(crate) async fn work_by_job(
        &self,
        client: &ClientId,
        id: &DocumentId,
    ) -> Result<Option<StillWaiting>, SyncError> {
        let found = self.source(id.source.as_str()).await?;
        self.work_on_waiting(client, found.as_source(), id).await?;
        let document = self.document(id);
        let operations = Operations::new(&document, client);
        let (mut after, mut count) = (0, 0);
        let mut next: Option<Millis> = None;
        loop {
            let waiting = operations.waiting_after(after).await?;
            let Some((last, _)) = waiting.last() else {
                break;
            };
            after = *last;
            count += waiting.len();
            let earliest = waiting.iter().map(|(_, operation)| operation.not_before);
            next = next.into_iter().chain(earliest).min();
        }
        let Some(next) = next else {
            return Ok(None);
        };
        let now = store_time(self.ports.redis()).await?;
        Ok(Some(StillWaiting {
            count,
            next_in: Duration::from_millis(next.0.saturating_sub(now.0)),
        }))
    }

    /// Takes a job in unless one like it waits or runs.
    pub(super) async fn enqueue_own_once(&self, job: &NewJob) -> Result<(), SyncError> {
        let jobs = Jobs::new(self.ports.redis());
        jobs.enqueue_once(job).await.map(drop).map_err(own)
    }

    pub(super) async fn enqueue_own(&self, job: &NewJob) -> Result<(), SyncError> {
        self.enqueue(job).await.map(drop).map_err(own)
    }
}

/// Jobs of our own are made of names that were checked; parameters have their own limit.
fn own(error: EnqueueError) -> SyncError {
    match error {
        EnqueueError::Store(error) => error.into(),
        EnqueueError::TooLong { .. } => SyncError::Busy,
    }
}
