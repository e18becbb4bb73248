use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::world::{Host, Redis, free_port, manifest, probe};

/// A server that gives every request the same answer; returns its address.
fn fixed_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The requests are small: one read gets all of each.
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok() {
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn only_allowed_hosts_are_reached() {
    let server =
        fixed_server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
    let manifest = format!(
        "{}\n[variables]\nserver = {{ required = true }}\nabsent = {{ default = \"\" }}",
        probe("allowed_outbound_hosts = [\"{{ server }}\", \"{{ absent }}\"]")
    );
    let host = Host::start(&manifest, &["--variable", &format!("server={server}")]);
    assert_eq!(
        host.text(&format!("/fetch?url={server}/path")).await,
        "200 HTTP/1.1\nhello"
    );

    let by_name = server.replace("127.0.0.1", "localhost");
    for url in [
        &*by_name,
        "http://127.0.0.1/",
        "https://example.com/",
        "http://self.alt/",
    ] {
        let (status, error) = host.answer(&format!("/fetch?url={url}")).await;
        assert_eq!(status, 502, "{url}");
        assert!(error.contains("Denied"), "{url}: {error}");
    }
    host.stderr
        .wait_for("not in the component's allowed_outbound_hosts");
}

#[tokio::test]
async fn failures_to_connect_are_told() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let broken = fixed_server("this is not HTTP\r\n\r\n");
    let host = Host::start(
        &probe("allowed_outbound_hosts = [\"http://127.0.0.1:*\", \"https://127.0.0.1:*\"]"),
        &[],
    );
    for (url, expected) in [
        (nobody, "ConnectionRefused"),
        (broken.clone(), "HttpProtocolError"),
        (broken.replace("http:", "https:"), "Tls"),
    ] {
        let (status, error) = host.answer(&format!("/fetch?url={url}")).await;
        assert_eq!(status, 502, "{url}");
        assert!(error.contains(expected), "{url}: {error}");
    }
}

#[tokio::test]
async fn components_reach_their_application_and_each_other() {
    let redis = Redis::start();
    redis.run::<()>("SET bench:key value").await;
    let address = redis.address();
    let host = Host::start(
        &manifest(&format!(
            "[[trigger.http]]\ncomponent = \"probe\"\nroute = \"/probe/...\"\n\
             [[trigger.http]]\ncomponent = \"caller\"\nroute = \"/...\"\n\
             [[trigger.http]]\ncomponent = \"get\"\nroute = {{ private = true }}\n\
             [component.probe]\nsource = \"$probe\"\n\
             [component.caller]\nsource = \"$probe\"\n\
             allowed_outbound_hosts = [\"http://self\", \"http://*.spin.internal\"]\n\
             [component.get]\nsource = \"$redis_get\"\nallowed_outbound_hosts = [\"{address}\"]\n\
             variables = {{ redis_url = \"{address}\" }}"
        )),
        &[],
    );
    let own = host.text("/fetch?url=http://self.alt/probe/x").await;
    assert!(own.contains("spin-path-info: /x"), "{own}");
    assert!(
        own.contains(&format!("spin-full-url: {}/probe/x", host.url)),
        "{own}"
    );

    let other = host
        .text("/fetch?url=http://probe.spin.internal/any/path")
        .await;
    assert!(
        other.contains("GET http://probe.spin.internal/any/path"),
        "{other}"
    );
    assert!(other.contains("spin-path-info: /any/path"), "{other}");
    assert!(other.contains("spin-client-addr: 0.0.0.0:0"), "{other}");

    assert_eq!(
        host.text("/fetch?url=http://get.spin.internal/").await,
        "200 HTTP/1.1\nvalue"
    );
    let (_, error) = host.answer("/fetch?url=http://none.spin.internal/").await;
    assert!(error.contains("DestinationNotFound"), "{error}");
}

/// A host whose probe may use the Redis, and that Redis.
fn with_redis() -> (Redis, Host) {
    let redis = Redis::start();
    let address = redis.address();
    let host = Host::start(
        &probe(&format!(
            "allowed_outbound_hosts = [\"{address}\"]\nvariables = {{ redis_url = \"{address}\" }}"
        )),
        &[],
    );
    (redis, host)
}

#[tokio::test]
async fn redis_values_are_set_got_and_counted() {
    let (redis, host) = with_redis();
    assert_eq!(host.text("/redis/set?key=a&value=one").await, "set");
    assert_eq!(host.text("/redis/get?key=a").await, "one");
    assert_eq!(
        host.answer("/redis/get?key=none").await,
        (502, "nil".to_owned())
    );
    assert_eq!(host.text("/redis/incr-many?key=n&times=100").await, "5050");
    assert_eq!(redis.run::<u32>("GET n").await, 100);
}

#[tokio::test]
async fn redis_replies_of_any_command_become_one_list() {
    let (redis, host) = with_redis();
    redis.run::<()>("MSET a 1 b 2").await;
    redis.run::<u32>("RPUSH list x y").await;
    for (words, expected) in [
        ("PING", "status PONG"),
        ("SET+c+3", "status OK"),
        ("MGET+a+none+b", "binary 1\nnil\nbinary 2"),
        (
            "EVAL+return{1,{2,{redis.call('GET','a')}}}+0",
            "int 1\nint 2\nbinary 1",
        ),
        ("LRANGE+list+0+-1", "binary x\nbinary y"),
        ("LRANGE+none+0+-1", ""),
    ] {
        assert_eq!(
            host.text(&format!("/redis/execute?words={words}")).await,
            expected,
            "{words}"
        );
    }
}

#[tokio::test]
async fn redis_errors_are_told() {
    let (redis, host) = with_redis();
    redis.run::<u32>("RPUSH list x").await;
    let nobody = free_port();
    for (request, expected) in [
        ("/redis/get?key=list".to_owned(), "WRONGTYPE"),
        ("/redis/execute?words=NOSUCH".to_owned(), "unknown command"),
        (
            format!("/redis/get?key=a&address=redis://127.0.0.1:{nobody}"),
            "InvalidAddress",
        ),
        (
            format!("/redis/get?key=a&address=redis://localhost:{}", redis.port),
            "InvalidAddress",
        ),
        (
            "/redis/get?key=a&address=nonsense".to_owned(),
            "InvalidAddress",
        ),
    ] {
        let (status, error) = host.answer(&request).await;
        assert_eq!(status, 502, "{request}");
        assert!(error.contains(expected), "{request}: {error}");
    }
    drop(redis);
    let (_, error) = host.answer("/redis/get?key=a").await;
    assert!(error.contains("Error::Other"), "{error}");
}
