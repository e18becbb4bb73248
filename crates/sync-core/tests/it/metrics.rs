//! What instances count, and how it gets to the store.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::time::Duration;

use sync_core::{AskedBy, Clock as _, Engine, Measurements, RequestOutcome, StatsError, Value};
use test_support::{Break, TestPorts, World, local};

const SETTINGS: &str = "stats = true\n[sources.Pushed]\nadapter = \"push-only\"";

fn count(engine: &Engine<TestPorts>, route: &'static str, took: Duration) {
    engine.metrics().meter().request(RequestOutcome {
        method: "GET",
        route,
        status: 200,
        took,
        asked_by: AskedBy::Other,
    });
}

/// How many requests of a route the store knows of.
fn requests(measured: &Measurements, route: &str) -> u64 {
    let (_, samples) = &measured.families[0];
    let sample = samples.iter().find(|sample| sample.labels[1] == route);
    sample.map_or(0, |sample| match sample.value {
        Value::Number(number) => number,
        Value::Durations { .. } => panic!("a histogram"),
    })
}

#[test]
fn many_instances_at_once_lose_nothing_and_count_nothing_twice() {
    local(async {
        let world = World::start().await;
        let mut instances = Vec::new();
        for seed in 0..4 {
            instances.push(world.another(Some(SETTINGS), seed).await);
        }
        for round in 1..=5_u64 {
            let work = instances.iter().map(|engine| async move {
                for _ in 0..25 {
                    count(engine, "/x", Duration::from_micros(1_500));
                }
                assert!(engine.metrics().must_flush());
                assert!(!engine.metrics().must_flush(), "somebody is about to");
                engine.metrics().flush_soon().await;
            });
            futures_util::future::join_all(work).await;
            let measured = world.engine.metrics().measured().await.unwrap();
            assert_eq!(requests(&measured, "/x"), round * 100);
        }
        let stats = instances[0]
            .metrics()
            .stats("http:GET:/x", 0, -1)
            .await
            .unwrap();
        let minute = instances[0].ports().clock.now().0 / 60_000 * 60;
        assert_eq!(stats, [format!("500.0,0.75:{minute}")]);
        assert!(!instances[0].metrics().must_flush(), "there is nothing new");
    });
}

#[test]
fn what_could_not_be_brought_to_the_store_is_given_up() {
    local(async {
        let world = World::start().await;
        let engine = world.another(Some(SETTINGS), 2).await;
        // From here on the store knows the script, so that counting is one command.
        count(&engine, "/x", Duration::ZERO);
        engine.metrics().flush_soon().await;
        for (at, counted) in [(Break::Before, 1), (Break::After, 2)] {
            engine.ports().redis.break_at(1, at);
            count(&engine, "/x", Duration::ZERO);
            assert!(engine.metrics().must_flush());
            engine.metrics().flush_soon().await;
            assert!(engine.ports().redis.mend());
            assert!(!engine.metrics().must_flush());
            let measured = world.engine.metrics().measured().await.unwrap();
            assert_eq!(requests(&measured, "/x"), counted);
        }
        count(&engine, "/x", Duration::ZERO);
        assert!(
            engine.metrics().must_flush(),
            "the next one is brought again"
        );
    });
}

#[test]
fn stats_are_kept_for_a_week_and_not_at_all_where_they_are_off() {
    local(async {
        let world = World::start().await;
        let engine = world.another(Some(SETTINGS), 2).await;
        let clock = &engine.ports().clock;
        let mut minutes = Vec::new();
        for seconds in [0, 60, 7 * 24 * 3_600 - 60, 60] {
            clock.advance(Duration::from_secs(seconds));
            minutes.push(clock.now().0 / 60_000 * 60);
            count(&engine, "/x", Duration::from_millis(2));
            engine.metrics().flush_soon().await;
        }
        let entries: Vec<_> = minutes
            .iter()
            .map(|minute| format!("1.0,0.002:{minute}"))
            .collect();
        let left = engine.metrics().stats("http:GET:/x", 0, -1).await.unwrap();
        assert_eq!(left, entries[1..]);
        let some = engine.metrics().stats("http:GET:/x", 1, 1).await.unwrap();
        assert_eq!(some, entries[2..3]);
        let last = engine.metrics().stats("http:GET:/x", -1, -1).await.unwrap();
        assert_eq!(last, entries[3..]);

        count(&world.engine, "/y", Duration::ZERO);
        world.engine.metrics().flush_soon().await;
        let off = world.engine.metrics().stats("http:GET:/y", 0, -1).await;
        assert!(matches!(off, Err(StatsError::Off)));
        let unknown = engine.metrics().stats("http:GET:/y", 0, -1).await;
        assert!(matches!(unknown, Err(StatsError::UnknownMetric)));
    });
}

#[test]
fn clients_are_counted_once_however_often_they_register() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        world.client(&session).await;
        world
            .engine
            .register_client(&session, client.as_str(), &Default::default())
            .await
            .unwrap();
        let clients = async || {
            let measured = world.engine.metrics().measured().await.unwrap();
            let (family, samples) = measured.families.last().unwrap();
            assert_eq!(family.name, "rhosync_clients");
            samples[0].value.clone()
        };
        assert_eq!(clients().await, Value::Number(2));
        world.engine.delete_user("anna").await.unwrap();
        assert_eq!(clients().await, Value::Number(0));
    });
}
