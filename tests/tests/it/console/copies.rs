//! Copies that several users share, and those that one user's devices have narrowed down: each is found and browsed.

use http::Method;
use serde_json::{Value, json};
use test_support::{Options, until};

use super::Console;

/// Anna gets what belongs to everybody, and what is her own.
const SHELF: &str = r#"
[sources.Shelf]
adapter = "push-only"
partition = ["app", "user"]
create_in = "app"
"#;

#[test]
fn each_copy_of_a_user_is_named_and_leads_to_what_is_in_it() {
    let mut console = Console::open_with(Options {
        settings: SHELF,
        ..Options::default()
    });
    let deployment = &console.deployment;
    deployment.create_user("anna");
    let shelf = json!({"s1": {"name": "saw"}, "s2": {"name": "sander"}});
    deployment.admin().push_objects("Shelf", "anna", &shelf);
    deployment.device("anna").sync("Shelf").expect("to sync");
    console.go_to("/users/anna");
    console.browser.wait_for("td", "everybody + anna");
    console.browser.run(
        "[...document.querySelectorAll('tr')].find(it => it.innerText.includes('everybody + anna')).querySelector('a').click()",
        json!([]),
    );
    console.browser.wait_for("h1", "Shelf");
    console
        .browser
        .wait_for("*[@class='note']", "copy of everybody + anna");
    console.browser.wait_for("td", "saw");
    console.browser.wait_for("td", "sander");
    // It is searched, its objects have versions, and whose devices have it is known.
    console.browser.fill("Search in ids and values", "sand");
    console.browser.wait_until_gone("td", "saw");
    console.browser.press("Compare with a device…");
    console.browser.wait_for("li", "anna");
    console.browser.press("Close");
    console.browser.press("Refresh now");
    console.browser.expect_complaint("400");
    console.browser.wait_for("*[@role='alert']", "never asked");
    console.browser.follow("s2");
    console.browser.wait_for("h1", "s2");
    console.browser.wait_for("dd", "version");
    // The device leads there too.
    let device = console.device_of("anna");
    console.go_to(&format!("/devices/{device}"));
    console.browser.follow("everybody + anna");
    console.browser.wait_for("td", "saw");
}

/// Who is in a region shares a copy with everybody else there.
const VISIT: &str = r#"
[sources.Visit]
adapter = "http"
partition = "region/{{ user.region }}"
poll_interval = 3600
[sources.Visit.http]
url = { variable = "plugin_url" }
timeout_ms = 1000
"#;

#[test]
fn a_copy_that_several_share_is_refreshed_and_found_at_its_old_addresses() {
    let mut console = Console::open_with(Options {
        settings: VISIT,
        ..Options::default()
    });
    let deployment = &console.deployment;
    deployment.create_user("anna");
    let attributes = json!({"attributes": {"region": "north"}});
    let api = deployment.api();
    api.expect(200, Method::PATCH, "/api/v1/users/anna", &attributes);
    let control = deployment.plugin().control();
    let place = "/places/Visit/region%2Fnorth/objects";
    let visits = json!({"v1": {"city": "Kiel"}});
    control.call(Method::PUT, place, Some(&visits));
    deployment.device("anna").sync("Visit").expect("to sync");
    console.go_to("/sources/Visit");
    console.browser.wait_for("p", "Open a copy to refresh it");
    let visits = json!({"v1": {"city": "Kiel"}, "v2": {"city": "Husum"}});
    control.call(Method::PUT, place, Some(&visits));
    console.browser.follow("region/north");
    console.browser.wait_for("td", "Kiel");
    // Nobody has come from a user's page: one of those who have it is asked for.
    console.browser.press("Refresh now");
    console
        .browser
        .wait_for("*[@role='status']", "The back end is being asked");
    until("the back end to be asked", || {
        let copies = api.get("/api/v1/sources/Visit/partitions");
        (copies["items"][0]["objects"] == 2).then_some(())
    });
    // Copies were found by their users once.
    console.browser.expect_complaint("404");
    for (old, text) in [
        ("/sources/Visit/objects/anna", "Husum"),
        ("/sources/Visit/objects/anna/v2", "Husum"),
        ("/sources/Product/objects/nobody", "There is no such copy"),
    ] {
        console.go_to(old);
        console.browser.wait_for("main", text);
    }
}

#[test]
fn a_part_of_a_source_is_reached_from_the_device_that_has_it() {
    let console = Console::open();
    console.deployment.create_user("anna");
    let phone = console.deployment.rest_of_device("anna");
    let path = "/app/v1/Product?p_size=100&query%5Bkind%5D=tool";
    phone.expect(200, Method::GET, path, &Value::Null);
    let device = console.device_of("anna");
    console.go_to(&format!("/devices/{device}"));
    console.browser.follow("anna, part");
    console
        .browser
        .wait_for("*[@class='note']", "copy of anna, part");
    console.browser.wait_for("th", "price");
    console
        .browser
        .wait_for("p", "Only its device knows by which parameters");
    console.browser.wait_until_gone("button", "Refresh now");
}
