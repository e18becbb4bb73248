//! A device goes on from a file: its next pulls bring what came after it, whoever did it.

use futures_util::future::{Either, select};
use serde_json::json;
use sync_core::{BulkDataAnswer, ClientId, PartitionRule, Session};
use sync_jobs::JobState;
use test_support::{World, local};

use crate::device::{
    Downloaded, Objects, apply, ask, ask_until_ready, download, in_back_end, jobs, work,
};

const APP: PartitionRule = PartitionRule::App;
const SHARED: Option<&[&str]> = Some(&["Shared"]);

/// Begins with a file; answers what the device has then.
async fn begin(world: &World, session: &Session, client: &ClientId) -> Objects {
    let path = ask_until_ready(world, (session, client), APP, SHARED).await;
    let content = download(world, session, &path, None).await.unwrap();
    Downloaded::open(&content).objects("Shared")
}

async fn sync(world: &World, session: &Session, client: &ClientId, objects: &mut Objects) {
    for commands in world.sync(session, client, "Shared").await {
        apply(objects, &commands);
    }
}

#[test]
fn what_came_after_the_file_and_nothing_else_comes_with_the_next_pull() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        for id in ["same", "changed", "shorter", "gone"] {
            world.back_end.put(id, &[("a", "1"), ("b", "2")]);
        }
        let mut objects = begin(&world, &session, &client).await;
        assert_eq!(objects, in_back_end(&world));
        world.back_end.put("changed", &[("a", "other"), ("b", "2")]);
        world.back_end.put("shorter", &[("a", "1")]);
        world.back_end.remove("gone");
        world.back_end.put("new", &[("a", "3")]);
        let news = world.sync(&session, &client, "Shared").await;
        assert_eq!(
            news[0],
            json!({
                "insert": {"changed": {"a": "other"}, "new": {"a": "3"}},
                "delete": {"shorter": {"b": ""}, "gone": {"a": "", "b": ""}},
            })
        );
        for commands in &news {
            apply(&mut objects, commands);
        }
        assert_eq!(objects, in_back_end(&world));
    });
}

#[test]
fn a_device_that_goes_on_while_tombstones_are_collected_is_told_of_every_object_that_is_gone() {
    local(async {
        let mut was_held = true;
        let mut moment = 0;
        // Whatever the collection has done when the device gets the file.
        while was_held {
            moment += 1;
            let world = World::start().await;
            let session = world.session("anna").await;
            let (phone, tablet) = (world.client(&session).await, world.client(&session).await);
            world.back_end.put("stays", &[("a", "1")]);
            world.back_end.put("goes", &[("a", "1")]);
            begin(&world, &session, &tablet).await;
            world.back_end.remove("goes");
            world.sync(&session, &tablet, "Shared").await;
            let collector = world.another(None, 7).await;
            let redis = &collector.ports().redis;
            redis.hold_before(moment);
            let collect = async {
                let collected = collector.collect_tombstones("Shared", "anna").await;
                collected.unwrap();
                false
            };
            let collect = std::pin::pin!(collect);
            let holds = std::pin::pin!(async {
                redis.holds().await;
                true
            });
            let (held, rest) = match select(collect, holds).await {
                Either::Left((held, _)) => (held, None),
                Either::Right((held, collect)) => (held, Some(collect)),
            };
            was_held = held;
            let mut objects = begin(&world, &session, &phone).await;
            if let Some(rest) = rest {
                redis.release();
                rest.await;
            }
            sync(&world, &session, &phone, &mut objects).await;
            assert_eq!(objects, in_back_end(&world), "held before command {moment}");
        }
        assert!(moment > 4, "the collection was held only {moment} times");
    });
}

#[test]
fn a_devices_own_changes_after_the_file_was_made_come_back_to_it() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let (phone, tablet) = (world.client(&session).await, world.client(&session).await);
        world.back_end.put("1", &[("a", "1")]);
        world.back_end.put("2", &[("a", "1")]);
        // The tablet has the file made.
        begin(&world, &session, &tablet).await;
        world.sync(&session, &phone, "Shared").await;
        let changes = json!({
            "create": {"t1": {"a": "made"}},
            "update": {"1": {"a": "changed"}},
            "delete": {"2": {"a": "1"}},
        });
        world
            .push(&session, &phone, "Shared", changes)
            .await
            .unwrap();
        // The phone throws its database away for the older file.
        let mut objects = begin(&world, &session, &phone).await;
        assert_eq!(objects.len(), 2, "{objects:?}");
        let news = world.sync(&session, &phone, "Shared").await;
        // The link was not told before, so it comes now.
        assert!(news[0]["links"]["t1"].is_object(), "{news:?}");
        for commands in &news {
            apply(&mut objects, commands);
        }
        assert_eq!(objects, in_back_end(&world));
        // What it does from now on does not come back.
        let changes = json!({"update": {"1": {"a": "again"}}});
        world
            .push(&session, &phone, "Shared", changes)
            .await
            .unwrap();
        let news = world.sync(&session, &phone, "Shared").await;
        assert_eq!(news, [json!({})]);
    });
}

#[test]
fn tokens_of_before_move_no_cursor_of_after() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        for id in ["1", "2", "3"] {
            world.back_end.put(id, &[("a", "1")]);
        }
        begin(&world, &session, &client).await;
        world.back_end.put("1", &[("a", "2")]);
        let page = world.pull(&session, &client, "Shared", "").await.unwrap();
        let token = page[1]["token"].as_str().unwrap().to_owned();
        let mut objects = begin(&world, &session, &client).await;
        let late = world.pull(&session, &client, "Shared", &token).await;
        apply(&mut objects, &late.unwrap()[5]);
        sync(&world, &session, &client, &mut objects).await;
        assert_eq!(objects, in_back_end(&world));
    });
}

