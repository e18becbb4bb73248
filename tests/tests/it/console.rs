//! The console in a real browser. `cargo xtask test` installs one; `--skip console::` leaves these tests out.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use test_support::{Deployment, Options};
use tokio::runtime::Runtime;

/// Drives the browser; installed with it.
const DRIVER: &str = "chromedriver";

/// What to do where there is no browser.
const HELP: &str = "`cargo xtask test` installs chromium and its driver; to leave these tests out, pass `--skip console::` to them.";

/// How long the page may take: it compiles a megabyte of WebAssembly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running chromedriver.
struct Driver {
    process: Child,
    port: u16,
    /// Kept open: the driver must not find its output closed.
    stdout: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts one on any free port.
    fn start() -> Self {
        let mut process = Command::new(DRIVER)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {DRIVER}: {error}. {HELP}"));
        let stdout = BufReader::new(process.stdout.take().expect("the driver's output"));
        // From here on it ends with this, whatever happens.
        let mut driver = Self {
            process,
            port: 0,
            stdout,
        };
        // "ChromeDriver was started successfully on port 35871."
        driver.port = (&mut driver.stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .expect("the driver to say its port");
        driver
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser without a window. It is closed when this is dropped, also when the test fails.
struct Browser {
    client: Client,
    runtime: Runtime,
    _driver: Driver,
}

impl Browser {
    fn open() -> Self {
        let driver = Driver::start();
        let runtime = Runtime::new().expect("a runtime");
        let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"];
        let options = ("goog:chromeOptions".to_owned(), json!({"args": arguments}));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities([options].into_iter().collect());
        let url = format!("http://127.0.0.1:{}", driver.port);
        let connected = runtime.block_on(builder.connect(&url));
        let client =
            connected.unwrap_or_else(|error| panic!("cannot open a browser: {error}. {HELP}"));
        Self {
            client,
            runtime,
            _driver: driver,
        }
    }

    fn go_to(&self, url: &str) {
        let loaded = self.runtime.block_on(self.client.goto(url));
        loaded.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    fn press(&self, button: &str) {
        let xpath = format!("//button[normalize-space(.) = \"{button}\"]");
        let pressed = self.runtime.block_on(async {
            let button = self.client.find(Locator::XPath(&xpath)).await?;
            button.click().await
        });
        pressed.unwrap_or_else(|error| panic!("no button {button:?} to press: {error}"));
    }

    /// Waits until an element of this kind contains this text.
    fn wait_for(&self, element: &str, text: &str) {
        let xpath = format!("//{element}[contains(normalize-space(.), \"{text}\")]");
        self.runtime.block_on(async {
            let wait = self.client.wait().at_most(PATIENCE);
            if let Err(error) = wait.for_element(Locator::XPath(&xpath)).await {
                let page = self.client.source().await.unwrap_or_default();
                panic!("there is no {element} with {text:?}: {error}\n{page}");
            }
        });
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

#[test]
fn the_console_shows_how_the_server_is() {
    let browser = Browser::open();
    let mut deployment = Deployment::start(Options {
        products: 0,
        ..Options::default()
    });
    let status = "*[@role='status']";
    browser.go_to(&format!("{}/console/", deployment.url()));
    browser.wait_for(status, "Everything works");
    browser.wait_for("dl", env!("CARGO_PKG_VERSION"));
    browser.wait_for("li", "Redis");

    deployment.redis().kill();
    browser.press("Refresh");
    browser.wait_for(status, "Redis fails");
    deployment.redis().restart();
    browser.press("Refresh");
    browser.wait_for(status, "Everything works");
}
