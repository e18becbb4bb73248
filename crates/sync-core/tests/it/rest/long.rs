//! Answers that are handed over part by part.

use serde_json::{Value, json};
use test_support::local;

use super::World;

/// Records of an answer: together several parts.
const RECORDS: usize = 900;

/// A record that is as long as many.
fn record(id: usize, name: &str) -> Value {
    json!({"id": id, "n": format!("{name} {}", "x".repeat(10_000))})
}

fn records() -> Vec<Value> {
    (0..RECORDS).map(|id| record(id, "a")).collect()
}

impl World {
    /// How many objects the server has.
    fn count(&self) -> String {
        let said = self.redis.tell("HGET rhosync:1:{Product/app}:head n");
        said.lines().nth(1).unwrap_or_default().to_owned()
    }

    /// The beginning of an object's attribute as the server has it.
    fn name_of(&self, id: usize) -> String {
        let record = format!("HGET rhosync:1:{{Product/app}}:rec {id}");
        let record = self.redis.tell(&record);
        let (_, name) = record.split_once("\"n\":\"").unwrap_or_default();
        name.chars().take(1).collect()
    }

    async fn query(&self, records: &[Value]) -> Value {
        self.answer(200, &[], &json!({"rows": records, "as_of": 7}).to_string());
        self.pull("").await
    }
}

#[test]
fn all_of_a_long_answer_is_taken_in_and_what_it_lacks_is_deleted() {
    local(async {
        let world = World::start("records = \"$.rows\"").await;
        let mut list = records();
        world.query(&list).await;
        assert_eq!(world.count(), RECORDS.to_string());
        list.remove(0);
        list[RECORDS - 2] = record(RECORDS - 1, "b");
        world.query(&list).await;
        assert_eq!(world.count(), (RECORDS - 1).to_string());
        assert_eq!(world.name_of(0), "");
        assert_eq!(world.name_of(1), "a");
        assert_eq!(world.name_of(RECORDS - 1), "b");
    });
}

#[test]
fn of_records_with_the_same_id_the_last_counts_however_far_they_are_apart() {
    local(async {
        let world = World::start("records = \"$.rows\"").await;
        for _ in 0..2 {
            let mut list = records();
            list.extend([record(0, "b"), record(RECORDS, "a"), record(RECORDS, "b")]);
            list.insert(0, record(1, "c"));
            let told = world.query(&list).await;
            assert_eq!(
                told[5].get("source-error"),
                None,
                "{}",
                told[5]["source-error"]
            );
            assert_eq!(world.count(), (RECORDS + 1).to_string());
            let names = [0, 1, RECORDS].map(|id| world.name_of(id));
            assert_eq!(names, ["b", "a", "b"]);
        }
    });
}

#[test]
fn a_long_answer_with_a_record_that_is_none_deletes_nothing() {
    local(async {
        let world = World::start("records = \"$.rows\"").await;
        world.query(&records()).await;
        for wrong in [json!({"n": "a"}), json!(7)] {
            let mut list = records();
            list.truncate(RECORDS - 1);
            list[10] = wrong;
            let told = world.query(&list).await;
            let error = told[5]["source-error"].to_string();
            assert!(error.contains("(record 11 of 899)"), "{error}");
            assert_eq!(world.count(), RECORDS.to_string());
        }
        let mut text = json!({"rows": records()}).to_string();
        text.insert_str(40_000, "\\ud800");
        world.answer(200, &[], &text);
        let told = world.pull("").await;
        let error = told[5]["source-error"].to_string();
        assert!(error.contains("(record 4 of 900)"), "{error}");
        assert_eq!(world.count(), RECORDS.to_string());
    });
}
