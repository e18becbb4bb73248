use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::rhoconnect::page::Page;

/// A page with this command object.
fn page(command: Value) -> Page {
    Page::parse(
        json!([{"version": 3}, {"token": "7"}, command])
            .to_string()
            .as_bytes(),
    )
    .unwrap()
}

/// A replica that has received these objects.
fn replica(objects: Value) -> Replica {
    let mut replica = Replica::new("Product");
    replica.apply(page(json!({"insert": objects})));
    replica
}

fn seen(replica: &Replica) -> Value {
    serde_json::to_value(replica.objects().collect::<BTreeMap<_, _>>()).unwrap()
}

/// Sends what is queued to a server that takes everything.
fn push(replica: &mut Replica) -> Push {
    let push = replica.take_push();
    replica.accepted(&push);
    push
}

fn ids(ids: &BTreeSet<ObjectId>) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

#[test]
fn a_page_adds_changes_and_removes_by_attribute() {
    let mut replica = replica(json!({"1": {"a": "x", "b": "y"}, "2": {"a": "x"}, "3": {"a": "x"}}));
    let applied = replica.apply(page(json!({
        "delete": {"1": {"a": "x", "b": "y"}, "2": {"a": "x"}, "9": {"a": "x"}},
        "insert": {"1": {"a": "z"}, "3": {"a": "x"}, "4": {"a": "new"}},
    })));
    assert_eq!(
        seen(&replica),
        json!({"1": {"a": "z"}, "3": {"a": "x"}, "4": {"a": "new"}})
    );
    assert_eq!(
        (
            ids(&applied.added),
            ids(&applied.changed),
            ids(&applied.removed)
        ),
        (vec!["4"], vec!["1"], vec!["2"])
    );
}

#[test]
fn changes_to_an_object_made_offline_merge_into_its_create() {
    let mut replica = Replica::new("Product");
    let id = replica.create([("name", "Lamp"), ("price", "1")]);
    assert!(replica.update(&id, [("price", "2")]));
    let push = replica.take_push();
    assert_eq!(
        push.counts(),
        PushCounts {
            created: 1,
            ..PushCounts::default()
        }
    );
    assert_eq!(push.create[&id]["price"], "2");
}

#[test]
fn an_object_deleted_before_it_went_up_leaves_no_trace() {
    let mut replica = Replica::new("Product");
    let id = replica.create([("name", "Lamp")]);
    assert!(replica.delete(&id));
    assert_eq!(replica, Replica::new("Product"));
    assert!(!replica.delete(&id) && !replica.update(&id, [("name", "x")]));
}

#[test]
fn a_deleted_object_is_gone_at_once_and_goes_up_with_its_values() {
    let mut replica = replica(json!({"1": {"name": "Lamp"}}));
    replica.update("1", [("name", "Lantern")]);
    replica.delete("1");
    assert_eq!(seen(&replica), json!({}));
    let push = push(&mut replica);
    assert!(push.update.is_empty());
    assert_eq!(push.delete["1"]["name"], "Lamp");
    assert!(!replica.has_changes());
}

#[test]
fn a_page_does_not_overwrite_what_is_still_to_be_sent() {
    let mut replica = replica(json!({"1": {"name": "Lamp", "price": "1"}}));
    replica.update("1", [("price", "2")]);
    replica.apply(page(json!({"delete": {"1": {"price": "1"}}, "insert": {"1": {"price": "3", "name": "Lantern"}}})));
    assert_eq!(
        seen(&replica),
        json!({"1": {"name": "Lantern", "price": "2"}})
    );
    assert_eq!(
        push(&mut replica).update["1"],
        Attributes::from([("price".into(), "2".into())])
    );
    assert_eq!(
        seen(&replica),
        json!({"1": {"name": "Lantern", "price": "2"}})
    );
}

#[test]
fn a_change_made_while_a_push_travels_stays_queued() {
    let mut replica = replica(json!({"1": {"a": "1", "b": "1"}, "2": {"a": "1"}}));
    replica.update("1", [("a", "2"), ("b", "2")]);
    replica.update("2", [("a", "2")]);
    let travelling = replica.take_push();
    replica.update("1", [("a", "3")]);
    replica.delete("2");
    replica.accepted(&travelling);
    let next = replica.take_push();
    assert_eq!(
        next.update,
        Objects::from([("1".into(), [("a".into(), "3".into())].into())])
    );
    assert_eq!(next.delete["2"]["a"], "2");
}

#[test]
fn a_link_renames_the_object_its_changes_and_what_refers_to_it() {
    let mut replica = Replica::new("Product");
    replica.create_as("parent", [("name", "Lamp")]);
    replica.create_as("child", [("of", "parent")]);
    assert_eq!(
        push(&mut replica).create.into_keys().collect::<Vec<_>>(),
        ["parent"]
    );
    replica.update("parent", [("name", "Lantern")]);
    assert!(
        replica.take_push().is_empty(),
        "both wait for the parent's id"
    );

    let applied = replica.apply(page(
        json!({"links": {"parent": {"l": "1"}, "nobody": {"l": "2"}}}),
    ));
    assert_eq!(
        applied.linked,
        BTreeMap::from([("parent".into(), "1".into())])
    );
    assert!(applied.added.is_empty() && applied.removed.is_empty() && applied.changed.is_empty());
    assert_eq!(
        seen(&replica),
        json!({"1": {"name": "Lantern"}, "child": {"of": "1"}})
    );
    let push = push(&mut replica);
    assert_eq!(
        (&*push.create["child"]["of"], &*push.update["1"]["name"]),
        ("1", "Lantern")
    );
}

