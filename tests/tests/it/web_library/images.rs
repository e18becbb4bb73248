//! A first sync by an image that is cut off: the browser's file has what came, whoever goes on.

use serde_json::json;
use test_support::until;

use super::App;
use crate::device_library::images::{OBJECTS, SOURCE, prepared};
use crate::device_library::proxy::{Fault, Proxy};

/// A source of which there is an image, and pages of other origins that may call.
const SETTINGS: &str = r#"
[cors]
origins = ["*"]

[sources.Merged]
adapter = "push-only"
partition = "app"
"#;

/// Bytes of the image that come before nothing comes any more: what the device keeps at once, and something that it does not.
const COME: usize = 400_000;
const KEPT: u64 = 256 * 1024;

/// An app whose first sync stalls in the midst of an image of so many bytes.
fn stalled() -> (App, Proxy, u64) {
    let mut app = App::before(0, SETTINGS);
    app.deployment.create_user("ben");
    let image = prepared(&app.deployment).bytes;
    assert!(image > COME as u64, "{image} bytes");
    let proxy = Proxy::before(&app.deployment.url());
    (app.server, app.sources) = (proxy.url(), json!([{"name": SOURCE}]));
    app.open_database();
    app.sign_in();
    proxy.fail(Fault::Stall(COME));
    app.browser.run("db.sync().catch(() => {});", json!([]));
    until("the download to stall", || proxy.has_failed().then_some(()));
    (app, proxy, image)
}

/// The rest comes, and only that.
fn goes_on(app: &App, proxy: &Proxy, image: u64) {
    proxy.passed();
    app.sync();
    let passed = proxy.passed() as u64;
    let rest = image - KEPT;
    assert!(
        passed < rest + 100_000 && passed > rest / 2,
        "{passed} bytes, where {rest} of {image} were to come"
    );
    let count = format!("db.query('SELECT count(*) AS n FROM {SOURCE}').then(rows => rows[0].n)");
    assert_eq!(app.ask(&count), OBJECTS);
    let report = app.ask("db.sync({verify: true})");
    assert_eq!(
        (&report["received"], &report["mended"]),
        (&json!(0), &json!(0)),
        "{report}"
    );
}

#[test]
fn after_a_reload_a_download_goes_on_where_it_was() {
    let (app, proxy, image) = stalled();
    app.browser.go_to(&app.files.url());
    app.open_database();
    goes_on(&app, &proxy, image);
}

#[test]
fn when_the_tab_that_downloads_is_closed_another_goes_on_where_it_was() {
    let (app, proxy, image) = stalled();
    let owner = app.browser.open_tab(&app.files.url());
    app.open_database();
    let other = app.browser.switch_to(owner);
    app.browser.close_tab(other);
    goes_on(&app, &proxy, image);
}
