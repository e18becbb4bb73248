//! A stuck device, found and cured without a word of documentation.

use http::Method;
use serde_json::json;
use test_support::{json_of, password_of};

use super::Console;

#[test]
fn a_stuck_device_is_found_on_the_overview_and_cured() {
    let mut console = Console::open();
    // A change that is done is not found any more.
    console.browser.expect_complaint("404");
    let device = console.stick_a_device("anna");
    let short = &device[..8];
    console.go_to("/");
    console.browser.wait_for("section", "1 device is stuck");
    console.browser.press("Look 1 device is stuck");
    console.browser.wait_for("h2", "This device is stuck");
    console.browser.wait_for("h1", "of anna");
    console.browser.wait_for("code", short);
    console
        .browser
        .wait_for("li", "1 change of Product was given up");
    console
        .browser
        .wait_for("li", "1 change of Product has waited for the back end");
    // Of two changes, one needs somebody: the device leads to it.
    console.browser.follow("Retry or discard…");
    console.browser.wait_for("h2", "Why it is not done");
    console.browser.wait_for("td", "stuck product");
    console.browser.wait_for("td", "no such object");
    // The back end works again, and the administrator corrects the price.
    console.deployment.back_end().heal();
    console.browser.fill("price", "3.75");
    console.browser.press("Retry now");
    console
        .browser
        .wait_for("*[@role='status']", "This change is done");
    let products = console.deployment.back_end().objects("products");
    let made: Vec<_> = products
        .values()
        .filter(|product| product["name"] == "stuck product")
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["price"], "3.75");
    // Nobody has asked the back end since it did not answer.
    console.go_to("/");
    console.browser.press("Look Product cannot be refreshed");
    console.browser.press("Refresh now");
    console
        .browser
        .wait_for("*[@role='status']", "The back end is being asked");
    console.go_to("/");
    console.browser.wait_for("section", "Everything works");
}

#[test]
fn a_refused_change_is_corrected_and_comes_to_its_device_as_news() {
    let mut console = Console::open();
    // A change that is done is not found any more.
    console.browser.expect_complaint("404");
    console.deployment.create_user("anna");
    let mut device = console.deployment.device("anna");
    device.sync("Product").expect("to sync");
    let back_end = console.deployment.back_end();
    let answer = |status: u16| {
        back_end.fault(&json!({"effect": {"error": {"status": status}}, "method": "POST"}));
    };
    answer(503);
    let product = [("name", "refused product"), ("price", "0.00")];
    device.replica_mut("Product").create(product);
    device.sync("Product").expect("to sync");
    console.go_to("/changes?state=waiting");
    console.browser.follow("create");
    console.browser.wait_for("h2", "Retry or discard");
    // The server tries by itself too: not before somebody is here.
    back_end.heal();
    answer(422);
    console.browser.press("Retry now");
    console
        .browser
        .wait_for("*[@role='status']", "This change is done");
    console.go_to("/changes?state=refused");
    console.browser.follow("create");
    console.browser.wait_for("h2", "Why it is not done");
    console.browser.wait_for("td", "refused product");
    console.browser.wait_for("p", "comes to all devices");
    back_end.heal();
    console.browser.fill("price", "4.75");
    console.browser.press("Retry now");
    console
        .browser
        .wait_for("*[@role='status']", "This change is done");
    let made: Vec<_> = back_end
        .objects("products")
        .into_values()
        .filter(|product| product["name"] == "refused product")
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["price"], "4.75");
    device.sync("Product").expect("to sync");
    let id = device.id_of("Product", "refused product");
    assert_eq!(device.objects("Product")[&id]["price"], "4.75");
}

#[test]
fn changes_of_all_devices_are_sorted_by_when_they_were_sent() {
    let console = Console::open();
    // The one that was given up was sent first.
    let device = console.stick_a_device("anna");
    console.go_to("/changes");
    console
        .browser
        .wait_for("th[@aria-sort='descending']", "Sent");
    console.browser.wait_for("tbody/tr[1]", "waiting");
    console.browser.wait_for("tbody/tr[2]", "given up");
    console.browser.follow("Sent");
    console
        .browser
        .wait_for("th[@aria-sort='ascending']", "Sent");
    console.browser.wait_for("tbody/tr[1]", "given up");
    console.browser.wait_for("tbody/tr[2]", "waiting");
    console.browser.press("Given up");
    console.browser.wait_until_gone("td", "waiting");
    console.browser.wait_for("td", "given up");
    console.browser.fill("Only of this user", "ben");
    console.browser.wait_until_gone("td", "given up");
    console.browser.fill("Only of this user", "anna");
    console.browser.wait_for("td", "given up");
    // One device's come as the server has them.
    console.go_to(&format!("/changes?client={device}&sort=sent"));
    console.browser.wait_for("p", "Of the device");
    console.browser.wait_for("td", "given up");
    console.browser.wait_until_gone("a[@class='sort']", "Sent");
}

#[test]
fn a_device_shows_what_it_did_and_what_it_would_get_and_starts_over() {
    let console = Console::open();
    console.deployment.create_user("anna");
    let mut device = console.deployment.device("anna");
    device.sync("Product").expect("to sync");
    console
        .deployment
        .back_end()
        .create("products", &json!({"name": "<b>bold</b>", "price": "1.00"}));
    console.go_to("/devices");
    console.browser.fill("Search by user or id", "an");
    console.browser.wait_for("td", "anna");
    let id = console.device_of("anna");
    console.browser.follow(&id[..8]);
    console.browser.wait_for("td", "Got 20 objects of Product");
    console.browser.press("Reset…");
    console.browser.press("Reset");
    console.browser.wait_for("*[@role='status']", "starts over");
    // What it lacks is told object by object.
    console.browser.follow("Compare…");
    console.browser.wait_for("h1", "Product on device");
    console.browser.wait_for("td", "lacks it");
    console.browser.follow(&id[..8]);
    // The dry run has everything, and changes nothing.
    console.browser.follow("Sync as this device…");
    console.browser.wait_for("h1", "Product as device");
    console
        .browser
        .wait_for("p", "20 more objects would follow");
    let report = device.sync("Product").expect("to sync");
    assert_eq!(report.applied.added.len(), 21);
    console.go_to("/sources/Product/objects/app");
    console.browser.fill("Search in ids and values", "bold");
    console.browser.wait_for("td", "<b>bold</b>");
}

#[test]
fn a_device_with_our_own_library_is_not_behind_with_what_it_was_sent() {
    let console = Console::open();
    console.deployment.create_user("anna");
    let rest = console.deployment.rest();
    let login = json!({"login": "anna", "password": password_of("anna"), "device": {"device_type": "Apple"}});
    let session = json_of(&rest.expect(201, Method::POST, "/sync/v1/session", &login));
    let device = rest.with_bearer(session["access"].as_str().expect("a token"));
    let asked = json!({"have": {"Product": null}});
    device.expect(200, Method::POST, "/sync/v1/sync", &asked);
    let client = session["client"].as_str().expect("an id");
    console.go_to(&format!("/devices/{client}"));
    console.browser.wait_for("h1", "Device of anna");
    console.browser.wait_for("td", "20 not acknowledged yet");
    console.browser.wait_for("td", "Got 20 objects of Product");
    // The source's objects lead to the comparison with this device too.
    console.go_to("/sources/Product/objects/app");
    console.browser.press("Compare with a device…");
    console.browser.fill("Search by user or id", "ann");
    console.browser.follow("anna");
    console.browser.wait_for("h1", "Product on device");
    console.browser.wait_for("td", "lacks it");
}
