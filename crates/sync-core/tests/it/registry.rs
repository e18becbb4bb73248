//! What administrators change at run time: sources that are in no settings file, poll intervals, the app server.

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{
    AccountError, ChangeQuery, EVERYBODY, Engine, FeedError, MAX_DYNAMIC_SOURCES, PartitionRule,
    PollInterval, SyncError,
};
use sync_proto::api::ChangeState;
use test_support::{TestPorts, World, local, page};

#[expect(clippy::expect_used, reason = "a test that cannot push has failed")]
async fn push_objects<P: sync_core::Ports>(
    engine: &Engine<P>,
    source: &str,
    user: &str,
    objects: Value,
) -> Result<(), FeedError> {
    let objects = serde_json::from_value(objects).expect("objects");
    engine.feed_objects(source, user, objects).await
}

#[expect(clippy::expect_used, reason = "a test that cannot list has failed")]
async fn dynamic(engine: &Engine<TestPorts>) -> Vec<String> {
    let sources = engine.sources(None).await.expect("sources");
    sources
        .into_iter()
        .filter(|source| source.is_dynamic)
        .map(|source| source.name.into_string())
        .collect()
}

#[test]
fn a_push_to_a_source_nobody_knows_makes_it_for_each_user() {
    local(async {
        let world = World::start().await;
        let other = world.another(None, 2).await;
        let (anna, ben) = (world.session("anna").await, world.session("ben").await);
        let (phone, tablet) = (world.client(&anna).await, world.client(&ben).await);
        assert!(dynamic(&world.engine).await.is_empty());

        push_objects(&other, "New", "anna", json!({"1": {"name": "a"}}))
            .await
            .unwrap();
        let new = world.engine.source_info("New").await.unwrap();
        assert!(new.is_dynamic);
        assert_eq!(
            (new.settings.partition, new.settings.poll_interval),
            (PartitionRule::User, PollInterval::Never)
        );
        assert_eq!(dynamic(&world.engine).await, ["New"]);
        let names = world.engine.sources(None).await.unwrap();
        assert!(names.is_sorted_by_key(|source| source.name.clone()));
        assert_eq!(
            world.pull(&anna, &phone, "New", "").await.unwrap(),
            page("2", 1, 0, 1, json!({"insert": {"1": {"name": "a"}}}))
        );
        assert_eq!(
            world.pull(&ben, &tablet, "New", "").await.unwrap(),
            page("", 0, 0, 0, json!({}))
        );
    });
}

#[test]
fn a_push_that_is_refused_makes_no_source() {
    local(async {
        let world = World::start().await;
        world.session("anna").await;
        let wrong = json!({"a\u{1}": {"name": "a"}});
        assert!(matches!(
            push_objects(&world.engine, "New", "anna", wrong).await,
            Err(FeedError::Sync(SyncError::InvalidId(_)))
        ));
        assert!(matches!(
            push_objects(&world.engine, "New", EVERYBODY, json!({})).await,
            Err(FeedError::Sync(SyncError::UnknownSource { .. }))
        ));
        assert!(
            push_objects(&world.engine, "New:1", "anna", json!({}))
                .await
                .is_err()
        );
        assert!(dynamic(&world.engine).await.is_empty());
    });
}

#[test]
fn a_device_that_names_a_source_nobody_knows_leaves_nothing_behind() {
    local(async {
        let world = World::start().await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        let before = world.keys().await;

        let told = world.pull(&anna, &phone, "New", "").await.unwrap();
        let message = "there is no source \"New\", and no app server is set to ask for it";
        let commands = json!({"source-error": {"query-error": {"message": message}}});
        assert_eq!(told, page("", 0, 0, 0, commands));
        let pushed = world
            .push(&anna, &phone, "New", json!({"create": {"t": {"a": "b"}}}))
            .await;
        assert!(matches!(pushed, Err(SyncError::UnknownSource { .. })));
        let no_name = world.pull(&anna, &phone, "a/b", "").await;
        assert!(matches!(no_name, Err(SyncError::UnknownSource { .. })));
        assert_eq!(world.keys().await, before);

        // Whoever asks must be somebody, as for any other source.
        let stranger = "0123456789abcdef".parse().unwrap();
        let told = world.pull(&anna, &stranger, "New", "").await;
        assert_eq!(told, Err(SyncError::UnknownClient));
    });
}

