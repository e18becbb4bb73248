//! What administrators see of documents, and how they change them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::{
    AccountError, ApplicationDocument, ApplicationDocuments, DocumentError, ObjectPage,
    ObjectPatch, PutMode, SyncError, Version,
};
use test_support::{World, local};

#[expect(clippy::unwrap_used, reason = "the test's own text")]
fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn to_json(page: &ObjectPage) -> Value {
    let objects: BTreeMap<_, _> = page
        .objects
        .iter()
        .map(|(id, attributes)| (id.as_str(), attributes))
        .collect();
    json!(objects)
}

#[test]
fn a_client_that_administrators_reset_is_told_to_throw_away_what_it_has() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.put("1", &[("name", "a")]);
        world.sync(&session, &client, "Shared").await;
        let told = world.engine.start_client_over(client.as_str(), "Shared");
        assert_eq!(told.await, Ok(()));
        let all = json!({"insert": {"1": {"name": "a"}}});
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [json!({"schema-changed": "true"}), all, json!({})]
        );
    });
}

#[test]
fn a_document_is_read_part_by_part() {
    local(async {
        let world = World::start().await;
        world.sign_in("u1").await;
        let engine = &world.engine;
        let objects: Value = (0..25)
            .map(|number| (format!("o{number:02}"), json!({"n": number})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        engine
            .feed_objects("Pushed", "u1", read(objects))
            .await
            .unwrap();
        let gone = vec!["o03".to_owned(), "o24".to_owned()];
        engine.feed_deletes("Pushed", "u1", gone).await.unwrap();

        let (mut seen, mut parts, mut after) = (BTreeMap::new(), 0, Version::ZERO);
        loop {
            let page = engine.objects("Pushed", "u1", after, 10).await.unwrap();
            seen.extend(page.objects);
            parts += 1;
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!((seen.len(), parts), (23, 3));
        let details = engine.document_details("Pushed", "u1").await.unwrap();
        assert_eq!(details.objects, 23);
        let one = engine.object("Pushed", "u1", "o01").await.unwrap().unwrap();
        assert_eq!(one["n"], "1");
        assert_eq!(engine.object("Pushed", "u1", "o03").await.unwrap(), None);
        let nobody = engine.objects("Own", "nobody", Version::ZERO, 10).await;
        assert!(matches!(
            nobody,
            Err(SyncError::Account(AccountError::UnknownUser { .. }))
        ));
        let nothing = engine.objects("Nothing", "u1", Version::ZERO, 10).await;
        assert!(matches!(nothing, Err(SyncError::UnknownSource { .. })));
    });
}

#[test]
fn what_a_client_has_follows_from_its_cursor() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let engine = &world.engine;
        let all = async || {
            let page = engine.client_objects(client.as_str(), "Pushed", Version::ZERO, 100);
            to_json(&page.await.unwrap())
        };
        let objects = json!({"a": {"x": "1", "y": "1"}, "b": {"x": "2"}});
        engine
            .feed_objects("Pushed", "u1", read(objects.clone()))
            .await
            .unwrap();
        assert_eq!(all().await, json!({}), "it has not synced");
        world.sync(&session, &client, "Pushed").await;
        assert_eq!(all().await, objects);

        let news = json!({"a": {"x": "9"}, "c": {"x": "3"}});
        engine
            .feed_objects("Pushed", "u1", read(news))
            .await
            .unwrap();
        assert_eq!(all().await, json!({"a": {"y": "1"}, "b": {"x": "2"}}));
        let state = engine
            .client_state(client.as_str(), "Pushed")
            .await
            .unwrap()
            .unwrap();
        assert!(state.version < state.latest);
        assert_eq!(state.waiting, 0);
        world.sync(&session, &client, "Pushed").await;
        let whole = json!({"a": {"x": "9", "y": "1"}, "b": {"x": "2"}, "c": {"x": "3"}});
        assert_eq!(all().await, whole);

        engine
            .restart_client(client.as_str(), "Pushed")
            .await
            .unwrap();
        assert_eq!(all().await, json!({}));
        let page = world.pull(&session, &client, "Pushed", "").await.unwrap();
        assert_eq!(page[5]["insert"], whole);
    });
}

#[test]
fn objects_are_replaced_and_patched() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let engine = &world.engine;
        let objects = json!({"a": {"x": "1", "y": "1"}, "b": {"x": "2"}, "c": {"x": "3"}});
        engine
            .feed_objects("Pushed", "u1", read(objects))
            .await
            .unwrap();
        world.sync(&session, &client, "Pushed").await;
        let replaced = json!({"a": {"x": "1"}, "b": {"x": "2"}});
        engine
            .replace_objects("Pushed", "u1", read(replaced.clone()), true)
            .await
            .unwrap();
        let page = world.pull(&session, &client, "Pushed", "").await.unwrap();
        assert_eq!(page[5], json!({"delete": {"a": {"y": ""}, "c": {"x": ""}}}));
        let patch = ObjectPatch {
            remove: vec!["x".to_owned()],
            set: read(json!({"z": "7"})),
        };
        let patches = BTreeMap::from([("a".to_owned(), patch.clone()), ("new".to_owned(), patch)]);
        engine.patch_objects("Pushed", "u1", patches).await.unwrap();
        let page = engine
            .objects("Pushed", "u1", Version::ZERO, 10)
            .await
            .unwrap();
        assert_eq!(
            to_json(&page),
            json!({"a": {"z": "7"}, "b": {"x": "2"}, "new": {"z": "7"}})
        );
    });
}

