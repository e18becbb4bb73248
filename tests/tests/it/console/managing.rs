//! What administrators do: users, sources, jobs, pings, statistics, settings.

use http::Method;
use serde_json::json;

use super::Console;

#[test]
fn a_user_is_added_changed_and_deleted() {
    let mut console = Console::open();
    console.go_to("/users");
    console.browser.press("Add a user");
    console.browser.fill("Name", "carl");
    console.browser.fill("Password", "a secret");
    console.browser.press("Add");
    console
        .browser
        .wait_for("*[@role='status']", "carl may sign in now");
    // A name that is taken is told beside the field.
    console.browser.expect_complaint("409");
    console.browser.press("Add a user");
    console.browser.fill("Name", "carl");
    console.browser.fill("Password", "another");
    console.browser.press("Add");
    console
        .browser
        .wait_for("div[contains(@class, 'wrong')]", "already exists");
    console.browser.press("Close");
    console.browser.follow("carl");
    console.browser.press("Edit…");
    console.browser.fill("Email address", "carl@example.com");
    console.browser.press("Save");
    console.browser.wait_for("dd", "carl@example.com");
    console.browser.press("Delete…");
    console.browser.press("Delete");
    console
        .browser
        .wait_for("*[@role='status']", "carl is deleted");
    console.browser.wait_until_gone("th", "carl");
}

#[test]
fn a_list_is_turned_round_by_the_head_of_a_column_and_the_address_keeps_it() {
    let console = Console::open();
    for user in ["anna", "zora"] {
        console.deployment.create_user(user);
    }
    let first = "return document.querySelector('tbody th').innerText";
    let wait_for_first = |name: &str| console.browser.wait_for("tbody/tr[1]/th", name);
    console.go_to("/users");
    wait_for_first("anna");
    console.browser.follow("Name");
    wait_for_first("zora");
    console
        .browser
        .wait_for("th[@aria-sort='descending']", "Name");
    let address = console.browser.run("return location.href", json!([]));
    let address = address.as_str().expect("an address");
    assert!(address.ends_with("/users?sort=-name"), "{address}");
    console.go_to("/users?sort=-name");
    wait_for_first("zora");
    assert_eq!(console.browser.run(first, json!([])), json!("zora"));
    console.browser.follow("Name");
    wait_for_first("anna");
    // Another part of the settings has another order. Logins are no tokens of scripts.
    console.go_to("/settings?part=tokens");
    console.browser.wait_for("main", "There are no tokens");
    let token = json!({"name": "reports", "scopes": ["users:read"]});
    let api = console.deployment.api();
    api.expect(201, Method::POST, "/api/v1/tokens", &token);
    console.go_to("/settings?part=tokens&sort=-created");
    console
        .browser
        .wait_for("th[@aria-sort='descending']", "Created");
    console.browser.follow("Audit log");
    console
        .browser
        .wait_for("th[@aria-sort='descending']", "When");
}

#[test]
fn a_source_is_paused_and_asked_less_often() {
    let console = Console::open();
    console.go_to("/sources");
    console.browser.fill("Search by name", "Products");
    console.browser.wait_for("p", "No source is called so");
    console.browser.fill("Search by name", "Prod");
    console.browser.follow("Product");
    console.browser.press("Poll interval…");
    console.browser.fill("Seconds between queries", "soon");
    console.browser.wait_for("p", "It is a whole number");
    console.browser.fill("Seconds between queries", "90");
    console.browser.press("Save");
    console.browser.wait_for("dd", "every 90");
    console.browser.press("Pause");
    console.browser.wait_for("button", "Resume");
    console.go_to("/");
    console.browser.wait_for("section", "Product is paused");
    console.browser.press("Resume… Product is paused");
    console.browser.press("Resume");
    console.browser.wait_for("button", "Pause");
    console.browser.press("Refresh now");
    console
        .browser
        .wait_for("*[@role='status']", "The back end is being asked");
    console.browser.wait_for("td", "20");
}

#[test]
fn a_queue_is_paused_and_its_jobs_are_seen() {
    let console = Console::open();
    console.stick_a_device("anna");
    console.go_to("/jobs");
    console.browser.wait_for("th", "adapter");
    console.browser.press("Pause adapter");
    console.browser.wait_for("span", "paused");
    console.browser.press("Resume adapter");
    console.browser.wait_until_gone("span", "paused");
    console.browser.wait_for("td", "anna");
    console.browser.fill("Only of this user", "ann");
    console.browser.wait_until_gone("td", "anna");
    console.browser.fill("Only of this user", "anna");
    console.browser.follow("deliver");
    console.browser.wait_for("h2", "Why it was given up");
    console.browser.fill("What it works on", "{");
    console.browser.wait_for("p", "It is not JSON");
    console.browser.press("Discard…");
    console.browser.press("Discard");
    console
        .browser
        .wait_for("*[@role='status']", "The job is gone");
}

