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

/// What `new` writes of a document, as a file of this name.
fn written(document: &str, file: &str, arguments: &[&str]) -> String {
    let folder = application("", &[]);
    fs::write(folder.path().join(file), document).unwrap();
    let said = source(folder.path(), &[&["new"], arguments].concat());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    fs::read_to_string(folder.path().join("rhosync.toml")).unwrap()
}

#[test]
fn an_openapi_document_as_frameworks_write_them_is_understood() {
    // Django's: paths end with a slash, and an answer has the next page's address.
    let django = r##"
openapi: 3.0.3
servers: [{url: /api}]
security: [{}, {tokenAuth: []}]
paths:
  /work-orders/:
    get:
      parameters:
        - {in: query, name: page, schema: {type: integer}}
        - {in: query, name: site, required: true, schema: {type: string, enum: [north, south]}}
        - {in: header, name: X-Tenant, required: true, schema: {type: string}}
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/PaginatedWorkOrderList'}}}}
    post: {}
  /work-orders/{id}/:
    $ref: '#/components/x-item'
components:
  x-item: {patch: {}, delete: {}}
  securitySchemes:
    cookieAuth: {type: apiKey, in: cookie, name: sessionid}
    basicAuth: {type: http, scheme: basic}
    tokenAuth: {type: http, scheme: bearer}
  schemas:
    PaginatedWorkOrderList:
      type: object
      properties:
        count: {type: integer}
        errors: {type: array, items: {type: object, properties: {code: {type: string}}}}
        next: {type: string, nullable: true, format: uri}
        results: {type: array, items: {$ref: '#/components/schemas/WorkOrder'}}
    WorkOrder:
      allOf:
        - {$ref: '#/components/schemas/Base'}
        - type: object
          properties:
            hours: {anyOf: [{type: number}, {type: 'null'}]}
            status: {allOf: [{$ref: '#/components/schemas/Status'}]}
            site: {oneOf: [{$ref: '#/components/schemas/Base'}, {type: 'null'}]}
    Base: {type: object, properties: {id: {type: integer}, made: {type: string, format: date-time}}}
    Status: {type: string, enum: [open, done]}
"##;
    let settings = written(django, "d.yaml", &["WorkOrder", "--from-openapi", "d.yaml"]);
    for line in [
        "url = \"https://back-end.example.com/api/work-orders\"",
        "authorization = { bearer = { variable = \"workorder_token\" } }",
        "records = \"$.results\"",
        "types = { hours = \"number\", made = \"date\", site = \"json\" }",
        "paging = { kind = \"next-url\", next = \"$.next\" }",
        "list = { path = \"/\", query = { site = \"north\" } }",
        "create = { path = \"/\" }",
        "update = { path = \"/{{ id }}/\" }",
        "update_method = \"PATCH\"",
    ] {
        assert!(settings.lines().any(|it| it == line), "{line}\n{settings}");
    }
    assert!(
        settings.contains("needs the header parameter X-Tenant"),
        "{settings}"
    );

    // Spring's: pages are counted from 0, and the records are within another member.
    let spring = json!({
        "openapi": "3.1.0",
        "servers": [{"url": "https://{region}.erp.example.com", "variables": {"region": {"default": "eu"}}}],
        "paths": {
            "/items": {"get": {
                "parameters": [
                    {"in": "query", "name": "page", "schema": {"type": "integer", "default": 0, "minimum": 0}},
                    {"in": "query", "name": "size", "schema": {"type": "integer"}},
                ],
                "responses": {"200": {"content": {"application/hal+json": {"schema": {
                    "properties": {"_embedded": {"properties": {"items": {"type": "array", "items": {
                        "properties": {"itemId": {"type": "string"}, "tags": {"type": "array"}},
                    }}}}},
                }}}}},
            }},
        },
    });
    let settings = written(
        &spring.to_string(),
        "s.json",
        &["Item", "--from-openapi", "s.json"],
    );
    for line in [
        "url = \"https://eu.erp.example.com/items\"",
        "records = \"$._embedded.items\"",
        "id = \"itemId\"",
        "types = { tags = \"json\" }",
        "paging = { parameter = \"page\", first = 0, size_parameter = \"size\", size = 100 }",
    ] {
        assert!(settings.lines().any(|it| it == line), "{line}\n{settings}");
    }
    assert!(settings.contains("`size` is a guess"), "{settings}");

    // Version 2.
    let swagger = json!({
        "swagger": "2.0", "host": "crm.example.com", "basePath": "/v1/", "schemes": ["https"],
        "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "definitions": {"Pet": {"properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}},
        "paths": {"/pets": {"get": {
            "parameters": [
                {"in": "query", "name": "offset", "type": "integer"},
                {"in": "query", "name": "limit", "type": "integer", "maximum": 50},
            ],
            "responses": {"200": {"schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}}},
        }}},
    });
    let settings = written(
        &swagger.to_string(),
        "w.json",
        &["Pet", "--from-openapi", "w.json"],
    );
    for line in [
        "url = \"https://crm.example.com/v1/pets\"",
        "authorization = { api_key = { header = \"X-Key\", value = { variable = \"pet_key\" } } }",
        "paging = { kind = \"offset\", parameter = \"offset\", size_parameter = \"limit\", size = 50 }",
    ] {
        assert!(settings.lines().any(|it| it == line), "{line}\n{settings}");
    }
}

