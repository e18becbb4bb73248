//! Somebody who reads the tutorial, with terminals and a browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::WindowHandle;
use serde_json::json;
use tempfile::TempDir;
use test_support::workspace;

use super::terminals::Terminals;
use super::text::{Block, Tutorial};
use crate::browser::{Browser, Look};
use crate::template::packed;

/// If it is set, the tutorial gets the pictures.
const UPDATE: &str = "UPDATE_PICTURES";

/// What the browser may complain of: the tutorial stops the programs that it calls.
const STOPPED: &str = "net::ERR_";

/// The size of a page, in pixels.
const APP: (u32, u32) = (760, 560);
const CONSOLE: (u32, u32) = (1000, 700);

pub(super) struct Reader {
    pub(super) browser: Browser,
    terminals: Terminals,
    tutorial: Tutorial,
    /// What was seen last in the terminal.
    seen: String,
    pictures: BTreeSet<String>,
    _release: TempDir,
}

impl Reader {
    pub(super) fn open() -> Self {
        let release = packed(&[]);
        let mut browser = Browser::open();
        browser.expect_complaint(STOPPED);
        Self {
            browser,
            terminals: Terminals::open(release.path()),
            tutorial: Tutorial::open(),
            seen: String::new(),
            pictures: BTreeSet::new(),
            _release: release,
        }
    }

    /// Begins with the next section.
    pub(super) fn begin(&mut self, heading: &str) {
        self.tutorial.go_to(heading);
    }

    /// Does what the section says up to the next command, with what is seen then.
    pub(super) fn do_next(&mut self) {
        while let Some(block) = self.tutorial.next_block() {
            let is_typed = matches!(block, Block::Typed(_));
            self.do_block(block);
            if is_typed {
                break;
            }
        }
        while self.tutorial.says_what_is_seen()
            && let Some(block) = self.tutorial.next_block()
        {
            self.do_block(block);
        }
    }

    /// Does the rest of what the section says.
    pub(super) fn do_rest(&mut self) {
        while let Some(block) = self.tutorial.next_block() {
            self.do_block(block);
        }
    }

    fn do_block(&mut self, block: Block) {
        match block {
            Block::SetUp => {}
            Block::Typed(text) => self.seen = self.terminals.type_in(&text),
            Block::Terminal { name, command } => self.terminals.start(&name, &command),
            Block::Seen(text) => {
                let seen = plain(&self.seen);
                for line in text.lines() {
                    let line = plain(&self.terminals.with_own_ports(line));
                    assert!(seen.contains(&line), "{line:?} is not in {seen:?}");
                }
            }
            Block::Excerpt { file, text } => {
                let content = self.file(&file).1;
                let text = self.terminals.with_own_ports(&text);
                assert!(content.contains(&text), "{file} does not have {text:?}");
            }
            Block::Append { file, text } => {
                let (path, content) = self.file(&file);
                let text = self.terminals.with_own_ports(&text);
                fs::write(path, format!("{content}{text}\n")).expect("to write a file");
            }
            Block::Change { file, old, new } => {
                let (path, content) = self.file(&file);
                let [old, new] = [old, new].map(|text| self.terminals.with_own_ports(&text));
                assert_eq!(content.matches(&old).count(), 1, "{old:?} in {file}");
                fs::write(path, content.replace(&old, &new)).expect("to write a file");
            }
        }
    }

    /// A file of the application, with its content.
    fn file(&mut self, name: &str) -> (PathBuf, String) {
        let path = self.terminals.place().join(name);
        let content = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        (path, content)
    }

    /// Gives the application the test's ports, since others may have the tutorial's.
    pub(super) fn take_own_ports(&mut self) {
        let place = self.terminals.place();
        for folder in ["", "back-end", "web"] {
            for entry in fs::read_dir(place.join(folder)).expect("a folder") {
                let path = entry.expect("a file").path();
                if let Ok(text) = fs::read_to_string(&path) {
                    fs::write(path, self.terminals.with_own_ports(&text)).expect("to write a file");
                }
            }
        }
    }

    pub(super) fn stop(&mut self, names: [&str; 2]) {
        for name in names {
            self.terminals.stop(name);
        }
    }

    pub(super) fn start_again(&mut self, names: [&str; 2]) {
        for name in names {
            self.terminals.start_again(name);
        }
    }

    pub(super) fn restart(&mut self, name: &str) {
        self.terminals.stop(name);
        self.terminals.start_again(name);
    }