#[test]
fn a_ping_is_sent_and_a_service_that_is_not_set_up_says_what_it_needs() {
    let console = Console::open();
    console.deployment.create_user("anna");
    console.go_to("/pings");
    console.browser.wait_for("li", "Apple");
    console.browser.wait_for("li", "ping.apns");
    // Nothing is sent to nobody, and that is said.
    console.browser.press("Send");
    console.browser.wait_for("p", "Name a user");
    console.browser.fill("Message", "Your orders have changed");
    console.browser.wait_for("p", "Name a user");
    console
        .browser
        .wait_for("div[@class='notification']", "Your orders have changed");
    console.browser.fill("Users", "ana");
    console.browser.press("Send");
    console
        .browser
        .wait_for("*[@role='status']", "Nobody was pinged");
    console
        .browser
        .wait_for("div[contains(@class, 'wrong')]", "There is no user ana.");
    console.browser.fill("Users", "ana, anna");
    console.browser.press("Send");
    console
        .browser
        .wait_for("*[@role='status']", "on its way to those that exist");
    // Who exists has it: only the other name is left to be corrected.
    console
        .browser
        .wait_for("div[contains(@class, 'wrong')]", "There is no user ana.");
    assert_eq!(console.browser.value_of("Users"), "ana");
    console.browser.fill("Users", "anna");
    console
        .browser
        .fill("Message", "Your orders have changed again");
    console.browser.press("Send");
    console
        .browser
        .wait_for("*[@role='status']", "The ping is on its way.");
    console.browser.wait_for("td", "Your orders have changed");
}

#[test]
fn what_is_wrong_with_a_password_stands_beside_its_field() {
    let mut console = Console::open();
    console.browser.expect_complaint("400");
    console.go_to("/settings?part=account");
    console.browser.fill("Current password", "another");
    console.browser.fill("New password", "of my own");
    console.browser.fill("New password again", "of my own");
    console.browser.press("Change the password");
    console.browser.wait_for(
        "div[contains(@class, 'wrong')][label = 'Current password']",
        "is wrong",
    );
    console.go_to("/settings?part=administrators");
    console.browser.press("Add an administrator");
    console.browser.fill("Name", "vera");
    console.browser.fill("Password", &"long".repeat(300));
    console.browser.press("Add");
    console.browser.wait_for(
        "div[contains(@class, 'wrong')][label = 'Password']",
        "bytes",
    );
}

#[test]
fn statistics_are_charts_and_tables() {
    let console = Console::open();
    console.deployment.create_user("anna");
    let mut device = console.deployment.device("anna");
    device.sync("Product").expect("to sync");
    console.go_to("/statistics");
    console.browser.wait_for("figure", "Numbers as a table");
    console.browser.press("Day");
    console.browser.wait_for("figure", "Numbers as a table");
    console.browser.wait_for("button", "Export as CSV");
}

#[test]
fn tokens_are_shown_once_and_roles_and_the_audit_log_say_who_may_and_did_what() {
    let console = Console::open();
    console.go_to("/settings?part=tokens");
    console.browser.press("Create a token");
    console.browser.fill("Name", "reports");
    console.browser.press("Create");
    console.browser.wait_for("p", "Choose at least one");
    console.browser.tick("see users");
    console.browser.press("Create");
    console.browser.wait_for("code", "rho_");
    console.browser.press("Done");
    console.browser.wait_until_gone("code", "rho_");
    console.browser.wait_for("th", "reports");
    console.go_to("/settings?part=administrators");
    console.browser.press("Add an administrator");
    console.browser.fill("Name", "vera");
    console.browser.fill("Password", "a long secret");
    console.browser.choose("Role", "Viewer");
    console.browser.press("Add");
    console
        .browser
        .wait_for("*[@role='status']", "vera may sign in here now");
    console.go_to("/settings?part=audit");
    console.browser.wait_for("td", "administrator vera");
    console.browser.wait_for("td", "token reports");
    console.browser.press("Sign out");
    console.sign_in("vera", "a long secret");
    console.browser.wait_for("h1", "Settings");
    console.go_to("/users");
    console.browser.wait_for("h1", "Users");
    console.browser.wait_until_gone("button", "Add a user");
}
