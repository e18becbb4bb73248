//! The header and the library, as pkg-config finds them, and programs that the system's compiler makes with them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Binding, run};

/// Compiles a program as the README says, with all warnings being errors.
fn compile(binding: &Binding, source: &Path, program: &Path) {
    let lib = binding.dist().join("lib");
    let mut ask = Command::new("pkg-config");
    ask.args(["--cflags", "--libs", "rhosync"])
        .env("PKG_CONFIG_PATH", lib.join("pkgconfig"));
    let flags = run(ask);
    let mut compiler = Command::new("cc");
    compiler
        .args([
            "-std=c11",
            "-D_DEFAULT_SOURCE",
            "-Wall",
            "-Wextra",
            "-Werror",
        ])
        .arg(source)
        .args(flags.split_whitespace())
        .arg(format!("-Wl,-rpath,{}", lib.display()))
        .args(["-pthread", "-o"])
        .arg(program);
    run(compiler);
}

#[test]
fn the_library_works_and_so_does_the_program_of_the_readme() {
    let binding = Binding::package("c", "rhosync");
    let program = binding.folder.path().join("program");
    compile(
        &binding,
        &binding.sources().join("tests/library.c"),
        &program,
    );
    let said = binding.test(Command::new(&program));
    assert!(said.contains("everything passed"), "{said}");

    let text = fs::read_to_string(binding.sources().join("README.md")).expect("a README");
    let code: String = text
        .split("```c\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .collect();
    let source = binding.folder.path().join("app.c");
    let code = code.replace("http://127.0.0.1:9292", &binding.deployment.url());
    fs::write(&source, code).expect("a file");
    compile(&binding, &source, &program);
    let said = binding.test(Command::new(&program));
    assert!(
        said.contains("Lamp") && said.contains("the next sync"),
        "{said}"
    );
}