#[test]
fn an_application_keeps_documents_of_its_own() {
    local(async {
        let world = World::start().await;
        let documents = ApplicationDocuments::new(world.engine.ports());
        let text = |text: &str| ApplicationDocument::Text(text.to_owned());
        assert_eq!(documents.get("k").await.unwrap(), None);
        documents
            .put("k", &text("a"), PutMode::Replace)
            .await
            .unwrap();
        documents
            .put("k", &text("b"), PutMode::Append)
            .await
            .unwrap();
        assert_eq!(documents.get("k").await.unwrap(), Some(text("ab")));
        let hash =
            |name: &str| ApplicationDocument::Hash([(name.to_owned(), "1".to_owned())].into());
        let mixed = documents.put("k", &hash("x"), PutMode::Append).await;
        assert!(matches!(mixed, Err(DocumentError::Invalid { .. })));
        documents
            .put("k", &hash("x"), PutMode::Replace)
            .await
            .unwrap();
        documents
            .put("k", &hash("y"), PutMode::Append)
            .await
            .unwrap();
        let both = ApplicationDocument::Hash(
            ["x", "y"]
                .map(|name| (name.to_owned(), "1".to_owned()))
                .into(),
        );
        assert_eq!(documents.get("k").await.unwrap(), Some(both));
        let huge = documents
            .put(&"k".repeat(600), &hash("x"), PutMode::Replace)
            .await;
        assert!(matches!(huge, Err(DocumentError::Invalid { .. })));
    });
}

#[test]
fn a_reset_leaves_the_administrator_and_nothing_else() {
    local(async {
        let world = World::start().await;
        let engine = &world.engine;
        let origin = sync_core::Origin("test");
        let token = engine
            .accounts()
            .log_in_administrator("rhoadmin", "admin-password", origin)
            .await
            .unwrap();
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let objects = json!({"a": {"x": "1"}});
        engine
            .feed_objects("Pushed", "u1", read(objects))
            .await
            .unwrap();
        engine
            .feed_objects("Made", "u1", read(json!({"a": {"x": "1"}})))
            .await
            .unwrap();
        world.sync(&session, &client, "Pushed").await;
        engine.reset().await.unwrap();
        engine.accounts().check_api_token(&token).await.unwrap();
        assert_eq!(
            engine.accounts().list_users(None, 10).await.unwrap(),
            ["rhoadmin"]
        );
        assert!(
            engine
                .sources(None)
                .await
                .unwrap()
                .iter()
                .all(|source| !source.is_dynamic)
        );
        let pull = world.pull(&session, &client, "Pushed", "").await;
        assert!(matches!(
            pull,
            Err(SyncError::Account(AccountError::NotAuthenticated))
        ));
        let session = world.sign_in("u1").await;
        let unknown = world.pull(&session, &client, "Pushed", "").await;
        assert!(matches!(unknown, Err(SyncError::UnknownClient)));
    });
}

#[test]
fn large_objects_are_fed_listed_and_deleted_a_few_at_a_time() {
    local(async {
        let world = World::start().await;
        world.sign_in("u1").await;
        let engine = &world.engine;
        let ids = || (0..12).map(|number| format!("o{number:02}"));
        let of_size = |letter: &str| -> Value {
            let objects = ids().map(|id| (id, json!({"text": letter.repeat(500_000)})));
            Value::Object(objects.collect())
        };
        for letter in ["a", "b"] {
            let objects = read(of_size(letter));
            engine.feed_objects("Pushed", "u1", objects).await.unwrap();
        }
        let part = engine.objects("Pushed", "u1", Version::ZERO, 100).await;
        let part = part.unwrap();
        assert_eq!(part.objects.len(), 5, "as far as it is two megabytes");
        let rest = part.next.unwrap();
        let rest = engine.objects("Pushed", "u1", rest, 100).await.unwrap();
        assert_eq!(rest.objects.len(), 5);

        let too_large = [(
            "o00".to_owned(),
            json!({"more": "m".repeat(500_000), "most": "m".repeat(500_000)}),
        )];
        let refused = engine
            .feed_objects(
                "Pushed",
                "u1",
                read(Value::Object(too_large.into_iter().collect())),
            )
            .await;
        assert!(refused.unwrap_err().to_string().contains("1048576"));

        let objects = ids().collect();
        engine.feed_deletes("Pushed", "u1", objects).await.unwrap();
        let left = engine.document_details("Pushed", "u1").await.unwrap();
        assert_eq!(left.objects, 0);
    });
}
