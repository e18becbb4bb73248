//! The Swift package, and programs that have it among their dependencies.

use std::fs;
use std::process::Command;

use super::Binding;

/// The package of the programs.
const PACKAGE: &str = r#"// swift-tools-version: 6.0
import PackageDescription

let library: Target.Dependency = .product(name: "RhoSync", package: "RhoSync")
let package = Package(
    name: "Programs",
    platforms: [.macOS(.v12)],
    dependencies: [.package(name: "RhoSync", path: "../dist")],
    targets: [
        .executableTarget(name: "LibraryTest", dependencies: [library]),
        .executableTarget(name: "App", dependencies: [library]),
    ]
)
"#;

/// The program that the README shows.
fn readme(binding: &Binding) -> String {
    let text = fs::read_to_string(binding.sources().join("README.md")).expect("a README");
    let code = text.split("```swift\n").nth(1).expect("a program");
    let code = code.split("```").next().unwrap_or_default();
    code.replace("http://127.0.0.1:9292", &binding.deployment.url())
}

#[test]
fn the_swift_library_works_and_so_does_the_program_of_the_readme() {
    let binding = Binding::package("swift", "sync_client_ffi");
    let programs = binding.folder.path().join("programs");
    let tests = binding.sources().join("tests/LibraryTest.swift");
    let tests = fs::read_to_string(tests).expect("the tests");
    for (name, code) in [("LibraryTest", tests), ("App", readme(&binding))] {
        let folder = programs.join("Sources").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("main.swift"), code).expect("a file");
    }
    fs::write(programs.join("Package.swift"), PACKAGE).expect("a file");
    let program = |name| {
        let mut swift = Command::new("swift");
        swift
            .args(["run", "--package-path"])
            .arg(&programs)
            .arg(name);
        binding.test(swift)
    };
    let said = program("LibraryTest");
    assert!(said.contains("everything passed"), "{said}");
    let said = program("App");
    assert!(
        said.contains("Lamp") && said.contains("the next sync"),
        "{said}"
    );
}
