//! What nobody should type, things that are gone, and answers that never come.

use http::Method;
use serde_json::json;
use test_support::until;

use super::Console;

/// Puts a text into the field with a label, as somebody does who pastes: typing so much takes minutes.
const PASTE: &str = "const label = [...document.querySelectorAll('label')].find(it => it.textContent.trim() === arguments[0]); \
    const field = label ? document.getElementById(label.htmlFor) : document.querySelector(`[aria-label='${arguments[0]}']`); \
    if (!field) return null; \
    field.value = arguments[1]; field.dispatchEvent(new Event('input', {bubbles: true})); return true;";

/// The next answer to a write is lost on its way.
const LOSE_AN_ANSWER: &str = "const real = window.fetch; window.fetch = async (request, ...rest) => { \
        const answer = await real(request, ...rest); \
        if (request.method === 'GET') return answer; \
        window.fetch = real; \
        throw new TypeError('lost'); \
    };";

impl Console {
    fn paste(&self, label: &str, text: &str) {
        until(label, || {
            self.browser.run(PASTE, json!([label, text])).as_bool()
        });
    }

    /// Waits until a complaint stands beside the field with this label.
    fn wait_for_complaint(&self, label: &str, text: &str) {
        let field = format!("div[contains(@class, 'wrong')][label = '{label}']");
        self.browser.wait_for(&field, text);
    }
}

#[test]
fn what_is_not_there_is_said_once_with_the_way_to_its_list() {
    let mut console = Console::open();
    console.browser.expect_complaint("404");
    for (path, what, list) in [
        ("/devices/nobodys", "device", "Devices"),
        ("/users/nobody", "user", "Users"),
        ("/sources/Nothing", "source", "Sources"),
        ("/sources/Product/objects/app/nothing", "object", "Sources"),
        ("/sources/Product/objects/named:nowhere", "copy", "Sources"),
        ("/jobs/7", "job", "Jobs"),
    ] {
        console.go_to(path);
        let text = format!("There is no such {what}.");
        console.browser.wait_for("*[@role='alert']", &text);
        // Nothing can be done with it.
        assert_eq!(console.count("main button"), 0, "{path}");
        console.browser.follow("To the list");
        console.browser.wait_for("h1", list);
    }
}

#[test]
fn a_device_that_is_removed_while_somebody_looks_at_it_is_gone() {
    let mut console = Console::open();
    console.browser.expect_complaint("404");
    console.deployment.create_user("anna");
    let mut device = console.deployment.device("anna");
    device.sync("Product").expect("to sync");
    let id = console.device_of("anna");
    console.go_to(&format!("/devices/{id}"));
    console.browser.wait_for("h1", "Device of anna");
    let path = format!("/api/v1/clients/{id}");
    let api = console.deployment.api();
    api.expect(204, Method::DELETE, &path, &json!({}));
    console
        .browser
        .wait_for("*[@role='alert']", "There is no such device.");
}

#[test]
fn a_write_whose_answer_is_lost_is_safe_to_repeat() {
    let console = Console::open();
    console.go_to("/users");
    console.browser.press("Add a user");
    console.browser.fill("Name", "carl");
    console.browser.fill("Password", "a secret");
    console.browser.run(LOSE_AN_ANSWER, json!([]));
    console.browser.press("Add");
    console
        .browser
        .wait_for("*[@role='alert']", "It may have done this all the same");
    assert_eq!(console.browser.value_of("Name"), "carl");
    // Who asks anew for what is done is told that the name is taken; this is the same request.
    console.browser.press("Add");
    console
        .browser
        .wait_for("*[@role='status']", "carl may sign in now");
    console.browser.wait_for("th", "carl");
}

#[test]
fn a_button_that_is_pressed_twice_does_it_once() {
    let console = Console::open();
    console.deployment.create_user("anna");
    console.go_to("/pings");
    console.browser.fill("Users", "anna");
    console.browser.fill("Message", "Once");
    console.browser.run(
        "const send = document.querySelector('form button[type=submit]'); send.click(); send.click();",
        json!([]),
    );
    console.browser.wait_for("td", "Once");
    let pings = console.deployment.api().get("/api/v1/pings");
    assert_eq!(pings["items"].as_array().map(Vec::len), Some(1), "{pings}");
}

