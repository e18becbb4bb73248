//! Objects, searched and with their history.

use serde_json::json;
use test_support::local;

use crate::console::Console;

const PATH: &str = "/sources/Pushed/users/anna/objects";

#[test]
fn objects_are_found_by_what_is_in_their_ids_and_values() {
    local(async {
        let console = Console::start().await;
        let merge = json!({
            "o1": {"name": "Bolt", "size": "7"},
            "o2": {"name": "nut"},
            "bolt-3": {"name": "Washer"},
        });
        let body = json!({"merge": merge}).to_string();
        assert_eq!(console.call("POST", PATH, &body).await.0, 204);
        let found = async |q: &str| {
            let found = console.see(&format!("{PATH}?q={q}&limit=10")).await;
            assert!(found["next"].is_null());
            let items = found["items"].as_array().unwrap().iter();
            let mut ids: Vec<_> = items
                .map(|item| item["id"].as_str().unwrap().to_owned())
                .collect();
            ids.sort();
            ids
        };
        assert_eq!(found("bolt").await, ["bolt-3", "o1"]);
        assert_eq!(found("NUT").await, ["o2"]);
        assert_eq!(found("nothing").await, [""; 0]);
        let part = console.see(&format!("{PATH}?q=o&limit=1")).await;
        assert_eq!(part["items"].as_array().unwrap().len(), 1);
        assert!(part["next"].is_string(), "{part}");
    });
}

#[test]
fn an_object_tells_which_change_made_it_what_it_is() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        let object = format!("{PATH}/1");
        let put = json!({"attributes": {"a": "1", "b": "1", "c": "1"}}).to_string();
        assert_eq!(console.call("PUT", &object, &put).await.0, 200);
        let patch = json!({"set": {"b": "2"}, "remove": ["c"]}).to_string();
        assert_eq!(console.call("PATCH", &object, &patch).await.0, 200);
        let (_, page) = console.pull(&anna, "Pushed", "").await;
        // What it has not acknowledged would be told to it again, so the change would not be its own.
        let token = page[1]["token"].as_str().unwrap();
        console.pull(&anna, "Pushed", token).await;
        let change = r#"{"update":{"1":{"a":"3"}}}"#;
        assert_eq!(console.push(&anna, "Pushed", change).await, 200);
        let told = console.see(&format!("{object}/versions")).await;
        let [first, second, third] = [2, 3, 4];
        assert_eq!(
            told,
            json!({
                "id": "1",
                "version": third,
                "changed_by": anna.id(),
                "attributes": {
                    "a": {"value": "3", "version": third},
                    "b": {"value": "2", "version": second},
                },
                "removed": {"c": second},
            }),
            "it began with {first}"
        );
        let (status, _) = console
            .call("GET", &format!("{PATH}/nothing/versions"), "")
            .await;
        assert_eq!(status, 404);
    });
}
