//! The console in a real browser, with everything behind it: host, components, Redis, back end and devices.

mod bad_input;
mod copies;
mod devices;
mod editing;
mod failing;
mod keyboard;
mod large;
mod looks;
mod managing;
mod session;

use serde_json::json;
use test_support::{ADMIN_PASSWORD, Deployment, Options, until};

use crate::browser::Browser;

/// A deployment with a back end that has a few products, and an administrator who has signed in.
struct Console {
    browser: Browser,
    deployment: Deployment,
}

impl Console {
    fn open() -> Self {
        Self::open_with(Options::default())
    }

    fn open_with(options: Options) -> Self {
        let console = Self {
            browser: Browser::open(),
            deployment: Deployment::start(Options {
                products: 20,
                ..options
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

    /// A device of a user whose new product the back end has not taken in all attempts, so that it was given up. Another one
    /// waits. Returns the device's id.
    fn stick_a_device(&self, user: &str) -> String {
        self.deployment.create_user(user);
        let mut device = self.deployment.device(user);
        device.sync("Product").expect("to sync");
        let out_of_order = json!({"effect": {"error": {"status": 503}}, "method": "POST"});
        self.deployment.back_end().fault(&out_of_order);
        for name in ["stuck product", "waiting product"] {
            let product = [("name", name), ("price", "2.50")];
            device.replica_mut("Product").create(product);
            device.sync("Product").expect("to sync");
            if name == "stuck product" {
                self.until_given_up();
            }
        }
        self.device_of(user)
    }

    /// Lets attempts pass until a change is given up. An attempt that is under way writes its own number, so once is not enough.
    fn until_given_up(&self) {
        let api = self.deployment.api();
        until("a change to be given up", || {
            self.let_attempts_pass();
            // Whoever asks for something has what is due looked after.
            let dead = api.get("/api/v1/changes?state=dead");
            let has_died = dead["items"]
                .as_array()
                .is_some_and(|dead| !dead.is_empty());
            has_died.then_some(())
        });
    }

    /// All attempts but the last were made, and the last is due. In one step: a change that is given up meanwhile must not be
    /// written once more.
    fn let_attempts_pass(&self) {
        const PASS: &str = r#"
            local waiting = redis.call('HGETALL', KEYS[1])
            for at = 1, #waiting, 2 do
                local operation = waiting[at + 1]
                operation = operation:gsub('"attempts":%d+', '"attempts":19')
                operation = operation:gsub('"not_before":%d+', '"not_before":0')
                redis.call('HSET', KEYS[1], waiting[at], operation)
            end
        "#;
        let mut redis = self.deployment.redis_connection();
        for key in self.deployment.keys("*:cud:*") {
            let () = redis::cmd("EVAL")
                .arg(PASS)
                .arg(1)
                .arg(key)
                .query(&mut redis)
                .expect("to let the attempts pass");
        }
    }

    /// How many elements of the page are like that.
    fn count(&self, selector: &str) -> u64 {
        let count = "return document.querySelectorAll(arguments[0]).length";
        let count = self.browser.run(count, json!([selector]));
        count.as_u64().expect("a number")
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
