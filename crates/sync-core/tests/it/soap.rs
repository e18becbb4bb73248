//! What a declared SOAP back end is asked, and what its envelopes mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use test_support::local;

use crate::rest::World;

const SETTINGS: &str = r#"
records = "$.ListResponse.Item"
id = "$['@key']"
attributes = { name = "$.Title", price = "$.Price" }
types = { price = "number" }
created_id = "$.CreateResponse.Key"
retry_faults = ["Busy"]
list = { action = "urn:List", body = "<m:List xmlns:m=\"urn:m\" of=\"{{ user }}\"/>" }
create = { action = "urn:Create", body = "<m:Create xmlns:m=\"urn:m\"><Title>{{ object.name }}</Title>{% if object?.price %}<Price>{{ object.price }}</Price>{% endif %}</m:Create>" }
update = { body = "<m:Update xmlns:m=\"urn:m\" key=\"{{ id }}\">{% for name, value in object %}<{{ name }}>{{ value }}</{{ name }}>{% endfor %}</m:Update>" }
"#;

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header/><s:Body>{body}</s:Body></s:Envelope>"
    )
}

const TWO: &str = "<r:ListResponse xmlns:r=\"urn:m\"><r:Item key=\"1\"><r:Title>a</r:Title><r:Price>9.5</r:Price></r:Item><r:Item key=\"2\"><r:Title>b &amp; c</r:Title></r:Item></r:ListResponse>";

#[test]
fn calls_are_envelopes_and_answers_are_read_from_their_bodies() {
    local(async {
        let world = World::start_with("soap", SETTINGS).await;
        world.answer(200, &[], &envelope(TWO));
        let page = world.pull("").await;
        assert_eq!(
            page[5],
            json!({"insert": {"1": {"name": "a", "price": "9.5"}, "2": {"name": "b & c"}}})
        );
        let soap = "http://schemas.xmlsoap.org/soap/envelope/";
        let sent = |body: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{soap}\"><soap:Header></soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
            )
        };
        let list = sent("<m:List xmlns:m=\"urn:m\" of=\"u1\"/>");
        assert_eq!(
            world.asked(),
            [format!(
                "POST http://crm/products content-type=text/xml; charset=utf-8 soapaction=\"urn:List\" {list}"
            )]
        );
        world.answer(
            200,
            &[],
            &envelope("<CreateResponse><Key>x/7</Key></CreateResponse>"),
        );
        world.answer(200, &[], &envelope("<UpdateResponse/>"));
        world
            .push(json!({
                "create": {"t1": {"name": "<a> & \"b\"", "price": "1"}},
                "update": {"1": {"name": "z"}},
                "delete": {"2": {}},
            }))
            .await;
        let create = sent(
            "<m:Create xmlns:m=\"urn:m\"><Title>&lt;a&gt; &amp; &quot;b&quot;</Title><Price>1</Price></m:Create>",
        );
        let update = sent("<m:Update xmlns:m=\"urn:m\" key=\"1\"><name>z</name></m:Update>");
        assert_eq!(
            world.asked(),
            [
                format!(
                    "POST http://crm/products content-type=text/xml; charset=utf-8 soapaction=\"urn:Create\" {create}"
                ),
                format!(
                    "POST http://crm/products content-type=text/xml; charset=utf-8 soapaction=\"\" {update}"
                ),
            ]
        );
        world.answer(200, &[], &envelope(TWO));
        let told = world.pull("").await;
        assert_eq!(told[5]["links"], json!({"t1": {"l": "x/7"}}));
        let refused = &told[5]["delete-error"]["2-error"]["message"];
        assert_eq!(refused, "the back end has no call for this");
    });
}

#[test]
fn soap_1_2_says_its_action_in_the_content_type() {
    local(async {
        let world = World::start_with("soap", &format!("version = \"1.2\"\n{SETTINGS}")).await;
        world.answer(200, &[], &envelope("<ListResponse/>"));
        assert_eq!(world.pull("").await[5], json!({}));
        let asked = world.asked().remove(0);
        let expected = "POST http://crm/products content-type=application/soap+xml; charset=utf-8; action=\"urn:List\" <?xml";
        assert!(asked.starts_with(expected), "{asked}");
        assert!(
            asked.contains("xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\""),
            "{asked}"
        );
    });
}

