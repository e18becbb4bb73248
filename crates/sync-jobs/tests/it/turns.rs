//! Who comes next, and how many at once.

use std::time::Duration;

use sync_jobs::{Priority, Rate, Retry};
use test_support::local;

use crate::world::{Held, LEASE_MS, World};

fn users(held: &[Held]) -> Vec<&str> {
    held.iter()
        .map(|held| held.job.turn.as_deref().unwrap_or_default())
        .collect()
}

#[test]
fn a_user_with_a_thousand_jobs_does_not_hold_up_the_others() {
    local(async {
        let world = World::start().await;
        for _ in 0..1_000 {
            world.add(&world.job("busy")).await;
        }
        world.claim(10).await;
        for user in ["a", "b", "a"] {
            world.add(&world.job(user)).await;
        }
        let mut next = users(&world.claim(6).await).join(" ");
        next = next.replace("busy ", "").replace(" busy", "");
        assert_eq!(next, "a b a", "they take turns");
    });
}

#[test]
fn a_user_who_was_away_gets_no_more_than_its_turns() {
    local(async {
        let world = World::start().await;
        for _ in 0..20 {
            world.add(&world.job("busy")).await;
        }
        world.claim(10).await;
        for _ in 0..10 {
            world.add(&world.job("back")).await;
        }
        let claimed = world.claim(10).await;
        let back = users(&claimed)
            .iter()
            .filter(|user| **user == "back")
            .count();
        assert!((4..=6).contains(&back), "{:?}", users(&claimed));
    });
}

#[test]
fn a_users_jobs_run_in_the_order_in_which_they_came() {
    local(async {
        let world = World::start().await;
        let mut ids = Vec::new();
        for _ in 0..30 {
            ids.push(world.add(&world.job("u")).await);
            world.add(&world.job("v")).await;
        }
        let claimed = world.claim(60).await;
        let of_u = claimed
            .iter()
            .filter(|held| held.job.turn.as_deref() == Some("u"));
        assert_eq!(
            of_u.map(|held| held.job.id.clone()).collect::<Vec<_>>(),
            ids
        );
    });
}

#[test]
fn higher_priorities_come_first_even_from_the_same_user() {
    local(async {
        let world = World::start().await;
        let mut ids = Vec::new();
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            let job = sync_jobs::NewJob {
                priority,
                ..world.job("u")
            };
            ids.insert(0, world.add(&job).await);
        }
        let claimed = world.claim(3).await;
        assert_eq!(
            claimed
                .iter()
                .map(|held| held.job.id.clone())
                .collect::<Vec<_>>(),
            ids
        );
    });
}

#[test]
fn nothing_is_claimed_from_a_paused_queue_and_nobody_is_rung_for() {
    local(async {
        let world = World::start().await;
        world.add(&world.job("u")).await;
        let queue = crate::world::queue();
        world.jobs().set_paused(&queue, true).await.unwrap();
        assert!(world.claim(1).await.is_empty());
        assert!(world.sweep().await.ready.is_empty());
        world.jobs().set_paused(&queue, false).await.unwrap();
        assert_eq!(world.sweep().await.ready, [queue]);
        assert_eq!(world.claim(1).await.len(), 1);
    });
}

#[test]
fn no_more_run_at_once_than_the_queue_allows_however_many_claim() {
    local(async {
        let world = World::start().await;
        for _ in 0..10 {
            world.add(&world.job("u")).await;
        }
        let first = world
            .claim_as(|claim| claim.limits.concurrency = Some(3), 2)
            .await;
        let second = world
            .claim_as(|claim| claim.limits.concurrency = Some(3), 5)
            .await;
        assert_eq!((first.len(), second.len()), (2, 1));
        assert!(world.complete(&first[0]).await);
        assert!(
            world
                .fail(&first[1], Retry::After(Duration::from_millis(1)))
                .await
        );
        assert_eq!(
            world
                .claim_as(|claim| claim.limits.concurrency = Some(3), 5)
                .await
                .len(),
            2
        );
        world.advance(LEASE_MS);
        let after = world
            .claim_as(|claim| claim.limits.concurrency = Some(3), 5)
            .await;
        assert_eq!(after.len(), 3, "those whose workers are gone do not count");
    });
}

#[test]
fn no_more_are_started_in_a_period_than_the_rate_allows() {
    local(async {
        let world = World::start().await;
        for _ in 0..40 {
            world.add(&world.job("u")).await;
        }
        let rate = Rate {
            starts: 10,
            period: Duration::from_secs(1),
        };
        let claim = || world.claim_as(|claim| claim.limits.rate = Some(rate), 100);
        assert_eq!(claim().await.len(), 10, "a burst");
        assert_eq!(claim().await.len(), 0);
        world.advance(99);
        assert_eq!(claim().await.len(), 0);
        world.advance(1);
        assert_eq!(claim().await.len(), 1);
        world.advance(500);
        assert_eq!(claim().await.len(), 5);
        world.advance(60_000);
        assert_eq!(claim().await.len(), 10, "what was not used is not saved up");
    });
}

#[test]
fn a_job_that_takes_its_workers_with_it_runs_alone_and_the_others_live() {
    local(async {
        let world = World::start().await;
        let poison = sync_jobs::NewJob {
            max_attempts: 5,
            ..world.job("poison")
        };
        let poison = world.add(&poison).await;
        let mut innocent = Vec::new();
        for number in 0..5 {
            let job = sync_jobs::NewJob {
                max_attempts: 5,
                ..world.job(&format!("u{number}"))
            };
            innocent.push(world.add(&job).await);
        }
        // Whoever runs it disappears, with all it runs.
        for _ in 0..100 {
            world.sweep().await;
            let claimed = world.claim(10).await;
            if claimed.iter().any(|held| held.job.id == poison) {
                world.advance(LEASE_MS);
                continue;
            }
            for held in &claimed {
                assert!(world.complete(held).await);
            }
            if claimed.is_empty() {
                break;
            }
        }
        let dead = world.show(&poison).await;
        assert_eq!(dead.state, sync_jobs::JobState::Dead);
        assert_eq!(
            dead.reason.as_deref(),
            Some("its worker crashed at the last attempt")
        );
        assert_eq!(dead.errors.len(), 5);
        assert!(dead.errors[0].error.starts_with("crashed"), "{dead:?}");
        for id in &innocent {
            assert_eq!(world.show(id).await.state, sync_jobs::JobState::Done);
        }
    });
}