    fn url(&self, program: &str, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.terminals.port(program))
    }

    pub(super) fn open_app(&self) {
        self.browser.resize(APP.0, APP.1);
        self.browser.go_to(&self.url("office", "/"));
    }

    /// Opens the app in one more window. Says the one before.
    pub(super) fn open_window(&self) -> WindowHandle {
        self.browser.open_tab(&self.url("office", "/"))
    }

    fn open_console(&self) {
        self.browser.resize(CONSOLE.0, CONSOLE.1);
        self.browser.go_to(&self.url("server", "/console/"));
    }

    pub(super) fn add_a_user(&mut self) {
        self.open_console();
        self.browser.fill("Name", "rhoadmin");
        self.browser.fill("Password", "choose-one");
        self.browser.press("Sign in");
        self.browser.wait_for("h1", "Overview");
        self.browser.press("Users");
        self.browser.press("Add a user");
        self.browser.fill("Name", "anna");
        self.browser.fill("Password", "secret");
        self.browser.press("Add");
        let status = "*[@role='status']";
        self.browser.wait_for(status, "anna may sign in now");
        self.picture("tutorial-console-user.png");
    }

    pub(super) fn sign_in(&mut self) {
        self.open_app();
        self.wait_until_signed_out();
        self.browser.fill("Name", "anna");
        self.browser.fill("Password", "secret");
        self.browser.press("Sign in");
        self.browser.wait_for("li", "Yearly check of the lift");
        self.wait_for_state("Up to date");
        self.assert_usable();
    }

    pub(super) fn sign_out(&self) {
        self.browser.press("Sign out");
        self.wait_until_signed_out();
        // And it stays so.
        self.open_app();
        self.wait_until_signed_out();
    }

    fn wait_until_signed_out(&self) {
        let form = "form[@id='sign-in'][not(@hidden)]";
        self.browser.wait_for(form, "Name");
    }

    /// Asserts that everybody can use the page, light, dark and on a phone.
    pub(super) fn assert_usable(&self) {
        for look in Look::ALL {
            self.browser.set_look(look);
            let obstacles = self.browser.obstacles();
            assert!(obstacles.is_empty(), "{look:?}: {obstacles:#?}");
        }
        self.browser.set_look(Look::Light);
        self.browser.resize(APP.0, APP.1);
    }

    pub(super) fn wait_for_state(&self, state: &str) {
        self.browser.wait_for("p[@id='state']", state);
    }

    /// Waits until no visit is marked any more.
    pub(super) fn wait_until_sent(&self) {
        self.browser.wait_until_gone("span", "not sent");
    }

    pub(super) fn wait_until_said(&self, program: &str, text: &str) {
        self.terminals.wait_until_said(program, text);
    }

    /// Waits until nothing is left for the user to decide.
    pub(super) fn wait_until_decided(&self) {
        self.browser.wait_for("section[@id='failed'][not(*)]", "");
    }

    pub(super) fn edit(&self, task: &str, values: &[(&str, &str)]) {
        self.browser.press(task);
        self.browser.wait_for("dialog[@open]", task);
        for (label, value) in values {
            if *label == "Status" {
                self.browser.choose(label, value);
            } else {
                self.browser.fill(label, value);
            }
        }
        self.browser.press("Save");
    }

    pub(super) fn add_visit(&self, customer: &str, time: &str, task: &str) {
        self.browser.press("New visit");
        self.browser.wait_for("dialog[@open]", "New visit");
        self.browser.choose("Customer", customer);
        self.browser.fill("Time", time);
        self.browser.fill("Task", task);
        self.browser.press("Add");
    }

    /// Looks at anna's device in the console.
    pub(super) fn look_at_the_device(&mut self) {
        self.open_console();
        self.browser.wait_for("h1", "Overview");
        self.browser.press("Devices");
        self.browser.wait_for("td", "anna");
        let id = self.browser.run(
            "return document.querySelector('main a.id').textContent;",
            json!([]),
        );
        self.browser.follow(id.as_str().expect("a device"));
        self.browser.wait_for("*[self::td or self::th]", "Visit");
        self.picture("tutorial-console-device.png");
    }

    /// Takes a picture of the window.
    pub(super) fn picture(&mut self, name: &str) {
        let picture = STANDARD.decode(self.browser.picture_of_window());
        let folder = match std::env::var_os(UPDATE) {
            Some(_) => workspace().join("docs/images"),
            None => workspace().join("target/tutorial-pictures"),
        };
        save(&folder, name, &picture.expect("a picture"));
        self.pictures.insert(name.to_owned());
    }

    /// Asserts that nothing of the tutorial is left.
    pub(super) fn end(self) {
        self.tutorial.assert_over(&self.pictures);
    }
}

fn save(folder: &Path, name: &str, picture: &[u8]) {
    fs::create_dir_all(folder).expect("a folder for the pictures");
    fs::write(folder.join(name), picture).expect("to keep a picture");
}

/// A text without lines of tables, and with single spaces.
fn plain(text: &str) -> String {
    let text = text.replace('│', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
