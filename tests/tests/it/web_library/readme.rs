//! The program of the package's README.

use std::fs;

use serde_json::{Value, json};
use test_support::{until, workspace};

use super::App;

/// The sources that the README has.
const SETTINGS: &str = r#"
[cors]
origins = ["*"]

[sources.Order]
adapter = "push-only"
partition = "user"
"#;

#[test]
fn the_program_of_the_readme_does_what_it_says() {
    let app = App::before(5, SETTINGS);
    let text = fs::read_to_string(workspace().join("bindings/web/README.md")).expect("a README");
    let mut blocks = text
        .split("```js\n")
        .skip(1)
        .filter_map(|block| block.split("```").next());
    let program = blocks
        .next()
        .expect("a program")
        .replace(
            r#"import { open } from "rhosync";"#,
            "const { open } = await import('/index.js');",
        )
        .replace("http://localhost:3000", &app.server)
        .replace(r#"password: "…""#, r#"password: "anna's secret""#);
    let rest: String = blocks
        .map(|block| block.replace("await db", "await window.db"))
        .collect();
    // What the README leaves to the app.
    let page = format!(
        "const render = (rows) => window.rows = rows; \
         const showConnected = (is) => window.connected = is; \
         const askForPassword = () => window.ended = true; \
         {program}; window.db = db; window.stop = stop;"
    );
    app.browser.run_async(&page).expect("the program to run");
    until("the program to have synced", || {
        (app.ask("window.connected ?? false") == true).then_some(())
    });
    // Its Lamp is at the back end at the second price, and everything is shown.
    until("the Lamp to be shown with the others", || {
        let rows = app.ask("window.rows");
        (rows.as_array().map(Vec::len) == Some(6)).then_some(())
    });
    let lamp = until("the Lamp at the back end", || {
        let products = app.deployment.back_end().objects("products");
        products
            .into_values()
            .find(|it| it.get("name").is_some_and(|name| name == "Lamp"))
    });
    assert_eq!(lamp["price"], "11");
    assert_eq!(app.ask("window.ended ?? null"), Value::Null);
    app.ask("db.pending()");
    app.browser
        .run_async(&format!("const db = window.db; {rest}"))
        .expect("the rest to run");
    assert_eq!(app.ask("db.failed()"), json!([]));
    app.browser.run("stop();", json!([]));
}
