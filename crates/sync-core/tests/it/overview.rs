//! What the overview costs the store: the same with many devices as with one.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use serde_json::json;
use sync_core::Session;
use test_support::{Fault, World, local};

const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = -1

    [sources.Own]
    adapter = "rust"
    rust = "back-end"
    partition = "user"
    poll_interval = -1
"#;

/// Round trips to the store, and the most bytes that it answers. `docs/benchmarks.md` says them too.
const TRIPS: usize = 2;
const MOST_BYTES: u64 = 4_500;

/// Users who come after the first, and devices of each.
const USERS: usize = 8;
const DEVICES: usize = 25;

/// A device whose change waits.
async fn add_device(world: &World, session: &Session) {
    let client = world.client(session).await;
    for source in ["Shared", "Own"] {
        world.sync(session, &client, source).await;
    }
    world.back_end.fail([Fault::Unreachable; 3]);
    let changes = json!({"create": {"t1": {"name": "a"}}});
    let pushed = world.push(session, &client, "Shared", changes);
    pushed.await.unwrap();
    world.back_end.heal();
}

/// Round trips and bytes of the store's answers.
async fn cost(world: &World) -> (usize, u64) {
    world.engine.metrics().flush().await;
    // The instance knows the registry then, which it reads once a second.
    world.engine.overview("1").await.unwrap();
    let before = world.bytes_from_store().await;
    // What the count of bytes takes itself.
    let asking = world.bytes_from_store().await - before;
    let work = world.engine.overview("1");
    let (overview, trips) = world.engine.ports().redis.in_round_trips(work).await;
    overview.unwrap();
    let bytes = world.bytes_from_store().await - before - 2 * asking;
    (trips, bytes)
}

#[test]
fn the_overview_costs_a_few_round_trips_and_kilobytes_however_many_devices_there_are() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        add_device(&world, &world.sign_in("first").await).await;
        let (trips_of_one, bytes_of_one) = cost(&world).await;
        for number in 0..USERS {
            let session = world.sign_in(&format!("user-{number}")).await;
            for _ in 0..DEVICES {
                add_device(&world, &session).await;
            }
        }
        let (trips, bytes) = cost(&world).await;
        assert_eq!((trips_of_one, trips), (TRIPS, TRIPS), "{bytes} bytes");
        // Numbers have more digits.
        let grown = bytes.abs_diff(bytes_of_one);
        assert!(grown < 200, "{bytes_of_one} bytes became {bytes}");
        assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    });
}
