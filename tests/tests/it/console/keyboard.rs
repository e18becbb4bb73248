//! The console without a mouse.

use serde_json::json;
use test_support::until;

use super::Console;
use crate::browser::Key;

/// What has the keyboard: the field's label, the button's text, or the element's id.
const FOCUSED: &str = "const it = document.activeElement; \
    const label = it.id ? document.querySelector(`label[for='${it.id}']`) : null; \
    return label?.textContent.trim() ?? (it.id || it.ariaLabel || it.textContent.trim());";

impl Console {
    fn focused(&self) -> String {
        let focused = self.browser.run(FOCUSED, json!([]));
        focused.as_str().unwrap_or_default().to_owned()
    }

    /// Goes on with Tab until something that is called so has the keyboard, or that begins so.
    fn tab_to(&self, on: &str) {
        for _ in 0..100 {
            if self.focused().starts_with(on) {
                return;
            }
            self.browser.strike(Key::Tab);
        }
        panic!("the keyboard does not come to {on:?}");
    }

    /// Waits until something has the keyboard.
    fn wait_for_focus(&self, on: &str) {
        until(&format!("{on:?} to have the keyboard"), || {
            (self.focused() == on).then_some(())
        });
    }
}

#[test]
fn a_user_is_found_added_and_kept_without_a_mouse() {
    let console = Console::open();
    console.deployment.create_user("anna");
    // A page that one has come to begins at its beginning, not where the last one was left.
    console.browser.type_text("gu");
    console.browser.wait_for("h1", "Users");
    console.wait_for_focus("main");
    console.browser.focus_on("Add a user");
    console.browser.strike(Key::Enter);
    // The first field, not the cross that closes the dialog.
    console.wait_for_focus("Name");
    console.browser.type_text("dora");
    console.browser.strike(Key::Tab);
    console.wait_for_focus("Password");
    console.browser.type_text("a secret");
    console.browser.strike(Key::Enter);
    console
        .browser
        .wait_for("*[@role='status']", "dora may sign in now");
    console.wait_for_focus("Add a user");
    console.browser.type_text("/");
    console.wait_for_focus("Search by the beginning of a name");
    console.browser.type_text("do");
    console.browser.wait_until_gone("th", "anna");
    console.browser.follow("dora");
    console.browser.wait_for("h1", "dora");
    // Who asks for what cannot be undone, and presses Enter once too often, has undone nothing.
    console.browser.focus_on("Delete…");
    console.browser.strike(Key::Enter);
    console.wait_for_focus("Cancel");
    console.browser.strike(Key::Enter);
    console.wait_for_focus("Delete…");
    console.browser.strike(Key::Enter);
    console.wait_for_focus("Cancel");
    console.browser.strike(Key::Escape);
    console.wait_for_focus("Delete…");
    console.browser.wait_for("h1", "dora");
}

#[test]
fn a_stuck_device_is_found_and_its_change_retried_without_a_mouse() {
    let mut console = Console::open();
    console.browser.expect_complaint("404");
    console.stick_a_device("anna");
    console.browser.type_text("go");
    console.browser.wait_for("section", "1 device is stuck");
    console.tab_to("Look 1 device is stuck");
    console.browser.strike(Key::Enter);
    console.browser.wait_for("h2", "This device is stuck");
    console.wait_for_focus("main");
    console.tab_to("Retry or discard…");
    console.browser.strike(Key::Enter);
    console.browser.wait_for("h2", "Retry or discard");
    console.wait_for_focus("main");
    console.deployment.back_end().heal();
    console.tab_to("Retry now");
    console.browser.strike(Key::Enter);
    console
        .browser
        .wait_for("*[@role='status']", "This change is done");
    // Its form is gone, and whoever was there is at the page's beginning.
    console.wait_for_focus("main");
}

#[test]
fn a_ping_is_sent_without_a_mouse() {
    let console = Console::open();
    console.deployment.create_user("anna");
    console.browser.type_text("gp");
    console.browser.wait_for("h1", "Pings");
    console.wait_for_focus("main");
    console.tab_to("Users");
    console.browser.type_text("anna");
    console.tab_to("Message");
    console.browser.type_text("Your prices have changed");
    console.tab_to("Send");
    console.browser.strike(Key::Enter);
    console
        .browser
        .wait_for("*[@role='status']", "The ping is on its way");
    console.browser.wait_for("td", "Your prices have changed");
    console.wait_for_focus("Send");
}

#[test]
fn the_keyboard_stays_with_the_pages_of_a_list_to_its_end_and_back() {
    let console = Console::open();
    for number in 0..101 {
        console.deployment.create_user(&format!("user{number:03}"));
    }
    console.browser.type_text("gu");
    console.browser.wait_for("th", "user099");
    console.browser.focus_on("Next page");
    console.browser.strike(Key::Enter);
    console.browser.wait_for("th", "user100");
    console.wait_for_focus("First page");
    console.browser.strike(Key::Enter);
    console.browser.wait_for("th", "user000");
    console.wait_for_focus("Next page");
}

#[test]
fn the_keys_are_told_and_the_keyboard_stays_in_a_dialog() {
    let console = Console::open();
    console.browser.type_text("?");
    console
        .browser
        .wait_for("dialog[@open]", "Search in the list");
    for _ in 0..4 {
        console.browser.strike(Key::Tab);
        let outside = "const it = document.activeElement; return it !== document.body && !it.closest('dialog');";
        assert_eq!(console.browser.run(outside, json!([])), json!(false));
    }
    console.browser.strike(Key::Escape);
    console
        .browser
        .wait_until_gone("dialog[@open]", "Search in the list");
}