#[test]
fn a_fault_is_the_back_ends_word_whatever_its_status() {
    local(async {
        let old = |code: &str| {
            envelope(&format!(
                "<s:Fault><faultcode>s:{code}</faultcode><faultstring>too dear</faultstring></s:Fault>"
            ))
        };
        let new = |code: &str| {
            envelope(&format!(
                "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>m:{code}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en\">too dear</s:Text></s:Reason></s:Fault>"
            ))
        };
        for fault in [old("Client"), old("Server"), new("Price")] {
            for status in [200, 400, 500] {
                let world = World::start_with("soap", SETTINGS).await;
                world.answer(status, &[], &fault);
                world.push(json!({"create": {"t1": {"name": "a"}}})).await;
                assert_eq!(world.asked().len(), 1, "it would be the same again");
                world.answer(200, &[], &envelope(TWO));
                let told = world.pull("").await;
                let message = &told[5]["create-error"]["t1-error"]["message"];
                assert_eq!(message, "too dear", "{status}: {fault}");
            }
        }
        for (status, body, kind, said) in [
            (500, old("FailedAuthentication"), "login-error", "too dear"),
            (500, old("Busy"), "query-error", "too dear"),
            (
                503,
                "busy".to_owned(),
                "query-error",
                "503 Service Unavailable",
            ),
            (200, "<html/>".to_owned(), "query-error", "no SOAP envelope"),
            (
                200,
                envelope("<OtherResponse/>"),
                "query-error",
                "nothing at",
            ),
            (
                200,
                format!("<!DOCTYPE x [<!ENTITY e \"x\">]>{}", envelope(TWO)),
                "query-error",
                "document type",
            ),
        ] {
            let world = World::start_with("soap", SETTINGS).await;
            world.answer(status, &[], &body);
            let told = world.pull("").await;
            let message = told[5]["source-error"][kind]["message"]
                .as_str()
                .unwrap_or_default();
            assert!(message.contains(said), "{body}: {told}");
        }
        // A change that meets such a fault is tried again.
        let world = World::start_with("soap", SETTINGS).await;
        world.answer(500, &[], &old("Busy"));
        world.answer(
            200,
            &[],
            &envelope("<CreateResponse><Key>7</Key></CreateResponse>"),
        );
        world.push(json!({"create": {"t1": {"name": "a"}}})).await;
        assert_eq!(world.asked().len(), 2);
    });
}

#[test]
fn a_user_name_and_a_password_go_in_the_header_as_text_or_as_a_digest() {
    local(async {
        let token = |kind: &str| {
            format!(
                "username_token = {{ username = \"me\", password = \"s3cret<\", password_type = \"{kind}\" }}\n{SETTINGS}"
            )
        };
        let world = World::start_with("soap", &token("text")).await;
        world.answer(200, &[], &envelope(TWO));
        world.pull("").await;
        let asked = world.asked().remove(0);
        assert!(
            asked.contains("<wsse:Username>me</wsse:Username>"),
            "{asked}"
        );
        assert!(
            asked.contains("#PasswordText\">s3cret&lt;</wsse:Password></wsse:UsernameToken>"),
            "{asked}"
        );

        let world = World::start_with("soap", &token("digest")).await;
        world.answer(200, &[], &envelope(TWO));
        world.pull("").await;
        let asked = world.asked().remove(0);
        let between = |before: &str, after: &str| {
            let (_, rest) = asked
                .split_once(before)
                .unwrap_or_else(|| panic!("no {before} in {asked}"));
            rest.split_once(after).unwrap().0.to_owned()
        };
        let nonce = between("#Base64Binary\">", "<");
        let created = between("<wsu:Created>", "<");
        let digest = Sha1::new()
            .chain_update(BASE64.decode(nonce).unwrap())
            .chain_update(&created)
            .chain_update("s3cret<")
            .finalize();
        assert_eq!(between("#PasswordDigest\">", "<"), BASE64.encode(digest));
        assert!(created.ends_with('Z'), "{created}");
        assert!(!asked.contains("s3cret"), "{asked}");
        assert!(!format!("{:?}", world.engine.settings()).contains("s3cret"));
    });
}

