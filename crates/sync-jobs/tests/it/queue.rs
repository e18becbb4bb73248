//! What becomes of jobs.

use std::time::Duration;

use sync_jobs::{
    Cancelled, EnqueueError, Enqueued, Failure, History, JobFilter, JobId, JobState, Leased,
    NewJob, Refused, Retry, Standing, Tick,
};
use test_support::local;

use crate::world::{LEASE_MS, World, queue};

fn unique(world: &World, key: &str) -> NewJob {
    NewJob {
        unique: Some(key.to_owned()),
        ..world.job("u")
    }
}

#[test]
fn a_job_that_waits_stands_for_others_with_its_key() {
    local(async {
        let world = World::start().await;
        let id = world.add(&unique(&world, "k")).await;
        assert_eq!(
            world.enqueue(&unique(&world, "k")).await,
            Enqueued::Waiting(id.clone())
        );
        let held = world.claim(10).await;
        assert_eq!(held.len(), 1);
        assert!(world.complete(&held[0]).await);
        assert_ne!(world.add(&unique(&world, "k")).await, id, "it is over");
    });
}

#[test]
fn a_job_that_runs_is_run_once_more_after_it_has_ended_and_never_beside_itself() {
    local(async {
        let world = World::start().await;
        let id = world.add(&unique(&world, "k")).await;
        let held = world.claim(1).await;
        for _ in 0..3 {
            assert_eq!(
                world.enqueue(&unique(&world, "k")).await,
                Enqueued::Again(id.clone())
            );
        }
        assert!(world.claim(1).await.is_empty());
        assert!(world.complete(&held[0]).await);
        let held = world.claim(10).await;
        assert_eq!((held.len(), held[0].job.attempt), (1, 1));
        assert!(world.complete(&held[0]).await);
        assert!(world.claim(10).await.is_empty());
        assert_eq!(world.show(&id).await.state, JobState::Done);
    });
}

#[test]
fn what_was_asked_for_while_a_job_died_is_done_nevertheless() {
    local(async {
        let world = World::start().await;
        let id = world.add(&unique(&world, "k")).await;
        let held = world.claim(1).await;
        world.enqueue(&unique(&world, "k")).await;
        assert!(world.fail(&held[0], Retry::Never).await);
        let job = world.show(&id).await;
        assert_eq!(
            (job.state, job.attempts, job.errors.len()),
            (JobState::Ready, 0, 1)
        );
    });
}

#[test]
fn the_earlier_time_counts_until_a_job_was_tried() {
    local(async {
        let world = World::start().await;
        let later = |millis| NewJob {
            delay: Duration::from_millis(millis),
            ..unique(&world, "k")
        };
        world.add(&later(5_000)).await;
        world.enqueue(&later(9_000)).await;
        world.enqueue(&later(1_000)).await;
        world.advance(1_000);
        world.sweep().await;
        let held = world.claim(1).await;
        let wait = Duration::from_secs(60);
        assert!(world.fail(&held[0], Retry::After(wait)).await);
        world.enqueue(&unique(&world, "k")).await;
        world.advance(59_999);
        world.sweep().await;
        assert!(
            world.claim(1).await.is_empty(),
            "a back end that is down is left alone"
        );
        world.advance(1);
        world.sweep().await;
        assert_eq!(world.claim(1).await.len(), 1);
    });
}

#[test]
fn an_insured_job_runs_at_its_time_even_if_it_ran_before() {
    local(async {
        let world = World::start().await;
        world.add(&unique(&world, "k")).await;
        let insurance = NewJob {
            delay: Duration::from_secs(60),
            ..unique(&world, "k")
        };
        world.jobs().insure(&insurance).await.unwrap();
        let held = world.claim(1).await;
        assert!(world.complete(&held[0]).await);
        assert!(world.claim(1).await.is_empty());
        world.advance(60_000);
        world.sweep().await;
        assert_eq!(world.claim(1).await.len(), 1);
    });
}

#[test]
fn an_attempt_that_fails_is_made_again_at_its_time_until_there_were_enough() {
    local(async {
        let world = World::start().await;
        let id = world.add(&world.job("u")).await;
        for attempt in 1..=3 {
            let held = world.claim(1).await;
            assert_eq!(held[0].job.attempt, attempt);
            let wait = Duration::from_secs(1);
            assert!(world.fail(&held[0], Retry::After(wait)).await);
            world.advance(999);
            world.sweep().await;
            assert!(world.claim(1).await.is_empty());
            world.advance(1);
            world.sweep().await;
        }
        let job = world.show(&id).await;
        assert_eq!((job.state, job.errors.len()), (JobState::Dead, 3));
        assert_eq!(job.reason.as_deref(), Some("it went wrong"));
        assert_eq!(job.errors[2].attempt, 3);
    });
}

