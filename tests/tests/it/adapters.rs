//! The same products through every form of back end that needs no code, also while the back end misbehaves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use serde_json::json;
use test_support::{Deployment, Device, Options, Source, converge, password_of, until};

/// What each way of asking is called, with the path that it asks.
const WAYS: [(Source, &str); 8] = [
    (way("Xml"), "/products.xml"),
    (way("Csv"), "/products.csv"),
    (way("Linked"), "/products"),
    (way("Offset"), "/v2/products"),
    (way("Cursor"), "/v2/products"),
    (way("NextUrl"), "/v2/products"),
    (way("Changed"), "/v2/changes"),
    (way("Soap"), "/soap"),
];

const SETTINGS: &str = r#"
[sources.Xml]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.Xml.rest]
url = { variable = "shop_url" }
format = "xml"
records = "$.catalogue.product"
id = "$['@id']"
attributes = ["name", "brand", "price", "sku", "quantity", "updated_at"]
types = { price = "number", quantity = "number" }
list = { path = "/products.xml" }
create = { path = "/products" }
update = { method = "PATCH", path = "/products/{{ id }}" }
delete = { path = "/products/{{ id }}" }
timeout_ms = 1000

[sources.Csv]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.Csv.rest]
url = { variable = "shop_url" }
format = "csv"
delimiter = ";"
list = { path = "/products.csv" }
create = { path = "/products", content_type = "application/json", body = '{"name":{{ object.name }},"price":{{ object?.price }}}' }
update = { method = "PATCH", path = "/products/{{ id }}" }
delete = { path = "/products/{{ id }}" }
timeout_ms = 1000

[sources.Linked]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.Linked.rest]
url = { variable = "shop_url", path = "/products" }
update_method = "PATCH"
list = { query = { per_page = "7" } }
paging = { kind = "link" }
timeout_ms = 1000

[sources.Offset]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.Offset.rest]
url = { variable = "shop_url", path = "/v2/products" }
records = "$.data"
id = "key"
attributes = { name = "$.title", brand = "$.brand", price = "$.price", sku = "$.stock.sku", quantity = "$.stock.quantity", updated_at = "$.changed" }
created_id = "$.made.key"
update_method = "PATCH"
paging = { kind = "offset", parameter = "offset", size_parameter = "limit", size = 7 }
timeout_ms = 1000
[sources.Offset.rest.authorization.oauth2]
token_url = { variable = "shop_url", path = "/oauth/token" }
client_id = "rhosync"
client_secret = "shop-secret"

[sources.Cursor]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.Cursor.rest]
url = { variable = "shop_url", path = "/v2/products" }
records = "$.data[*]"
id = "$.key"
attributes = { name = "$.title", brand = "$.brand", price = "$.price", sku = "$.stock.sku", quantity = "$.stock.quantity", updated_at = "$.changed" }
created_id = "$.made.key"
update_method = "PATCH"
paging = { kind = "cursor", parameter = "cursor", next = "$.meta.next", size_parameter = "limit", size = 7 }
timeout_ms = 1000
[sources.Cursor.rest.authorization.oauth2]
token_url = { variable = "shop_url", path = "/oauth/token" }
client_id = "rhosync"
client_secret = "shop-secret"
refresh_token = "again-and-again"

[sources.NextUrl]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.NextUrl.rest]
url = { variable = "shop_url", path = "/v2/products" }
records = "/data"
id = "/key"
attributes = { name = "$.title", brand = "$.brand", price = "$.price", sku = "$.stock.sku", quantity = "$.stock.quantity", updated_at = "$.changed" }
created_id = "$.made.key"
update_method = "PATCH"
list = { query = { limit = "7" } }
paging = { kind = "next-url", next = "$.links.next" }
timeout_ms = 1000
[sources.NextUrl.rest.authorization.oauth2]
token_url = { variable = "shop_url", path = "/oauth/token" }
client_id = "rhosync"
client_secret = "shop-secret"
refresh_token = "once-0"

[sources.Changed]
adapter = "rest"
partition = "app"
poll_interval = 0
[sources.Changed.rest]
url = { variable = "shop_url" }
records = "$.data"
id = "key"
attributes = { name = "$.title", brand = "$.brand", price = "$.price", sku = "$.stock.sku", quantity = "$.stock.quantity", updated_at = "$.changed" }
list = { path = "/v2/changes" }
changes = { query = { since = "{{ since }}" }, mark = "$.as_of", deleted = "$.deleted" }
create = { path = "/products", body = '{"name":{{ object.name }},"price":{{ object?.price }}}' }
update = { method = "PATCH", path = "/products/{{ id }}", body = '{{ object }}' }
delete = { path = "/products/{{ id }}" }
timeout_ms = 1000