#[test]
fn without_an_app_server_nobody_takes_what_devices_change() {
    local(async {
        let world = World::start().await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        push_objects(&world.engine, "New", "anna", json!({"1": {"name": "a"}}))
            .await
            .unwrap();
        world.sync(&anna, &phone, "New").await;
        world
            .push(
                &anna,
                &phone,
                "New",
                json!({"update": {"1": {"name": "b"}}}),
            )
            .await
            .unwrap();
        let told = world.pull(&anna, &phone, "New", "").await.unwrap();
        assert_eq!(
            told[5],
            json!({
                "update-error": {
                    "1": {"name": "b"},
                    "1-error": {"message": "no app server is set that could take changes of New"},
                },
                "update-rollback": {"1": {"name": "a"}},
            })
        );
    });
}

#[test]
fn there_is_an_end_to_sources() {
    local(async {
        let world = World::start().await;
        let engine = &world.engine;
        for number in 0..MAX_DYNAMIC_SOURCES {
            engine
                .create_dynamic_source(&format!("S{number}"), PartitionRule::App)
                .await
                .unwrap();
        }
        let limit = MAX_DYNAMIC_SOURCES;
        let full = Err(SyncError::TooManySources { limit });
        let one_more = engine
            .create_dynamic_source("More", PartitionRule::App)
            .await;
        assert_eq!(one_more, full.clone());
        world.session("anna").await;
        let fed = push_objects(engine, "More", "anna", json!({})).await;
        assert_eq!(fed, full.map_err(FeedError::Sync));
        for known in ["S1", "Shared"] {
            let again = engine
                .create_dynamic_source(known, PartitionRule::User)
                .await;
            assert_eq!(again, Ok(()), "{known}");
        }
        let rule = engine.source_info("S1").await.unwrap().settings.partition;
        assert_eq!(rule, PartitionRule::App, "it stays as it was");
    });
}

#[test]
fn a_poll_interval_that_is_set_holds_here_at_once_and_elsewhere_a_second_later() {
    local(async {
        let world = World::start().await;
        let other = world.another(None, 2).await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        let interval = async |engine: &Engine<TestPorts>| {
            let info = engine.source_info("Polled").await.unwrap();
            info.settings.poll_interval.to_seconds()
        };
        world.sync(&anna, &phone, "Polled").await;
        assert_eq!(world.back_end.queries(), 1);
        world.sync(&anna, &phone, "Polled").await;
        assert_eq!(world.back_end.queries(), 1, "asked every minute only");

        other.set_poll_interval("Polled", 0).await.unwrap();
        assert_eq!(interval(&other).await, 0);
        world.sync(&anna, &phone, "Polled").await;
        assert_eq!(world.back_end.queries(), 1, "not known here yet");
        world.engine.ports().clock.advance(Duration::from_secs(1));
        world.sync(&anna, &phone, "Polled").await;
        assert_eq!(world.back_end.queries(), 2);

        world.engine.set_poll_interval("Polled", -1).await.unwrap();
        world
            .engine
            .ports()
            .clock
            .advance(Duration::from_secs(1_000));
        world.sync(&anna, &phone, "Polled").await;
        assert_eq!(world.back_end.queries(), 2);

        let wrong = world.engine.set_poll_interval("Polled", -2).await;
        assert!(matches!(wrong, Err(SyncError::InvalidSetting { .. })));
        let unknown = world.engine.set_poll_interval("Nothing", 5).await;
        assert!(matches!(unknown, Err(SyncError::UnknownSource { .. })));
        assert_eq!(interval(&world.engine).await, -1);
    });
}

