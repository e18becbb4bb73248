//! Two administrators who edit the same thing at once: the second hears of the first, and loses nothing of what was typed.

use http::Method;
use serde_json::{Value, json};

use super::Console;

const CHANGED: &str = "Somebody has changed this since it was read";

impl Console {
    /// Saves what was typed, hears that somebody was faster, and loads what that one has made of it.
    fn meet_the_other(&self, save: &str) {
        self.browser.press(save);
        self.browser.wait_for("*[@role='alert']", CHANGED);
        self.browser.press("Load the newer state");
        self.browser.wait_until_gone("*[@role='alert']", CHANGED);
    }

    /// What another administrator does.
    fn meanwhile(&self, method: Method, path: &str, body: &Value) {
        self.deployment.api().expect(200, method, path, body);
    }
}

#[test]
fn an_address_and_an_interval_that_somebody_else_has_set_are_not_written_over_unseen() {
    let mut console = Console::open();
    console.browser.expect_complaint("412");
    console.deployment.create_user("anna");
    let path = "/api/v1/users/anna";
    console.go_to("/users/anna");
    console.browser.press("Edit…");
    console.browser.fill("Email address", "mine@example.com");
    console.meanwhile(Method::PATCH, path, &json!({"email": "theirs@example.com"}));
    console.meet_the_other("Save");
    console.browser.wait_for(
        "div[contains(@class, 'wrong')][label = 'Email address']",
        "theirs@example.com",
    );
    assert_eq!(
        console.browser.value_of("Email address"),
        "mine@example.com"
    );
    let api = console.deployment.api();
    assert_eq!(api.get(path)["email"], "theirs@example.com");
    console.browser.press("Save");
    console.browser.wait_for("dd", "mine@example.com");

    let path = "/api/v1/sources/Product";
    console.go_to("/sources/Product");
    console.browser.press("Poll interval…");
    console.browser.fill("Seconds between queries", "30");
    console.meanwhile(Method::PATCH, path, &json!({"poll_interval": 45}));
    console.meet_the_other("Save");
    console.browser.wait_for(
        "div[contains(@class, 'wrong')][label = 'Seconds between queries']",
        "Somebody has set it to 45",
    );
    assert_eq!(api.get(path)["poll_interval"], 45);
    console.browser.press("Save");
    console.browser.wait_for("dd", "every 30");
    assert_eq!(api.get(path)["poll_interval"], 30);
}

#[test]
fn a_role_that_somebody_else_has_given_is_told_before_it_is_changed() {
    let mut console = Console::open();
    console.browser.expect_complaint("412");
    let api = console.deployment.api();
    let vera = json!({"login": "vera", "password": "long enough", "role": "viewer"});
    api.expect(201, Method::POST, "/api/v1/administrators", &vera);
    console.go_to("/settings?part=administrators");
    console.browser.run(
        "const row = () => [...document.querySelectorAll('tr')].find(it => it.innerText.includes('vera')); \
         const wait = () => row() ? [...row().querySelectorAll('button')].find(it => it.innerText === 'Edit…').click() : setTimeout(wait, 50); wait();",
        json!([]),
    );
    console.browser.wait_for("dialog[@open]", "Edit vera");
    console.browser.wait_for("button", "Save");
    console.browser.choose("Role", "Administrator: everything");
    let path = "/api/v1/administrators/vera";
    console.meanwhile(Method::PATCH, path, &json!({"role": "operator"}));
    console.meet_the_other("Save");
    console
        .browser
        .wait_for("dialog[@open]", "Somebody has made the role operator");
    assert_eq!(api.get(path)["role"], "operator");
    console.browser.press("Save");
    console
        .browser
        .wait_for("*[@role='status']", "The administrator is changed");
    assert_eq!(api.get(path)["role"], "administrator");
}

#[test]
fn a_change_that_somebody_else_has_corrected_keeps_what_was_typed() {
    let mut console = Console::open();
    console.browser.expect_complaint("412");
    console.stick_a_device("anna");
    console.go_to("/changes?state=waiting");
    console.browser.follow("create");
    console.browser.fill("price", "3.75");
    let here = console.browser.run("return location.pathname", json!([]));
    let here = here.as_str().and_then(|it| it.strip_prefix("/console"));
    let retry = format!("/api/v1{}/retry", here.expect("a page of the console"));
    let theirs = json!({"attributes": {"name": "waiting product", "price": "9.99"}});
    console.meanwhile(Method::POST, &retry, &theirs);
    // The page has looked again by itself, and the form is as it was.
    console.browser.wait_for("td", "9.99");
    assert_eq!(console.browser.value_of("price"), "3.75");
    console.meet_the_other("Retry now");
    assert_eq!(console.browser.value_of("price"), "3.75");
    console.browser.press("Retry now");
    console.browser.wait_for("td", "3.75");
}
