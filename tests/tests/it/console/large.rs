//! Lists of a system that has grown: pages stay as small and as quick as with a handful.

use std::thread;

use http::Method;
use serde_json::{Map, Value, json};
use test_support::until;

use super::Console;

/// Users, each with a fair part of the devices.
const USERS: usize = 10;
const DEVICES: usize = 10_000;
const OBJECTS: usize = 100_000;

/// How many objects go in one request.
const AT_ONCE: usize = 5_000;

/// Notes when the page was drawn last.
const WATCH: &str = "window.drawn = 0; window.watching?.disconnect(); \
    window.watching = new MutationObserver(() => { window.drawn = performance.now(); }); \
    window.watching.observe(document.querySelector('main'), {childList: true, subtree: true, characterData: true});";

/// What is in the page, and how long after the server's last answer it stood there, in milliseconds.
const LOOK: &str = "const answers = performance.getEntriesByType('resource').filter(it => it.name.includes('/api/v1/')); \
    const last = answers.filter(it => it.name.includes(arguments[0]) && it.responseEnd <= window.drawn).at(-1); \
    return {rows: document.querySelectorAll('tbody tr').length, nodes: document.querySelectorAll('*').length, \
        bytes: last?.decodedBodySize, millis: last ? window.drawn - last.responseEnd : null};";

/// Counts what is put into the page from now on, and how often the API is asked.
const COUNT: &str = "window.added = 0; window.asked = 0; window.counting?.disconnect(); \
    window.counting = new MutationObserver(found => found.forEach(it => { window.added += it.addedNodes.length; })); \
    window.counting.observe(document.querySelector('main'), {childList: true, subtree: true}); \
    window.asking?.disconnect(); \
    window.asking = new PerformanceObserver(list => { window.asked += list.getEntries().filter(it => it.name.includes('/clients?')).length; }); \
    window.asking.observe({type: 'resource'});";

/// When the browser showed something of the page, in milliseconds after it was asked to.
const PAINTED: &str =
    "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null;";

fn fill(console: &Console) {
    let deployment = &console.deployment;
    let devices = (0..USERS).map(|user| {
        let user = format!("user{user}");
        deployment.create_user(&user);
        deployment.rest_of(&user)
    });
    let devices: Vec<_> = devices.collect();
    thread::scope(|scope| {
        for rest in devices {
            scope.spawn(move || {
                for _ in 0..DEVICES / USERS {
                    rest.register_client(&Value::Null);
                }
            });
        }
    });
    let api = deployment.api();
    for part in 0..OBJECTS / AT_ONCE {
        let ids = part * AT_ONCE..(part + 1) * AT_ONCE;
        let objects: Map<String, Value> = ids
            .map(|id| {
                (
                    format!("part-{id:06}"),
                    json!({"name": format!("Part {id}")}),
                )
            })
            .collect();
        let path = "/api/v1/sources/Fed/users/user0/objects";
        let body = json!({"merge": objects});
        api.call(Method::POST, path, Some(&body));
    }
}

#[test]
fn ten_thousand_devices_and_a_hundred_thousand_objects_are_shown_a_page_at_a_time() {
    let console = Console::open();
    fill(&console);
    let look = |part: &str| {
        let seen = console.browser.run(LOOK, json!([part]));
        eprintln!("{part}: {seen}");
        // A list has its page and no more, however much there is.
        assert_eq!(seen["rows"], 100, "{part}: {seen}");
        assert!(seen["nodes"].as_u64() < Some(3_000), "{part}: {seen}");
        assert!(seen["bytes"].as_u64() < Some(100_000), "{part}: {seen}");
    };

    console.go_to("/devices");
    console.browser.wait_for("a", "Next page");
    for _ in 0..3 {
        console.browser.run(WATCH, json!([]));
        console.browser.press("Next page");
        console.browser.wait_for("a", "First page");
        console.browser.wait_for("div[@aria-busy='false']", "user");
        look("/clients?");
    }
    // A list that is asked for again changes where something has changed: nothing of a hundred rows is drawn anew.
    console.go_to("/devices?sort=id");
    console.browser.wait_for("a", "Next page");
    console.browser.run(COUNT, json!([]));
    let asked = || console.browser.run("return window.asked", json!([]));
    until("the list to be asked for twice more", || {
        (asked().as_u64() >= Some(2)).then_some(())
    });
    assert_eq!(console.browser.run("return window.added", json!([])), 0);

    console.browser.run(WATCH, json!([]));
    console.browser.fill("Search by user or id", "user7");
    console.browser.wait_until_gone("td", "user6");
    console.browser.wait_for("td", "user7");
    look("q=user7");

    console.go_to("/sources/Fed/objects/user:user0");
    console.browser.wait_for("main", "part-000099");
    console.browser.press("Next page");
    console.browser.wait_for("main", "part-000100");
    console
        .browser
        .fill("Search in ids and values", "part-099999");
    console.browser.wait_for("main", "Part 99999");
    console.browser.wait_until_gone("main", "part-000100");

    console.go_to("/");
    console.browser.wait_for("main", "Everything works");
    let painted = console.browser.run(PAINTED, json!([]));
    eprintln!("first page from a warm cache: {painted} ms");
}
