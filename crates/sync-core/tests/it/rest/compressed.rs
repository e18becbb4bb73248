//! Answers that are compressed.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sync_core::Ports as _;
use test_support::local;

use super::World;

const GZIP: &[(&str, &str)] = &[("content-encoding", "gzip")];

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_compressed_answer_is_asked_for_and_read() {
    local(async {
        let world = World::start("").await;
        let list = packed(br#"[{"id":1,"n":"a"}]"#);
        let in_parts = [packed(b"[{\"id\":1,"), packed(b"\"n\":\"b\"}]")].concat();
        for (coding, body, name) in [("gzip", list, "a"), ("X-GZIP", in_parts, "b")] {
            world.answer(200, &[("content-encoding", coding)], &body);
            let page = world.pull("").await;
            assert_eq!(page[5], json!({"insert": {"1": {"n": name}}}), "{coding}");
            let asked = world.engine.ports().http().asked();
            assert_eq!(asked[0].headers()["accept-encoding"], "gzip");
        }
        world.answer(422, GZIP, &packed(br#"{"message":"too dear"}"#));
        world.answer(200, &[], r#"[{"id":1,"n":"b"}]"#);
        world.push(json!({"update": {"1": {"n": "c"}}})).await;
        let told = world.pull("").await;
        assert!(told[5].to_string().contains("too dear"), "{told}");
    });
}

#[test]
fn what_the_settings_say_is_asked_for_in_place_of_that() {
    local(async {
        let headers = "headers = { Accept-Encoding = \"identity\", Accept = \"text/x\" }";
        let of_list = format!("{headers}\nlist = {{ headers = {{ Accept = \"text/y\" }} }}");
        for (settings, accepted) in [(headers, "text/x"), (&of_list, "text/y")] {
            let world = World::start(settings).await;
            world.answer(200, &[], "[]");
            world.pull("").await;
            let asked = world.engine.ports().http().asked();
            let all = |name| asked[0].headers().get_all(name).iter().collect::<Vec<_>>();
            assert_eq!(all("accept-encoding"), ["identity"]);
            assert_eq!(all("accept"), [accepted]);
        }
    });
}

#[test]
fn an_answer_that_cannot_be_unpacked_is_an_error_and_deletes_nothing() {
    local(async {
        let world = World::start("").await;
        world.answer(200, &[], r#"[{"id":1,"n":"a"}]"#);
        let page = world.pull("").await;
        world.pull(page[1]["token"].as_str().unwrap()).await;
        let list = packed(b"[]");
        let mut damaged = list.clone();
        let checksum = damaged.len() - 5;
        damaged[checksum] ^= 1;
        for (body, reason) in [
            (b"[]".to_vec(), "but is not"),
            (list[..list.len() - 1].to_vec(), "is cut off, or damaged"),
            (list[..list.len() - 8].to_vec(), "is cut off, or damaged"),
            (list[..5].to_vec(), "is cut off, or damaged"),
            ([&list[..], b"garbage"].concat(), "is cut off, or damaged"),
            (damaged, "is cut off, or damaged"),
        ] {
            world.answer(200, GZIP, &body);
            let told = world.pull("").await;
            let error = told[5]["source-error"]["query-error"]["message"].to_string();
            assert!(error.contains(reason), "{body:?}: {told}");
            assert_eq!(told[5].get("delete"), None, "{body:?}: {told}");
        }
        world.answer(200, GZIP, &list);
        assert_eq!(world.pull("").await[5]["delete"], json!({"1": {"n": ""}}));
    });
}

#[test]
fn what_would_be_too_large_is_not_unpacked() {
    local(async {
        let world = World::start("").await;
        let bomb = packed(&vec![b' '; 32 << 20]);
        // One that does not say at its end how large it is, is stopped while it is unpacked.
        let in_parts = [&bomb[..], &packed(b"[]")].concat();
        for body in [bomb, in_parts] {
            world.answer(200, GZIP, &body);
            let told = world.pull("").await;
            let error = told[5]["source-error"]["query-error"]["message"].to_string();
            assert!(error.contains("bytes"), "{told}");
        }
    });
}