[sources.Soap]
adapter = "soap"
partition = "app"
poll_interval = 0
[sources.Soap.soap]
url = { variable = "shop_url", path = "/soap" }
username_token = { username = "rhosync", password = "shop-secret" }
records = "$.ListProductsResponse.product"
id = "$['@id']"
attributes = ["name", "brand", "price", "sku", "quantity", "updated_at"]
created_id = "$.CreateProductResponse.Id"
list = { action = "urn:shop:ListProducts", body = "<ListProducts xmlns='urn:shop'/>" }
create = { body = "<CreateProduct xmlns='urn:shop'>{% for name, value in object %}<{{ name }}>{{ value }}</{{ name }}>{% endfor %}</CreateProduct>" }
update = { body = "<UpdateProduct xmlns='urn:shop'><Id>{{ id }}</Id>{% for name, value in object %}<{{ name }}>{{ value }}</{{ name }}>{% endfor %}</UpdateProduct>" }
delete = { body = "<DeleteProduct xmlns='urn:shop'><Id>{{ id }}</Id></DeleteProduct>" }
timeout_ms = 1000

[sources.Own]
adapter = "rest"
poll_interval = 0
push_wait_ms = 20000
[sources.Own.rest]
url = { variable = "shop_url", path = "/own/products" }
update_method = "PATCH"
authorization = { user = "basic" }
timeout_ms = 1000

[sources.Hooked]
adapter = "push-only"
partition = "app"
[sources.Hooked.hook]
secret = "hook-secret"
secret_header = "X-Hook-Secret"
records = "$.items"
deleted = "$.gone"
"#;

const fn way(name: &'static str) -> Source {
    Source {
        name,
        ..Source::PRODUCTS
    }
}

fn start() -> (Deployment, Device) {
    let deployment = Deployment::start(Options {
        products: 30,
        session_secret: "what only the components know",
        settings: SETTINGS,
        ..Options::default()
    });
    deployment.create_user("anna");
    let device = deployment.device("anna");
    (deployment, device)
}

#[test]
fn every_form_of_back_end_brings_the_same_products_and_takes_the_same_changes() {
    let (deployment, mut device) = start();
    let back_end = deployment.back_end();
    for (source, path) in WAYS {
        let Source { name, .. } = source;
        converge(&deployment, source, &mut [&mut device]);
        let mut ids = device.objects(name).into_keys();
        let [changed, removed, elsewhere, gone] =
            std::array::from_fn(|_| ids.next().expect("enough products"));
        let made = format!("a <{name}> & \"more\"");
        let replica = device.replica_mut(name);
        replica.create([("name", made.as_str()), ("price", "12.5")]);
        assert!(replica.update(&changed, [("name", format!("by {name}"))]));
        assert!(replica.delete(&removed));
        back_end.update("products", &elsewhere, &json!({"brand": name}));
        back_end.delete("products", &gone);
        converge(&deployment, source, &mut [&mut device]);
        let products = back_end.objects("products");
        assert_eq!(products[&changed]["name"], format!("by {name}"), "{path}");
        let found = products.values().filter(|it| it["name"] == made);
        assert_eq!(found.count(), 1, "{path}");
        assert!(!products.contains_key(&removed) && !products.contains_key(&gone));
    }
    back_end.assert_no_duplicates();
    let given = back_end.tokens_given();
    assert!(given > 0);
    back_end.revoke_tokens();
    back_end.update(
        "products",
        &device.id_of("Cursor", "by Cursor"),
        &json!({"brand": "new"}),
    );
    for (source, _) in WAYS {
        converge(&deployment, source, &mut [&mut device]);
    }
    assert!(back_end.tokens_given() > given);
    // Each token was asked for by the refresh token that had come with the last.
    assert_eq!(back_end.rotations(), 2);
    let log = deployment.host_log();
    assert!(
        !log.contains("shop-secret")
            && !log.contains("again-and-again")
            && !log.contains("once-")
            && !log.contains("token-1"),
        "{log}"
    );
}

