//! The same products from databases, also while those misbehave.

mod shop;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::json;
use test_support::{
    DATABASE_PASSWORD, DatabaseKind, Deployment, Device, Network, NetworkFault, TestAuthority,
    program, until, until_or,
};

use shop::{Shop, lines};

fn start(kind: DatabaseKind) -> (Shop, Deployment, Device) {
    let shop = Shop::start(kind);
    let deployment = Deployment::start_with_database(shop.options(), &shop.database);
    deployment.create_user("anna");
    let device = deployment.device("anna");
    (shop, deployment, device)
}

/// Each test once for every database.
macro_rules! for_each_database {
    ($($story:ident),* $(,)?) => {
        mod postgres {
            $(#[test] fn $story() { super::$story(super::DatabaseKind::Postgres); })*
        }
        mod mariadb {
            $(#[test] fn $story() { super::$story(super::DatabaseKind::MariaDb); })*
        }
    };
}

for_each_database!(
    a_table_and_a_query_bring_the_same_rows_and_take_the_same_changes,
    what_was_deleted_and_changed_is_found_without_asking_for_everything,
    triggers_tell_what_has_changed_and_what_is_gone,
    a_row_that_changed_meanwhile_is_a_conflict,
    a_database_has_to_prove_who_it_is,
    a_create_whose_answer_is_lost_is_made_once,
    what_a_constraint_refuses_reaches_the_device_in_the_databases_words,
    no_trouble_takes_anything_from_a_device,
    whatever_users_and_devices_say_stays_a_value,
    a_hundred_thousand_rows_arrive,
    long_texts_arrive_whole,
    the_command_line_reads_and_writes_rows_as_the_server_does,
);

fn a_table_and_a_query_bring_the_same_rows_and_take_the_same_changes(kind: DatabaseKind) {
    let (shop, deployment, mut device) = start(kind);
    for source in ["Whole", "Stock", "Asked"] {
        shop.converge(&mut device, source);
        let mut ids = device.objects(source).into_keys();
        let [changed, removed, elsewhere, gone] =
            std::array::from_fn(|_| ids.next().expect("enough products"));
        let made = format!("a 'made' \"thing\" by {source}; --");
        let replica = device.replica_mut(source);
        replica.create([("name", made.as_str()), ("price", "12.5"), ("stock", "3")]);
        assert!(replica.update(&changed, [("price", "99.25")]));
        assert!(replica.delete(&removed));
        shop.run(&format!(
            "UPDATE products SET name = 'elsewhere' WHERE id = {elsewhere}"
        ));
        shop.remove(source, &gone);
        shop.converge(&mut device, source);
        let products = device.objects(source);
        assert_eq!(products[&changed]["price"], "99.25", "{source}");
        assert_eq!(products[&device.id_of(source, &made)]["stock"], "3");
        assert!(!products.contains_key(&removed) && !products.contains_key(&gone));
    }
    let twice = "SELECT name FROM products GROUP BY name HAVING count(*) > 1 AND name LIKE 'a %'";
    assert_eq!(shop.database.rows(twice), lines([]));
    assert!(!deployment.host_log().contains(DATABASE_PASSWORD));
}

fn what_was_deleted_and_changed_is_found_without_asking_for_everything(kind: DatabaseKind) {
    let (shop, _deployment, mut device) = start(kind);
    shop.converge(&mut device, "Stock");
    let ids: Vec<String> = device.objects("Stock").into_keys().collect();
    // One row goes without a trace: only asking for everything finds that.
    shop.run(&format!("DELETE FROM products WHERE id = {}", ids[0]));
    shop.run(&format!(
        "UPDATE products SET is_gone = true WHERE id = {}",
        ids[1]
    ));
    shop.run(&format!(
        "UPDATE products SET name = 'late' WHERE id = {}",
        ids[2]
    ));
    // A transaction that took long bears a time that is past.
    shop.insert_at("slow", "interval '10' second");
    until("the changes", || {
        device.sync("Stock").expect("to sync");
        let objects = device.objects("Stock");
        let has = |name: &str| objects.values().any(|object| object["name"] == name);
        (has("late") && has("slow") && !objects.contains_key(&ids[1])).then_some(())
    });
    assert!(
        device.get("Stock", &ids[0]).is_some(),
        "not everything was asked for"
    );
    device.sync("Whole").expect("to sync");
    assert_eq!(device.get("Whole", &ids[0]), None);
}

fn triggers_tell_what_has_changed_and_what_is_gone(kind: DatabaseKind) {
    let (shop, _deployment, mut device) = start(kind);
    let folder = tempfile::tempdir().expect("a folder");
    let url = shop.database.url();
    let written = [
        &["new", "Stock", "--maker", "sql", "--table", "products"][..],
        &["triggers", "Stock"],
    ]
    .map(|arguments| {
        let (code, said) = source(folder.path(), &url, arguments);
        assert_eq!(code, Some(0), "{said}");
        said
    });
    let [_, script] = &written;
    assert!(!script.contains(DATABASE_PASSWORD), "{script}");
    shop.run(script);
    shop.converge(&mut device, "Logged");
    let ids: Vec<String> = device.objects("Logged").into_keys().collect();
    let [changed, gone, moved, again, by_device, unknown] = &ids[..6] else {
        panic!("enough products: {ids:?}");
    };
    shop.run(&format!(
        "UPDATE products SET name = 'late' WHERE id = {changed}; DELETE FROM products WHERE id = {gone}; \
         UPDATE products SET id = 5000 WHERE id = {moved}; DELETE FROM products WHERE id = {again}; \
         INSERT INTO products (id, name, price) VALUES ({again}, 'again', 1), (6000, 'new', 2)"
    ));
    let replica = device.replica_mut("Logged");
    assert!(replica.update(by_device, [("price", "99.25")]));
    replica.create([("name", "of the device"), ("price", "3")]);
    shop.converge(&mut device, "Logged");
    // What is deleted without an entry is found only when everything is asked for.
    shop.run(&format!(
        "DELETE FROM products WHERE id = {unknown}; DELETE FROM products_changes WHERE row_key = {unknown}; \
         UPDATE products SET name = 'later' WHERE id = 6000"
    ));
    until("the change", || {
        device.sync("Logged").expect("to sync");
        let objects = device.objects("Logged");
        (objects["6000"]["name"] == "later").then_some(())
    });
    assert!(device.get("Logged", unknown).is_some(), "all was asked for");
    // An empty log says that nothing has changed, and what changes then is in it.
    shop.run("DELETE FROM products_changes");
    device.sync("Logged").expect("to sync");
    assert!(device.get("Logged", unknown).is_some(), "all was asked for");
    shop.run("UPDATE products SET name = 'latest' WHERE id = 6000");
    until("the change", || {
        device.sync("Logged").expect("to sync");
        (device.objects("Logged")["6000"]["name"] == "latest").then_some(())
    });
    if kind == DatabaseKind::Postgres {
        shop.run("TRUNCATE products");
        until("everything to be gone", || {
            device.sync("Logged").expect("to sync");
            // The one that nobody knows to be gone stays.
            (device.objects("Logged").len() == 1).then_some(())
        });
    }
}

fn a_row_that_changed_meanwhile_is_a_conflict(kind: DatabaseKind) {
    let (shop, _deployment, mut device) = start(kind);
    shop.converge(&mut device, "Stock");
    let id = device
        .objects("Stock")
        .into_keys()
        .next()
        .expect("a product");
    shop.run(&format!(
        "UPDATE products SET name = 'theirs', price = 5 WHERE id = {id}"
    ));
    let replica = device.replica_mut("Stock");
    assert!(replica.update(&id, [("name", "mine")]));
    let report = device.sync("Stock").expect("to sync");
    let [rejection] = &report.applied.rejections[..] else {
        panic!("{report:?}");
    };
    assert!(rejection.message.contains("meanwhile"), "{rejection:?}");
    shop.converge(&mut device, "Stock");
    assert_eq!(
        device.get("Stock", &id).expect("the product")["name"],
        "theirs"
    );
    // Now the device has seen it. It changes the same again and again, before anybody asks the database.
    for name in ["mine", "mine too"] {
        assert!(device.replica_mut("Stock").update(&id, [("name", name)]));
        let report = device.sync("Stock").expect("to sync");
        assert_eq!(report.applied.rejections, []);
    }
    shop.converge(&mut device, "Stock");
    assert_eq!(
        device.get("Stock", &id).expect("the product")["name"],
        "mine too"
    );
}

fn a_database_has_to_prove_who_it_is(kind: DatabaseKind) {
    let authority = TestAuthority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let new = ["new", "Stock", "--maker", "sql", "--table", "products"];
    for (name, why) in [
        ("127.0.0.1", None),
        ("elsewhere.test", Some("elsewhere.test")),
    ] {
        let shop = Shop::start_with_tls(kind, &authority, name);
        let deployment = Deployment::start_with_database(shop.options(), &shop.database);
        deployment.create_user("anna");
        let mut device = deployment.device("anna");
        let url = shop.database.url();
        let Some(why) = why else {
            shop.converge(&mut device, "Stock");
            let (code, said) = source(folder.path(), &url, &new);
            assert_eq!(code, Some(0), "{said}");
            let (code, said) = source(folder.path(), &url, &["check", "Stock"]);
            assert_eq!(code, Some(0), "{said}");
            continue;
        };
        let report = device.sync("Stock").expect("to sync");
        let told = format!("{:?}", report.applied.source_errors);
        assert!(told.contains("certificate is not accepted"), "{told}");
        assert!(!told.contains(why), "{told}");
        let (code, said) = source(folder.path(), &url, &["check", "Stock"]);
        assert_eq!(code, Some(1), "{said}");
        // The device hears that something is wrong; who runs the server, what.
        for (said, place) in [
            (said, "the command line"),
            (deployment.host_log(), "the log"),
        ] {
            assert!(said.contains(why), "{place}: {said}");
            assert!(!said.contains(DATABASE_PASSWORD), "{place}: {said}");
        }
    }
}

fn a_create_whose_answer_is_lost_is_made_once(kind: DatabaseKind) {
    let shop = Shop::start(kind);
    let network = Network::before(shop.database.address());
    let deployment =
        Deployment::start_with_database_behind(shop.options(), &shop.database, &network);
    deployment.create_user("anna");
    let mut device = deployment.device("anna");
    shop.converge(&mut device, "Stock");
    let mut has_struck = 0;
    for at in 1..=10 {
        let name = format!("lost {at}");
        device
            .replica_mut("Stock")
            .create([("name", name.as_str()), ("price", "1")]);
        network.strike(at, NetworkFault::LostAnswer);
        // The device may hear of the failure, but not that its create was refused.
        if let Ok(report) = device.sync("Stock") {
            assert_eq!(report.applied.rejections, [], "struck at {at}");
        }
        has_struck += usize::from(network.calm());
        shop.converge(&mut device, "Stock");
        let made = shop.database.rows(&format!(
            "SELECT count(*) FROM products WHERE name = '{name}'"
        ));
        assert_eq!(made, lines(["1"]), "struck at {at}");
    }
    assert!(has_struck > 0, "no answer was lost");
}

fn what_a_constraint_refuses_reaches_the_device_in_the_databases_words(kind: DatabaseKind) {
    let (shop, deployment, mut device) = start(kind);
    shop.converge(&mut device, "Stock");
    let id = device
        .objects("Stock")
        .into_keys()
        .next()
        .expect("a product");
    let replica = device.replica_mut("Stock");
    assert!(replica.update(&id, [("price", "-1")]));
    replica.create([("name", "no price"), ("price", "much")]);
    replica.create([("name", "no column"), ("is_gone) VALUES (1); --", "x")]);
    replica.create([("name", "hidden"), ("operation", "x")]);
    let report = device.sync("Stock").expect("to sync");
    let messages: Vec<_> = report
        .applied
        .rejections
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert_eq!(messages.len(), 4, "{messages:?}");
    let said = messages.concat();
    assert!(
        said.contains("products_price_check") || said.contains("products.price"),
        "{said}"
    );
    assert!(
        !said.contains(DATABASE_PASSWORD) && !said.contains("Failing row"),
        "{said}"
    );
    shop.converge(&mut device, "Stock");
    assert!(!deployment.host_log().contains(DATABASE_PASSWORD));
}

fn no_trouble_takes_anything_from_a_device(kind: DatabaseKind) {
    let (mut shop, deployment, mut device) = start(kind);
    for source in ["Whole", "Stock", "Slow", "Keyless", "Twice"] {
        device.sync(source).expect("to sync");
        until("the first rows", || {
            device.sync(source).expect("to sync");
            (device.objects(source).len() >= shop::PRODUCTS).then_some(())
        });
    }
    // Rows with the same key are one object.
    assert_eq!(device.objects("Twice").len(), shop::PRODUCTS);
    let before = device.objects("Keyless");
    shop.run("INSERT INTO keyless (id, name) VALUES (NULL, 'nobody')");
    shop.run("DELETE FROM keyless WHERE id = 1");
    let report = device.sync("Keyless").expect("to sync");
    let said = format!("{:?}", report.applied.source_errors);
    assert!(said.contains("a row has no"), "{said}");
    assert_eq!(device.objects("Keyless"), before);
    // The database goes down while it answers.
    let before = device.objects("Slow");
    thread::scope(|scope| {
        let asking = scope.spawn(|| device.sync("Slow"));
        until("the database to be asked", || {
            shop.is_asked("slow").then_some(())
        });
        shop.database.kill();
        let _ = asking.join().expect("no panic");
    });
    for source in ["Slow", "Whole", "Stock"] {
        let _ = device.sync(source);
    }
    assert_eq!(device.objects("Slow"), before);
    assert_eq!(device.objects("Whole").len(), shop::PRODUCTS);
    device
        .replica_mut("Stock")
        .create([("name", "while it was down"), ("price", "2")]);
    let _ = device.sync("Stock");
    shop.database.restart();
    shop.converge(&mut device, "Stock");
    device.id_of("Stock", "while it was down");
    let log = deployment.host_log();
    assert!(!log.contains(DATABASE_PASSWORD), "{log}");
}

fn whatever_users_and_devices_say_stays_a_value(kind: DatabaseKind) {
    let (shop, deployment, _) = start(kind);
    let users = ["o'hara", "x' OR '1'='1", "a\"; DROP TABLE notes; --"];
    for user in users {
        deployment.create_user(user);
        let mut device = deployment.device(user);
        let text = format!("{user}'); DELETE FROM notes; -- \\");
        device.replica_mut("Mine").create([("name", text.as_str())]);
        until_or("the note to have its id", || {
            device.sync("Mine").map_err(|error| error.to_string())?;
            (!device.is_waiting("Mine"))
                .then_some(())
                .ok_or_else(|| "it waits".to_owned())
        });
        let mine = device.objects("Mine");
        assert_eq!(mine.len(), 1, "{mine:?}");
        let (id, note) = mine.into_iter().next().expect("a note");
        assert_eq!(note["name"], text);
        assert!(
            device
                .replica_mut("Mine")
                .update(&id, [("name", "' , owner = 'x")])
        );
        device.sync("Mine").expect("to sync");
        let rest = deployment.rest_of_device(user);
        let search = json!({"sources": [{"name": "Mine"}], "search": {"name": "' OR true --"}});
        let found = rest.send(
            http::Method::POST,
            "/rc/v1/app/search?p_size=10",
            search.to_string(),
        );
        assert!(found.status().is_success());
        assert!(!test_support::text_of(&found).contains("insert"));
    }
    let names = shop.database.rows("SELECT DISTINCT name FROM notes");
    assert_eq!(names, lines(["' , owner = 'x"]));
    let notes: BTreeMap<_, _> = shop
        .database
        .rows("SELECT owner, count(*) FROM notes GROUP BY owner")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    assert_eq!(notes.len(), users.len());
}

fn a_hundred_thousand_rows_arrive(kind: DatabaseKind) {
    let (shop, deployment, _) = start(kind);
    shop.insert_many(100_000);
    let mut device = deployment.device("anna").with_page_size(2_000);
    until("all rows", || {
        device.sync("Many").expect("to sync");
        (device.objects("Many").len() == 100_000).then_some(())
    });
    assert_eq!(
        device.get("Many", "99999").expect("a row")["name"],
        "row 99999"
    );
}

fn long_texts_arrive_whole(kind: DatabaseKind) {
    let (shop, deployment, mut device) = start(kind);
    let long = "a\"€😀";
    shop.run(&format!(
        "INSERT INTO many VALUES (1, 'short'), (2, repeat('{long}', 45000)), (3, NULL), (4, repeat('{long}', 5000))"
    ));
    device.sync("Many").expect("to sync");
    let rows = device.objects("Many");
    assert_eq!(rows.len(), 4, "{:?}", rows.keys());
    assert_eq!(rows["1"]["name"], "short");
    assert!(rows["2"]["name"] == long.repeat(45_000));
    assert_eq!(rows["3"]["name"], "");
    assert!(rows["4"]["name"] == long.repeat(5_000));
    drop(deployment);
}

/// Runs `rhosync source` in an application's folder, with the database's address in a variable.
fn source(folder: &Path, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program("rhosync"))
        .arg("source")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("SPIN_VARIABLE_STOCK_DATABASE", url)
        .output()
        .expect("to start rhosync");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

fn the_command_line_reads_and_writes_rows_as_the_server_does(kind: DatabaseKind) {
    let shop = Shop::start(kind);
    let folder = tempfile::tempdir().expect("a folder");
    let url = shop.database.url();
    let run = |arguments: &[&str]| source(folder.path(), &url, arguments);
    let (code, said) = run(&["new", "Stock", "--maker", "sql", "--table", "products"]);
    assert_eq!(code, Some(0), "{said}");
    let settings = std::fs::read_to_string(folder.path().join("rhosync.toml"));
    let settings = settings.expect("the settings");
    let price = match kind {
        DatabaseKind::Postgres => "numeric(10,2)",
        DatabaseKind::MariaDb => "decimal(10,2)",
    };
    for line in ["key = \"id\"", &format!("  \"price\", # {price}")] {
        assert!(settings.lines().any(|it| it == line), "{line}: {settings}");
    }
    let (code, said) = run(&["check", "Stock", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let found: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let objects = found["objects"].as_object().expect("objects");
    assert_eq!(objects.len(), shop::PRODUCTS, "{said}");
    let write = [
        "check",
        "Stock",
        "--write",
        "name=tried out",
        "price=5",
        "stock=1",
    ];
    let change = ["--change", "price=6"];
    let (code, said) = run(&[&write[..], &change[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let left = "SELECT name FROM products WHERE name = 'tried out'";
    assert_eq!(shop.database.rows(left), lines([]), "the test record stays");
    // What is wrong comes with its place, and without the address.
    let wrong = url.replace(DATABASE_PASSWORD, "a guess");
    for url in [wrong.as_str(), "postgres://127.0.0.1:1/shop"] {
        let (code, said) = source(folder.path(), url, &["check", "Stock"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("sources.Stock.sql"), "{said}");
        assert!(!said.contains("a guess"), "{said}");
        let why = ["SQLSTATE", "password", "Access denied", "127.0.0.1:1: "];
        assert!(why.iter().any(|why| said.contains(why)), "{said}");
    }
    let (code, said) = run(&["record", "Stock"]);
    assert_eq!(code, Some(2), "{said}");
}
