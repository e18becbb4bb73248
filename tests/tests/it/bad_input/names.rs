//! Names that mean something to Redis, to paths, to the store's keys or to the protocol: they are only names.

use std::collections::BTreeMap;

use serde_json::json;
use test_support::{Deployment, Options, RedisContent, text_of};

use super::server::{Bad, Server};

const ODD: [&str; 14] = [
    "a:b",
    "{x}",
    "}:head",
    "a/b",
    "../../customers/1",
    "..",
    "%2F",
    "100%",
    "*",
    "t1-error",
    "zażółć ☃ 💡",
    "\"quoted\"",
    "a b+c&d=e?f#g",
    "constructor",
];

#[test]
fn odd_names_are_only_names() {
    let deployment = Deployment::start(Options {
        products: 10,
        ..Options::default()
    });
    deployment.create_user("anna");
    let mut reader = deployment.device("anna");
    let mut expected = BTreeMap::new();
    let mut users = Vec::new();
    for odd in ODD {
        deployment.create_user(odd);
        users.push(odd);
        let mut device = deployment.device(odd);
        let object = BTreeMap::from([
            (odd.to_owned(), format!("{odd} as a value")),
            ("name".to_owned(), odd.to_owned()),
        ]);
        // The back end gives ids as it likes, the device changes and removes what has them.
        let given = json!({odd: object, format!("gone {odd}"): {"n": "x"}});
        deployment.admin().push_objects("Board", odd, &given);
        deployment.admin().push_objects("Note", odd, &given);
        device.sync("Board").expect("to sync");
        let board = device.replica_mut("Board");
        assert!(board.update(odd, [("changed by", odd)]), "{odd}");
        assert!(board.delete(&format!("gone {odd}")), "{odd}");
        board.create_as(format!("temporary {odd}"), object.clone());
        device.sync("Board").expect("to sync");
        device.sync("Note").expect("to sync");
        assert_eq!(
            device.objects("Note").len(),
            2,
            "{odd} has a partition of its own"
        );

        let mut changed = object.clone();
        changed.insert("changed by".to_owned(), odd.to_owned());
        expected.insert(odd.to_owned(), changed);
        let made = device.objects("Board");
        let made = made.into_iter().find(|(id, it)| *it == object && id != odd);
        let (id, made) = made.unwrap_or_else(|| panic!("{odd}: the create is there"));
        expected.insert(id, made);
    }
    reader.sync("Board").expect("to sync");
    assert_eq!(reader.objects("Board"), expected);
    users.push("anna");
    users.sort_unstable();
    let mut listed: Vec<String> =
        serde_json::from_value(deployment.admin().rest().get("/rc/v1/users")).expect("names");
    listed.sort_unstable();
    assert_eq!(listed, users);
    let content = RedisContent::read(&mut deployment.redis_connection());
    let strange: Vec<_> = content
        .keys()
        .filter(|key| !key.starts_with("rhosync:1:"))
        .collect();
    assert_eq!(strange, [""; 0], "keys of another kind");
}

#[test]
fn an_odd_id_does_not_leave_its_place_in_the_back_end() {
    let server = Server::start();
    let before = server.records();
    for odd in [
        "../customers/1",
        "..",
        ".",
        "1?x=",
        "1#",
        "1/../2",
        "%2e%2e/customers/1",
        "*",
    ] {
        for operation in ["update", "delete"] {
            let body = json!({operation: {odd: {"name": "changed from outside"}}});
            let answer = server.send(&Bad::post("/app/v1/Product", body));
            assert_eq!(answer.status(), 200, "{odd}: {}", text_of(&answer));
            assert_eq!(server.records(), before, "{operation} of {odd}");
        }
    }
}
