//! The application under test: the real manifest, with the tests' settings mounted in place of the example's.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::deployment::Options;
use crate::deployment::artifacts::{component_dir, workspace};

const SETTINGS: &str = include_str!("rhosync.toml");

/// Variables that the tests' settings refer to, and the components that use them and call there. The plugin stands in for
/// the push services too.
const VARIABLES: [(&str, &[&str]); 2] = [
    ("plugin_url", &["sync-handler", "adapter-jobs", "push-jobs"]),
    ("identity_url", &["sync-handler"]),
];

/// Writes the application into `folder`, with some settings beside those of the sources.
///
/// # Panics
///
/// When a component is not built; the text says how to.
pub(crate) fn write_application(folder: &Path, options: &Options) {
    let original =
        fs::read_to_string(workspace().join("spin.toml")).expect("the workspace's spin.toml");
    let mut manifest: Table = original.parse().expect("spin.toml to be TOML");
    let beside: Table = options.manifest.parse().expect("a part of a manifest");
    merge(&mut manifest, beside);
    let components = manifest["component"].as_table_mut().expect("components");
    for (_, component) in components {
        let name = component["source"].as_str().and_then(file_name);
        let built = component_dir().join(name.expect("a file as the component's source"));
        assert!(
            built.is_file(),
            "{} is missing: build it with `{}`",
            built.display(),
            component["build"]["command"]
                .as_str()
                .unwrap_or("cargo xtask build")
        );
        component["source"] = Value::String(built.to_string_lossy().into_owned());
        for file in component
            .get_mut("files")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            file["source"] = Value::String("rhosync.toml".to_owned());
        }
    }
    for (name, users) in VARIABLES {
        declare(&mut manifest, name, users);
        allow(&mut manifest, name, users);
    }
    // Components of an application's own are reached by it.
    declare(&mut manifest, "self_url", &[]);
    let users = &["sync-handler", "adapter-jobs"];
    declare(&mut manifest, "database_url", users);
    declare(&mut manifest, "database_host", users);
    allow(&mut manifest, "database_host", users);
    let Options {
        redis_timeout_ms,
        instance_memory_bytes,
        settings,
        ..
    } = options;
    let settings = format!(
        "redis_timeout_ms = {redis_timeout_ms}\ninstance_memory_bytes = {instance_memory_bytes}\n{SETTINGS}\n{settings}"
    );
    fs::write(folder.join("rhosync.toml"), settings).expect("to write the settings");
    let manifest = toml::to_string(&manifest).expect("a manifest");
    fs::write(folder.join("spin.toml"), manifest).expect("to write the manifest");
}

/// Adds what a table has to another: to lists and tables that are there, what they have not.
fn merge(table: &mut Table, other: Table) {
    for (name, value) in other {
        match (table.get_mut(&name), value) {
            (Some(Value::Table(known)), Value::Table(more)) => merge(known, more),
            (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
            (_, value) => drop(table.insert(name, value)),
        }
    }
}

/// Declares a variable for some components.
fn declare(manifest: &mut Table, name: &str, components: &[&str]) {
    let required = Table::from_iter([("required".to_owned(), true.into())]);
    table(&mut manifest["variables"]).insert(name.to_owned(), required.into());
    for component in components {
        let component = &mut manifest["component"][component];
        table(&mut component["variables"]).insert(name.to_owned(), value_of(name));
    }
}

/// Lets components call the address that a variable has.
fn allow(manifest: &mut Table, name: &str, components: &[&str]) {
    for component in components {
        manifest["component"][component]["allowed_outbound_hosts"]
            .as_array_mut()
            .expect("allowed hosts")
            .push(value_of(name));
    }
}

fn value_of(name: &str) -> Value {
    Value::String(format!("{{{{ {name} }}}}"))
}

fn table(value: &mut Value) -> &mut Table {
    value.as_table_mut().expect("a table")
}

fn file_name(path: &str) -> Option<&std::ffi::OsStr> {
    Path::new(path).file_name()
}