#[test]
fn pulls_of_a_configured_source_read_the_registry_once_a_second_at_most() {
    local(async {
        let world = World::start().await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        let mut token = String::new();
        let before = world.calls_of("hgetall").await;
        for _ in 0..20 {
            let page = world.pull(&anna, &phone, "Shared", &token).await.unwrap();
            page[1]["token"].as_str().unwrap().clone_into(&mut token);
        }
        assert_eq!(world.calls_of("hgetall").await, before + 1);
    });
}

#[test]
fn the_app_servers_address_is_an_address_or_nothing() {
    local(async {
        let world = World::start().await;
        let engine = &world.engine;
        assert_eq!(engine.app_server().await.unwrap(), None);
        engine.set_app_server("http://crm:8080/api/").await.unwrap();
        assert_eq!(
            engine.app_server().await.unwrap().as_deref(),
            Some("http://crm:8080/api")
        );
        for wrong in ["ftp://x", "crm", "http://", "http://x/?a=b", "http://a b"] {
            let error = engine.set_app_server(wrong).await.unwrap_err();
            assert!(matches!(error, SyncError::InvalidSetting { .. }), "{wrong}");
        }
        engine.set_app_server("").await.unwrap();
        assert_eq!(engine.app_server().await.unwrap(), None);
    });
}

#[test]
fn a_reset_and_a_new_owner_start_over_in_sources_of_run_time_too() {
    local(async {
        let world = World::start().await;
        let (anna, ben) = (world.session("anna").await, world.session("ben").await);
        let phone = world.client(&anna).await;
        let insert = json!({"insert": {"1": {"name": "a"}}});
        push_objects(&world.engine, "New", "anna", json!({"1": {"name": "a"}}))
            .await
            .unwrap();
        assert_eq!(world.sync(&anna, &phone, "New").await[0], insert);
        assert_eq!(world.sync(&anna, &phone, "New").await, [json!({})]);

        let reset = world.engine.reset_client(&anna, phone.as_str(), None);
        reset.await.unwrap();
        assert_eq!(world.sync(&anna, &phone, "New").await[0], insert);

        let register = async |session| {
            let device = Default::default();
            let engine = &world.engine;
            engine
                .register_client(session, phone.as_str(), &device)
                .await
                .unwrap();
        };
        register(&ben).await;
        assert_eq!(world.sync(&ben, &phone, "New").await, [json!({})]);
        register(&anna).await;
        assert_eq!(world.sync(&anna, &phone, "New").await[0], insert);
    });
}

#[test]
fn a_back_end_is_asked_when_its_read_state_says_so() {
    local(async {
        let world = World::start().await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        let asked_by_a_sync = async || {
            let before = world.back_end.queries();
            world.sync(&anna, &phone, "Polled").await;
            world.back_end.queries() - before
        };
        let later = |seconds| {
            let clock = &world.engine.ports().clock;
            clock.advance(Duration::from_secs(seconds));
        };
        let set = async |refresh_in: u64, interval: Option<i64>| {
            let engine = &world.engine;
            engine
                .set_read_state("Polled", "anna", refresh_in, interval)
                .await
        };
        assert_eq!(asked_by_a_sync().await, 1);
        set(0, None).await.unwrap();
        assert_eq!(asked_by_a_sync().await, 1, "at the next sync");
        assert_eq!(asked_by_a_sync().await, 0, "and then as ever");
        set(100, None).await.unwrap();
        later(99);
        assert_eq!(asked_by_a_sync().await, 0, "though the last answer is old");
        later(1);
        assert_eq!(asked_by_a_sync().await, 1);
        later(60);
        assert_eq!(asked_by_a_sync().await, 1, "the interval holds again");

        set(10, Some(5)).await.unwrap();
        later(9);
        assert_eq!(asked_by_a_sync().await, 0);
        later(1);
        assert_eq!(asked_by_a_sync().await, 1);
        later(5);
        assert_eq!(asked_by_a_sync().await, 1);

        assert!(matches!(
            set(0, Some(-7)).await,
            Err(SyncError::InvalidSetting { .. })
        ));
        assert_eq!(asked_by_a_sync().await, 0, "nothing was set");
        let nobody = world.engine.set_read_state("Own", "nobody", 0, None);
        assert!(matches!(
            nobody.await,
            Err(SyncError::Account(AccountError::UnknownUser { .. }))
        ));
    });
}

