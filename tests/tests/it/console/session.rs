//! Signing in and out, and what happens when that ends by itself.

use std::time::Duration;

use test_support::{ADMIN_PASSWORD, Options};

use super::Console;
use crate::browser::Key;

#[test]
fn a_wrong_password_is_told_beside_its_field_and_the_right_one_lets_in() {
    let mut console = Console::open();
    console.browser.press("Sign out");
    console.browser.wait_for("h1", "Sign in");
    console.browser.expect_complaint("401");
    console.sign_in("rhoadmin", "not the password");
    console.browser.wait_for("p", "Unable to authenticate");
    console.sign_in("rhoadmin", ADMIN_PASSWORD);
    console.browser.wait_for("h1", "Overview");
    // Neither the token nor the password is where a script could read it.
    let found = console.browser.run(
        "return [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage), location.href, \
         document.documentElement.innerHTML].join('|');",
        serde_json::json!([]),
    );
    let found = found.as_str().expect("a text");
    assert!(
        !found.contains("rho_") && !found.contains(ADMIN_PASSWORD),
        "{found}"
    );
}

#[test]
fn what_was_typed_is_still_there_when_the_session_is_over() {
    let mut console = Console::open();
    console.go_to("/users");
    console.browser.press("Add a user");
    console.browser.fill("Email address", "zoe@example.com");
    console.deployment.forget_keys("*:api-token:*");
    console.browser.expect_complaint("401");
    console.browser.run(
        "document.querySelector('dialog[open] input').value = 'zoe'; \
        document.querySelector('dialog[open] input').dispatchEvent(new Event('input'));",
        serde_json::json!([]),
    );
    console.browser.run("const field = document.querySelector('dialog[open] input[type=password]'); field.value = 'a secret'; \
        field.dispatchEvent(new Event('input'));", serde_json::json!([]));
    console.browser.press("Add");
    console.browser.wait_for("dialog[@open]", "Sign in again");
    console.browser.run(
        "const field = [...document.querySelectorAll('dialog[open] input[type=password]')].at(-1); \
        field.value = arguments[0]; field.dispatchEvent(new Event('input'));",
        serde_json::json!([ADMIN_PASSWORD]),
    );
    console.browser.press("Sign in");
    console
        .browser
        .wait_until_gone("dialog[@open]", "Sign in again");
    assert_eq!(console.browser.value_of("Email address"), "zoe@example.com");
    console.browser.press("Add");
    console.browser.wait_for("th", "zoe");
}

#[test]
fn a_ping_that_is_being_written_when_the_session_ends_is_sent_as_it_stands() {
    let mut console = Console::open();
    console.deployment.create_user("anna");
    console.go_to("/pings");
    console.browser.fill("Users", "anna");
    console.browser.fill("Message", "half a sent");
    console.deployment.forget_keys("*:api-token:*");
    console.browser.expect_complaint("401");
    console.browser.fill("Message", "a whole sentence");
    console.browser.press("Send");
    console.browser.wait_for("dialog[@open]", "Sign in again");
    console.browser.fill("Password", ADMIN_PASSWORD);
    console.browser.press("Sign in");
    console
        .browser
        .wait_until_gone("dialog[@open]", "Sign in again");
    assert_eq!(console.browser.value_of("Message"), "a whole sentence");
    assert_eq!(console.browser.value_of("Users"), "anna");
    console.browser.press("Send");
    console.browser.wait_for("td", "a whole sentence");
}

#[test]
fn who_closes_the_dialog_of_a_session_that_is_over_finds_it_again() {
    let mut console = Console::open();
    console.deployment.create_user("anna");
    console.go_to("/users");
    console.browser.wait_for("th", "anna");
    console.deployment.forget_keys("*:api-token:*");
    console.browser.expect_complaint("401");
    console
        .browser
        .fill("Search by the beginning of a name", "a");
    console.browser.wait_for("dialog[@open]", "Sign in again");
    console.browser.strike(Key::Escape);
    console
        .browser
        .wait_until_gone("dialog[@open]", "Sign in again");
    console
        .browser
        .wait_for("*[@role='alert']", "Your session is over");
    console.browser.press("Sign in");
    console.browser.wait_for("dialog[@open]", "Sign in again");
    // The name is known.
    console.browser.fill("Password", ADMIN_PASSWORD);
    console.browser.press("Sign in");
    console
        .browser
        .wait_until_gone("*[@role='alert']", "Your session is over");
    console.browser.wait_for("th", "anna");
}

#[test]
fn a_server_that_does_not_answer_leaves_the_page_there_and_says_so() {
    // What a Redis forgets that is killed, sessions for instance, is another matter.
    let mut console = Console::open_with(Options {
        is_durable: true,
        ..Options::default()
    });
    console.go_to("/sources");
    console.browser.wait_for("th", "Product");
    console.browser.expect_complaint("503");
    console.browser.expect_complaint("net::");
    console.deployment.redis().kill();
    console
        .browser
        .wait_for("*[@role='status']", "What you see is not up to date");
    console.browser.wait_for("p", "The next attempt is in");
    console.browser.wait_for("th", "Product");
    console.deployment.redis().restart();
    console.browser.press("Try again");
    console
        .browser
        .wait_until_gone("*[@role='status']", "What you see is not up to date");
}

#[test]
fn a_console_that_finds_no_server_says_when_it_asks_again_and_comes_up_by_itself() {
    let mut console = Console::open_with(Options {
        is_durable: true,
        ..Options::default()
    });
    console.browser.expect_complaint("503");
    console.browser.expect_complaint("net::");
    console.deployment.redis().kill();
    console.go_to("/");
    console.browser.wait_for("h1", "The server cannot be asked");
    console.browser.wait_for("p", "The next attempt is in");
    // Nobody presses anything.
    console.deployment.redis().restart();
    console.browser.wait_for("h1", "Overview");
}

/// Waits until what every page asks again and again was asked twice. Whether two of the requests were under way at once.
const OVERLAPS: &str = "const done = arguments[arguments.length - 1]; const look = () => { \
        const all = performance.getEntriesByType('resource').filter(it => it.name.endsWith('/api/v1/overview')); \
        if (all.length < 2) { setTimeout(look, 100); return; } \
        done(all.some((one, at) => at > 0 && one.startTime < all[at - 1].responseEnd)); \
    }; look();";

#[test]
fn a_slow_server_leaves_the_console_usable_and_is_not_asked_twice_at_once() {
    let console = Console::open();
    console.go_to("/sources");
    console.browser.wait_for("th", "Product");
    console.browser.slow_down(Duration::from_secs(2));
    console.browser.press("Users");
    console.browser.wait_for("h1", "Users");
    console
        .browser
        .wait_for("*[@role='status']", "Asking the server");
    // Whoever does not want to wait goes elsewhere; what comes too late changes nothing there.
    console.browser.press("Sources");
    console.browser.press("Overview");
    console.browser.wait_for("main", "Needs attention");
    console.browser.press("Sources");
    console.browser.wait_for("th", "Product");
    console.browser.follow("Product");
    console.browser.wait_for("main", "Copies");
    console.browser.press("Pause");
    console.browser.wait_for("button", "Resume");
    let has_overlapped = console.browser.run_slowly(OVERLAPS);
    assert_eq!(has_overlapped, false);
    // No answer is no answer, however long it takes.
    console.browser.slow_down(Duration::from_secs(15));
    console.browser.press("Devices");
    console
        .browser
        .wait_for("*[@role='alert']", "The server does not answer");
    console.browser.slow_down(Duration::ZERO);
    console.browser.press("Try again");
    console
        .browser
        .wait_for("main", "No device has registered yet");
}
