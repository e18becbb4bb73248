//! Event streams: who is told that something has changed, and until when.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use sync_core::{Accounts, DeviceSession, Live, LiveError, Secret, StreamId};
use test_support::{Break, NativeRedis, TestPorts, World, local};

use crate::device_sync::{Copy, device, feed, start, sync};

/// The streams of an instance, and the connection over which it waits.
pub(crate) struct Instance {
    live: Live<TestPorts>,
    waiting: NativeRedis,
}

impl Instance {
    pub(crate) async fn of(world: &World) -> Self {
        let ports = Rc::new(TestPorts::to(&world.redis, 9).await);
        let engine = &world.engine;
        let key = engine.accounts().sessions().clone();
        let settings = &engine.settings().authentication;
        let accounts = Accounts::new(&ports, settings, key, Secret::new(String::new()));
        Self {
            live: Live::new(ports, accounts),
            waiting: NativeRedis::connect(&world.redis.url()).await,
        }
    }

    pub(crate) async fn open(&self, device: &DeviceSession) -> StreamId {
        self.live.open(device.clone()).await.unwrap().0
    }

    /// What is told in a round.
    pub(crate) async fn round(&self) -> Vec<(StreamId, Option<String>)> {
        let told = self.live.round(&self.waiting).await.into_iter();
        let text = |text: bytes::Bytes| String::from_utf8(text.to_vec()).unwrap();
        told.map(|told| (told.stream, told.text.map(text)))
            .collect()
    }

    /// A second passes, for which an instance relies on what it has read.
    fn a_second(&self) {
        self.live.ports().clock.advance(Duration::from_secs(1));
    }
}

pub(crate) fn event(sources: &[&str]) -> Option<String> {
    Some(format!("data: {}\n\n", json!({"sources": sources})))
}

#[test]
fn a_device_is_told_of_the_sources_it_follows_and_of_its_own_copies() {
    local(async {
        let world = start().await;
        let (mine, theirs) = (device(&world, "u1").await, device(&world, "u2").await);
        sync(&world, &mine, &mut Copy::of(&["Shared", "Own"])).await;
        sync(&world, &theirs, &mut Copy::of(&["Own", "Typed"])).await;
        let instance = Instance::of(&world).await;
        // What was committed before is no news.
        feed(&world, "Own", "u1", json!({"a": {"n": "1"}})).await;
        let (mine, theirs) = (instance.open(&mine).await, instance.open(&theirs).await);
        assert_eq!(instance.round().await, []);
        feed(&world, "Own", "u1", json!({"a": {"n": "2"}})).await;
        feed(&world, "Shared", "u1", json!({"a": {"n": "2"}})).await;
        let told = instance.round().await;
        assert_eq!(told, [(mine, event(&["Own", "Shared"]))]);
        feed(&world, "Typed", "u1", json!({"a": {"n": "2"}})).await;
        feed(&world, "Own", "u2", json!({"a": {"n": "2"}})).await;
        let told = instance.round().await;
        assert_eq!(told, [(theirs, event(&["Own", "Typed"]))]);
        instance.live.close(mine);
        feed(&world, "Own", "u1", json!({"a": {"n": "3"}})).await;
        assert_eq!(instance.round().await, []);
        assert!(!instance.live.is_over());
        instance.live.close(theirs);
        assert!(instance.live.is_over());
    });
}

#[test]
fn a_stream_hears_of_sources_that_its_device_begins_with_later() {
    local(async {
        let world = start().await;
        let (mine, theirs) = (device(&world, "u1").await, device(&world, "u2").await);
        let instance = Instance::of(&world).await;
        let (one, other) = (instance.open(&mine).await, instance.open(&theirs).await);
        feed(&world, "Typed", "u1", json!({"a": {"n": "1"}})).await;
        assert_eq!(instance.round().await, [], "nobody follows it");
        sync(&world, &mine, &mut Copy::of(&["Typed"])).await;
        feed(&world, "Typed", "u1", json!({"a": {"n": "2"}})).await;
        assert_eq!(instance.round().await, [(one, event(&["Typed"]))]);
        // Where the store does not say what it follows, that is asked again.
        sync(&world, &theirs, &mut Copy::of(&["Typed", "Own"])).await;
        feed(&world, "Own", "u2", json!({"a": {"n": "2"}})).await;
        instance.live.ports().redis.break_at(1, Break::Before);
        assert_eq!(instance.round().await, []);
        assert!(instance.live.ports().redis.mend());
        assert_eq!(instance.round().await, [(other, event(&["Own"]))]);
        feed(&world, "Typed", "u1", json!({"a": {"n": "3"}})).await;
        let told = instance.round().await;
        assert_eq!(told, [(one, event(&["Typed"])), (other, event(&["Typed"]))]);
        // A device that has everything begins with nothing.
        sync(&world, &mine, &mut Copy::of(&["Typed"])).await;
        assert_eq!(instance.round().await, []);
    });
}

#[test]
fn streams_show_signs_of_life_and_end_by_themselves_one_after_the_other() {
    local(async {
        let world = start().await;
        let instance = Instance::of(&world).await;
        let device = device(&world, "u1").await;
        let (one, other) = (instance.open(&device).await, instance.open(&device).await);
        // Nobody hears from the store: each round is a second then.
        instance.waiting.break_at(1, Break::Before);
        let beat = Some(":\n\n".to_owned());
        let (mut beats, mut ends) = (Vec::new(), Vec::new());
        for second in 1.. {
            for (stream, text) in instance.round().await {
                match text {
                    Some(text) => {
                        assert_eq!(Some(text), beat);
                        beats.push((second, stream));
                    }
                    None => ends.push(second),
                }
            }
            if instance.live.is_over() {
                break;
            }
        }
        assert_eq!(beats[..3], [(20, one), (20, other), (40, one)]);
        assert_eq!(ends.len(), 2);
        assert!(ends.iter().all(|second| (300..=600).contains(second)));
        assert!(ends[0] < ends[1], "{ends:?}");
    });
}

#[test]
fn who_signs_out_or_is_shut_out_is_told_nothing_more() {
    local(async {
        let world = start().await;
        let (one, other) = (device(&world, "u1").await, device(&world, "u2").await);
        sync(&world, &one, &mut Copy::of(&["Typed"])).await;
        let instance = Instance::of(&world).await;
        let (first, second) = (instance.open(&one).await, instance.open(&other).await);
        world
            .engine
            .accounts()
            .end_device_session(&one)
            .await
            .unwrap();
        feed(&world, "Typed", "u1", json!({"a": {"n": "2"}})).await;
        instance.a_second();
        assert_eq!(instance.round().await, [(first, None)]);
        assert!(matches!(
            instance.live.open(one).await,
            Err(LiveError::Account(_))
        ));
        world
            .engine
            .delete_client(None, other.client().as_str())
            .await
            .unwrap();
        instance.a_second();
        assert_eq!(instance.round().await, [(second, None)]);
        assert!(instance.live.is_over());
    });
}

#[test]
fn a_store_that_does_not_answer_ends_no_stream_and_what_was_missed_is_told() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        sync(&world, &device, &mut Copy::of(&["Typed"])).await;
        let instance = Instance::of(&world).await;
        let stream = instance.open(&device).await;
        instance.waiting.break_at(1, Break::Before);
        assert_eq!(instance.round().await, []);
        feed(&world, "Typed", "u1", json!({"a": {"n": "2"}})).await;
        assert_eq!(instance.round().await, []);
        assert!(instance.waiting.mend());
        assert_eq!(instance.round().await, [(stream, event(&["Typed"]))]);
    });
}
