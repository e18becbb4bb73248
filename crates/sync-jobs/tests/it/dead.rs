//! How many dead jobs are kept, and for how long.

use std::time::Duration;

use sync_jobs::{History, JobId, JobState, NewJob, Retry};
use sync_redis::{RedisConn as _, args};
use test_support::local;

use crate::world::{World, queue};

const KEPT: History = History {
    retention: Duration::from_secs(3_600),
    max_jobs: 3,
};

impl World {
    async fn die(&self, name: &str) -> JobId {
        let job = NewJob {
            name: name.to_owned(),
            ..self.job("u")
        };
        let id = self.add(&job).await;
        let held = self.claim(1).await.remove(0);
        assert!(self.fail(&held, Retry::Never).await);
        self.advance(1_000);
        id
    }

    async fn keys(&self) -> usize {
        let keys = self.redis().run(args!["KEYS", "*:job:*"]).await.unwrap();
        let dead = self.redis().run(args!["KEYS", "*:dead*"]).await.unwrap();
        keys.len() + dead.len()
    }
}

#[test]
fn dead_jobs_push_out_the_oldest_of_their_own_name() {
    local(async {
        let world = World::start().await;
        world.keep_dead(KEPT);
        let changes = [world.die("deliver").await, world.die("deliver").await];
        let mut pings = Vec::new();
        for _ in 0..50 {
            pings.push(world.die("push").await);
        }
        let mut kept: Vec<JobId> = pings[47..].iter().chain(&changes).cloned().collect();
        kept.sort();
        let mut dead = world.ids(JobState::Dead).await;
        dead.sort();
        assert_eq!(dead, kept);
        assert_eq!(world.counts(0).await.forgotten, 47);
        // Five jobs, the set of all, and one for each name.
        assert_eq!(world.keys().await, 8);
    });
}

#[test]
fn a_dead_job_is_forgotten_after_its_time() {
    local(async {
        let world = World::start().await;
        world.keep_dead(KEPT);
        world.die("deliver").await;
        world.advance(3_600_000);
        let young = world.die("push").await;
        world.sweep().await;
        assert_eq!(world.ids(JobState::Dead).await, [young]);
        assert_eq!(world.counts(0).await.forgotten, 1);
        world.advance(3_600_001);
        world.sweep().await;
        assert_eq!(world.keys().await, 0);
    });
}

#[test]
fn a_job_that_is_not_dead_any_more_does_not_count_as_one() {
    local(async {
        let world = World::start().await;
        world.keep_dead(KEPT);
        let retried = world.die("push").await;
        let discarded = world.die("push").await;
        let all = world.die("push").await;
        world.jobs().retry(&retried, None).await.unwrap().unwrap();
        world.jobs().discard(&discarded).await.unwrap().unwrap();
        assert_eq!(world.jobs().retry_all(&queue(), 10).await.unwrap(), 1);
        assert_eq!(world.keys().await, 2, "no set of dead jobs");
        assert_eq!(world.ids(JobState::Ready).await, [retried, all]);
        assert_eq!(world.counts(0).await.forgotten, 0, "somebody wanted that");
    });
}

#[test]
fn a_job_whose_workers_crashed_counts_among_the_dead_too() {
    local(async {
        let world = World::start().await;
        world.keep_dead(KEPT);
        for _ in 0..10 {
            let job = NewJob {
                max_attempts: 1,
                ..world.job("u")
            };
            world.add(&job).await;
            assert_eq!(world.claim(1).await.len(), 1);
            world.advance(60_000);
            world.sweep().await;
        }
        assert_eq!(world.ids(JobState::Dead).await.len(), 3);
        assert_eq!(world.counts(0).await.forgotten, 7);
    });
}