#[test]
fn what_deleted_objects_left_is_kept_until_those_with_a_file_have_seen_it() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        for id in ["1", "2"] {
            world.back_end.put(id, &[("a", "1")]);
        }
        let mut objects = begin(&world, &session, &client).await;
        // Somebody else brings the server up to date.
        let other = world.client(&session).await;
        world.back_end.remove("2");
        world.sync(&session, &other, "Shared").await;
        // The file is handed out again: the client has what the file has, not what the server has.
        objects.clone_from(&begin(&world, &session, &client).await);
        assert_eq!(
            world.collect("Shared").await,
            0,
            "the client has not seen it"
        );
        sync(&world, &session, &client, &mut objects).await;
        assert_eq!(objects, in_back_end(&world));
        assert_eq!(world.collect("Shared").await, 1);

        // Now nobody can be told of it any more: the file will not do.
        let made = jobs(&world.engine, JobState::Done).await.len();
        objects = begin(&world, &session, &client).await;
        assert_eq!(objects, in_back_end(&world));
        assert_eq!(jobs(&world.engine, JobState::Done).await.len(), made + 1);
    });
}

#[test]
fn a_file_of_another_schema_or_of_a_document_that_was_removed_is_not_handed_out() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let device = (&session, &client);
        world.back_end.put("1", &[("a", "1")]);
        begin(&world, &session, &client).await;
        world
            .back_end
            .set_schema(Some(r#"{"version":"2","property":{"a":"string"}}"#));
        let other = world.client(&session).await;
        world.sync(&session, &other, "Shared").await;
        assert_eq!(ask(&world, device, APP, SHARED).await, BulkDataAnswer::Wait);
        ask_until_ready(&world, device, APP, SHARED).await;

        // A user's own copy, of a user who is deleted and comes again.
        let user = PartitionRule::User;
        let ben = world.session("ben").await;
        let phone = world.client(&ben).await;
        ask_until_ready(&world, (&ben, &phone), user, Some(&["Own"])).await;
        world.engine.delete_user("ben").await.unwrap();
        let ben = world.session("ben").await;
        let phone = world.client(&ben).await;
        let answer = ask(&world, (&ben, &phone), user, Some(&["Own"])).await;
        assert_eq!(answer, BulkDataAnswer::Wait);
    });
}

#[test]
fn a_client_of_another_user_begins_as_its_new_users() {
    local(async {
        let world = World::start().await;
        let (anna, ben) = (world.session("anna").await, world.session("ben").await);
        let client = world.client(&anna).await;
        let user = PartitionRule::User;
        let annas = ask_until_ready(&world, (&anna, &client), user, Some(&["Own"])).await;
        let bens = ask_until_ready(&world, (&ben, &client), user, Some(&["Own"])).await;
        assert_ne!(annas.split('/').nth(2), bens.split('/').nth(2));
        let details = world.engine.client(client.as_str()).await.unwrap();
        assert_eq!(details.user.as_str(), "ben");
    });
}

#[test]
fn a_client_whose_changes_wait_gets_no_file_before_they_have_their_verdict() {
    use test_support::Fault;
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let device = (&session, &client);
        world.back_end.put("1", &[("a", "1")]);
        begin(&world, &session, &client).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.fail([Fault::Unreachable; 4]);
        let changes = json!({"create": {"t1": {"a": "made"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        assert_eq!(ask(&world, device, APP, SHARED).await, BulkDataAnswer::Wait);
        world.back_end.heal();
        let mut objects = begin(&world, &session, &client).await;
        let news = world.sync(&session, &client, "Shared").await;
        assert!(news[0]["links"]["t1"].is_object(), "{news:?}");
        apply(&mut objects, &news[0]);
        assert_eq!(objects, in_back_end(&world));
    });
}

#[test]
fn a_server_that_dies_while_a_file_is_made_leaves_it_to_another() {
    use test_support::Break;
    local(async {
        for (command, at) in
            (1..200).flat_map(|command| [(command, Break::Before), (command, Break::After)])
        {
            let world = World::start().await;
            let session = world.session("anna").await;
            let client = world.client(&session).await;
            let device = (&session, &client);
            world.back_end.put("1", &[("a", "1")]);
            world.sync(&session, &client, "Shared").await;
            assert_eq!(ask(&world, device, APP, SHARED).await, BulkDataAnswer::Wait);
            let redis = &world.engine.ports().redis;
            redis.break_at(command, at);
            let handlers =
                sync_jobs::JobHandlers::new().with(sync_core::BULK_DATA, bulk_jobs::MakeBulkData);
            let worker = world.engine.worker(&handlers, "bulk");
            let _died = worker.run(sync_jobs::Budget::RING).await;
            if !redis.mend() {
                assert!(command > 20, "a file takes more than {command} commands");
                return;
            }
            world
                .engine
                .ports()
                .clock
                .advance(std::time::Duration::from_secs(40));
            world.engine.sweeper().sweep().await.unwrap();
            work(&world.engine).await;
            let objects = begin(&world, &session, &client).await;
            assert_eq!(
                objects,
                in_back_end(&world),
                "died {at:?} command {command}"
            );
        }
        panic!("making a file never ended");
    });
}
