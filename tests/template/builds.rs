//! Projects made by `mcpo new` pass their tests, and are formatted and free of warnings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mcpo_test_support::vendored::keep_built;

/// Creates a project at the same path each time, so that its dependencies stay built.
fn project(template: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template");
    fs::create_dir_all(&folder).unwrap();
    let name = format!("my-{template}");
    let project = folder.join(&name);
    if project.exists() {
        fs::remove_dir_all(&project).unwrap();
    }
    let made = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["new", &name, "--template", template])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    keep_built(&project, env!("CARGO_BIN_EXE_mcpo"));
    project
}

fn cargo(project: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(project)
        .env("CARGO_TARGET_DIR", project.with_file_name("target"))
        .env("CARGO_TERM_COLOR", "never")
        // Lints the project while it is built. Its dependencies are compiled as always.
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {said}");
    assert!(!said.contains("warning"), "cargo {arguments:?}: {said}");
    output
}

fn passes_its_own_tests(project: &Path, tests: u32) {
    cargo(project, &["fmt", "--check"]);
    let lock = fs::read(project.join("Cargo.lock")).unwrap();
    // If this fails because of the lock file, run scripts/lock-templates.
    let tested = cargo(project, &["test", "--locked"]);
    cargo(project, &["test", "--no-run", "--offline"]);
    let after = fs::read(project.join("Cargo.lock")).unwrap();
    assert!(lock == after, "cargo has rewritten the lock file");
    let said = String::from_utf8_lossy(&tested.stdout);
    let expected = format!("test result: ok. {tests} passed");
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn the_server_template_passes_its_tests_without_a_warning() {
    passes_its_own_tests(&project("server"), 3);
}

#[test]
fn the_other_templates_pass_their_tests_without_a_warning() {
    for (template, tests) in [("github", 5), ("oidc", 4), ("polymarket", 6)] {
        passes_its_own_tests(&project(template), tests);
    }
}
