//! A real browser. `cargo xtask test` installs one, and leaves these tests out with `--skip-browser`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Drives the browser; installed with it.
const DRIVER: &str = "chromedriver";

/// What to do where there is no browser.
const HELP: &str =
    "`cargo xtask test` installs chromium and its driver; `--skip-browser` leaves these tests out.";

/// Who opens the console is not signed in yet, and the browser logs that.
const NOBODY: &str =
    "/api/v1/session - Failed to load resource: the server responded with a status of 401";

/// axe-core, of Deque Systems (MPL-2.0), as it is published: it finds what keeps people out who see, hear or move otherwise.
const AXE: &str = include_str!("axe.min.js");

const RUN_AXE: &str = "const done = arguments[arguments.length - 1]; \
    axe.run({rules: {'target-size': {enabled: true}}}).then(found => done(found.violations.map(it => \
        `${it.id}: ${it.help}: ${it.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | ')}`)));";

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

/// A browser without a window. It is closed when this is dropped, also when the test fails. A test that ends well fails
/// after all if a page has broken its content security policy or logged an error.
pub(super) struct Browser {
    client: Client,
    runtime: Runtime,
    /// What the browser may complain of: a request that was meant to fail is an error of the page's for it.
    expected: Vec<&'static str>,
    _driver: Driver,
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// What a page looks like to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Light,
    Dark,
    Phone,
    /// The narrowest screen that pages are made for; what zooms to 400 % on a desktop is as narrow.
    Narrow,
}

/// A key that writes nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Tab,
    Enter,
    Escape,
}

impl Key {
    /// What WebDriver calls it.
    const fn code(self) -> &'static str {
        match self {
            Self::Tab => "\u{e004}",
            Self::Enter => "\u{e007}",
            Self::Escape => "\u{e00c}",
        }
    }
}

impl Look {
    pub(super) const ALL: [Self; 4] = [Self::Light, Self::Dark, Self::Phone, Self::Narrow];
}

