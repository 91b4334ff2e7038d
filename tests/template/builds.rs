//! What `mcpo new` makes passes its own tests and is as clean as if somebody had polished it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Makes the project where it was made before, so that its dependencies stay built.
fn project() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template");
    fs::create_dir_all(&folder).unwrap();
    let project = folder.join("my-service");
    if project.exists() {
        fs::remove_dir_all(&project).unwrap();
    }
    let made = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["new", "my-service"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    project
}

fn cargo(project: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(project)
        .env("CARGO_TARGET_DIR", project.with_file_name("target"))
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {said}");
    assert!(!said.contains("warning"), "cargo {arguments:?}: {said}");
    output
}

#[test]
fn passes_its_own_tests_without_a_warning() {
    let project = project();
    cargo(&project, &["fmt", "--check"]);
    let tested = cargo(&project, &["test"]);
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(said.contains("test result: ok. 2 passed"), "{said}");
}
