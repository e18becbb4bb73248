//! Applications that are made from a release with Spin's template, without the repository.

mod spin_new;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use shop::{Amounts, Config, Shop};
use tempfile::TempDir;
use test_support::{
    ADMIN_PASSWORD, Admin, Device, Host, Rest, TestRedis, component_dir, program, workspace,
};
use tokio::runtime::Runtime;
use toml::Table;

use self::spin_new::Template;

/// Where the release says it can be downloaded; nothing is.
const RELEASE: &str = "https://releases.test/rhosync/1";

/// What `cargo xtask package` makes of the finished components, for people who download it.
fn release() -> TempDir {
    packed(&["--url", RELEASE])
}

/// What `cargo xtask package` makes of the finished components.
pub(super) fn packed(arguments: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(program("xtask"))
        .current_dir(workspace())
        .arg("package")
        .args(arguments)
        .arg("--from")
        .arg(component_dir())
        .arg("--to")
        .arg(folder.path())
        .output()
        .expect("to run xtask");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder
}

#[test]
fn an_application_made_from_a_release_syncs() {
    let release = release();
    let application = tempfile::tempdir().expect("a temporary folder");
    let runtime = Runtime::new().expect("a runtime");
    let back_end = Config {
        seed: Amounts::of_products(20),
        ..Config::default()
    };
    let back_end = runtime
        .block_on(Shop::start(back_end))
        .expect("the back end to start");
    let redis = TestRedis::start();

    let values = [
        ("back-end", "crm"),
        ("back-end-url", &back_end.url()),
        ("source", "Article"),
    ];
    Template::installed(release.path(), "rhosync")
        .make("my-app", &values, application.path())
        .expect("an application");

    let components = release.path().to_str().expect("a path in UTF-8");
    let host = Host::start(
        application.path(),
        SocketAddr::from(([127, 0, 0, 1], 0)),
        &["--components-dir", components],
        &[
            ("redis_url", &redis.url()),
            ("admin_password", ADMIN_PASSWORD),
        ],
    );
    let url = format!("http://{}", host.address());
    Admin::log_in(&url, ADMIN_PASSWORD).create_user("anna", "secret");
    let mut phone = Device::log_in(&url, "anna", "secret");
    phone.sync("Article").expect("a sync");
    assert_eq!(phone.objects("Article").len(), 20);

    phone.replica_mut("Article").create([("name", "Lamp")]);
    phone.sync("Article").expect("a sync");
    let records = Rest::new(back_end.url()).get("/products");
    let records = records.as_array().expect("records");
    assert!(records.iter().any(|record| record["name"] == "Lamp"));
}

#[test]
fn a_release_says_the_digests_of_its_files() {
    let release = release();
    let list = read(&release.path().join("components.json"));
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let sums = read(&release.path().join("SHA256SUMS"));
    let components = list["components"].as_array().expect("components");
    assert_eq!(components.len(), sums.lines().count());
    for component in components {
        let digest = component["sha256"].as_str().expect("a digest");
        let file = component["file"].as_str().expect("a file");
        assert!(sums.contains(&format!("{digest}  {file}\n")), "{file}");
        assert!(release.path().join(file).is_file(), "{file}");
    }
    assert!(release.path().join("rhosync-template.tar.gz").is_file());
}

#[test]
fn the_examples_are_what_the_template_makes() {
    for (name, back_end, description) in [
        ("shop", "shop", "Products, customers and notes"),
        (
            "field-service",
            "office",
            "Visits of a field service, on devices that are often offline",
        ),
    ] {
        let values = [
            ("project-description", description),
            ("back-end", back_end),
            ("components", "../../target/wasm32-wasip2/release"),
        ];
        let made = made_as(name, &values).expect("an application");
        let file = format!("examples/{name}/spin.toml");
        let example = read(&workspace().join(&file));
        assert_eq!(made, example, "make {file} again");
    }
}

#[test]
fn the_repositorys_own_application_is_wired_like_the_example() {
    let [own, example] = ["spin.toml", "examples/shop/spin.toml"].map(|path| {
        let text = read(&workspace().join(path));
        let mut manifest: Table = text.parse().expect("TOML");
        let about = manifest.remove("application").expect("a table");
        let components = manifest["component"].as_table_mut().expect("components");
        for (_, component) in components {
            let component = component.as_table_mut().expect("a component");
            component.remove("build");
            let source = component["source"].as_str().expect("a path");
            let file = Path::new(source).file_name().expect("a file").to_owned();
            component["source"] = file.to_string_lossy().into_owned().into();
            if let Some(files) = component.get_mut("files") {
                files[0]["source"] = "rhosync.toml".into();
            }
        }
        (about["trigger"].clone(), manifest)
    });
    assert_eq!(own, example);
}

#[test]
fn values_that_would_break_the_manifest_are_refused() {
    for value in [
        ("project-description", "the \"best\""),
        ("back-end", "CRM"),
        ("back-end", "crm-2"),
        ("back-end-url", "crm.example.com"),
        ("back-end-url", "https://crm.example.com/api"),
        ("source", "my products"),
        ("source-path", "products"),
        ("partition", "everybody"),
        ("components", "components/"),
    ] {
        let refusal = made(&[value]).unwrap_err();
        assert!(refusal.starts_with(value.0), "{refusal}");
    }
}

#[test]
fn without_a_release_components_come_from_a_folder_only() {
    let refusal = made(&[("components", RELEASE)]).unwrap_err();
    assert!(refusal.contains("digest.liquid"), "{refusal}");
}

/// The manifest that the repository's own template makes.
fn made(values: &[(&str, &str)]) -> Result<String, String> {
    made_as("shop", values)
}

fn made_as(name: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Template::installed(workspace(), "rhosync").make(name, values, folder.path())?;
    Ok(read(&folder.path().join("spin.toml")))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}
