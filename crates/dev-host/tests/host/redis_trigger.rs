use std::collections::BTreeSet;

use crate::world::{Host, Redis, manifest};

/// An application in which the listeners `names` hear the channel `doorbell`.
fn listeners(port: u16, names: &[&str]) -> String {
    let address = format!("redis://127.0.0.1:{port}");
    let components = names.iter().map(|name| {
        format!(
            "[[trigger.redis]]\ncomponent = \"{name}\"\nchannel = \"{{{{ channel }}}}\"\n\
             [component.{name}]\nsource = \"$listener\"\nallowed_outbound_hosts = [\"{address}\"]\n\
             variables = {{ redis_url = \"{address}\", name = \"{name}\" }}\n"
        )
    });
    manifest(&format!(
        "[application.trigger.redis]\naddress = \"{address}\"\n[variables]\nchannel = {{ default = \"doorbell\" }}\n{}",
        components.collect::<String>()
    ))
}

/// Publishes a message, and says how many hosts heard it.
async fn publish(redis: &Redis, message: &str) -> u32 {
    let mut connection = redis.connect().await;
    let mut command = redis::cmd("PUBLISH");
    command.arg("doorbell").arg(message);
    command.query_async(&mut connection).await.unwrap()
}

/// Waits until the list has `count` entries, by taking them.
async fn take(redis: &Redis, list: &str, count: usize) -> Vec<String> {
    let mut connection = redis.connect().await;
    let mut taken = Vec::new();
    while taken.len() < count {
        let mut command = redis::cmd("BLPOP");
        command.arg(list).arg(20);
        let entry: Option<(String, String)> = command.query_async(&mut connection).await.unwrap();
        taken.push(
            entry
                .unwrap_or_else(|| panic!("{list} has only {taken:?}"))
                .1,
        );
    }
    taken
}

#[tokio::test]
async fn messages_are_heard_in_order_and_failures_are_only_logged() {
    let redis = Redis::start();
    let host = Host::start(&listeners(redis.port, &["a"]), &[]);
    host.stderr.wait_for("listening on");
    for message in ["one", "trap", "fail", "two"] {
        assert_eq!(publish(&redis, message).await, 1);
    }
    assert_eq!(
        take(&redis, "heard:a", 4).await,
        ["one", "trap", "fail", "two"]
    );
    assert!(
        host.stderr
            .wait_for("a message failed")
            .contains("channel=\"doorbell\"")
    );
    host.stderr.wait_for("asked to fail");
}

#[tokio::test]
async fn all_components_of_a_channel_hear_a_message_and_the_next_one_waits_for_them() {
    let redis = Redis::start();
    let host = Host::start(&listeners(redis.port, &["a", "b"]), &[]);
    host.stderr.wait_for("listening on");
    // Both listeners wait for the gate: that both heard it shows that they run at once.
    publish(&redis, "wait gate").await;
    publish(&redis, "next").await;
    assert_eq!(take(&redis, "heard:a", 1).await, ["wait gate"]);
    assert_eq!(take(&redis, "heard:b", 1).await, ["wait gate"]);

    // One is let through; the next message still waits for the other.
    redis.run::<u32>("RPUSH gate x").await;
    let done = wait_for_one_done(&redis).await;
    assert_eq!(redis.run::<u32>("LLEN heard:a").await, 0);
    assert_eq!(redis.run::<u32>("LLEN heard:b").await, 0);
    redis.run::<u32>("RPUSH gate x").await;
    assert_eq!(take(&redis, "heard:a", 1).await, ["next"]);
    assert_eq!(take(&redis, "heard:b", 1).await, ["next"]);
    assert_eq!(done.len(), 1);
}

/// Waits until a listener has counted a message as done, and returns which have.
async fn wait_for_one_done(redis: &Redis) -> BTreeSet<&'static str> {
    let deadline = tokio::time::Instant::now() + crate::world::PATIENCE;
    loop {
        let counts: Vec<Option<u32>> = redis.run("MGET heard:a:done heard:b:done").await;
        let done: BTreeSet<_> = ["a", "b"]
            .into_iter()
            .zip(counts)
            .filter_map(|(name, count)| count.map(|_| name))
            .collect();
        if !done.is_empty() {
            return done;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "nobody got through the gate"
        );
    }
}

#[tokio::test]
async fn without_its_server_the_host_waits_for_it_and_answers_http() {
    let mut redis = Redis::start();
    redis.kill();
    let host = Host::start(&listeners(redis.port, &["a"]), &[]);
    host.stderr.wait_for("cannot listen on");
    assert_eq!(host.text("/.well-known/spin/health").await, "OK");

    redis.restart();
    host.stderr.wait_for("listening on");
    assert_eq!(publish(&redis, "one").await, 1);
    assert_eq!(take(&redis, "heard:a", 1).await, ["one"]);

    redis.kill();
    host.stderr.wait_for("lost the connection");
    redis.restart();
    host.stderr.wait_for_nth("listening on", 1);
    assert_eq!(publish(&redis, "two").await, 1);
    assert_eq!(take(&redis, "heard:a", 1).await, ["two"]);
    assert!(
        host.stderr.count("cannot listen on") <= 2,
        "each time it is away is logged once"
    );
}

#[tokio::test]
async fn when_asked_to_end_the_host_ends_the_message_under_way_first() {
    let redis = Redis::start();
    let host = Host::start(&listeners(redis.port, &["a"]), &[]);
    host.stderr.wait_for("listening on");
    publish(&redis, "wait gate").await;
    assert_eq!(take(&redis, "heard:a", 1).await, ["wait gate"]);
    host.terminate();
    host.stderr.wait_for("stopping");
    redis.run::<u32>("RPUSH gate x").await;
    assert_eq!(host.wait().code(), Some(0));
    assert_eq!(redis.run::<Option<u32>>("GET heard:a:done").await, Some(1));
}
