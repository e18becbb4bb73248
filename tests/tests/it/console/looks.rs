//! Every page, light, dark and on a phone: pictures for people to look at, and a check that everybody can use it.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;

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

#[test]
fn every_page_is_there_and_everybody_can_use_it() {
    let mut console = Console::open();
    // One page is that of a device that does not exist.
    console.browser.expect_complaint("404");
    let device = console.stick_a_device("anna");
    // Whatever somebody is called, it is text, and it fits.
    for user in [
        "<img src=x onerror=alert(1)>".to_owned(),
        "longname".repeat(25),
    ] {
        console.deployment.create_user(&user);
    }
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
        ("changes", "/changes".to_owned(), "given up"),
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
    let folder = test_support::workspace().join("target/console-pictures");
    fs::create_dir_all(&folder).expect("a folder for the pictures");
    let mut violations = Vec::new();
    for look in Look::ALL {
        console.browser.set_look(look);
        for (name, path, text) in &pages {
            console.go_to(path);
            console.browser.wait_for("main", text);
            let picture = STANDARD
                .decode(console.browser.picture())
                .expect("a picture");
            let file = format!("{name}-{}.png", format!("{look:?}").to_lowercase());
            fs::write(folder.join(file), picture).expect("to keep a picture");
            let misplaced = console.browser.run(MISPLACED, json!([]));
            let misplaced = misplaced.as_array().expect("a list").iter();
            let misplaced = misplaced.map(ToString::to_string);
            let found = console.browser.obstacles().into_iter().chain(misplaced);
            violations.extend(found.map(|it| format!("{name}, {look:?}: {it}")));
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}
