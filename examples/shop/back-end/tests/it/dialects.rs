//! The products in other forms.

use http::Method;
use serde_json::{Value, json};
use shop::Amounts;
use test_support::{Rest, text_of};

use crate::world::{World, json};

const THREE: Amounts = Amounts {
    products: 3,
    customers: 0,
};

#[test]
fn every_form_has_the_same_products() {
    let world = World::with(THREE);
    let all = world.read("/products");
    let first = &all[0];
    let xml = text_of(&world.get("/products.xml"));
    let csv = text_of(&world.get("/products.csv"));
    assert_eq!(xml.matches("<s:product ").count(), 3);
    assert_eq!(csv.lines().count(), 4);
    for name in ["name", "sku", "updated_at"] {
        let text = first[name].as_str().unwrap();
        assert!(
            xml.contains(&format!("<s:{name}>{text}</s:{name}>")),
            "{xml}"
        );
        assert!(csv.contains(&format!("\"{text}\"")), "{csv}");
    }
    let changes = world.read("/v2/changes");
    assert_eq!(changes["data"][0]["stock"]["sku"], first["sku"]);
    assert_eq!(changes["data"].as_array().map(Vec::len), Some(3));
}

#[test]
fn pages_and_changes_need_a_token_and_lead_on() {
    let world = World::with(THREE);
    assert_eq!(world.get("/v2/products").status(), 401);
    let ask = |rest: &Rest| {
        rest.send(
            Method::POST,
            "/oauth/token",
            "grant_type=client_credentials",
        )
    };
    let client = world
        .rest
        .clone()
        .with_header("authorization", "Basic cmhvc3luYzpzaG9wLXNlY3JldA==");
    let token = json(ask(&client), 200)["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let rest = world.rest.clone().with_bearer(&token);
    let get = |path: &str| json(rest.send(Method::GET, path, ""), 200);
    let page = get("/v2/products?limit=2");
    assert_eq!(
        (&page["data"][1]["key"], &page["meta"]["next"]),
        (&json!(2), &json!(2))
    );
    let page = get(page["links"]["next"].as_str().unwrap());
    assert_eq!(
        (&page["data"][0]["key"], &page["meta"]["next"]),
        (&json!(3), &Value::Null)
    );

    let body = json!({"title": "Lamp", "stock": {"sku": "L1"}}).to_string();
    let made = rest.send(Method::POST, "/v2/products", body);
    assert_eq!(json(made, 201), json!({"made": {"key": 4}}));
    assert_eq!(world.read("/products/4")["sku"], "L1");
    world.delete("/_control/tokens");
    assert_eq!(rest.send(Method::GET, "/v2/products", "").status(), 401);
    assert_eq!(json(ask(&world.rest), 401)["error"], "invalid_client");
}

#[test]
fn changes_are_told_with_deletions() {
    let world = World::with(THREE);
    let as_of = world.read("/v2/changes")["as_of"]
        .as_str()
        .unwrap()
        .to_owned();
    world.delete("/products/2");
    world.send(Method::PATCH, "/products/3", &json!({"name": "Lamp"}));
    let changes = world.read(&format!("/v2/changes?since={as_of}"));
    assert_eq!(changes["deleted"], json!([2]));
    let changed = changes["data"].as_array().unwrap();
    assert!(changed.iter().any(|it| it["title"] == "Lamp"), "{changes}");
}