#[test]
fn only_the_last_errors_are_kept_and_none_is_long() {
    local(async {
        let world = World::start().await;
        let job = NewJob {
            max_attempts: 100,
            ..world.job("u")
        };
        let id = world.add(&job).await;
        let error = "łą\n\"".repeat(10_000);
        for _ in 0..20 {
            let held = world.claim(1).await.remove(0);
            let failure = Failure {
                attempt: held.job.attempt,
                error: &error,
                retry: Retry::After(Duration::ZERO),
            };
            let job = Leased {
                id: &held.job.id,
                lease: &held.lease,
            };
            assert!(
                world
                    .jobs()
                    .fail(job, &failure, History::DEAD)
                    .await
                    .unwrap()
            );
        }
        let errors = world.show(&id).await.errors;
        let attempts: Vec<u64> = errors.iter().map(|error| error.attempt).collect();
        assert_eq!(attempts, [16, 17, 18, 19, 20]);
        assert!(
            errors
                .iter()
                .all(|kept| kept.error.len() <= 1_000 && error.starts_with(&kept.error))
        );
    });
}

#[test]
fn whoever_lost_its_lease_changes_nothing() {
    local(async {
        let world = World::start().await;
        let id = world.add(&world.job("u")).await;
        let late = world.claim(1).await.remove(0);
        world.advance(LEASE_MS);
        world.sweep().await;
        let held = world.claim(1).await.remove(0);
        assert_eq!(held.job.attempt, 2, "a crash counts");
        assert_eq!(world.heartbeat(&late).await, Standing::Lost);
        assert!(!world.complete(&late).await);
        assert!(!world.fail(&late, Retry::Never).await);
        assert_eq!(world.show(&id).await.state, JobState::Leased);
        assert!(world.complete(&held).await);
        assert!(!world.complete(&held).await, "once is enough");
    });
}

#[test]
fn a_heartbeat_keeps_the_lease_and_tells_how_far_the_job_is() {
    local(async {
        let world = World::start().await;
        let id = world.add(&world.job("u")).await;
        let held = world.claim(1).await.remove(0);
        for _ in 0..5 {
            world.advance(LEASE_MS - 1);
            assert_eq!(world.heartbeat(&held).await, Standing::Held);
            world.sweep().await;
        }
        assert_eq!(world.show(&id).await.progress.as_deref(), Some("half"));
        assert!(world.complete(&held).await);
        assert_eq!(world.show(&id).await.result.as_deref(), Some("done"));
    });
}

#[test]
fn a_job_is_cancelled_at_once_where_it_waits_and_soon_where_it_runs() {
    local(async {
        let world = World::start().await;
        let waits = world.add(&world.job("u")).await;
        let cancel = async |id| world.jobs().cancel(id).await.unwrap();
        assert_eq!(cancel(&waits).await, Ok(Cancelled::Now));
        assert_eq!(
            world.show(&waits).await.result.as_deref(),
            Some("cancelled")
        );
        assert_eq!(cancel(&waits).await, Err(Refused::State));

        let runs = world.add(&world.job("u")).await;
        let held = world.claim(10).await.remove(0);
        assert_eq!(cancel(&runs).await, Ok(Cancelled::Soon));
        assert_eq!(world.heartbeat(&held).await, Standing::Cancelled);
        assert!(world.fail(&held, Retry::After(Duration::ZERO)).await);
        let job = world.show(&runs).await;
        assert_eq!(
            (job.state, job.result.as_deref()),
            (JobState::Done, Some("cancelled"))
        );
        assert_eq!(
            cancel(&JobId::parse("7777").unwrap()).await,
            Err(Refused::Missing)
        );
    });
}

