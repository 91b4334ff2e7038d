//! Templates that are not built in: folders, repositories, and the questions of cargo-generate.

use std::{fs, path::Path, process::Command};

use tempfile::{TempDir, tempdir};

use crate::tool::said;

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(status.success(), "git {arguments:?}");
}

/// Creates a repository with a template in `service`, and a different version of it on the branch
/// `next`.
fn repository() -> TempDir {
    let folder = tempdir().unwrap();
    let service = folder.path().join("service");
    fs::create_dir_all(service.join("src")).unwrap();
    let write = |path: &str, text: &str| fs::write(service.join(path), text).unwrap();
    write(
        "Cargo.toml",
        "[package]\nname = \"{{project-name}}\"\n\n[dependencies]\n\
         mcpo-runtime = {{runtime_dependency}}\n",
    );
    write("src/main.rs", "// {{greeting}} from {{authors}}\n");
    write(
        "cargo-generate.toml",
        "[placeholders.greeting]\ntype = \"string\"\nprompt = \"How to greet?\"\n",
    );
    git(folder.path(), &["init", "--quiet", "-b", "main"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "--quiet", "-m", "one"]);
    git(folder.path(), &["checkout", "--quiet", "-b", "next"]);
    write("src/main.rs", "// the next one\n");
    git(folder.path(), &["commit", "--quiet", "-am", "two"]);
    git(folder.path(), &["checkout", "--quiet", "main"]);
    folder
}

fn url(repository: &TempDir) -> String {
    format!("file://{}", repository.path().display())
}

#[test]
fn a_template_repository_is_rendered_with_defined_values() {
    let (folder, from) = (tempdir().unwrap(), repository());
    let output = said(
        folder.path(),
        &[
            "new",
            "mine",
            "--template",
            &url(&from),
            "--subfolder",
            "service",
            "--define",
            "greeting=Hello",
        ],
    );
    assert!(output.starts_with("exit code 0"), "{output}");
    let read = |path: &str| fs::read_to_string(folder.path().join("mine").join(path)).unwrap();
    assert!(read("src/main.rs").starts_with("// Hello from "));
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("name = \"mine\""), "{manifest}");
    // The runtime was copied, and the secret was created.
    assert!(read("vendor/mcpo-runtime/Cargo.toml").contains("mcpo-runtime"));
    assert!(read(".env").contains("MCPO_SECRET="));
    assert!(folder.path().join("mine/.git/HEAD").exists());
    assert!(!folder.path().join("mine/cargo-generate.toml").exists());
    let entries = fs::read_dir(folder.path()).unwrap();
    assert_eq!(entries.count(), 1, "nothing else is left");
}

#[test]
fn a_branch_of_a_template_is_rendered_with_another_runtime() {
    let (folder, from) = (tempdir().unwrap(), repository());
    let output = said(
        folder.path(),
        &[
            "new",
            "mine",
            "--template",
            &url(&from),
            "--subfolder",
            "service",
            "--branch",
            "next",
            "--runtime",
            "https://example.com/mcpo.git",
            "-d",
            "greeting=x",
            "--no-git",
        ],
    );
    assert!(output.starts_with("exit code 0"), "{output}");
    let main = fs::read_to_string(folder.path().join("mine/src/main.rs")).unwrap();
    assert_eq!(main, "// the next one\n");
    assert!(!folder.path().join("mine/vendor").exists());
    assert!(!folder.path().join("mine/.git").exists());
}

#[test]
fn a_failed_rendering_leaves_nothing() {
    let (folder, from) = (tempdir().unwrap(), repository());
    let url = url(&from);
    for (arguments, expected) in [
        // There is no terminal to ask at, and no default.
        (
            &["--template", &url, "--subfolder", "service"][..],
            "greeting",
        ),
        (
            &["--template", &url, "--subfolder", "../x"],
            "leads outside the template",
        ),
        (
            &["--template", &url, "--subfolder", "none"],
            "there is no folder",
        ),
        (
            &["--template", &url, "--branch", "none"],
            "Remote branch none not found",
        ),
        (
            &["--template", "file:///none"],
            "failed to fetch the template file:///none",
        ),
        // This URL would run a command.
        (
            &["--template", "ext::sh -c 'touch hacked'://"],
            "transport 'ext' not allowed",
        ),
        (&["--template", "./none"], "there is no folder ./none"),
        (&["--template", "none"], "there is no template `none`"),
        (&["--define", "a=b"], "--define requires a template from"),
    ] {
        let output = said(folder.path(), &[&["new", "mine"], arguments].concat());
        assert!(output.starts_with("exit code 2"), "{output}");
        assert!(output.contains(expected), "{expected} in {output}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{output}");
    }
}
