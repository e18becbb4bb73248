//! Every page while the server fails at everything it is asked: none pretends that there is nothing, and each fills by itself afterwards.

use serde_json::json;
use test_support::until;

use super::Console;

/// What becomes of each request for data, as the body of a function, and how the page tells of it.
const FAILURES: [(&str, &str); 4] = [
    (
        "return new Response('{\"error\":{\"code\":\"internal\",\"message\":\"something broke\"}}', {status: 500});",
        "Something broke.",
    ),
    (
        "return new Response('<html>', {status: 503, headers: {'retry-after': '90'}});",
        "The server answered with status 503.",
    ),
    (
        "throw new TypeError('cut off');",
        "The server does not answer.",
    ),
    (
        "return new Response('<html>');",
        "The server's answer can't be read",
    ),
];

/// Who is signed in is another matter.
fn failing(becomes: &str) -> String {
    format!(
        "const real = window.fetch; window.works = false; window.fetch = async (request, ...rest) => {{ \
             const url = request.url ?? `${{request}}`; \
             if (window.works || !url.includes('/api/') || url.endsWith('/session')) return real(request, ...rest); \
             {becomes} \
         }};"
    )
}

/// Presses each button that asks again.
const TRY_AGAIN: &str = "window.works = true; \
    for (const button of document.querySelectorAll('main .banner button')) button.click();";

#[test]
fn each_page_says_that_the_server_fails_and_fills_when_it_answers() {
    let console = Console::open();
    console.deployment.create_user("anna");
    let mut phone = console.deployment.device("anna");
    phone.sync("Product").expect("to sync");
    let device = console.device_of("anna");
    let pages = [
        ("/".to_owned(), "Needs attention"),
        ("/devices".to_owned(), "anna"),
        (format!("/devices/{device}"), "Last sync"),
        (
            format!("/devices/{device}/preview/Product"),
            "Nothing is new",
        ),
        (
            format!("/devices/{device}/compare/Product"),
            "There is no difference",
        ),
        ("/users".to_owned(), "anna"),
        ("/users/anna".to_owned(), "Email address"),
        ("/sources".to_owned(), "Product"),
        ("/sources/Product".to_owned(), "Back end"),
        ("/sources/Product/objects/app".to_owned(), "price"),
        ("/sources/Product/objects/app/1".to_owned(), "Since version"),
        ("/changes".to_owned(), "Every change of every device"),
        ("/jobs".to_owned(), "Recurring"),
        ("/pings".to_owned(), "No ping was sent lately"),
        ("/statistics".to_owned(), "On average"),
        ("/settings".to_owned(), "redis_url"),
        ("/settings?part=tokens".to_owned(), "There are no tokens"),
        ("/settings?part=administrators".to_owned(), "rhoadmin"),
        ("/settings?part=audit".to_owned(), "Log in"),
        ("/settings?part=server".to_owned(), "App server"),
    ];
    for (becomes, told) in FAILURES {
        let failing = console.browser.before_pages(&failing(becomes));
        for (path, text) in &pages {
            console.go_to(path);
            console.browser.wait_for("*[@role='alert']", told);
            assert_eq!(console.count("main h1"), 1, "{path}: {told}");
            // That nothing is known is not that there is nothing.
            assert_eq!(console.count("main .empty"), 0, "{path}: {told}");
            // Nor does it wait where nothing will come.
            console.browser.wait_until_gone("*[@class='waiting']", "");
            console.browser.run(TRY_AGAIN, json!([]));
            console.browser.wait_for("main", text);
            until(&format!("{path} to be whole"), || {
                (console.count("main .banner.bad") == 0).then_some(())
            });
        }
        console.browser.leave_pages_alone(&failing);
    }
}

#[test]
fn a_server_that_says_when_to_come_back_is_not_asked_before() {
    let console = Console::open();
    let (becomes, told) = FAILURES[1];
    let failing = console.browser.before_pages(&failing(becomes));
    console.go_to("/devices");
    console.browser.wait_for("*[@role='alert']", told);
    // It would be asked again in twenty seconds otherwise.
    let next = "return document.querySelector('main .banner').innerText.match(/in (\\d+) ?s/)?.[1]";
    let seconds = console.browser.run(next, json!([]));
    let seconds: u32 = seconds
        .as_str()
        .and_then(|seconds| seconds.parse().ok())
        .expect("a number of seconds");
    assert!((60..=90).contains(&seconds), "{seconds}");
    console.browser.leave_pages_alone(&failing);
}