const PAGED: &str = r#"
records = "$.ListResponse.Item"
id = "$['@key']"
list = { body = "<List {% if since %}since=\"{{ since }}\" {% endif %}page=\"{{ page.number }}\" of=\"{{ page.size }}\"/>" }
paging = { size = 2 }
changes = { mark = "$.ListResponse['@now']", deleted_if = "$['@gone']" }
"#;

/// The bodies of the envelopes that were asked with since the last time.
#[expect(
    clippy::unwrap_used,
    reason = "an envelope without a body is a failed test"
)]
fn bodies(world: &World) -> Vec<String> {
    let asked = world.asked().into_iter();
    let body = |asked: String| {
        let (_, body) = asked.split_once("<soap:Body>").unwrap();
        body.split_once("</soap:Body>").unwrap().0.to_owned()
    };
    asked.map(body).collect()
}

#[test]
fn envelopes_ask_page_by_page_and_for_what_has_changed_since() {
    local(async {
        let world = World::start_with("soap", PAGED).await;
        let answer = |now: &str, items: &str| {
            let body = format!("<ListResponse now=\"{now}\">{items}</ListResponse>");
            world.answer(200, &[], &envelope(&body));
        };
        answer(
            "t1",
            "<Item key=\"1\"><n>a</n></Item><Item key=\"2\"><n>b</n></Item>",
        );
        answer("t2", "<Item key=\"3\"><n>c</n></Item>");
        let page = world.pull("").await;
        let all = json!({"1": {"n": "a"}, "2": {"n": "b"}, "3": {"n": "c"}});
        assert_eq!(page[5]["insert"], all);
        let asked = bodies(&world);
        assert_eq!(
            asked,
            ["<List page=\"1\" of=\"2\"/>", "<List page=\"2\" of=\"2\"/>"]
        );
        // Nothing but what the answer names is touched.
        world.pull(page[1]["token"].as_str().unwrap()).await;
        answer("t3", "<Item key=\"3\" gone=\"true\"/>");
        let page = world.pull("").await;
        assert_eq!(page[5], json!({"delete": {"3": {"n": ""}}}));
        let asked = bodies(&world);
        assert_eq!(asked, ["<List since=\"t1\" page=\"1\" of=\"2\"/>"]);
        // A fault deletes nothing.
        world.pull(page[1]["token"].as_str().unwrap()).await;
        let fault = "<s:Fault><faultcode>s:Server</faultcode></s:Fault>";
        world.answer(200, &[], &envelope(fault));
        let page = world.pull("").await;
        assert!(page[5].get("delete").is_none(), "{page}");
    });
}

#[test]
fn a_cursor_in_an_answer_goes_into_the_next_envelope() {
    const BY_CURSOR: &str = r#"
records = "$.ListResponse.Item"
id = "$['@key']"
list = { body = "<List>{% if page.cursor %}<After>{{ page.cursor }}</After>{% endif %}</List>" }
paging = { kind = "cursor", next = "$.ListResponse.Next" }
"#;
    local(async {
        let world = World::start_with("soap", BY_CURSOR).await;
        let first =
            "<ListResponse><Item key=\"1\"><n>a</n></Item><Next>a&lt;b</Next></ListResponse>";
        world.answer(200, &[], &envelope(first));
        world.answer(200, &[], &envelope("<ListResponse/>"));
        let page = world.pull("").await;
        assert_eq!(page[5]["insert"], json!({"1": {"n": "a"}}));
        let asked = bodies(&world);
        assert_eq!(
            asked,
            ["<List></List>", "<List><After>a&lt;b</After></List>"]
        );
    });
}
