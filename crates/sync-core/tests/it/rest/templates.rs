//! Calls as the settings declare them.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::json;
use sync_core::UserChange;
use test_support::{TestRedis, local};

use super::World;

#[test]
fn each_partition_of_a_user_is_asked_for_by_its_name() {
    local(async {
        let settings = r#"
            [sources.Product]
            adapter = "rest"
            partition = ["region/{{ user.region }}", "user"]
            poll_interval = 0
            [sources.Product.rest]
            url = "http://crm/products"
            list = { path = "{% if member?.region %}/by-region/{{ member.region }}{% else %}/by-owner/{{ user }}{% endif %}" }
            create = { query = { in = "{{ partition }}" } }
            "#;
        let redis = Rc::new(TestRedis::start());
        let world = World::start_on(redis, settings, "u1", 1).await;
        let region = ("region".to_owned(), "n/w".to_owned());
        let change = UserChange {
            attributes: Some(BTreeMap::from([region])),
            ..UserChange::default()
        };
        let accounts = world.engine.accounts();
        accounts.update_user("u1", change).await.unwrap();
        world.answer(200, &[], r#"[{"id":1,"name":"a"}]"#);
        world.answer(200, &[], r#"[{"id":2,"name":"b"}]"#);
        let page = world.pull("").await;
        let both = json!({"insert": {"1": {"name": "a"}, "2": {"name": "b"}}});
        assert_eq!(page[5], both);
        assert_eq!(
            world.asked(),
            [
                "GET http://crm/products/by-region/n%2Fw",
                "GET http://crm/products/by-owner/u1"
            ]
        );
        world.answer(201, &[], r#"{"id":3}"#);
        let changes = json!({"create": {"t": {"name": "c"}}});
        world.push(changes).await;
        assert_eq!(
            world.asked(),
            [r#"POST http://crm/products?in=region%2Fn%2Fw {"name":"c"}"#]
        );
    });
}

#[test]
fn every_part_of_a_call_is_a_template() {
    local(async {
        let world = World::start(
            r#"
            id = ["region", "no"]
            attributes = { name = "$.title", city = "$.address.city", price = "$.price" }
            types = { price = "number" }
            created_id = "$.made.key"
            headers = { X-Tenant = "t1" }
            list = { method = "POST", path = "/find", query = { of = "{{ user }}" }, body = '{"area":{{ parameters?.area }}}' }
            create = { path = "/new", body = '{"product":{"title":{{ object.name }},"price":{{ object?.price }}}}' }
            update = { method = "PATCH", path = "/{{ id_parts.0 }}/{{ id_parts.1 }}", headers = { If-Match = "{{ id }}" } }
            delete = { method = "POST", path = "/{{ id_parts.1 }}/gone", body = "<x id=\"{{ id }}\"/>", content_type = "text/xml" }
            "#,
        )
        .await;
        let area = [
            ("area".to_owned(), "a\"b".to_owned()),
            ("of".to_owned(), "eve".to_owned()),
        ];
        world.answer(200, &[], r#"[{"region":"n/w","no":7,"title":"Lamp","address":{"city":"Bern"},"price":9.5,"more":1}]"#);
        let page = world.pull_with("", &area).await;
        assert_eq!(
            page[5],
            json!({"insert": {"n/w:7": {"name": "Lamp", "city": "Bern", "price": "9.5"}}})
        );
        assert_eq!(
            world.asked(),
            [r#"POST http://crm/products/find?area=a%22b&of=u1 x-tenant=t1 {"area":"a\"b" }"#]
        );
        world.answer(200, &[], r#"{"made":{"key":"s:8"}}"#);
        world.answer(200, &[], "");
        world.answer(200, &[], "");
        world
            .push(json!({
                "create": {"t1": {"name": "a \"b\"", "price": "10"}},
                "update": {"n/w:7": {"name": "L", "city": "Basel", "own": "x"}},
                "delete": {"a<b:9": {}},
            }))
            .await;
        assert_eq!(
            world.asked(),
            [
                r#"POST http://crm/products/new x-tenant=t1 {"product":{"title":"a \"b\"","price":10 } }"#,
                r#"PATCH http://crm/products/n%2Fw/7 if-match=n/w:7 x-tenant=t1 {"address":{"city":"Basel"},"own":"x","title":"L"}"#,
                r#"POST http://crm/products/9/gone x-tenant=t1 <x id="a&lt;b:9"/>"#,
            ]
        );
        world.answer(304, &[], "");
        let told = world.pull("").await;
        assert_eq!(told[5]["links"], json!({"t1": {"l": "s:8"}}));
    });
}

#[test]
fn attributes_go_out_as_a_form_where_that_is_declared() {
    local(async {
        let world = World::start(
            r#"
            types = { price = "number" }
            create = { content_type = "application/x-www-form-urlencoded" }
            update = { content_type = "application/x-www-form-urlencoded", body = "n={{ object.name }}&id={{ id }}" }
            "#,
        )
        .await;
        world.answer(201, &[("location", "/products/8")], "");
        world.answer(200, &[], "");
        world
            .push(json!({"create": {"t1": {"name": "a b&c", "price": "1"}}, "update": {"7": {"name": "x&y"}}}))
            .await;
        assert_eq!(
            world.asked(),
            [
                "POST http://crm/products name=a+b%26c&price=1",
                "PUT http://crm/products/7 n=x%26y&id=7"
            ]
        );
    });
}

#[test]
fn a_template_that_names_what_is_not_there_calls_nobody() {
    local(async {
        let world = World::start(r#"update = { body = '{"n":{{ object.name }}}' }"#).await;
        world.push(json!({"update": {"7": {"price": "1"}}})).await;
        assert_eq!(world.asked(), [""; 0]);
        world.answer(200, &[], "[]");
        let told = world.pull("").await;
        let message = told[5]["update-error"]["7-error"]["message"]
            .as_str()
            .unwrap_or_default();
        assert!(message.contains("template"), "{told}");
    });
}