#[test]
fn a_create_that_got_no_answer_is_repeated_unchanged() {
    let mut replica = Replica::new("Product");
    replica.create_as("t", [("name", "Lamp")]);
    let lost = replica.take_push();
    replica.update("t", [("name", "Lantern")]);
    assert!(replica.has_changes());
    let again = push(&mut replica);
    assert!(again.number > lost.number, "and yet it is another push");
    assert_eq!(
        again.create, lost.create,
        "the server may have it and looks at the id only"
    );
    assert!(again.update.is_empty());

    replica.apply(page(json!({"links": {"t": {"l": "1"}}})));
    assert_eq!(push(&mut replica).update["1"]["name"], "Lantern");
    assert_eq!(seen(&replica), json!({"1": {"name": "Lantern"}}));
}

#[test]
fn an_object_deleted_while_its_create_travels_is_deleted_under_its_new_id() {
    let mut replica = Replica::new("Product");
    replica.create_as("t", [("name", "Lamp")]);
    push(&mut replica);
    replica.delete("t");
    assert_eq!(seen(&replica), json!({}));
    assert!(replica.take_push().is_empty());
    replica.apply(page(json!({"links": {"t": {"l": "1"}}})));
    assert_eq!(seen(&replica), json!({}));
    assert!(push(&mut replica).delete.contains_key("1"));
}

#[test]
fn a_refused_create_takes_the_object_away() {
    let mut replica = Replica::new("Product");
    replica.create_as("t", [("name", "wrong")]);
    push(&mut replica);
    replica.update("t", [("price", "1")]);
    let applied = replica.apply(page(
        json!({"create-error": {"t": {"name": "wrong"}, "t-error": {"message": "no"}}}),
    ));
    assert_eq!(
        (&*applied.rejections[0].message, ids(&applied.removed)),
        ("no", vec!["t"])
    );
    assert_eq!((seen(&replica), replica.has_changes()), (json!({}), false));
}

#[test]
fn a_create_the_back_end_made_nothing_of_takes_the_object_away() {
    let mut replica = Replica::new("Product");
    replica.create_as("t", [("name", "Lamp")]);
    push(&mut replica);
    replica.apply(page(json!({"delete": {"t": {"name": "Lamp"}}})));
    assert_eq!((seen(&replica), replica.has_changes()), (json!({}), false));
}

#[test]
fn a_refused_update_puts_the_old_values_back() {
    let mut replica = replica(json!({"1": {"name": "Lamp", "price": "1"}}));
    replica.update("1", [("name", "wrong"), ("colour", "red")]);
    push(&mut replica);
    let refusal = json!({
        "update-error": {"1": {"name": "wrong", "colour": "red"}, "1-error": {"message": "no"}},
        "update-rollback": {"1": {"name": "Lamp", "price": "1"}},
    });
    let applied = replica.apply(page(refusal.clone()));
    assert_eq!(ids(&applied.changed), ["1"]);
    assert_eq!(seen(&replica), json!({"1": {"name": "Lamp", "price": "1"}}));
    // The rollback of an object that is gone does not bring it back.
    replica.apply(page(json!({"delete": {"1": {"name": "", "price": ""}}})));
    replica.apply(page(refusal));
    assert_eq!(seen(&replica), json!({}));
}

#[test]
fn a_refused_delete_comes_back_with_an_insert() {
    let mut replica = replica(json!({"1": {"name": "Lamp"}}));
    replica.delete("1");
    push(&mut replica);
    let applied = replica.apply(page(json!({
        "delete-error": {"1": {"name": "Lamp"}, "1-error": {"message": "no"}},
        "insert": {"1": {"name": "Lamp"}},
    })));
    assert_eq!(
        (ids(&applied.added), applied.rejections.len()),
        (vec!["1"], 1)
    );
}

#[test]
fn a_new_schema_drops_everything() {
    let mut replica = replica(json!({"1": {"name": "Lamp"}}));
    replica.create([("name", "Lantern")]);
    assert!(
        replica
            .apply(page(json!({"schema-changed": "true"})))
            .schema_changed
    );
    assert_eq!((seen(&replica), replica.has_changes()), (json!({}), false));
    assert!(
        replica.token().is_some(),
        "the page is still to be acknowledged"
    );
}

