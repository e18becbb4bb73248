//! Databases that are followed: what changes elsewhere comes by itself, over one event stream for all tabs.
//!
//! The clock of these workers stands still, so that nothing comes by schedule.

use sync_client::{Database, Ended, Options};
use test_support::password_of;

use super::App;

/// Opens the database with a clock that stands, and follows it.
const FOLLOW: &str = "const rhosync = await import('/index.js'); \
    const code = `import 'data:text/javascript,performance.now=()=>0'; import '${location.origin}/worker.js';`; \
    const script = URL.createObjectURL(new Blob([code], {type: 'text/javascript'})); \
    window.db = await rhosync.open({server: SERVER, sources: [{name: 'Product', search: ['name']}], worker: new Worker(script, {type: 'module'})}); \
    window.reports = []; \
    window.ends = []; \
    window.stop = db.follow({synced: report => reports.push(report), ended: end => ends.push(end)});";

fn follow(app: &App) {
    let server = serde_json::json!(app.deployment.url()).to_string();
    let followed = app.browser.run_async(&FOLLOW.replace("SERVER", &server));
    followed.expect("to follow");
}

/// Waits until an expression is true in the page.
fn wait_for(app: &App, expression: &str) {
    app.ask(&format!(
        "new Promise(resolve => {{ const look = async () => ({expression}) ? resolve() : setTimeout(look, 20); look(); }})"
    ));
}

fn wait_for_products(app: &App, count: u32) {
    wait_for(
        app,
        &format!("(await db.query('SELECT count(*) AS n FROM Product'))[0].n === {count}"),
    );
}

#[test]
fn a_page_that_follows_has_what_changes_elsewhere() {
    let app = App::open(5);
    app.sign_in();
    app.ask("db.close()");
    follow(&app);
    // The first, and the one for what came before the stream.
    wait_for(&app, "reports.length >= 2");
    wait_for_products(&app, 5);

    app.deployment.create_user("ben");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let options = Options::new(&app.deployment.url(), &["Product"]);
    let ben = Database::open(path.to_str().expect("UTF-8"), options).expect("a database");
    ben.sign_in("ben", &password_of("ben")).expect("to sign in");
    let make = |name: &str| {
        let attributes = [("name", name), ("price", "1")];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.into()));
        ben.create("Product", attributes.into()).expect("a product");
        assert_eq!(ben.sync().expect("to sync").ended, Ended::Complete);
    };
    make("one");
    wait_for_products(&app, 6);
    // What is done in the page goes up.
    app.ask("db.create('Product', {name: 'of Anna', price: '1'})");
    wait_for(&app, "(await db.pending()).length === 0");

    // The tab that reads the stream is closed: another goes on.
    let reader = app.browser.open_tab(&app.files.url());
    follow(&app);
    // It hears how things are.
    wait_for(&app, "reports.length >= 1");
    let second = app.browser.switch_to(reader);
    app.browser.close_tab(second);
    wait_for(&app, "reports.length >= 2");
    make("two");
    wait_for_products(&app, 8);

    app.ask("db.signOut()");
    wait_for(&app, "ends.length === 1");
    assert_eq!(app.ask("ends"), serde_json::json!([{"how": "signedOut"}]));
}
