//! Several tabs share one database. One of them owns it, and may die at any moment.

use serde_json::json;

use super::App;

#[test]
fn all_tabs_have_one_database_and_hear_of_every_change() {
    let app = App::open(5);
    app.sign_in();
    app.sync();
    let first = app.browser.open_tab(&app.files.url());
    app.open_database();
    assert_eq!(app.count(), 5);
    let live = "window.seen = []; \
        window.stop = await db.live('SELECT count(*) AS n FROM Product', [], rows => seen.push(rows[0].n));";
    app.browser.run_async(live).expect("a live query");
    assert_eq!(app.ask("seen.slice()"), json!([5]));

    // Another tab makes an object.
    let second = app.browser.switch_to(first);
    app.ask("db.create('Product', {name: 'from the first', price: '1'})");
    let first = app.browser.switch_to(second);
    app.ask("new Promise(resolve => { const look = () => seen.at(-1) === 6 ? resolve() : setTimeout(look, 20); look(); })");

    // The tab that does not own the database syncs it too.
    let report = app.sync();
    assert_eq!(report["sent"], 1);
    assert_eq!(app.deployment.back_end().objects("products").len(), 6);
    app.browser.switch_to(first);
    assert_eq!(app.ask("db.pending()"), json!([]));
}

#[test]
fn when_the_tab_that_owns_the_database_is_closed_another_goes_on() {
    let app = App::open(300);
    app.sign_in();
    let owner = app.browser.open_tab(&app.files.url());
    app.open_database();
    // The owner syncs, for the tab that asks, and makes objects for it.
    app.browser
        .run("window.syncing = db.sync().catch(error => ({ended: {how: error.code}})); \
              window.making = Promise.all(Array.from({length: 20}, (_, at) => db.create('Product', {name: `made ${at}`, price: '1'})));",
            json!([]))
        ;
    let asking = app.browser.switch_to(owner);
    app.browser.close_tab(asking);
    // Each was made once, whoever made it.
    let made = app.ask("making");
    assert_eq!(made.as_array().map(Vec::len), Some(20));
    let report = app.ask("syncing");
    assert_eq!(report["ended"]["how"], "complete", "{report}");
    app.sync();
    assert_eq!(app.count(), 320);
    assert_eq!(app.deployment.back_end().objects("products").len(), 320);
    assert_eq!(app.ask("db.pending()"), json!([]));
}

#[test]
fn a_page_that_is_reloaded_in_mid_sync_loses_nothing() {
    let app = App::open(2_000);
    app.sign_in();
    app.ask("db.transaction(Array.from({length: 50}, (_, at) => ({op: 'create', source: 'Product', attributes: {name: `made ${at}`, price: '1'}})))");
    for _ in 0..3 {
        // As soon as something has come.
        app.browser
            .run_async(
                "await new Promise(resolve => { db.sync({progressed: resolve}).then(resolve); });",
            )
            .expect("a sync to begin");
        app.browser.go_to(&app.files.url());
        app.open_database();
    }
    app.sync();
    assert_eq!(app.count(), 2_050);
    assert_eq!(app.ask("db.pending()"), json!([]));
    assert_eq!(app.deployment.back_end().objects("products").len(), 2_050);
    // What is there is what the server has.
    let report = app.ask("db.sync({verify: true})");
    assert_eq!(report["mended"], 0, "{report}");
}