impl Browser {
    pub(super) fn open() -> Self {
        let driver = Driver::start();
        let runtime = Runtime::new().expect("a runtime");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1360,900",
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else {
            panic!("capabilities are an object");
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let url = format!("http://127.0.0.1:{}", driver.port);
        let connected = runtime.block_on(builder.connect(&url));
        let client =
            connected.unwrap_or_else(|error| panic!("cannot open a browser: {error}. {HELP}"));
        Self {
            client,
            runtime,
            expected: vec![NOBODY],
            _driver: driver,
        }
    }

    /// From now on it may complain of this.
    pub(super) fn expect_complaint(&mut self, part: &'static str) {
        self.expected.push(part);
    }

    pub(super) fn go_to(&self, url: &str) {
        let loaded = self.runtime.block_on(self.client.goto(url));
        loaded.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Follows a link or presses a button with this text, as soon as there is one.
    pub(super) fn press(&self, text: &str) {
        let xpath = format!(
            "(//dialog[@open] | //body[not(.//dialog[@open])])//*[self::button or self::a][normalize-space(.) = \"{text}\" or @aria-label = \"{text}\"]"
        );
        self.click(&xpath, text);
    }

    /// Follows the link whose text has this in it.
    pub(super) fn follow(&self, text: &str) {
        self.click(
            &format!("//main//a[contains(normalize-space(.), \"{text}\")]"),
            text,
        );
    }

    fn click(&self, xpath: &str, text: &str) {
        self.runtime.block_on(async {
            let wait = self.client.wait().at_most(PATIENCE);
            if let Err(error) = wait.for_element(Locator::XPath(xpath)).await {
                let page = self.text().await;
                panic!("there is no {text:?} to press: {error}\n{page}");
            }
            // What is redrawn meanwhile is found again.
            for _ in 0..10 {
                let found = self.client.find(Locator::XPath(xpath)).await;
                if let Ok(found) = found
                    && found.click().await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("{text:?} cannot be pressed\n{}", self.text().await);
        });
    }

    /// Types into the field with this label, instead of what it has.
    pub(super) fn fill(&self, label: &str, text: &str) {
        let xpath = format!(
            "//*[self::input or self::textarea][@aria-label = \"{label}\" or @id = //label[normalize-space(.) = \"{label}\"]/@for]"
        );
        self.runtime.block_on(async {
            let wait = self.client.wait().at_most(PATIENCE);
            let field = wait.for_element(Locator::XPath(&xpath)).await;
            let field = match field {
                Ok(field) => field,
                Err(error) => panic!(
                    "there is no field {label:?}: {error}\n{}",
                    self.text().await
                ),
            };
            let typed = async {
                field.clear().await?;
                field.send_keys(text).await
            };
            typed
                .await
                .unwrap_or_else(|error| panic!("{label:?}: {error}"));
        });
    }

    /// Types where the keyboard is.
    pub(super) fn type_text(&self, text: &str) {
        let typed = self.runtime.block_on(async {
            let focused = self.client.active_element().await?;
            focused.send_keys(text).await
        });
        typed.unwrap_or_else(|error| panic!("{text:?} cannot be typed: {error}"));
    }

    /// Strikes a key where the keyboard is.
    pub(super) fn strike(&self, key: Key) {
        self.type_text(key.code());
    }

    /// Gives the keyboard to the button with this text.
    pub(super) fn focus_on(&self, text: &str) {
        self.wait_for("*[self::a or self::button]", text);
        let script = "[...document.querySelectorAll('a, button')].find(it => it.textContent.trim() === arguments[0]).focus();";
        self.run(script, json!([text]));
    }

    /// What the field with this label has.
    pub(super) fn value_of(&self, label: &str) -> String {
        let script = "const label = [...document.querySelectorAll('label')].find(it => it.textContent.trim() === arguments[0]); \
                      return document.getElementById(label.htmlFor).value;";
        let value = self.run(script, json!([label]));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Chooses an option of the field with this label.
    pub(super) fn choose(&self, label: &str, option: &str) {
        let xpath = format!(
            "//select[@id = //label[normalize-space(.) = \"{label}\"]/@for]/option[contains(., \"{option}\")]"
        );
        self.click(&xpath, option);
    }

    /// Ticks the box with this label.
    pub(super) fn tick(&self, label: &str) {
        self.click(
            &format!("//label[normalize-space(.) = \"{label}\"]/input"),
            label,
        );
    }

    /// Waits until an element of this kind contains this text.
    pub(super) fn wait_for(&self, element: &str, text: &str) {
        self.wait_for_xpath(
            &format!("//{element}[contains(normalize-space(.), \"{text}\")]"),
            text,
        );
    }

    /// Waits until there is no element of this kind with this text.
    pub(super) fn wait_until_gone(&self, element: &str, text: &str) {
        let xpath = format!("//body[not(.//{element}[contains(normalize-space(.), \"{text}\")])]");
        self.wait_for_xpath(&xpath, text);
    }

    fn wait_for_xpath(&self, xpath: &str, text: &str) {
        self.runtime.block_on(async {
            let wait = self.client.wait().at_most(PATIENCE);
            if let Err(error) = wait.for_element(Locator::XPath(xpath)).await {
                panic!("{text:?}: {xpath}: {error}\n{}", self.text().await);
            }
        });
    }

    async fn text(&self) -> String {
        let script = "return location.href + '\\n' + document.body.innerText;";
        let text = self.client.execute(script, Vec::new()).await;
        text.map_or_else(
            |error| error.to_string(),
            |text| text.as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Runs a script in the page.
    pub(super) fn run(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(arguments) = arguments else {
            panic!("arguments are a list");
        };
        let ran = self
            .runtime
            .block_on(self.client.execute(script, arguments));
        ran.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs a script in the page that answers by its last argument.
    pub(super) fn run_slowly(&self, script: &str) -> Value {
        let ran = self
            .runtime
            .block_on(self.client.execute_async(script, Vec::new()));
        ran.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs the body of an asynchronous function in the page, and answers what it returns.
    pub(super) fn run_async(&self, body: &str) -> Result<Value, String> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => {{ {body} }})().then(value => done({{value: value ?? null}}), \
             error => done({{error: `${{error.code ?? error.name}}: ${{error.message}}`}}));"
        );
        let mut answer = self.run_slowly(&script);
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["value"].take()),
        }
    }

    /// Opens one more tab, and goes there. Says the one that it leaves.
    pub(super) fn open_tab(&self, url: &str) -> WindowHandle {
        let before = self.runtime.block_on(async {
            let before = self.client.window().await?;
            let tab = self.client.new_window(true).await?;
            self.client.switch_to_window(tab.handle).await?;
            Ok::<_, CmdError>(before)
        });
        let before = before.unwrap_or_else(|error| panic!("cannot open a tab: {error}"));
        self.go_to(url);
        before
    }

    /// Goes to another tab. Says the one that it leaves.
    pub(super) fn switch_to(&self, tab: WindowHandle) -> WindowHandle {
        let before = self.runtime.block_on(async {
            let before = self.client.window().await?;
            self.client.switch_to_window(tab).await?;
            Ok::<_, CmdError>(before)
        });
        before.unwrap_or_else(|error| panic!("cannot go to a tab: {error}"))
    }

    /// Closes the tab and goes to another.
    pub(super) fn close_tab(&self, next: WindowHandle) {
        let closed = self.runtime.block_on(async {
            self.client.close_window().await?;
            self.client.switch_to_window(next).await
        });
        closed.unwrap_or_else(|error| panic!("cannot close a tab: {error}"));
    }

    /// Sets how pages look from now on.
    pub(super) fn set_look(&self, look: Look) {
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}));
        match look {
            Look::Phone => {
                let phone =
                    json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
                self.devtools("Emulation.setDeviceMetricsOverride", phone);
            }
            Look::Narrow => self.resize(320, 640),
            Look::Light | Look::Dark => {
                self.devtools("Emulation.clearDeviceMetricsOverride", json!({}));
            }
        }
    }

