//! `new`.

use std::fs;

use serde_json::json;

use crate::world::{BackEnd, application, source};

const OPENAPI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/crm.yaml");
const WSDL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/erp.wsdl");

#[test]
fn every_maker_has_settings_to_begin_with_and_a_test_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    for maker in ["rest", "soap", "http", "push-only"] {
        let name = format!("My-{maker}");
        let said = source(folder.path(), &["new", &name, "--maker", maker]);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
        if maker == "push-only" {
            continue;
        }
        let said = source(folder.path(), &["replay", &name, "--json"]);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
        let objects = &said.json()["objects"];
        assert_eq!(objects["1"].as_object().unwrap().len(), 1, "{objects}");
    }
    let settings = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
    let said = source(folder.path(), &["new", "My-rest"]);
    assert_eq!(said.code, Some(2), "{}", said.error);
    let after = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
    assert_eq!(after, settings);
}

#[test]
fn what_is_there_stays_as_it_was() {
    let written = "# Ours.\n[sources.Note]\nadapter = \"push-only\"";
    let folder = application(written, &[]);
    let said = source(folder.path(), &["new", "Order", "--url", "http://a/orders"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let settings = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
    assert!(settings.starts_with(&format!("{written}\n")), "{settings}");
    assert!(settings.contains("url = \"http://a/orders\""), "{settings}");
}

#[test]
fn an_openapi_document_proposes_its_collections() {
    let folder = application("", &[]);
    let said = source(folder.path(), &["new", "--from-openapi", OPENAPI]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    for part in ["Order", "/orders", "read, create, update", "Category"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(
        !said.out.contains("notes") && !said.out.contains("health"),
        "{}",
        said.out
    );

    let said = source(folder.path(), &["new", "Order", "--from-openapi", OPENAPI]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    let settings = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
    for line in [
        "# All orders",
        "# The document has no call to delete one: what devices delete will be refused.",
        "url = \"https://eu.crm.example.com/v2/orders\"",
        "authorization = { bearer = { variable = \"order_token\" } }",
        "records = \"$.orders\"",
        "id = \"orderId\"",
        "types = { amount = \"number\", changed = \"date\", lines = \"json\", open = \"boolean\" }",
        "paging = { kind = \"cursor\", parameter = \"cursor\", next = \"$.meta.next_cursor\", size_parameter = \"limit\", size = 250 }",
        "update_method = \"PATCH\"",
    ] {
        assert!(settings.lines().any(|it| it == line), "{line}\n{settings}");
    }
    let said = source(folder.path(), &["replay", "Order", "--json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert_eq!(said.json()["objects"]["17"]["title"], "Lamps");

    let said = source(folder.path(), &["new", "Kind", "--from-openapi", OPENAPI]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert!(
        said.error.contains("/orders, ") || said.error.contains(", /orders"),
        "{}",
        said.error
    );
    let arguments = [
        "new",
        "Kind",
        "--from-openapi",
        OPENAPI,
        "--path",
        "/categories",
    ];
    assert_eq!(source(folder.path(), &arguments).code, Some(0));
}

#[test]
fn an_openapi_document_may_come_from_the_web() {
    let document = fs::read_to_string(OPENAPI).unwrap();
    let web = BackEnd::start(move |_| (200, document.clone()));
    let folder = application("", &[]);
    let from = format!("{}/openapi.yaml", web.url);
    let said = source(folder.path(), &["new", "Category", "--from-openapi", &from]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert_eq!(web.lines(), ["GET /openapi.yaml"]);
}

#[test]
fn a_wsdl_document_proposes_calls_with_their_envelopes() {
    let folder = application("", &[]);
    let said = source(folder.path(), &["new", "Customer", "--from-wsdl", WSDL]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    let settings = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
    for line in [
        "url = \"https://erp.example.com/soap\"",
        "records = \"$.ListCustomersResponse.Customers.Customer\"",
        "id = \"Number\"",
        "created_id = \"$.CreateCustomerResponse.Number\"",
        "action = \"urn:erp:Create\"",
        "<x:CreateCustomer xmlns:x=\"urn:erp\">",
        "  {% if object?.City %}<x:City>{{ object.City }}</x:City>{% endif %}",
        "  <x:Number>{{ id }}</x:Number>",
        "# The document has no operation to update one.",
    ] {
        assert!(settings.lines().any(|it| it == line), "{line}\n{settings}");
    }
    let said = source(folder.path(), &["replay", "Customer", "--json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert_eq!(
        said.json()["objects"]["1"],
        json!({"Name": "text", "City": "text"})
    );

    // And the templates are filled in.
    let back_end = BackEnd::start(|asked| {
        let body = if asked.body.contains("CreateCustomer") {
            "<CreateCustomerResponse><Number>7</Number></CreateCustomerResponse>"
        } else {
            "<ListCustomersResponse><Customers/></ListCustomersResponse>"
        };
        (
            200,
            format!(
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
            ),
        )
    });
    let path = folder.path().join("rhosync.toml");
    fs::write(
        &path,
        settings.replace("https://erp.example.com", &back_end.url),
    )
    .unwrap();
    source(
        folder.path(),
        &["check", "Customer", "--write", "Name=A & B"],
    );
    let asked = back_end.asked();
    let bodies: Vec<_> = asked.iter().map(|asked| asked.body.as_str()).collect();
    assert!(
        bodies
            .iter()
            .any(|body| body.contains("<x:Name>A &amp; B</x:Name>") && !body.contains("City")),
        "{bodies:?}"
    );
    assert!(
        bodies
            .iter()
            .any(|body| body.contains("<x:Number>7</x:Number>")),
        "{bodies:?}"
    );
}