#[test]
fn names_lose_the_blanks_around_them_and_need_something_between() {
    let mut console = Console::open();
    console.browser.expect_complaint("400");
    console.go_to("/users");
    console.browser.press("Add a user");
    console.browser.fill("Password", "a secret");
    console.paste("Name", "   ");
    console.browser.press("Add");
    console.wait_for_complaint("Name", "name");
    console.paste("Name", "  carl ");
    console.browser.press("Add");
    console
        .browser
        .wait_for("*[@role='status']", "carl may sign in now");
    let carl = console.deployment.api().get("/api/v1/users/carl");
    assert_eq!(carl["login"], "carl");
}

#[test]
fn what_is_far_too_long_is_told_in_few_words() {
    let mut console = Console::open();
    let far_too_long = "x".repeat(100_000);
    console.browser.expect_complaint("414");
    console.browser.expect_complaint("400");
    console.go_to("/users");
    console.browser.wait_for("h1", "Users");
    let search = "Search by the beginning of a name";
    console.paste(search, &far_too_long);
    console
        .browser
        .wait_for("*[@role]", "too long to be searched for");
    console.paste(search, "");
    console.browser.wait_for("main", "There are no users yet");
    console.go_to("/pings");
    console.paste("Users", &far_too_long);
    console.browser.press("Send");
    console.wait_for_complaint("Users", "There is no user xxxx");
    let told = "return document.querySelector('.field.wrong .hint').innerText.length < 200";
    assert_eq!(console.browser.run(told, json!([])), json!(true));
    // What is not a number has no place in the picture of the message.
    console.deployment.create_user("anna");
    console.paste("Users", "anna");
    console.browser.fill("Message", "Hello");
    console.paste("Badge", &far_too_long);
    console.wait_for_complaint("Badge", "whole number");
    let is_wide =
        "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(console.browser.run(is_wide, json!([])), json!(false));
    console.paste("Badge", "3");
    console.paste("Message", &far_too_long);
    console.browser.press("Send");
    console.wait_for_complaint("Message", "at most 3000 bytes of text");
    let pings = console.deployment.api().get("/api/v1/pings");
    let told = pings["items"].as_array().expect("a list");
    assert!(told.iter().all(|ping| ping["message"].is_null()), "{pings}");
}

#[test]
fn a_poll_interval_that_cannot_be_is_not_sent() {
    let console = Console::open();
    console.go_to("/sources/Product");
    console.browser.press("Poll interval…");
    for wrong in ["-5", "1e9", "99999999999999999999", "😀"] {
        console.paste("Seconds between queries", wrong);
        console.browser.press("Save");
        console.wait_for_complaint("Seconds between queries", "whole number of seconds");
        assert_eq!(console.count(".problem"), 0, "{wrong}");
    }
}

/// What people paste who mean no harm, and those who do.
fn garbage() -> [String; 6] {
    [
        "<img src=x onerror=alert(1)>".to_owned(),
        "\u{202e}nimdaohr".to_owned(),
        "rho\0admin".to_owned(),
        "👩\u{200d}🚀💥".to_owned(),
        "  ".to_owned(),
        "long ".repeat(2_000),
    ]
}

impl Console {
    /// Nothing of the page stands out of it.
    fn assert_not_wide(&self, typed: &str) {
        let is_wide =
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        let typed: String = typed.chars().take(20).collect();
        assert_eq!(
            self.browser.run(is_wide, json!([])),
            json!(false),
            "{typed:?}"
        );
    }
}

