//! Files of objects: up from a tab that has another's database, and down into a database of another name.

use serde_json::json;

use super::App;

/// A file of more than one part.
const PHOTO: &str = "new Uint8Array(1300001).map((_, at) => at * at % 251)";

#[test]
fn a_file_goes_up_and_comes_down_with_its_object() {
    let app = App::open(5);
    app.sign_in();
    // The other tab owns the database.
    app.browser.open_tab(&app.files.url());
    app.open_database();
    app.ask(&format!("(window.photo = {PHOTO}, null)"));
    app.ask(
        "(window.address = await db.addFile('my photo.png', 'image/png', new Blob([photo])), null)",
    );
    assert_eq!(app.ask("db.file(address)")["state"], "queued");
    let same = "db.readFile(address).then(read => read.length === photo.length && read.every((byte, at) => byte === photo[at]))";
    assert_eq!(app.ask(same), true);
    app.ask("(window.empty = await db.addFile('nothing', 'text/plain', new ArrayBuffer(0)), null)");
    for file in ["address", "empty"] {
        app.ask(&format!(
            "db.create('Product', {{name: 'x', price: '1', 'photo-rhoblob': {file}}})"
        ));
    }
    let report = app.sync();
    assert_eq!(
        report["applied"].as_array().map(Vec::len),
        Some(2),
        "{report}"
    );
    let status =
        json!({"state": "here", "contentType": "image/png", "bytes": 1_300_001, "sent": 1_300_001});
    assert_eq!(app.ask("db.file(address)"), status);

    // A database that has neither has it come.
    let server = json!(app.deployment.url());
    let opened = app.browser.run_async(&format!(
        "window.first = db; window.db = await (await import('/index.js')).open({{name: 'other', server: {server}, sources: ['Product']}});"
    ));
    opened.expect("to open another database");
    app.sign_in();
    app.sync();
    assert_eq!(app.ask("db.readFile(address)"), json!(null));
    app.ask("db.wantFile(address)");
    app.ask("db.wantFile(empty)");
    app.sync();
    assert_eq!(app.ask(same), true);
    assert_eq!(app.ask("db.readFile(empty).then(read => read.length)"), 0);
    let wrong = app.refusal("db.file('https://pictures.example/1.png')");
    assert!(wrong.starts_with("invalid"), "{wrong}");
    let wrong = app.refusal("db.readFile('x')");
    assert!(wrong.starts_with("invalid"), "{wrong}");

    // One that has no room keeps what it has.
    let opened = app.browser.run_async(&format!(
        "window.db = await (await import('/index.js')).open({{name: 'small', server: {server}, sources: ['Product'], fileQuotaBytes: 100}});"
    ));
    opened.expect("to open a third database");
    app.ask("(window.full = await db.addFile('full', 'text/plain', new Uint8Array(100)), null)");
    let refused = app.refusal("db.addFile('more', 'text/plain', new Uint8Array(1))");
    assert!(refused.starts_with("invalid"), "{refused}");
    assert_eq!(app.ask("db.readFile(full).then(read => read.length)"), 100);
}
