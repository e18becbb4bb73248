//! The console in a real browser, with everything behind it: host, components, Redis, back end and devices.

mod browser;
mod devices;
mod looks;
mod managing;
mod session;

use serde_json::json;
use test_support::{ADMIN_PASSWORD, Deployment, Options};

use browser::Browser;

/// A deployment with a back end that has a few products, and an administrator who has signed in.
struct Console {
    browser: Browser,
    deployment: Deployment,
}

impl Console {
    fn open() -> Self {
        let console = Self {
            browser: Browser::open(),
            deployment: Deployment::start(Options {
                products: 20,
                ..Options::default()
            }),
        };
        console.go_to("/");
        console.sign_in("rhoadmin", ADMIN_PASSWORD);
        console.browser.wait_for("h1", "Overview");
        console
    }

    fn go_to(&self, path: &str) {
        let url = format!("{}/console{path}", self.deployment.url());
        self.browser.go_to(&url);
    }

    fn sign_in(&self, name: &str, password: &str) {
        self.browser.fill("Name", name);
        self.browser.fill("Password", password);
        self.browser.press("Sign in");
    }

    /// A device of a user whose new product the back end has answered with garbage, so that nobody knows what became of it.
    fn stick_a_device(&self, user: &str) -> String {
        self.deployment.create_user(user);
        let mut device = self.deployment.device(user);
        device.sync("Product").expect("to sync");
        let garbage =
            json!({"effect": {"say": {"body": "<html>maintenance</html>"}}, "method": "POST"});
        self.deployment.back_end().fault(&garbage);
        device
            .replica_mut("Product")
            .create([("name", "stuck product"), ("price", "2.50")]);
        // Its change is given up, and it is told.
        let _ = device.sync("Product");
        self.device_of(user)
    }

    /// The id of a user's device.
    fn device_of(&self, user: &str) -> String {
        let clients = self
            .deployment
            .api()
            .get(&format!("/api/v1/clients?user={user}"));
        clients["items"][0]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}