#[test]
fn a_read_state_that_is_set_while_the_back_end_is_asked_asks_it_again() {
    local(async {
        let world = World::start().await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        let tablet = world.client(&anna).await;
        world.back_end.wait_in_query(true);
        let refresh = world.sync(&anna, &phone, "Polled");
        let meanwhile = async {
            while world.back_end.queries() == 0 {
                tokio::task::yield_now().await;
            }
            world.engine.ports().clock.advance(Duration::from_secs(1));
            let set = world.engine.set_read_state("Polled", "anna", 0, None);
            set.await.unwrap();
            world.back_end.wait_in_query(false);
        };
        futures_util::join!(refresh, meanwhile);
        assert_eq!(world.back_end.queries(), 1);
        world.sync(&anna, &tablet, "Polled").await;
        assert_eq!(world.back_end.queries(), 2);
    });
}

#[test]
fn a_source_that_is_deleted_leaves_nothing_and_may_come_back() {
    local(async {
        let world = World::start().await;
        let anna = world.session("anna").await;
        let phone = world.client(&anna).await;
        // Hints of changes are nobody's, and few.
        let keys = async || {
            let mut keys = world.keys().await;
            keys.retain(|key| !key.ends_with(":changed-documents"));
            keys
        };
        let before = keys().await;
        let engine = &world.engine;
        let push = async || {
            let objects = json!({"1": {"name": "a"}});
            push_objects(engine, "New", "anna", objects).await.unwrap();
        };
        push().await;
        engine.set_poll_interval("New", 7).await.unwrap();
        let refused = json!({"create": {"t": {"name": "b"}}});
        world.sync(&anna, &phone, "New").await;
        world.push(&anna, &phone, "New", refused).await.unwrap();
        let told = world.pull(&anna, &phone, "New", "").await.unwrap();
        let old_token = told[1]["token"].as_str().unwrap().to_owned();
        assert_ne!(keys().await, before);

        engine.delete_dynamic_source("New").await.unwrap();
        // Whoever reads the list of refusals takes off what is no more.
        let refused = ChangeQuery {
            state: Some(ChangeState::Refused),
            limit: 10,
            ..ChangeQuery::default()
        };
        let listed = engine.find_changes(refused).await.unwrap();
        assert_eq!(listed.changes, []);
        assert_eq!(keys().await, before);
        let again = engine.delete_dynamic_source("New").await;
        assert!(matches!(again, Err(SyncError::UnknownSource { .. })));
        let told = world.pull(&anna, &phone, "New", "").await.unwrap();
        assert!(told[5]["source-error"].is_object());

        push().await;
        let told = world.pull(&anna, &phone, "New", &old_token).await.unwrap();
        assert_eq!(
            told[5],
            json!({"schema-changed": "true"}),
            "that token is spent"
        );
        let told = world.sync(&anna, &phone, "New").await;
        assert_eq!(
            told[0],
            json!({"schema-changed": "true"}),
            "what it has is old"
        );
        assert_eq!(told[1], json!({"insert": {"1": {"name": "a"}}}));

        let configured = engine.delete_dynamic_source("Shared").await;
        assert!(matches!(configured, Err(SyncError::InvalidSetting { .. })));
    });
}
