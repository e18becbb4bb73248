use std::net::TcpListener;

use sha2::{Digest as _, Sha256};

use crate::world::{Host, Refusal, guest, manifest, probe, refused};

#[track_caller]
fn assert_refused(refusal: &Refusal, code: i32, expected: &[&str]) {
    assert_eq!(refusal.code, Some(code), "{}", refusal.message);
    for text in expected {
        assert!(
            refusal.message.contains(text),
            "{text:?} is not in: {}",
            refusal.message
        );
    }
}

#[test]
fn a_wrong_application_is_refused_with_the_reason() {
    let chained = |trigger: &str, host: &str| {
        manifest(&format!(
            "{trigger}\n[component.a]\nsource = \"$probe\"\nallowed_outbound_hosts = [\"http://{host}.spin.internal\"]"
        ))
    };
    let http = "[[trigger.http]]\ncomponent = \"a\"\nroute = \"/\"";
    let redis =
        "[[trigger.redis]]\ncomponent = \"a\"\nchannel = \"c\"\naddress = \"redis://127.0.0.1:1\"";
    for (manifest, expected) in [
        ("not toml".to_owned(), vec!["spin.toml", "line 1"]),
        (
            manifest(&format!(
                "{http}\n[component.a]\nsource = \"none.wasm\"\nbuild.command = \"make the component\""
            )),
            vec![
                "component.a: source",
                "none.wasm",
                "build it with: make the component",
            ],
        ),
        (
            manifest(&format!("{http}\n[component.a]\nsource = \"spin.toml\"")),
            vec!["is no WebAssembly component"],
        ),
        (
            probe("allowed_outbound_hosts = [\"nonsense\"]"),
            vec!["component.probe", "\"nonsense\""],
        ),
        (
            probe("variables = { a = \"{{ b }}\" }"),
            vec!["component.probe: variables", "no variable `b`"],
        ),
        (probe("files = [\"none\"]"), vec!["component.probe", "none"]),
        (
            manifest(&format!(
                "{http}\n[component.a]\nsource = {{ url = \"https://x.test/a.wasm\", digest = \"sha256:{:064}\" }}",
                0
            )),
            vec![
                "component.a: source",
                "put https://x.test/a.wasm into a folder",
                "--components-dir",
            ],
        ),
        (
            format!(
                "{}\n[variables]\nsecret_key = {{ required = true }}",
                probe("")
            ),
            vec!["`secret_key`", "SPIN_VARIABLE_SECRET_KEY"],
        ),
        (
            chained(http, "b"),
            vec!["http://b.spin.internal", "there is no component \"b\""],
        ),
        (
            chained(redis, "a"),
            vec!["http://a.spin.internal", "Redis trigger"],
        ),
        (
            manifest(&format!("{redis}\n[component.a]\nsource = \"$probe\"")),
            vec!["component \"a\" exports no Redis handler"],
        ),
        (
            manifest(&format!("{http}\n[component.a]\nsource = \"$listener\"")),
            vec!["component \"a\" exports no HTTP handler"],
        ),
    ] {
        assert_refused(&refused(&manifest, &[]), 2, &expected);
    }
}

#[test]
fn wrong_usage_is_refused() {
    for (arguments, expected) in [
        (&["--component", "none"][..], "--component none"),
        (&["--variable", "none=1"], "--variable none"),
        (&["--variable", "x"], "NAME=VALUE"),
        (&["--manifest", "none.toml"], "none.toml"),
        (&["--request-timeout", "soon"], "--request-timeout"),
    ] {
        assert_refused(&refused(&probe(""), arguments), 2, &[expected]);
    }
}

#[test]
fn a_taken_address_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let listener = TcpListener::bind(taken).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let refusal = refused(&probe(""), &["--listen", &address]);
    assert_refused(&refusal, 1, &[&format!("cannot listen at {address}")]);
}

#[tokio::test]
async fn a_component_of_the_web_runs_from_a_folder() {
    let components = tempfile::tempdir().unwrap();
    let content = std::fs::read(guest("probe")).unwrap();
    std::fs::write(components.path().join("a.wasm"), &content).unwrap();
    let digest = base16ct::lower::encode_string(&Sha256::digest(&content));
    let host = Host::start(
        &manifest(&format!(
            "[[trigger.http]]\ncomponent = \"a\"\nroute = \"/...\"\n[component.a]\n\
             source = {{ url = \"https://x.test/v1/a.wasm\", digest = \"sha256:{digest}\" }}"
        )),
        &["--components-dir", components.path().to_str().unwrap()],
    );
    assert_eq!(host.answer("/a").await.0, 200);
}

#[tokio::test]
async fn only_selected_components_run() {
    let host = Host::start(
        &manifest(
            "[[trigger.http]]\ncomponent = \"a\"\nroute = \"/a\"\n[[trigger.http]]\ncomponent = \"b\"\nroute = \"/b\"\n\
             [component.a]\nsource = \"$probe\"\n[component.b]\nsource = \"not built.wasm\"",
        ),
        &["--component", "a"],
    );
    assert_eq!(host.answer("/a").await.0, 200);
    assert_eq!(host.answer("/b").await.0, 404);
}

#[tokio::test]
async fn when_asked_to_end_the_host_answers_what_is_under_way_first() {
    let host = Host::start(&probe(""), &[]);
    let mut response = host.get("/slow?chunks=2&ms=500").send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "chunk 0\n");
    host.terminate();
    host.stderr.wait_for("stopping");
    assert_eq!(response.chunk().await.unwrap().unwrap(), "chunk 1\n");
    assert_eq!(response.chunk().await.unwrap(), None);
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn compiled_components_are_kept_for_the_next_start() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().to_str().unwrap();
    let compiled = || {
        drop(Host::start(&probe(""), &["--cache-dir", folder]));
        let found = glob::glob(&format!("{folder}/**/*")).unwrap();
        found
            .map(Result::unwrap)
            .filter(|path| path.is_file() && path.extension().is_none())
            .map(|path| (path.metadata().unwrap().modified().unwrap(), path))
            .collect::<Vec<_>>()
    };
    let first = compiled();
    assert!(!first.is_empty());
    assert_eq!(compiled(), first, "the second start compiled again");
}