    /// Gives pages a place of this many pixels.
    pub(super) fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// What keeps people from using the page: what axe finds, and whether one has to scroll sideways.
    pub(super) fn obstacles(&self) -> Vec<String> {
        self.run(AXE, json!([]));
        let Value::Array(found) = self.run_slowly(RUN_AXE) else {
            panic!("violations are a list");
        };
        let wide = self.run(
            "const page = document.documentElement; \
             return page.scrollWidth > page.clientWidth ? ['the page is wider than the screen'] : [];",
            json!([]),
        );
        let wide = wide.as_array().into_iter().flatten();
        found.iter().chain(wide).map(Value::to_string).collect()
    }

    /// From now on every page begins with this script, before its own. Says what it is called.
    pub(super) fn before_pages(&self, script: &str) -> String {
        let added = self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": script}),
        );
        let name = added["identifier"].as_str();
        name.expect("a script's name").to_owned()
    }

    /// Pages begin without that script again.
    pub(super) fn leave_pages_alone(&self, script: &str) {
        let which = json!({"identifier": script});
        self.devtools("Page.removeScriptToEvaluateOnNewDocument", which);
    }

    /// From now on every answer comes so much later.
    pub(super) fn slow_down(&self, latency: Duration) {
        self.devtools("Network.enable", json!({}));
        let conditions = json!({
            "offline": false,
            "latency": u64::try_from(latency.as_millis()).expect("a short time"),
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        });
        self.devtools("Network.emulateNetworkConditions", conditions);
    }

    /// A picture of the whole page, as PNG in Base64.
    pub(super) fn picture(&self) -> String {
        let size = self.devtools("Page.getLayoutMetrics", json!({}));
        let size = &size["cssContentSize"];
        let clip =
            json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let options = json!({"captureBeyondViewport": true, "clip": clip});
        let picture = self.devtools("Page.captureScreenshot", options);
        picture["data"].as_str().expect("a picture").to_owned()
    }

    /// A picture of what the window shows of the page, as PNG in Base64.
    pub(super) fn picture_of_window(&self) -> String {
        let picture = self.devtools("Page.captureScreenshot", json!({}));
        picture["data"].as_str().expect("a picture").to_owned()
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command(
            "goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
    }

    fn command(&self, path: &'static str, body: Value) -> Value {
        let done = self
            .runtime
            .block_on(self.client.issue_cmd(DriverCommand { path, body }));
        done.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What the browser has complained of since it was asked last.
    fn complaints(&self) -> Vec<String> {
        let Value::Array(entries) = self.command("se/log", json!({"type": "browser"})) else {
            panic!("a log is a list");
        };
        let entries = entries.into_iter();
        entries
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].to_string())
            .filter(|message| !self.expected.iter().any(|part| message.contains(part)))
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let complaints = self.complaints();
            assert!(
                complaints.is_empty(),
                "the browser complains: {complaints:#?}"
            );
        }
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}
