//! Ids whose jobs are gone: somebody has deleted a hash, or Redis has evicted it. The others are none the worse for it.

use sync_jobs::{Enqueued, JobId, JobState, NewJob, Retry};
use sync_redis::{RedisConn as _, args};
use test_support::local;

use crate::world::{LEASE_MS, World, queue};

impl World {
    async fn lose(&self, id: &JobId) {
        let key = format!("rhosync:1:{{jobs}}:job:{id}");
        let lost = self.redis().run(args!["DEL", key]).await.unwrap();
        assert_eq!(lost, [sync_redis::RedisValue::Int(1)]);
    }

    async fn is_known(&self, id: &JobId) -> bool {
        self.jobs().show(id).await.unwrap().is_some()
    }

    async fn lost_lately(&self) -> Option<u64> {
        self.advance(60_000);
        let counts = self.counts(5).await;
        counts.lately.get("lost").copied()
    }
}

#[test]
fn a_sweep_passes_over_ids_without_a_job_and_moves_the_rest() {
    local(async {
        let world = World::start().await;
        let mut delayed = Vec::new();
        for wait in 1..=3 {
            let job = NewJob {
                max_attempts: 3,
                ..world.job_in("u", wait)
            };
            delayed.push(world.add(&job).await);
        }
        for _ in 0..3 {
            world.add(&world.job("u")).await;
        }
        let leased = world.claim(3).await;
        world.lose(&delayed[0]).await;
        world.lose(&leased[0].job.id).await;
        world.advance(LEASE_MS);
        world.sweep().await;
        let mut ready = world.ids(JobState::Ready).await;
        ready.sort();
        let mut rest = vec![delayed[1].clone(), delayed[2].clone()];
        rest.extend(leased[1..].iter().map(|held| held.job.id.clone()));
        assert_eq!(ready, rest);
        assert!(world.ids(JobState::Delayed).await.is_empty());
        assert!(world.ids(JobState::Leased).await.is_empty());
        assert!(!world.is_known(&delayed[0]).await, "nothing was made of it");
        assert_eq!(world.lost_lately().await, Some(2));
    });
}

#[test]
fn a_claim_passes_over_ids_without_a_job_and_takes_the_rest() {
    local(async {
        let world = World::start().await;
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(world.add(&world.job("u")).await);
        }
        for id in [&ids[0], &ids[1], &ids[3]] {
            world.lose(id).await;
        }
        let claimed = world.claim(2).await;
        let claimed: Vec<JobId> = claimed.iter().map(|held| held.job.id.clone()).collect();
        assert_eq!(claimed, [ids[2].clone(), ids[4].clone()]);
        assert_eq!(world.ids(JobState::Ready).await, [ids[5].clone()]);
        assert!(!world.is_known(&ids[0]).await, "nothing was made of it");
        assert_eq!(world.lost_lately().await, Some(3));
    });
}

#[test]
fn a_unique_key_whose_job_is_gone_keeps_no_other_from_being_taken_in() {
    local(async {
        let world = World::start().await;
        let job = NewJob {
            unique: Some("k".to_owned()),
            ..world.job("u")
        };
        let gone = world.add(&job).await;
        world.lose(&gone).await;
        let again = world.add(&job).await;
        assert_ne!(again, gone);
        world.lose(&again).await;
        let once = world.jobs().enqueue_once(&job).await.unwrap();
        assert!(matches!(once, Enqueued::New(_)), "{once:?}");
        assert_eq!(world.claim(10).await.len(), 1);
    });
}

#[test]
fn a_retry_of_all_passes_over_ids_without_a_job() {
    local(async {
        let world = World::start().await;
        let mut dead = Vec::new();
        for _ in 0..2 {
            dead.push(world.add(&world.job("u")).await);
            let held = world.claim(1).await.remove(0);
            assert!(world.fail(&held, Retry::Never).await);
        }
        world.lose(&dead[0]).await;
        assert_eq!(world.jobs().retry_all(&queue(), 10).await.unwrap(), 1);
        assert_eq!(world.ids(JobState::Ready).await, [dead[1].clone()]);
        assert!(world.ids(JobState::Dead).await.is_empty());
        assert!(!world.is_known(&dead[0]).await, "nothing was made of it");
    });
}
