//! The Maven project, compiled as Maven would, and a program over it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::program;

use super::{Binding, run};

/// Where JNA is on systems that have a package of it.
const JNA: &str = "/usr/share/java/jna.jar";

/// The Kotlin compiler with its libraries, and coroutines: `cargo xtask test` has installed them.
fn compiler() -> Vec<PathBuf> {
    let target = program("library-packager");
    let target = target.ancestors().nth(2).expect("cargo's target folder");
    let jars = target.join("tools/run_kotlin_kernel/jars");
    let jars = fs::read_dir(&jars)
        .unwrap_or_else(|error| panic!("{}: {error}: `cargo xtask doctor`", jars.display()));
    let jars = jars.map(|entry| entry.expect("its entry").path());
    jars.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with("-all.jar") || name.starts_with("kotlin-stdlib")
    })
    .collect()
}

fn class_path(parts: &[PathBuf]) -> std::ffi::OsString {
    std::env::join_paths(parts).expect("paths without colons")
}

/// The program that the README shows, as a file of the tests' own.
fn readme(binding: &Binding) -> PathBuf {
    let text = fs::read_to_string(binding.sources().join("README.md")).expect("a README");
    let code = text.split("```kotlin\n").nth(1).expect("a program");
    let code = code.split("```").next().unwrap_or_default();
    let code = code.replace("http://127.0.0.1:9292", &binding.deployment.url());
    let file = binding.folder.path().join("App.kt");
    fs::write(&file, code + "\nfun main() = app()\n").expect("a file");
    file
}

#[test]
fn the_kotlin_library_works_and_so_does_the_program_of_the_readme() {
    let binding = Binding::package("kotlin", "sync_client_ffi");
    let sources = binding.dist().join("src/main");
    let compiled = binding.folder.path().join("classes");
    let mut libraries = compiler();
    let compiler = class_path(&libraries);
    libraries.push(Path::new(JNA).to_owned());
    let mut compile = Command::new("java");
    compile
        .arg("-cp")
        .arg(compiler)
        .arg("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler")
        .args(["-no-stdlib", "-no-reflect", "-Werror", "-jvm-target", "11"])
        .arg("-cp")
        .arg(class_path(&libraries))
        .arg("-d")
        .arg(&compiled)
        .arg(sources.join("kotlin"))
        .arg(binding.sources().join("tests/LibraryTest.kt"))
        .arg(readme(&binding));
    run(compile);
    libraries.extend([compiled, sources.join("resources")]);
    let program = |name| {
        let mut java = Command::new("java");
        java.arg("-cp").arg(class_path(&libraries)).arg(name);
        binding.test(java)
    };
    let said = program("LibraryTestKt");
    assert!(said.contains("everything passed"), "{said}");
    let said = program("AppKt");
    assert!(
        said.contains("Lamp") && said.contains("the next sync"),
        "{said}"
    );
}