#[test]
fn a_document_that_is_none_is_told_by_what_it_is_and_changes_nothing() {
    for (text, option, word) in [
        ("<!doctype html><html></html>", "--from-openapi", "web page"),
        ("just: yaml", "--from-openapi", "no paths"),
        (": {", "--from-openapi", "neither JSON nor YAML"),
        (
            "{\"paths\":{\"/a\":{\"get\":{\"$ref\":\"other.yaml#/a\"}}}}",
            "--from-openapi",
            "other.yaml",
        ),
        ("<html></html>", "--from-wsdl", "no WSDL document"),
        ("{}", "--from-wsdl", "no XML"),
        (
            "<definitions xmlns=\"http://schemas.xmlsoap.org/wsdl/\"><portType name=\"P\"><operation name=\"ListA\"/></portType></definitions>",
            "--from-wsdl",
            "ListA",
        ),
    ] {
        let folder = application("", &[]);
        fs::write(folder.path().join("d"), text).unwrap();
        let said = source(folder.path(), &["new", "A", option, "d"]);
        assert_eq!(said.code, Some(1), "{text}: {}{}", said.out, said.error);
        assert!(said.error.contains(word), "{text}: {}", said.error);
        let settings = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
        assert_eq!(settings, "", "{text}");
    }
}

