//! Every page, light, dark and on a phone: pictures for people to look at, and a check that everybody can use it.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use redis::Commands as _;
use serde_json::json;
use test_support::until;

use super::Console;
use crate::browser::Look;

/// What stands out of its box, and the navigation where it does not show which page this is.
const MISPLACED: &str = "const found = []; \
    for (const box of document.querySelectorAll('main section, .tile, header.heading')) { \
        const edge = box.getBoundingClientRect().right + 1; \
        for (const it of box.querySelectorAll('*')) { \
            if (it.closest('.scroll, .hidden, pre, svg, dialog') && !it.matches('.scroll')) continue; \
            const right = it.getBoundingClientRect().right; \
            if (right > edge) { found.push(`${it.outerHTML.slice(0, 80)} ends ${Math.round(right - edge)} px outside`); break; } \
        } \
    } \
    const here = document.querySelector('.side [aria-current]')?.getBoundingClientRect(); \
    if (here && (here.left < 0 || here.right > innerWidth)) found.push('the navigation does not show the page'); \
    return found;";

impl Console {
    /// Makes of the minutes that have these keys an hour in which more was going on, so that charts have something to show.
    fn imagine_an_hour(&self, keys: &str, counted: &str) {
        let minute = |key: &str| key.rsplit(':').next()?.parse::<u64>().ok();
        let measured = until("something to be measured", || {
            let keys = self.deployment.keys(keys);
            let now = keys.into_iter().max_by_key(|key| minute(key))?;
            let mut redis = self.deployment.redis_connection();
            let measured: BTreeMap<String, u64> = redis.hgetall(&now).expect("numbers");
            (measured.get(counted)? > &0).then_some((now, measured))
        });
        let (key, numbers) = measured;
        let now = minute(&key).expect("a minute");
        let prefix = key.strip_suffix(&now.to_string()).expect("a key");
        let mut redis = self.deployment.redis_connection();
        for back in 1..60 {
            let wave = 4 + back * 7 % 5 + if (18..31).contains(&back) { 5 } else { 0 };
            for (name, number) in &numbers {
                let number = if ["failed", "died"].contains(&name.as_str()) {
                    back % 9 / 8
                } else {
                    number * wave
                };
                let key = format!("{prefix}{}", now - back);
                let () = redis.hset(key, name, number).expect("to write it");
            }
        }
    }

    /// Takes a picture of a page that has come whole, and says what is wrong with it.
    fn look_at(&self, name: &str, look: Look) -> Vec<String> {
        self.browser.wait_until_gone("*[@class='waiting']", "");
        let folder = test_support::workspace().join("target/console-pictures");
        fs::create_dir_all(&folder).expect("a folder for the pictures");
        let picture = STANDARD.decode(self.browser.picture());
        let file = format!("{name}-{}.png", format!("{look:?}").to_lowercase());
        fs::write(folder.join(file), picture.expect("a picture")).expect("to keep a picture");
        let misplaced = self.browser.run(MISPLACED, json!([]));
        let misplaced = misplaced.as_array().expect("a list").iter();
        let misplaced = misplaced.map(ToString::to_string);
        let found = self.browser.obstacles().into_iter().chain(misplaced);
        found.map(|it| format!("{name}, {look:?}: {it}")).collect()
    }
}

#[test]
fn every_page_is_there_and_everybody_can_use_it() {
    let mut console = Console::open();
    // One page is that of a device that does not exist.
    console.browser.expect_complaint("404");
    let device = console.stick_a_device("anna");
    // The device has not got these yet.
    let news =
        json!({"2": {"price": "199.00"}, "21": {"name": "Altavia Torch 100", "price": "24.50"}});
    console
        .deployment
        .admin()
        .push_objects("Product", "anna", &news);
    let ping =
        json!({"users": ["anna"], "message": "Your prices have changed", "sources": ["Product"]});
    let api = console.deployment.api();
    api.expect(202, Method::POST, "/api/v1/pings", &ping);
    // Whatever somebody is called, it is text, and it fits.
    for user in [
        "<img src=x onerror=alert(1)>".to_owned(),
        "longname".repeat(25),
    ] {
        console.deployment.create_user(&user);
    }
    console.imagine_an_hour("*:{metrics}:minute:*", "syncs");
    console.imagine_an_hour("*:{jobs}:minute:adapter:*", "enqueued");
    console.go_to("/changes?state=waiting");
    console.browser.follow("create");
    console.browser.wait_for("h2", "Retry or discard");
    let change = console.browser.run("return location.pathname", json!([]));
    let change = change.as_str().and_then(|it| it.strip_prefix("/console"));
    let change = change.expect("a page of the console").to_owned();
    let pages = [
        ("overview", "/".to_owned(), "1 device is stuck"),
        ("devices", "/devices".to_owned(), "anna"),
        (
            "device",
            format!("/devices/{device}"),
            "This device is stuck",
        ),
        (
            "preview",
            format!("/devices/{device}/preview/Product"),
            "Product as device",
        ),
        (
            "comparison",
            format!("/devices/{device}/compare/Product"),
            "Product on device",
        ),
        (
            "no-device",
            "/devices/nobodys".to_owned(),
            "There is no such device",
        ),
        ("users", "/users".to_owned(), "anna"),
        ("user", "/users/anna".to_owned(), "Copies of sources"),
        ("sources", "/sources".to_owned(), "Product"),
        ("source", "/sources/Product".to_owned(), "Copies"),
        (
            "objects",
            "/sources/Product/objects/app".to_owned(),
            "price",
        ),
        (
            "object",
            "/sources/Product/objects/app/1".to_owned(),
            "Since version",
        ),
        ("changes", "/changes".to_owned(), "given up"),
        ("change", change, "Retry or discard"),
        ("jobs", "/jobs".to_owned(), "Throughput"),
        ("pings", "/pings".to_owned(), "Send a ping"),
        ("statistics", "/statistics".to_owned(), "On average"),
        ("settings", "/settings".to_owned(), "Setting"),
        ("tokens", "/settings?part=tokens".to_owned(), "prometheus"),
        (
            "administrators",
            "/settings?part=administrators".to_owned(),
            "rhoadmin",
        ),
        ("audit", "/settings?part=audit".to_owned(), "rhoadmin"),
        (
            "server",
            "/settings?part=server".to_owned(),
            "Reset everything",
        ),
    ];
    for (name, scope) in [
        ("prometheus", "system:read"),
        ("nightly export", "data:read"),
    ] {
        let token = json!({"name": name, "scopes": [scope], "expires_in": 7_776_000});
        let api = console.deployment.api();
        api.expect(201, Method::POST, "/api/v1/tokens", &token);
    }
    let mut violations = Vec::new();
    for look in Look::ALL {
        console.browser.set_look(look);
        for (name, path, text) in &pages {
            console.go_to(path);
            console.browser.wait_for("main", text);
            if *name == "pings" {
                console.browser.fill("Users", "anna");
                console.browser.fill("Message", "Your prices have changed");
            }
            violations.extend(console.look_at(name, look));
        }
    }
    console.browser.press("Sign out");
    for look in Look::ALL {
        console.browser.set_look(look);
        console.go_to("/");
        console.browser.wait_for("h1", "Sign in");
        violations.extend(console.look_at("sign-in", look));
    }
    assert!(violations.is_empty(), "{violations:#?}");
}