#[test]
fn the_dead_are_retried_edited_or_discarded() {
    local(async {
        let world = World::start().await;
        let jobs = world.jobs();
        let mut dead = Vec::new();
        for _ in 0..3 {
            dead.push(world.add(&world.job("u")).await);
            let held = world.claim(1).await.remove(0);
            assert!(world.fail(&held, Retry::Never).await);
        }
        assert_eq!(
            jobs.retry(&dead[0], Some("{\"a\":1}")).await.unwrap(),
            Ok(())
        );
        let job = world.show(&dead[0]).await;
        assert_eq!(
            (job.state, job.attempts, job.payload.as_str()),
            (JobState::Ready, 0, "{\"a\":1}")
        );
        assert_eq!((job.reason, job.errors.len()), (None, 1));
        assert_eq!(
            jobs.retry(&dead[0], None).await.unwrap(),
            Err(Refused::State)
        );
        assert_eq!(jobs.discard(&dead[0]).await.unwrap(), Err(Refused::State));
        assert_eq!(jobs.discard(&dead[1]).await.unwrap(), Ok(()));
        assert_eq!(jobs.discard(&dead[1]).await.unwrap(), Err(Refused::Missing));
        assert_eq!(jobs.retry_all(&queue(), 10).await.unwrap(), 1);
        assert!(world.ids(JobState::Dead).await.is_empty());
    });
}

#[test]
fn a_dead_job_is_not_retried_beside_one_with_its_key() {
    local(async {
        let world = World::start().await;
        let dead = world.add(&unique(&world, "k")).await;
        let held = world.claim(1).await.remove(0);
        assert!(world.fail(&held, Retry::Never).await);
        let other = world.add(&unique(&world, "k")).await;
        let retried = world.jobs().retry(&dead, Some("[]")).await.unwrap();
        assert_eq!(retried, Err(Refused::Taken(other.clone())));
        assert_eq!(world.jobs().retry_all(&queue(), 10).await.unwrap(), 0);
        assert_eq!(world.show(&dead).await.payload, "{}", "and stays as it was");
        let held = world.claim(1).await.remove(0);
        assert_eq!(held.job.id, other);
        assert!(world.complete(&held).await);
        assert_eq!(world.jobs().retry(&dead, None).await.unwrap(), Ok(()));
    });
}

#[test]
fn the_history_ends_after_its_time_and_is_never_longer_than_it_may_be() {
    local(async {
        let world = World::start().await;
        let history = History {
            retention: Duration::from_secs(60),
            max_jobs: 5,
        };
        for _ in 0..20 {
            world.add(&world.job("u")).await;
            let held = world.claim(1).await.remove(0);
            let job = Leased {
                id: &held.job.id,
                lease: &held.lease,
            };
            let completed = world.jobs().complete(job, "", history).await;
            assert!(completed.unwrap());
        }
        let kept = world.ids(JobState::Done).await;
        assert_eq!(kept.len(), 5);
        assert!(kept[0] > kept[4], "the last first");
        world.advance(60_001);
        world.jobs().sweep(history, History::DEAD).await.unwrap();
        assert!(world.ids(JobState::Done).await.is_empty());
        assert_eq!(world.jobs().show(&kept[0]).await.unwrap(), None);
    });
}

#[test]
fn a_tick_is_seen_to_once_however_many_see_it() {
    local(async {
        let world = World::start().await;
        let now = world.now();
        let job = world.job("");
        let first = Tick {
            field: "nightly 0 3 * * *",
            seen: None,
            next: now,
        };
        let jobs = world.jobs();
        // A schedule begins with its first tick.
        assert_eq!(jobs.tick(&job, &first).await.unwrap(), Enqueued::Ticked);
        assert!(world.ids(JobState::Ready).await.is_empty());
        let tick = Tick {
            seen: Some(now),
            next: now.plus(1_000),
            ..first
        };
        let (one, other) = tokio::join!(jobs.tick(&job, &tick), jobs.tick(&job, &tick));
        let outcomes = [one.unwrap(), other.unwrap()];
        assert_eq!(
            outcomes
                .iter()
                .filter(|it| **it == Enqueued::Ticked)
                .count(),
            1
        );
        assert_eq!(
            world.jobs().ticks().await.unwrap()["nightly 0 3 * * *"],
            now.plus(1_000)
        );
        assert_eq!(world.ids(JobState::Ready).await.len(), 1);
    });
}