#[test]
fn a_wsdl_document_may_be_in_parts_with_several_port_types_and_schemas() {
    let wsdl = r#"<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:h="http://schemas.xmlsoap.org/wsdl/http/" xmlns:m="urn:m" xmlns:x="http://www.w3.org/2001/XMLSchema">
  <w:types><x:schema><x:import namespace="urn:m" schemaLocation="m.xsd"/></x:schema></w:types>
  <w:message name="LI"><w:part name="parameters" element="m:GetOrders"/></w:message>
  <w:message name="LO"><w:part name="parameters" element="m:GetOrdersResponse"/></w:message>
  <w:message name="UI"><w:part name="parameters" element="m:UpdateOrder"/></w:message>
  <w:portType name="Forms"><w:operation name="GetOrders"/></w:portType>
  <w:portType name="Admin"><w:operation name="Ping"/></w:portType>
  <w:portType name="Orders">
    <w:operation name="GetOrders"><w:input message="m:LI"/><w:output message="m:LO"/></w:operation>
    <w:operation name="UpdateOrder"><w:input message="m:UI"/></w:operation>
  </w:portType>
  <w:binding name="FormsB" type="m:Forms"><h:binding verb="GET"/></w:binding>
  <w:binding name="AdminB" type="m:Admin"><s:binding/></w:binding>
  <w:binding name="OrdersB" type="m:Orders"><s:binding/>
    <w:operation name="GetOrders"><s:operation soapAction="urn:m/Get"/></w:operation>
    <w:operation name="UpdateOrder"><s:operation soapAction="urn:m/Update"/></w:operation>
  </w:binding>
  <w:service name="S">
    <w:port name="A" binding="m:AdminB"><s:address location="https://erp.example.com/admin"/></w:port>
    <w:port name="O" binding="m:OrdersB"><s:address location="https://erp.example.com/orders"/></w:port>
  </w:service>
</w:definitions>"#;
    let messages = r#"<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:d="urn:d" targetNamespace="urn:m" elementFormDefault="qualified">
  <x:import namespace="urn:d" schemaLocation="parts/d.xsd"/>
  <x:element name="GetOrders"><x:complexType/></x:element>
  <x:element name="GetOrdersResponse"><x:complexType><x:sequence>
    <x:element name="Warnings" type="x:string" maxOccurs="unbounded"/>
    <x:element name="Result"><x:complexType><x:sequence><x:element name="Order" type="d:Order" maxOccurs="unbounded"/></x:sequence></x:complexType></x:element>
  </x:sequence></x:complexType></x:element>
  <x:element name="UpdateOrder"><x:complexType><x:sequence><x:element name="order" type="d:Order"/></x:sequence></x:complexType></x:element>
</x:schema>"#;
    let data = r#"<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:d="urn:d" targetNamespace="urn:d" elementFormDefault="qualified">
  <x:include schemaLocation="../parts/d.xsd"/>
  <x:complexType name="Base"><x:sequence><x:element name="Id" type="x:int"/></x:sequence></x:complexType>
  <x:complexType name="Order"><x:complexContent><x:extension base="d:Base"><x:sequence>
    <x:element name="Status" type="x:string"/>
  </x:sequence></x:extension></x:complexContent></x:complexType>
</x:schema>"#;
    let folder = application("", &[]);
    fs::create_dir(folder.path().join("parts")).unwrap();
    for (name, text) in [("s.wsdl", wsdl), ("m.xsd", messages), ("parts/d.xsd", data)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let said = source(folder.path(), &["new", "Order", "--from-wsdl", "s.wsdl"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    let settings = fs::read_to_string(folder.path().join("rhosync.toml")).unwrap();
    for line in [
        "url = \"https://erp.example.com/orders\"",
        "version = \"1.2\"",
        "records = \"$.GetOrdersResponse.Result.Order\"",
        "id = \"Id\"",
        "action = \"urn:m/Update\"",
        "  <x:order>",
        "    <y:Id xmlns:y=\"urn:d\">{{ id }}</y:Id>",
        "    {% if object?.Status %}<y:Status xmlns:y=\"urn:d\">{{ object.Status }}</y:Status>{% endif %}",
    ] {
        assert!(settings.lines().any(|it| it == line), "{line}\n{settings}");
    }
    let said = source(folder.path(), &["replay", "Order", "--json"]);
    assert_eq!(
        said.json()["objects"],
        json!({"1": {"Status": "text"}}),
        "{}",
        said.error
    );

    // And from the web, where addresses are beside the document's own.
    let texts = [
        ("/s?wsdl", wsdl.replace("m.xsd", "?xsd=m")),
        ("/s?xsd=m", messages.replace("parts/d.xsd", "/d")),
        ("/d", data.replace("../parts/d.xsd", "d")),
    ];
    let web = BackEnd::start(move |asked| {
        let text = texts
            .iter()
            .find(|(path, _)| asked.line == format!("GET {path}"));
        text.map_or((404, String::new()), |(_, text)| (200, text.clone()))
    });
    let folder = application("", &[]);
    let said = source(
        folder.path(),
        &[
            "new",
            "Order",
            "--from-wsdl",
            &format!("{}/s?wsdl", web.url),
        ],
    );
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert_eq!(
        fs::read_to_string(folder.path().join("rhosync.toml")).unwrap(),
        settings
    );
}
