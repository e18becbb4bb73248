use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::world::{Host, manifest, probe};

/// The probe's description of the request it got: its headers by name.
fn headers(description: &str) -> BTreeMap<&str, &str> {
    description
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .collect()
}

#[tokio::test]
async fn a_component_is_told_about_the_request_and_clients_cannot_forge_it() {
    let host = Host::start(
        &manifest(
            "[[trigger.http]]\ncomponent = \"probe\"\nroute = \"/user/:id/...\"\n\
             [component.probe]\nsource = \"$probe\"",
        ),
        &[],
    );
    let request = host
        .get("/user/7/posts?page=2")
        .header("spin-path-info", "/forged")
        .header("spin-path-match-admin", "forged")
        .header("x-own", "kept");
    let description = request.send().await.unwrap().text().await.unwrap();

    let url = format!("{}/user/7/posts?page=2", host.url);
    assert_eq!(description.lines().next().unwrap(), format!("GET {url}"));
    let headers = headers(&description);
    assert_eq!(headers["spin-full-url"], url);
    assert_eq!(headers["spin-path-info"], "/posts");
    assert_eq!(headers["spin-matched-route"], "/user/:id/...");
    assert_eq!(headers["spin-raw-component-route"], "/user/:id/...");
    assert_eq!(headers["spin-component-route"], "/user/:id");
    assert_eq!(headers["spin-base-path"], "/");
    assert_eq!(headers["spin-path-match-id"], "7");
    assert_eq!(headers["x-own"], "kept");
    assert!(headers["spin-client-addr"].starts_with("127.0.0.1:"));
    assert!(!headers.contains_key("spin-path-match-admin"));
}

#[tokio::test]
async fn routes_lead_to_components_fixed_responses_or_nowhere() {
    let host = Host::start(
        &manifest(
            "[[trigger.http]]\ncomponent = \"probe\"\nroute = \"/probe/...\"\n\
             [[trigger.http]]\ncomponent = \"hidden\"\nroute = { private = true }\n\
             [[trigger.http]]\nid = \"moved\"\nroute = \"/probe/old\"\n\
             static_response = { status_code = 301, headers = { location = \"/probe/new\" }, body = \"moved\" }\n\
             [component.probe]\nsource = \"$probe\"\n[component.hidden]\nsource = \"$probe\"",
        ),
        &[],
    );
    assert!(host.text("/probe/x").await.contains("spin-path-info: /x"));
    assert_eq!(host.answer("/hidden").await, (404, String::new()));
    assert_eq!(host.answer("/").await, (404, String::new()));
    assert_eq!(host.text("/.well-known/spin/health").await, "OK");
    assert_eq!(host.answer("/.well-known/spin/other").await.0, 404);

    host.stdout
        .wait_for(&format!("  probe: {}/probe (wildcard)", host.url));
    host.stdout
        .wait_for(&format!("  moved: {}/probe/old", host.url));
    assert_eq!(host.stdout.count("hidden"), 0);

    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let moved = client
        .get(format!("{}/probe/old", host.url))
        .send()
        .await
        .unwrap();
    assert_eq!(moved.status(), 301);
    assert_eq!(moved.headers()["location"], "/probe/new");
    assert_eq!(moved.text().await.unwrap(), "moved");
}

