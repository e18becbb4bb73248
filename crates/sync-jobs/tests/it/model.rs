//! Any order of events, against a queue that is a map.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use sync_jobs::{Cancelled, Enqueued, JobId, JobState, Priority, Refused, Retry, Standing};
use sync_redis::{Millis, RedisConn as _};
use test_support::{TestRedis, local};

use crate::world::{Held, LEASE_MS, World, queue};

/// Something that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Enqueue {
        user: u8,
        priority: Priority,
        unique: Option<u8>,
        delay: u64,
        max_attempts: u32,
        known: IfKnown,
    },
    Claim {
        most: usize,
        concurrency: Option<u64>,
        idle: bool,
    },
    Heartbeat(usize),
    Complete(usize),
    Fail(usize, Retry),
    /// Whoever works on it is gone.
    Crash(usize),
    Advance(u64),
    Sweep,
    Cancel(usize),
    Retry(usize),
    RetryAll,
    Discard(usize),
    Pause(bool),
}

fn after(now: Millis, wait: Duration) -> Millis {
    now.plus(u64::try_from(wait.as_millis()).unwrap())
}

/// What is asked for where a job with the same key is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfKnown {
    Again,
    Insure,
    Once,
}

/// What a retry is asked for.
fn retry() -> impl Strategy<Value = Retry> {
    prop_oneof![
        4 => (0..8_000_u64).prop_map(|wait| Retry::After(Duration::from_millis(wait))),
        1 => (0..8_000_u64).prop_map(|wait| Retry::Uncounted(Duration::from_millis(wait))),
        2 => Just(Retry::Never),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![
        Just(Priority::High),
        Just(Priority::Normal),
        Just(Priority::Low)
    ];
    let delay = prop_oneof![2 => Just(0), 1 => 1..20_000_u64];
    let enqueue = (
        0..3_u8,
        priority,
        proptest::option::of(0..3_u8),
        delay,
        1..6_u32,
        prop_oneof![
            Just(IfKnown::Again),
            Just(IfKnown::Insure),
            Just(IfKnown::Once)
        ],
    )
        .prop_map(
            |(user, priority, unique, delay, max_attempts, known)| Step::Enqueue {
                user,
                priority,
                unique,
                delay,
                max_attempts,
                known,
            },
        );
    let claim = (
        1..5_usize,
        proptest::option::of(1..4_u64),
        prop::bool::weighted(0.7),
    )
        .prop_map(|(most, concurrency, idle)| Step::Claim {
            most,
            concurrency,
            idle,
        });
    prop_oneof![
        6 => enqueue,
        6 => claim,
        2 => any::<usize>().prop_map(Step::Heartbeat),
        4 => any::<usize>().prop_map(Step::Complete),
        4 => (any::<usize>(), retry()).prop_map(|(which, retry)| Step::Fail(which, retry)),
        2 => any::<usize>().prop_map(Step::Crash),
        4 => (0..2 * LEASE_MS).prop_map(Step::Advance),
        4 => Just(Step::Sweep),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => Just(Step::RetryAll),
        1 => any::<usize>().prop_map(Step::Discard),
        1 => any::<bool>().prop_map(Step::Pause),
    ]
}

/// A job as it should be.
#[derive(Debug, Clone)]
struct Expected {
    state: JobState,
    attempts: u64,
    max: u64,
    crashes: u64,
    /// When it is due, or when its lease ends.
    at: Millis,
    lease: String,
    unique: Option<String>,
    again: Option<Millis>,
    cancelled: bool,
}

impl Expected {
    fn is_alive(&self) -> bool {
        !matches!(self.state, JobState::Dead | JobState::Done)
    }

    fn wait(&mut self, due: Millis, now: Millis) {
        self.at = due;
        self.state = if due > now {
            JobState::Delayed
        } else {
            JobState::Ready
        };
    }

    fn start_over(&mut self, due: Millis, now: Millis) {
        (self.attempts, self.crashes) = (0, 0);
        self.wait(due, now);
    }

    fn finish(&mut self, state: JobState, now: Millis) {
        self.cancelled = false;
        match self.again.take() {
            Some(due) => self.start_over(due, now),
            None => self.state = state,
        }
    }

    /// After an attempt that came to nothing.
    fn end_attempt(&mut self, due: Option<Millis>, now: Millis) {
        if self.cancelled {
            self.finish(JobState::Done, now);
        } else if let Some(due) = due {
            self.again = self.again.filter(|again| *again > due);
            self.wait(due, now);
        } else {
            self.finish(JobState::Dead, now);
        }
    }
}

/// The world, what should be in it, and who believes to work on what.
struct Run {
    world: World,
    expected: BTreeMap<JobId, Expected>,
    held: Vec<Held>,
    paused: bool,
}

impl Run {
    fn owner(&self, key: &str) -> Option<JobId> {
        let mut owners = self
            .expected
            .iter()
            .filter(|(_, job)| job.is_alive() && job.unique.as_deref() == Some(key));
        let owner = owners.next().map(|(id, _)| id.clone());
        assert!(owners.next().is_none(), "two jobs have the key {key}");
        owner
    }

    fn pick(&self, number: usize) -> Option<JobId> {
        let count = self.expected.len().max(1);
        self.expected.keys().nth(number % count).cloned()
    }

    fn pick_held(&self, number: usize) -> Option<usize> {
        (!self.held.is_empty()).then(|| number % self.held.len())
    }

    /// Whether the lease should still be good.
    fn is_held(&self, held: &Held) -> bool {
        let job = self.expected.get(&held.job.id);
        job.is_some_and(|job| job.state == JobState::Leased && job.lease == held.lease)
    }

    async fn step(&mut self, step: Step) {
        let now = self.world.now();
        match step {
            Step::Enqueue {
                user,
                priority,
                unique,
                delay,
                max_attempts,
                known,
            } => {
                let mut job = self.world.job(&format!("u{user}"));
                (job.priority, job.max_attempts) = (priority, max_attempts);
                (job.delay, job.unique) = (
                    Duration::from_millis(delay),
                    unique.map(|key| format!("k{key}")),
                );
                self.enqueue(&job, known).await;
            }
            Step::Claim {
                most,
                concurrency,
                idle,
            } => self.claim(most, concurrency, idle).await,
            Step::Heartbeat(which) => {
                let Some(held) = self.pick_held(which).map(|at| self.held[at].clone()) else {
                    return;
                };
                let standing = self.world.heartbeat(&held).await;
                if !self.is_held(&held) {
                    assert_eq!(standing, Standing::Lost);
                    return;
                }
                let job = self.expected.get_mut(&held.job.id).unwrap();
                job.at = now.plus(LEASE_MS);
                let told = if job.cancelled {
                    Standing::Cancelled
                } else {
                    Standing::Held
                };
                assert_eq!(standing, told);
            }
            Step::Complete(which) => {
                let Some(held) = self.pick_held(which).map(|at| self.held.remove(at)) else {
                    return;
                };
                let is_held = self.is_held(&held);
                assert_eq!(self.world.complete(&held).await, is_held);
                if is_held {
                    let job = self.expected.get_mut(&held.job.id).unwrap();
                    job.finish(JobState::Done, now);
                }
            }
            Step::Fail(which, retry) => {
                let Some(held) = self.pick_held(which).map(|at| self.held.remove(at)) else {
                    return;
                };
                let is_held = self.is_held(&held);
                assert_eq!(self.world.fail(&held, retry).await, is_held);
                if !is_held {
                    return;
                }
                let job = self.expected.get_mut(&held.job.id).unwrap();
                let due = match retry {
                    Retry::After(wait) => Some(after(now, wait)).filter(|_| job.attempts < job.max),
                    Retry::Uncounted(wait) => {
                        job.attempts -= u64::from(!job.cancelled);
                        Some(after(now, wait))
                    }
                    Retry::Never => None,
                };
                job.end_attempt(due, now);
            }
            Step::Crash(which) => {
                if let Some(at) = self.pick_held(which) {
                    self.held.remove(at);
                }
            }
            Step::Advance(millis) => self.world.advance(millis),
            Step::Sweep => self.sweep().await,
            Step::Cancel(which) => {
                let Some(id) = self.pick(which) else { return };
                let outcome = self.world.jobs().cancel(&id).await.unwrap();
                let job = self.expected.get_mut(&id).unwrap();
                match job.state {
                    JobState::Ready | JobState::Delayed => {
                        assert_eq!(outcome, Ok(Cancelled::Now));
                        job.again = None;
                        job.finish(JobState::Done, now);
                    }
                    JobState::Leased => {
                        assert_eq!(outcome, Ok(Cancelled::Soon));
                        (job.cancelled, job.again) = (true, None);
                    }
                    JobState::Dead | JobState::Done => assert_eq!(outcome, Err(Refused::State)),
                }
            }
            Step::Retry(which) => {
                let Some(id) = self.pick(which) else { return };
                let outcome = self.world.jobs().retry(&id, None).await.unwrap();
                assert_eq!(outcome, self.retry(&id));
            }
            Step::RetryAll => {
                let count = self.world.jobs().retry_all(&queue(), 1_000).await;
                // Of two with the same key the script takes the one that died first; the record says which that was.
                let mut retried = 0;
                for id in self.expected.keys().cloned().collect::<Vec<_>>() {
                    let is_dead = self.expected[&id].state == JobState::Dead;
                    if is_dead && self.world.show(&id).await.state != JobState::Dead {
                        assert_eq!(self.retry(&id), Ok(()));
                        retried += 1;
                    }
                }
                assert_eq!(count.unwrap(), retried);
                for job in self
                    .expected
                    .values()
                    .filter(|job| job.state == JobState::Dead)
                {
                    let key = job.unique.as_deref().expect("others are all retried");
                    assert!(self.owner(key).is_some());
                }
            }
            Step::Discard(which) => {
                let Some(id) = self.pick(which) else { return };
                let outcome = self.world.jobs().discard(&id).await.unwrap();
                if self.expected[&id].state == JobState::Dead {
                    assert_eq!(outcome, Ok(()));
                    self.expected.remove(&id);
                    assert_eq!(self.world.jobs().show(&id).await.unwrap(), None);
                } else {
                    assert_eq!(outcome, Err(Refused::State));
                }
            }
            Step::Pause(paused) => {
                let jobs = self.world.jobs();
                jobs.set_paused(&queue(), paused).await.unwrap();
                self.paused = paused;
            }
        }
    }

    async fn enqueue(&mut self, job: &sync_jobs::NewJob, known: IfKnown) {
        let (world, now) = (&self.world, self.world.now());
        let due = after(now, job.delay);
        let owner = job.unique.as_deref().and_then(|key| self.owner(key));
        let outcome = match known {
            IfKnown::Again => world.enqueue(job).await,
            IfKnown::Insure => world.jobs().insure(job).await.unwrap(),
            IfKnown::Once => world.jobs().enqueue_once(job).await.unwrap(),
        };
        let Some(owner) = owner else {
            let Enqueued::New(id) = outcome else {
                panic!("{outcome:?}, but nobody has the key");
            };
            let mut expected = Expected {
                state: JobState::Ready,
                attempts: 0,
                max: job.max_attempts.into(),
                crashes: 0,
                at: due,
                lease: String::new(),
                unique: job.unique.clone(),
                again: None,
                cancelled: false,
            };
            expected.wait(due, now);
            assert!(
                self.expected.insert(id, expected).is_none(),
                "an id of its own"
            );
            return;
        };
        if known == IfKnown::Once {
            assert_eq!(outcome, Enqueued::Waiting(owner));
            return;
        }
        let expected = self.expected.get_mut(&owner).unwrap();
        if expected.state == JobState::Leased {
            assert_eq!(outcome, Enqueued::Again(owner));
            expected.again = Some(expected.again.map_or(due, |again| again.min(due)));
            return;
        }
        assert_eq!(outcome, Enqueued::Waiting(owner));
        if known == IfKnown::Insure {
            expected.again = Some(due);
        } else if expected.state == JobState::Delayed && expected.attempts == 0 && due < expected.at
        {
            expected.wait(due, now);
        }
    }

    async fn claim(&mut self, most: usize, concurrency: Option<u64>, idle: bool) {
        let now = self.world.now();
        let change = |claim: &mut sync_jobs::Claim<'_>| {
            (claim.limits.concurrency, claim.idle) = (concurrency, idle);
        };
        let claimed = self.world.claim_as(change, most).await;
        let in_state = |state| self.expected.values().filter(move |job| job.state == state);
        let running = in_state(JobState::Leased)
            .filter(|job| job.at > now)
            .count();
        let room = match concurrency {
            None => most,
            Some(limit) => most.min(usize::try_from(limit).unwrap().saturating_sub(running)),
        };
        let ready = in_state(JobState::Ready).count();
        let suspects = in_state(JobState::Ready).any(|job| job.crashes >= 3);
        let wanted = if self.paused { 0 } else { room.min(ready) };
        assert!(claimed.len() <= wanted);
        if !suspects {
            assert_eq!(claimed.len(), wanted);
        } else if idle && wanted > 0 {
            assert!(!claimed.is_empty());
        }
        for held in &claimed {
            let job = self.expected.get_mut(&held.job.id).unwrap();
            assert_eq!(job.state, JobState::Ready, "nobody else has a lease on it");
            (job.state, job.at) = (JobState::Leased, now.plus(LEASE_MS));
            job.lease.clone_from(&held.lease);
            job.attempts += 1;
            assert_eq!(u64::from(held.job.attempt), job.attempts);
            assert_eq!(held.job.runs_alone, job.crashes >= 3);
            assert!(!held.job.runs_alone || (idle && claimed.len() == 1));
        }
        self.held.extend(claimed);
    }

    fn retry(&mut self, id: &JobId) -> Result<(), Refused> {
        let job = &self.expected[id];
        if job.state != JobState::Dead {
            return Err(Refused::State);
        }
        if let Some(owner) = job.unique.as_deref().and_then(|key| self.owner(key)) {
            return Err(Refused::Taken(owner));
        }
        let now = self.world.now();
        self.expected.get_mut(id).unwrap().start_over(now, now);
        Ok(())
    }

    async fn sweep(&mut self) {
        let now = self.world.now();
        let swept = self.world.sweep().await;
        assert!(!swept.more);
        for job in self.expected.values_mut().filter(|job| job.at <= now) {
            match job.state {
                JobState::Delayed => job.wait(now, now),
                JobState::Leased => {
                    job.crashes += 1;
                    let due = (job.attempts < job.max).then_some(now);
                    job.end_attempt(due, now);
                }
                _ => {}
            }
        }
        let is_ready = self
            .expected
            .values()
            .any(|job| job.state == JobState::Ready);
        assert_eq!(!swept.ready.is_empty(), is_ready && !self.paused);
    }

    /// Every job is where it should be, and nowhere else.
    async fn check(&self) {
        let mut seen = 0;
        for state in JobState::ALL {
            let mut ids = self.world.ids(state).await;
            ids.sort();
            let expected = self.expected.iter().filter(|(_, job)| job.state == state);
            let expected: Vec<JobId> = expected.map(|(id, _)| id.clone()).collect();
            assert_eq!(ids, expected, "{state}");
            seen += ids.len();
        }
        assert_eq!(seen, self.expected.len());
        for (id, expected) in &self.expected {
            let job = self.world.show(id).await;
            assert_eq!(
                (job.attempts, job.max_attempts),
                (expected.attempts, expected.max)
            );
        }
    }

    /// Workers come back, and nothing goes wrong any more: everything ends.
    async fn drain(&mut self) {
        self.step(Step::Pause(false)).await;
        for _ in 0..200 {
            if !self.expected.values().any(Expected::is_alive) {
                return;
            }
            self.step(Step::Advance(LEASE_MS)).await;
            self.sweep().await;
            self.claim(100, None, true).await;
            while !self.held.is_empty() {
                self.step(Step::Complete(0)).await;
            }
        }
        panic!("the queue does not drain: {:?}", self.expected);
    }
}

#[test]
fn whatever_happens_each_job_is_in_one_state_and_all_come_to_an_end() {
    let server = TestRedis::start();
    let config = ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..60))| {
        local(async {
            let world = World::on(&server).await;
            world.redis().run(vec![b"FLUSHALL".to_vec()]).await.unwrap();
            let mut run = Run { world, expected: BTreeMap::new(), held: Vec::new(), paused: false };
            for step in steps {
                run.step(step).await;
                run.check().await;
            }
            run.drain().await;
            run.check().await;
        });
    });
}
