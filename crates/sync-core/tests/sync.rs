//! What a device sees of the data, from its first sync to its last.

use serde_json::json;
use sync_core::test_support::World;

fn local<F: std::future::Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

#[test]
fn a_first_sync_brings_everything_and_then_nothing() {
    local(async {
        let world = World::start().await;
        world
            .back_end
            .put("1", &[("name", "iPhone"), ("price", "199.99")]);
        world.back_end.put("2", &[("name", "G2")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let page = world.pull(&session, &client, "Shared", "").await.unwrap();
        let everything = json!({"1": {"name": "iPhone", "price": "199.99"}, "2": {"name": "G2"}});
        assert_eq!(
            page,
            json!([{"version": 3}, {"token": "3"}, {"count": 2}, {"progress_count": 0}, {"total_count": 2}, {"insert": everything}])
        );
        let page = world.pull(&session, &client, "Shared", "3").await.unwrap();
        assert_eq!(
            page,
            json!([{"version": 3}, {"token": ""}, {"count": 0}, {"progress_count": 2}, {"total_count": 2}, {}])
        );
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
    });
}

#[test]
fn a_create_comes_back_as_a_link_and_as_news_for_others() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let (mine, other) = (world.client(&session).await, world.client(&session).await);
        world.sync(&session, &other, "Shared").await;
        world
            .push(
                &session,
                &mine,
                "Shared",
                json!({"create": {"t1": {"name": "new"}}}),
            )
            .await
            .unwrap();
        assert_eq!(
            world.sync(&session, &mine, "Shared").await,
            [json!({"links": {"t1": {"l": "b1"}}}), json!({})]
        );
        assert_eq!(
            world.sync(&session, &other, "Shared").await,
            [json!({"insert": {"b1": {"name": "new"}}}), json!({})]
        );
    });
}