#[tokio::test]
async fn responses_of_the_host_itself_have_a_length() {
    let host = Host::start(&probe(""), &[]);
    for (path, status, length) in [
        ("/.well-known/spin/health", 200, "2"),
        ("/.well-known/spin/none", 404, "0"),
        ("/trap", 500, "0"),
    ] {
        let response = host.get(path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-length"], length, "{path}");
    }
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let host = Host::start(&probe(""), &[]);
    let megabytes: Vec<u8> = (0..5_u32 << 20)
        .map(|index| index.to_le_bytes()[1])
        .collect();
    let echo = host
        .post("/echo")
        .body(megabytes.clone())
        .send()
        .await
        .unwrap();
    assert!(echo.bytes().await.unwrap() == megabytes, "the echo differs");

    // The first part arrives long before the body ends.
    let started = std::time::Instant::now();
    let mut slow = host.get("/slow?chunks=2&ms=2000").send().await.unwrap();
    assert_eq!(slow.chunk().await.unwrap().unwrap(), "chunk 0\n");
    assert!(started.elapsed().as_millis() < 1900);
    assert_eq!(slow.chunk().await.unwrap().unwrap(), "chunk 1\n");
    assert_eq!(slow.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn an_instance_takes_128_requests_one_after_another() {
    let host = Host::start(&probe(""), &[]);
    let mut counts = Vec::new();
    for _ in 0..130 {
        counts.push(host.text("/count").await.parse::<u32>().unwrap());
    }
    let expected: Vec<u32> = (1..=128).chain(1..=2).collect();
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn an_instance_takes_several_requests_at_once_but_no_more_than_16() {
    let host = Host::start(&probe(""), &[]);
    let answers = join_all((0..60).map(|_| host.text("/sleep?ms=1000"))).await;
    let most = answers
        .iter()
        .map(|answer| answer.parse::<u32>().unwrap())
        .max();
    assert!(
        matches!(most, Some(2..=16)),
        "{most:?} requests slept in one instance"
    );
}

#[tokio::test]
async fn what_a_component_prints_is_logged_with_its_name() {
    let host = Host::start(&probe(""), &[]);
    host.text("/print?text=hello").await;
    for (text, stream) in [("out hello", "stdout"), ("err hello", "stderr")] {
        let line = host.stderr.wait_for(text);
        assert!(line.contains("component=\"probe\""), "{line}");
        assert!(line.contains(&format!("stream=\"{stream}\"")), "{line}");
    }
}

#[tokio::test]
async fn a_component_sees_its_files_and_environment_and_no_others() {
    let manifest = probe(
        "files = [\"plain.txt\", { source = \"site\", destination = \"/mounted\" }]\n\
         exclude_files = [\"site/secret.txt\"]\nenvironment = { GREETING = \"hello\" }",
    );
    let host = Host::start_with_files(
        &manifest,
        &[
            ("plain.txt", "plain"),
            ("site/a.txt", "a"),
            ("site/secret.txt", "secret"),
            ("other.txt", "other"),
        ],
    );
    assert_eq!(host.text("/file?path=/plain.txt").await, "plain");
    assert_eq!(host.text("/file?path=/mounted/a.txt").await, "a");
    for path in [
        "/mounted/secret.txt",
        "/other.txt",
        "/spin.toml",
        "/../spin.toml",
    ] {
        assert_eq!(
            host.answer(&format!("/file?path={path}")).await.0,
            502,
            "{path}"
        );
    }
    assert_eq!(
        host.answer("/file?path=/plain.txt&write=changed").await.0,
        502
    );
    assert_eq!(host.text("/file?path=/plain.txt").await, "plain");

    assert_eq!(host.text("/env?name=GREETING").await, "hello");
    assert_eq!(host.text("/env?name=PATH").await, "");
}

#[tokio::test]
async fn variables_come_from_the_command_line_the_environment_and_defaults() {
    let manifest = format!(
        "{}\n[variables]\ngiven = {{ required = true }}\nfrom_environment = {{ required = true }}\n\
         with_default = {{ default = \"default\" }}",
        probe(
            "variables = { all = \"{{ given }} {{ from_environment }} {{ with_default }}\", plain = \"plain\" }"
        )
    );
    let host = Host::start_with(
        &manifest,
        &["--variable", "given=a=b"],
        &[("SPIN_VARIABLE_FROM_ENVIRONMENT", "environment")],
    );
    assert_eq!(
        host.text("/variable?name=all").await,
        "a=b environment default"
    );
    assert_eq!(host.text("/variable?name=plain").await, "plain");
    for (name, error) in [
        ("given", "Error::Undefined"),
        ("Upper", "Error::InvalidName"),
    ] {
        let (status, message) = host.answer(&format!("/variable?name={name}")).await;
        assert!(status == 502 && message.contains(error), "{message}");
    }
}