#[test]
fn whatever_is_typed_into_the_sign_in_form_is_a_wrong_name_or_password() {
    let mut console = Console::open();
    console.browser.press("Sign out");
    console.browser.wait_for("h1", "Sign in");
    console.browser.expect_complaint("401");
    console.browser.expect_complaint("413");
    // Nothing is sent where something is missing.
    console.browser.press("Sign in");
    assert_eq!(console.count(".field.wrong, .problem"), 0);
    for typed in garbage() {
        console.paste("Name", &typed);
        console.paste("Password", &typed);
        console.browser.press("Sign in");
        let is_long = typed.len() > 1_000;
        let told = if is_long {
            "is that long"
        } else {
            "Unable to authenticate"
        };
        console.wait_for_complaint("Password", told);
        console.assert_not_wide(&typed);
        // The next complaint is another one.
        console.go_to("/");
        console.browser.wait_for("h1", "Sign in");
    }
    console.sign_in("rhoadmin", test_support::ADMIN_PASSWORD);
    console.browser.wait_for("h1", "Overview");
}

#[test]
fn a_first_password_is_asked_for_until_it_is_one() {
    let deployment = test_support::Deployment::start(test_support::Options {
        admin_password: "",
        ..test_support::Options::default()
    });
    let answer = deployment.rest().send(Method::GET, "/ready", "");
    assert_eq!(answer.status(), 200);
    let log = deployment.host_log();
    let (_, rest) = log.split_once("so one was made: ").expect("a password");
    let made: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    let mut console = Console {
        browser: crate::browser::Browser::open(),
        deployment,
    };
    console.go_to("/users");
    console.sign_in("rhoadmin", &made);
    console.browser.wait_for("h1", "Choose a password");
    console.browser.expect_complaint("400");
    let choose = |current: &str, new: &str, again: &str| {
        console.paste("Current password", current);
        console.paste("New password", new);
        console.paste("New password again", again);
        console.browser.press("Change the password");
    };
    choose(&made, "correct horse", "correct house");
    console.wait_for_complaint("New password again", "not the same");
    choose(&made, "short", "short");
    console.wait_for_complaint("New password", "at least 8 characters");
    let long = "x".repeat(10_000);
    choose(&made, &long, &long);
    console.wait_for_complaint("New password", "1024 bytes");
    choose("another", "correct horse", "correct horse");
    console.wait_for_complaint("Current password", "is wrong");
    console.assert_not_wide("");
    // A password may have anything in it; afterwards the page is there that was asked for.
    let odd = "\u{202e}<b>\0👩\u{200d}🚀 ü";
    choose(&made, odd, odd);
    console.browser.wait_for("h1", "Users");
    let login = json!({"login": "rhoadmin", "password": odd});
    let rest = console.deployment.rest();
    rest.expect(201, Method::POST, "/api/v1/login", &login);
}

#[test]
fn nothing_but_the_word_resets_the_server() {
    let console = Console::open();
    console.deployment.create_user("anna");
    console.go_to("/settings?part=server");
    console.browser.press("Reset everything…");
    let mut wrong = Vec::from(garbage());
    wrong.extend(["RHOSYNC", "rhosync ", "rhosyn", "rhosync\u{200b}"].map(str::to_owned));
    for typed in wrong {
        console.paste("Type rhosync to confirm", &typed);
        console.browser.press("Reset everything");
        console.wait_for_complaint("Type rhosync to confirm", "Type rhosync to go on");
        console.assert_not_wide(&typed);
    }
    console.paste("Type rhosync to confirm", "");
    console.browser.press("Reset everything");
    assert_eq!(console.count("dialog[open]"), 1);
    console.deployment.api().get("/api/v1/users/anna");
}

#[test]
fn a_password_that_is_too_short_and_a_name_nobody_sees_are_told_beside_their_fields() {
    let mut console = Console::open();
    console.browser.expect_complaint("400");
    console.go_to("/settings?part=administrators");
    console.browser.press("Add an administrator");
    console.browser.fill("Name", "vera");
    console.browser.fill("Password", "ab");
    console.browser.press("Add");
    console.wait_for_complaint("Password", "at least 8 characters");
    console.browser.fill("Password", "long enough");
    console.paste("Name", "\u{202e}arev");
    console.browser.press("Add");
    console.wait_for_complaint("Name", "not allowed there");
    console.paste("Name", "vera");
    console.browser.press("Add");
    console
        .browser
        .wait_for("*[@role='status']", "vera may sign in here now");
}