#[test]
fn no_form_of_trouble_takes_anything_from_a_device() {
    let (deployment, mut device) = start();
    let back_end = deployment.back_end();
    for (source, path) in WAYS {
        let Source { name, .. } = source;
        converge(&deployment, source, &mut [&mut device]);
        let mut before = device.objects(name);
        for effect in [
            json!("half"),
            json!("hang"),
            json!({"error": {"status": 500}}),
            json!({"say": {"body": ""}}),
            json!({"say": {"body": "<html><body>maintenance</body></html>"}}),
            json!({"say": {"body": "{\"data\":[{\"title\":\"without a key\"}]}"}}),
        ] {
            back_end.fault(&json!({"effect": effect, "path": path}));
            let _ = device.sync(name);
            assert_eq!(device.objects(name), before, "{name}: {effect}");
            back_end.heal();
            let id = before.keys().next().expect("a product");
            back_end.update("products", id, &json!({"brand": effect.to_string()}));
            converge(&deployment, source, &mut [&mut device]);
            before = device.objects(name);
        }
        back_end.fault(&json!({"effect": {"error": {"status": 429, "retry_after": 1}}, "path": path, "times": 1}));
        let _ = device.sync(name);
        assert_eq!(device.objects(name), before);
        converge(&deployment, source, &mut [&mut device]);
    }
}

#[test]
fn what_a_back_end_says_by_itself_reaches_devices_if_it_proves_who_it_is() {
    let (deployment, mut device) = start();
    device.sync("Hooked").expect("to sync");
    let rest = deployment.rest();
    let good = rest.clone().with_header("x-hook-secret", "hook-secret");
    let wrong = rest.clone().with_header("x-hook-secret", "guess");
    let body = json!({"items": [{"id": 7, "name": "Lamp"}]}).to_string();
    for (rest, path, status) in [
        (&good, "/hooks/Hooked", 200),
        (&wrong, "/hooks/Hooked", 401),
        (&rest, "/hooks/Hooked", 401),
        (&good, "/hooks/Product", 404),
    ] {
        let answer = rest.send(Method::POST, path, body.clone());
        assert_eq!(answer.status(), status, "{path}");
    }
    device.sync("Hooked").expect("to sync");
    assert_eq!(device.get("Hooked", "7").expect("the lamp")["name"], "Lamp");
    good.send(
        Method::POST,
        "/hooks/Hooked",
        json!({"items": [], "gone": [7]}).to_string(),
    );
    device.sync("Hooked").expect("to sync");
    assert_eq!(device.get("Hooked", "7"), None);
    assert!(!deployment.host_log().contains("hook-secret"));
}

#[test]
fn a_back_end_is_asked_as_the_user_who_has_signed_in() {
    let (deployment, mut anna) = start();
    let back_end = deployment.back_end();
    deployment.create_user("ben");
    let mut ben = deployment.device("ben");
    let products = back_end.objects("products");
    let mut ids = products.keys();
    let [annas, bens, moved] = std::array::from_fn(|_| ids.next().expect("a product"));
    for (id, user) in [(annas, "anna"), (bens, "ben"), (moved, "anna")] {
        back_end.update("products", id, &json!({"brand": user}));
    }
    let sees = |user: &mut Device, ids: &[&String]| {
        user.sync("Own").expect("to sync");
        assert!(
            user.objects("Own").keys().eq(ids.iter().copied()),
            "{:?}",
            user.objects("Own")
        );
    };
    sees(&mut anna, &[annas, moved]);
    sees(&mut ben, &[bens]);
    assert!(anna.replica_mut("Own").update(annas, [("name", "by anna")]));
    assert!(anna.replica_mut("Own").update(moved, [("brand", "ben")]));
    anna.sync("Own").expect("to sync");
    assert_eq!(back_end.objects("products")[annas]["name"], "by anna");
    sees(&mut anna, &[annas]);
    sees(&mut ben, &[bens, moved]);

    // While the back end does not take what it is shown, nothing is lost, and nothing that the user has goes.
    back_end.fault(&json!({"effect": {"error": {"status": 401}}, "path": "/own/products*"}));
    assert!(anna.replica_mut("Own").update(annas, [("name", "later")]));
    let report = anna.sync("Own").expect("to sync");
    assert_eq!(report.applied.rejections, []);
    assert!(!report.applied.source_errors.is_empty(), "{report:?}");
    assert_eq!(anna.objects("Own").len(), 1);
    back_end.heal();
    until("the change to arrive", || {
        anna.sync("Own").expect("to sync");
        (back_end.objects("products")[annas]["name"] == "later").then_some(())
    });

    let log = deployment.host_log();
    for user in ["anna", "ben"] {
        let password = password_of(user);
        let shown = BASE64.encode(format!("{user}:{password}"));
        assert!(!log.contains(&password) && !log.contains(&shown), "{log}");
    }
}
