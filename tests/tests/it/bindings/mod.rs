//! The device library in other languages: the packages as they are made, run by the languages' own programs against the finished
//! components.

mod c;
mod kotlin;
mod node;
mod python;
mod swift;

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use test_support::{Deployment, Options, program, workspace};

/// A source that everybody shares, and in which the changes of two are merged.
const SETTINGS: &str = r#"
[sources.Merged]
adapter = "push-only"
partition = "app"
conflicts = "field-merge"
"#;

/// What the tests of a binding have.
struct Binding {
    language: &'static str,
    deployment: Deployment,
    /// Where the package is, and whatever else the test makes.
    folder: TempDir,
}

impl Binding {
    /// Makes the package of what cargo has built as `library`, and starts a server with the users of the tests and of the READMEs.
    fn package(language: &'static str, library: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let packager = program("library-packager");
        let library = packager.with_file_name(format!(
            "{}{library}{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        ));
        let mut command = Command::new(packager);
        command
            .arg(language)
            .arg(workspace().join("bindings"))
            .arg(library)
            .arg(folder.path().join("dist"));
        run(command);
        let deployment = Deployment::start(Options {
            products: 20,
            settings: SETTINGS,
            ..Options::default()
        });
        deployment.create_user("anna");
        deployment.create_user("ben");
        deployment.admin().create_user("demo", "demo-password");
        Self {
            language,
            deployment,
            folder,
        }
    }

    /// The folder of the package.
    fn dist(&self) -> PathBuf {
        self.folder.path().join("dist")
    }

    /// The folder of the binding's sources.
    fn sources(&self) -> PathBuf {
        workspace().join("bindings").join(self.language)
    }

    /// Runs the tests of the language's own, and says what they said.
    fn test(&self, mut command: Command) -> String {
        command
            .current_dir(self.folder.path())
            .env("RHOSYNC_TEST_SERVER", self.deployment.url())
            .env("RHOSYNC_TEST_README", self.sources().join("README.md"))
            .env("no_proxy", "*");
        let said = run(command);
        self.deployment.back_end().assert_no_duplicates();
        said
    }
}

/// Runs a program to its end, and says what it said.
fn run(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `cargo xtask doctor` says what is missing")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}",
        output.status
    );
    said
}