#[test]
fn a_queue_says_how_many_jobs_it_has_and_what_happened_lately() {
    local(async {
        let world = World::start().await;
        for _ in 0..3 {
            world.add(&world.job("u")).await;
        }
        let held = world.claim(2).await;
        assert!(world.complete(&held[0]).await);
        assert!(world.fail(&held[1], Retry::Never).await);
        world.advance(60_000);
        let counts = world.counts(5).await;
        let jobs = JobState::ALL.map(|state| counts.jobs[&state]);
        assert_eq!((jobs, counts.paused), ([1, 0, 0, 1, 1], false));
        let lately = ["enqueued", "claimed", "completed", "died"].map(|what| counts.lately[what]);
        assert_eq!(lately, [3, 2, 1, 1]);
        assert_eq!(world.jobs().queues().await.unwrap(), [queue()]);
    });
}

#[test]
fn only_one_may_sweep_by_the_way() {
    local(async {
        let world = World::start().await;
        assert!(world.jobs().may_sweep(60_000).await.unwrap());
        assert!(!world.jobs().may_sweep(60_000).await.unwrap());
    });
}

#[test]
fn jobs_that_are_data_rather_than_ids_are_refused() {
    local(async {
        let world = World::start().await;
        let job = NewJob {
            payload: "x".repeat(65_537),
            ..world.job("u")
        };
        let refused = world.jobs().enqueue(&job).await;
        assert_eq!(
            refused,
            Err(EnqueueError::TooLong {
                part: "payload",
                max_bytes: 65_536
            })
        );
        assert!(world.jobs().queues().await.unwrap().is_empty());
    });
}

#[test]
fn a_job_that_waits_for_its_time_can_run_now() {
    local(async {
        let world = World::start().await;
        let later = NewJob {
            delay: Duration::from_secs(60),
            ..world.job("u")
        };
        let id = world.add(&later).await;
        assert!(world.claim(1).await.is_empty());
        assert_eq!(world.jobs().hasten(&id).await.unwrap(), Ok(()));
        assert_eq!(world.claim(1).await.len(), 1);
        let refused = world.jobs().hasten(&id).await.unwrap();
        assert_eq!(refused, Err(Refused::State), "it runs");
        let none = JobId::parse("0000000000000099").unwrap();
        assert_eq!(
            world.jobs().hasten(&none).await.unwrap(),
            Err(Refused::Missing)
        );
    });
}

#[test]
fn jobs_are_found_by_name_and_turn_however_many_others_there_are() {
    local(async {
        let world = World::start().await;
        for number in 0..1_200 {
            let job = NewJob {
                name: if number % 400 == 399 { "rare" } else { "often" }.to_owned(),
                ..world.job(if number % 2 == 0 { "even" } else { "odd" })
            };
            world.add(&job).await;
        }
        let find = async |filter: JobFilter<'static>, from| {
            let (jobs, queue) = (world.jobs(), queue());
            let found = jobs.find(&queue, JobState::Ready, filter, from, 2);
            let (found, next) = found.await.unwrap();
            let names: Vec<_> = found.iter().map(|job| job.name.clone()).collect();
            (names, next)
        };
        let rare = JobFilter {
            name: Some("rare"),
            ..JobFilter::default()
        };
        let (first, next) = find(rare, 0).await;
        assert_eq!(first, ["rare", "rare"]);
        let (rest, next) = find(rare, next.unwrap()).await;
        assert_eq!((rest.len(), next), (1, None));
        let both = JobFilter {
            turn: Some("even"),
            ..rare
        };
        assert_eq!(find(both, 0).await, (Vec::new(), None));
        let odd = JobFilter {
            turn: Some("odd"),
            ..JobFilter::default()
        };
        assert_eq!(find(odd, 0).await.0.len(), 2);
    });
}

#[test]
fn what_happened_is_told_minute_by_minute() {
    local(async {
        let world = World::start().await;
        world.advance(60_000 - world.now().0 % 60_000);
        let began = world.now();
        world.add(&world.job("u")).await;
        world.advance(60_000);
        let held = world.claim(1).await;
        assert!(world.complete(&held[0]).await);
        world.advance(120_000);
        let minutes = world.jobs().minutes(&queue(), 4).await.unwrap();
        let told: Vec<_> = minutes
            .iter()
            .map(|minute| (minute.at.0, minute.enqueued, minute.completed))
            .collect();
        let at = |minute: u64| began.0 + minute * 60_000;
        let before = began.0 - 60_000;
        let expected = [(before, 0, 0), (at(0), 1, 0), (at(1), 0, 1), (at(2), 0, 0)];
        assert_eq!(told, expected);
    });
}
