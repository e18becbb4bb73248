//! The adapter in an engine, on a real store.

use std::rc::Rc;

use exchange_rates::adapters;
use serde_json::json;
use test_support::{TestRedis, World, engine_with, local};

const SETTINGS: &str = r#"
    [sources.Rate]
    adapter = "rust"
    rust = "exchange-rates"
    partition = "app"
"#;

async fn world() -> World {
    let redis = Rc::new(TestRedis::start());
    let engine = engine_with(&redis, SETTINGS, &adapters(), 1).await;
    World::on(redis, 1).await.with_engine(engine)
}

#[test]
fn a_device_gets_the_rates_once() {
    local(async {
        let world = world().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let commands = world.sync(&session, &client, "Rate").await;
        let rates = commands[0]["insert"].as_object().unwrap();
        assert_eq!(rates.len(), 12);
        assert_eq!(
            rates["DEM"],
            json!({"name": "German mark", "per_euro": "1.95583"})
        );
        assert_eq!(world.sync(&session, &client, "Rate").await, [json!({})]);
    });
}

#[test]
fn a_device_that_changes_a_rate_is_told_and_gets_it_back() {
    local(async {
        let world = world().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Rate").await;
        let changes = json!({"update": {"DEM": {"per_euro": "1"}}});
        world
            .push(&session, &client, "Rate", changes)
            .await
            .unwrap();
        let commands = world.sync(&session, &client, "Rate").await;
        assert_eq!(
            commands[0],
            json!({
                "update-error": {
                    "DEM": {"per_euro": "1"},
                    "DEM-error": {"message": "these rates are fixed"}
                },
                "update-rollback": {"DEM": {"name": "German mark", "per_euro": "1.95583"}}
            })
        );
    });
}
