//! The REST API over real HTTP.

use http::Method;
use serde_json::{Value, json};
use shop::{Amounts, Config};
use test_support::text_of;

use crate::world::{World, header, json};

const TEN: Amounts = Amounts {
    products: 10,
    customers: 3,
};

#[test]
fn a_record_lives_from_create_to_delete() {
    let world = World::with(Amounts::default());

    let created = world.post(
        "/products",
        &json!({"name": "Lamp", "brand": "Lumen", "price": "20.00", "quantity": "3"}),
    );
    assert_eq!(header(&created, "location"), Some("/products/1"));
    let mut lamp = json(created, 201);
    assert_eq!(world.read("/products/1"), lamp);
    let created_at = lamp["updated_at"].take();
    assert!(created_at.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        lamp,
        json!({
            "id": 1, "name": "Lamp", "brand": "Lumen", "price": 20, "sku": "", "quantity": 3, "updated_at": null,
        })
    );

    for (method, quantity) in [(Method::PUT, 5), (Method::PATCH, 6)] {
        let changed = world.send(method, "/products/1", &json!({"quantity": quantity}));
        let changed = json(changed, 200);
        assert_eq!(
            (&changed["quantity"], &changed["name"]),
            (&json!(quantity), &json!("Lamp"))
        );
        assert_eq!(world.read("/products/1"), changed);
    }

    let deleted = world.delete("/products/1");
    assert_eq!(deleted.status(), 204);
    assert_eq!(text_of(&deleted), "");
    assert_eq!(world.read("/products"), json!([]));

    // Ids are not used again.
    let next = json(world.post("/products", &json!({"name": "Chair"})), 201);
    assert_eq!(next["id"], 2);
}

#[test]
fn customers_work_like_products() {
    let world = World::with(TEN);
    assert_eq!(world.read("/customers").as_array().unwrap().len(), 3);
    let customer = json!({"name": "Grace Ito", "email": "grace@example.com", "city": "Oslo", "phone": 4755512345_u64});
    let created = world.post("/customers", &customer);
    assert_eq!(header(&created, "location"), Some("/customers/4"));
    let created = json(created, 201);
    assert_eq!(
        (&created["city"], &created["phone"]),
        (&json!("Oslo"), &json!("4755512345"))
    );
}

#[test]
fn what_is_not_there_is_404() {
    let world = World::with(TEN);
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in ["/products/11", "/products/x", "/customers/0"] {
            let response = world.send(method.clone(), path, &json!({"name": "x"}));
            assert_eq!(
                json(response, 404),
                json!({"error": "not found"}),
                "{method} {path}"
            );
        }
    }
    assert_eq!(world.get("/suppliers").status(), 404);
}

#[test]
fn bad_values_are_refused_with_a_reason() {
    let world = World::with(TEN);
    for (method, path, body, field) in [
        (Method::POST, "/products", json!({"name": ""}), "name"),
        (Method::POST, "/products", json!({"price": 1}), "name"),
        (
            Method::POST,
            "/products",
            json!({"name": "x", "price": -1}),
            "price",
        ),
        (
            Method::PUT,
            "/products/1",
            json!({"quantity": "many"}),
            "quantity",
        ),
        (
            Method::PATCH,
            "/customers/1",
            json!({"email": "nobody"}),
            "email",
        ),
    ] {
        let refusal = json(world.send(method, path, &body), 422);
        assert_eq!(refusal["field"], field, "{body}");
        assert!(
            refusal["error"].as_str().unwrap().starts_with(field),
            "{refusal}"
        );
    }
    for body in ["", "[]", "{\"name\": "] {
        let refusal = json(world.rest.send(Method::POST, "/products", body), 400);
        assert!(
            refusal["error"]
                .as_str()
                .unwrap()
                .starts_with("the body must be a JSON object")
        );
    }
    assert_eq!(
        world.read("/_control")["records"]["products"],
        10,
        "nothing was written"
    );
}

#[test]
fn pages_link_to_each_other_and_together_are_the_list() {
    let world = World::with(TEN);
    let all = world.read("/products");

    let mut pages = Vec::new();
    let mut next = Some("/products?per_page=4".to_owned());
    while let Some(path) = next {
        let response = world.get(&path);
        assert_eq!(header(&response, "x-total-count"), Some("10"));
        next = link(header(&response, "link").unwrap(), "next");
        pages.push(json(response, 200));
    }
    let sizes: Vec<_> = pages
        .iter()
        .map(|page| page.as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [4, 4, 2]);
    let together: Vec<_> = pages
        .into_iter()
        .flat_map(|page| page.as_array().unwrap().clone())
        .collect();
    assert_eq!(Value::from(together), all);

    let beyond = world.get("/products?page=9&per_page=4");
    assert_eq!(
        link(header(&beyond, "link").unwrap(), "prev").unwrap(),
        "/products?page=3&per_page=4"
    );
    assert_eq!(json(beyond, 200), json!([]));
    for bad in ["page=0", "per_page=0", "per_page=1001", "page=x"] {
        assert_eq!(
            world.get(&format!("/products?{bad}")).status(),
            400,
            "{bad}"
        );
    }
}

#[test]
fn a_search_finds_parts_of_names_in_any_case() {
    let world = World::with(Amounts {
        products: 200,
        customers: 0,
    });
    let response = world.get("/products?q=DESK%20lamp&per_page=3");
    assert_eq!(header(&response, "x-total-count"), Some("10"));
    assert_eq!(
        link(header(&response, "link").unwrap(), "next").unwrap(),
        "/products?page=2&per_page=3&q=DESK+lamp"
    );
    for found in json(response, 200).as_array().unwrap() {
        assert!(
            found["name"].as_str().unwrap().contains("Desk Lamp"),
            "{found}"
        );
    }
}

#[test]
fn an_etag_holds_until_the_table_changes() {
    let world = World::with(TEN);
    let first = header(&world.get("/products"), "etag").unwrap().to_owned();

    world.post("/customers", &json!({"name": "Noah"}));
    let unchanged = world.get_unless(&format!("\"x\", W/{first}"), "/products");
    assert_eq!(unchanged.status(), 304);
    assert_eq!(header(&unchanged, "etag"), Some(&*first));

    let mut known = vec![first];
    for (method, path) in [
        (Method::POST, "/products"),
        (Method::PUT, "/products/3"),
        (Method::DELETE, "/products/4"),
    ] {
        world.send(method, path, &json!({"name": "Shelf"}));
        let changed = world.get_unless(&known.join(", "), "/products");
        assert_eq!(changed.status(), 200, "{path}");
        known.push(header(&changed, "etag").unwrap().to_owned());
    }
}

#[test]
fn the_seed_is_the_same_every_time_and_looks_real() {
    let [one, two] = [(); 2].map(|()| World::start(Config::default()));
    let products = one.read("/products");
    assert_eq!(products, two.read("/products"));
    assert_eq!(one.read("/customers"), two.read("/customers"));

    let products = products.as_array().unwrap();
    assert_eq!(products.len(), 200);
    let names: std::collections::BTreeSet<_> = products
        .iter()
        .map(|product| product["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 200, "every name is another");
    for product in products {
        assert!(
            (1.0..1_000.0).contains(&product["price"].as_f64().unwrap()),
            "{product}"
        );
    }
}

/// The target of a relation in a `Link` header.
fn link(header: &str, relation: &str) -> Option<String> {
    header.split(", ").find_map(|link| {
        let target = link.strip_suffix(&format!("; rel=\"{relation}\""))?;
        Some(target.trim_matches(['<', '>']).to_owned())
    })
}
