//! The device library in a real browser: its files in the browser's private ones, several tabs, workers that die.

mod blobs;
mod files;
mod following;
mod images;
mod readme;
mod tabs;

use serde_json::{Value, json};
use test_support::{Deployment, Options};

use crate::browser::Browser;
use files::Files;

/// Pages of other origins may call.
const CORS: &str = "[cors]\norigins = [\"*\"]\n";

/// A deployment, the files of an app, and a browser that has the app open.
struct App {
    browser: Browser,
    files: Files,
    deployment: Deployment,
    /// The server, as the page calls it.
    server: String,
    /// The sources of the database, as the page names them.
    sources: Value,
}

impl App {
    fn open(products: u32) -> Self {
        let app = Self::before(products, CORS);
        app.open_database();
        app
    }

    /// A page that has no database open yet.
    fn before(products: u32, settings: &'static str) -> Self {
        let deployment = Deployment::start(Options {
            products,
            settings,
            ..Options::default()
        });
        let app = Self {
            browser: Browser::open(),
            files: Files::serve(),
            server: deployment.url(),
            deployment,
            sources: json!([{"name": "Product", "search": ["name"]}]),
        };
        app.deployment.create_user("anna");
        app.browser.go_to(&app.files.url());
        app
    }

    /// Opens the database in the page.
    fn open_database(&self) {
        let options = json!({"server": self.server, "sources": self.sources});
        let opened = self.browser.run_async(&format!(
            "const rhosync = await import('/index.js'); window.db = await rhosync.open({options});"
        ));
        opened.expect("to open the database");
    }

    /// What an expression with `db` in it comes to.
    fn ask(&self, expression: &str) -> Value {
        let answer = self
            .browser
            .run_async(&format!("return await {expression};"));
        answer.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn refusal(&self, expression: &str) -> String {
        let answer = self
            .browser
            .run_async(&format!("return await {expression};"));
        answer.expect_err(expression)
    }

    fn sign_in(&self) {
        let signed_in = self.ask(r#"db.signIn({login: "anna", password: "anna's secret"})"#);
        assert_eq!(signed_in["user"], "anna");
    }

    fn sync(&self) -> Value {
        let report = self.ask("db.sync()");
        assert_eq!(report["ended"]["how"], "complete", "{report}");
        report
    }

    fn count(&self) -> Value {
        self.ask("db.query('SELECT count(*) AS n FROM Product').then(rows => rows[0].n)")
    }
}

#[test]
fn the_back_end_is_searched_and_a_source_narrowed_down() {
    let app = App::open(20);
    app.sign_in();
    let found = app.ask("db.searchRemote('Product', {name: 'lamp', since: 2024})");
    let found = found.as_array().expect("a list");
    assert_eq!(found.len(), 20);
    assert!(found.iter().all(|object| object["isFound"] == true));
    assert_eq!(app.count(), 20);
    app.ask("db.forgetFound('Product')");
    assert_eq!(app.count(), 0);
    app.sync();
    app.ask("db.setParameters('Product', {since: 2024})");
    let report = app.sync();
    let removed = json!([{"source": "Product", "reason": "moved"}]);
    assert_eq!(report["removed"], removed);
    assert_eq!(app.sync()["removed"], json!([]));
}

#[test]
fn an_app_works_offline_and_syncs() {
    let app = App::open(20);
    assert_eq!(app.ask("db.user()"), Value::Null);
    let refused = app.refusal("db.signIn({login: 'anna', password: 'wrong'})");
    assert!(refused.starts_with("loginRefused"), "{refused}");

    // Before anybody has signed in, and without a sync, the app works.
    let id = app.ask("db.create('Product', {name: 'made offline', price: '2.50'})");
    assert_eq!(app.count(), 1);
    assert_eq!(app.ask("db.sync()")["ended"]["how"], "signedOut");

    app.sign_in();
    let report = app.sync();
    assert_eq!(report["sent"], 1, "{report}");
    assert_eq!(report["applied"][0]["object"], id);
    assert_eq!(app.count(), 21);
    assert_eq!(app.deployment.back_end().objects("products").len(), 21);

    // The app's id stays, beside the back end's.
    let made = app.ask(&format!("db.get('Product', {id})"));
    assert_eq!(made["id"], id);
    assert_ne!(made["remoteId"], Value::Null);
    assert_eq!(made["isPending"], false);

    // What is on disk is there after a reload, tokens and all.
    app.browser.go_to(&app.files.url());
    app.open_database();
    assert_eq!(app.count(), 21);
    assert_eq!(app.ask("db.user()"), "anna");
    app.ask(&format!("db.update('Product', {id}, {{price: '3.5'}})"));
    assert_eq!(app.ask("db.pending()").as_array().map(Vec::len), Some(1));
    app.sync();
    assert_eq!(app.ask("db.pending()"), json!([]));
    let found = app.ask("db.search('Product', 'offl')");
    assert_eq!(found[0]["attributes"]["price"], "3.5", "{found}");

    let wrong = app.refusal("db.query('DELETE FROM Product')");
    assert!(wrong.starts_with("invalid"), "{wrong}");
    let unknown = app.refusal("db.update('Product', 'nothing', {price: '1'})");
    assert!(unknown.starts_with("unknownObject"), "{unknown}");
    app.ask("db.close()");
    let closed = app.refusal("db.user()");
    assert!(closed.starts_with("closed"), "{closed}");
}
