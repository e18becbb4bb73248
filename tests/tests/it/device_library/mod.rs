//! The device library against the finished components: what an app does, and what may go wrong.

mod broken;
mod everyday;
mod files;
mod following;
mod hostile_server;
pub(crate) mod images;
mod intruders;
mod killed;
mod process;
pub(crate) mod proxy;
mod searching;
mod sessions;
mod verify;

use sync_client::{Attributes, Database, Ended, Options, SyncReport, Value};
use tempfile::TempDir;
use test_support::{Deployment, password_of};

/// The sources of the apps.
const SOURCES: [&str; 3] = ["Product", "Customer", "Merged"];

/// A source that everybody shares, and in which the changes of two are merged.
pub(crate) const SETTINGS: &str = r#"
[sources.Merged]
adapter = "push-only"
partition = "app"
conflicts = "field-merge"
"#;

/// A deployment with two users.
fn deployment(products: u32) -> Deployment {
    let deployment = Deployment::start(test_support::Options {
        products,
        settings: SETTINGS,
        ..test_support::Options::default()
    });
    deployment.create_user("anna");
    deployment.create_user("ben");
    deployment
}

/// An app with its file.
struct App {
    folder: TempDir,
    database: Database,
}

impl App {
    /// A new one, whose server is at `url`.
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = open(&folder, url);
        Self { folder, database }
    }

    /// A new one of a user who has signed in.
    fn of(deployment: &Deployment, user: &str) -> Self {
        let app = Self::new(&deployment.url());
        app.sign_in(user);
        app
    }

    fn sign_in(&self, user: &str) -> sync_client::SignedIn {
        let signed_in = self.database.sign_in(user, &password_of(user));
        signed_in.expect("to sign in")
    }

    /// It ends and is started again.
    fn restart(&mut self, url: &str) {
        self.database = open(&self.folder, url);
    }

    fn path(&self) -> String {
        path(&self.folder)
    }

    /// Syncs until nothing waits any more.
    fn sync(&self) -> SyncReport {
        let report = self.database.sync().expect("to sync");
        assert_eq!(report.ended, Ended::Complete, "{report:?}");
        report
    }

    fn create(&self, source: &str, attributes: Attributes) -> String {
        self.database
            .create(source, attributes)
            .expect("to make an object")
    }

    fn update(&self, source: &str, id: &str, attributes: Attributes) {
        let updated = self.database.update(source, id, attributes);
        updated.expect("to change an object");
    }

    fn count(&self, source: &str) -> usize {
        self.database.list(source, 10_000, 0).expect("a list").len()
    }

    fn value(&self, source: &str, id: &str, attribute: &str) -> String {
        let object = self.database.get(source, id).expect("to look");
        let object = object.unwrap_or_else(|| panic!("{source} has no {id}"));
        object
            .attributes
            .get(attribute)
            .map(Value::to_text)
            .unwrap_or_default()
    }

    /// The id of the object with this name.
    fn id_of(&self, source: &str, name: &str) -> String {
        let rows = self
            .database
            .query(
                &format!("SELECT id FROM {source} WHERE name = ?"),
                &[name.into()],
            )
            .expect("to ask");
        assert_eq!(rows.rows.len(), 1, "{source} {name}");
        rows.rows[0][0].to_text()
    }

    fn first(&self, source: &str) -> String {
        let first = self.database.list(source, 1, 0).expect("a list").pop();
        first.expect("an object").id
    }
}

fn path(folder: &TempDir) -> String {
    let path = folder.path().join("app.db");
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn open(folder: &TempDir, url: &str) -> Database {
    Database::open(&path(folder), Options::new(url, &SOURCES)).expect("to open a database")
}

fn attributes<const N: usize>(of: [(&str, &str); N]) -> Attributes {
    of.into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}