#[test]
fn starting_over_keeps_what_is_queued() {
    let mut replica = replica(json!({"1": {"name": "Lamp"}, "2": {"name": "Bulb"}}));
    replica.create_as("taken", [("name", "x")]);
    push(&mut replica);
    replica.create_as("lost", [("name", "y")]);
    replica.take_push();
    replica.create_as("new", [("name", "z")]);
    replica.update("1", [("name", "Lantern")]);
    replica.update("taken", [("name", "never linked")]);
    replica.start_over();
    let push = replica.take_push();
    assert_eq!(push.create.into_keys().collect::<Vec<_>>(), ["lost", "new"]);
    assert_eq!(push.update.into_keys().collect::<Vec<_>>(), ["1"]);
    assert_eq!(
        replica.objects().count(),
        3,
        "the queued creates and the changed object"
    );
}

#[test]
fn later_pages_add_up() {
    let mut replica = replica(json!({"1": {"a": "x"}}));
    let mut all = replica.apply(page(
        json!({"insert": {"2": {"a": "x"}, "3": {"a": "x"}}, "delete": {"1": {"a": ""}}}),
    ));
    all.extend(replica.apply(page(
        json!({"insert": {"1": {"a": "y"}, "2": {"a": "y"}}, "delete": {"3": {"a": ""}}}),
    )));
    assert_eq!(
        (ids(&all.added), ids(&all.changed), ids(&all.removed)),
        (vec!["2"], vec!["1"], vec![])
    );
}

#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Update(u8, u8),
    Delete(u8),
    Push {
        lost: bool,
    },
    Page {
        insert: Vec<(u8, u8)>,
        delete: Vec<u8>,
        links: Vec<u8>,
        refused: Vec<u8>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let few = || proptest::collection::vec(0..6_u8, 0..3);
    prop_oneof![
        any::<u8>().prop_map(Step::Create),
        (0..6_u8, any::<u8>()).prop_map(|(id, value)| Step::Update(id, value)),
        (0..6_u8).prop_map(Step::Delete),
        any::<bool>().prop_map(|lost| Step::Push { lost }),
        (
            proptest::collection::vec((0..6_u8, any::<u8>()), 0..3),
            few(),
            few(),
            few()
        )
            .prop_map(|(insert, delete, links, refused)| Step::Page {
                insert,
                delete,
                links,
                refused
            }),
    ]
}

/// Temporary and linked ids of the n-th create, and the ids that the server made.
fn some_id(replica: &Replica, n: u8) -> ObjectId {
    let known: Vec<&str> = replica.objects().map(|(id, _)| id).collect();
    known
        .get(usize::from(n))
        .map_or_else(|| format!("srv{n}"), |id| (*id).to_owned())
}

proptest! {
    /// Whatever happens in whatever order: the state survives its file, a page applied twice counts once, and
    /// what waits to be sent stays what the user sees.
    #[test]
    fn a_replica_keeps_its_promises(steps in proptest::collection::vec(step(), 0..40)) {
        let mut replica = Replica::new("Product");
        let mut made = 0;
        for step in steps {
            match step {
                Step::Create(value) => {
                    made += 1;
                    replica.create_as(format!("tmp{made}"), [("a", value.to_string())]);
                }
                Step::Update(id, value) => {
                    let id = some_id(&replica, id);
                    if replica.update(&id, [("b", value.to_string())]) {
                        prop_assert_eq!(&replica.get(&id).unwrap()["b"], &value.to_string());
                    }
                }
                Step::Delete(id) => {
                    let id = some_id(&replica, id);
                    replica.delete(&id);
                    prop_assert!(replica.get(&id).is_none());
                }
                Step::Push { lost } => {
                    let before = seen(&replica);
                    let push = replica.take_push();
                    if !lost {
                        replica.accepted(&push);
                        prop_assert!(replica.take_push().is_empty());
                    }
                    prop_assert_eq!(seen(&replica), before);
                }
                Step::Page { insert, delete, links, refused } => {
                    let insert: Objects = insert
                        .into_iter()
                        .map(|(id, value)| (format!("srv{id}"), [("a".into(), value.to_string())].into()))
                        .collect();
                    let delete: Objects = delete
                        .into_iter()
                        .map(|id| (format!("srv{id}"), [("a".into(), String::new()), ("b".into(), String::new())].into()))
                        .collect();
                    let links: serde_json::Map<String, Value> = links
                        .into_iter()
                        .map(|id| (format!("tmp{id}"), json!({"l": format!("new{id}")})))
                        .collect();
                    let errors: serde_json::Map<String, Value> = refused
                        .into_iter()
                        .map(|id| (format!("tmp{id}-error"), json!({"message": "no"})))
                        .collect();
                    let page = page(json!({"insert": insert, "delete": delete, "links": links, "create-error": errors}));
                    let queued = replica.queue.clone();
                    replica.apply(page.clone());
                    for (id, change) in &queued {
                        if let (Change::Update(values), Some(object)) = (change, replica.get(id)) {
                            prop_assert!(values.iter().all(|(name, value)| object.get(name) == Some(value)));
                        }
                    }
                    let once = replica.clone();
                    replica.apply(page);
                    prop_assert_eq!(&replica, &once);
                }
            }
            let kept = serde_json::to_string(&replica).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Replica>(&kept).unwrap(), &replica);
        }
    }
}
