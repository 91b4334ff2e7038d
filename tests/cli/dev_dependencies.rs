//! The cache of compiled dependencies that projects share.

use std::{fs, path::Path, process::Command};

use mcpo_test_support::{tiny::TinyProject, wait};
use tempfile::TempDir;

use crate::running::Dev;

/// The number of crates. The cache is written only if a build has compiled more than ten.
const CRATES: usize = 12;

/// A git repository with crates. One of them has a build script, which is compiled for this machine
/// even if cargo's settings name another platform.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..CRATES {
        let of_crate = folder.path().join(format!("words{index}"));
        fs::create_dir_all(of_crate.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"words{index}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"
        );
        fs::write(of_crate.join("Cargo.toml"), manifest).unwrap();
        let text = "pub const WORDS: &str = \"from a dependency\";\n";
        fs::write(of_crate.join("src/lib.rs"), text).unwrap();
    }
    fs::write(folder.path().join("words0/build.rs"), "fn main() {}\n").unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "--quiet", "--message", "words"],
    ] {
        let status = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@a.example"])
            .args(["-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(folder.path())
            .status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    }
    folder
}

/// Returns a project that depends on all crates of the repository.
fn project(repository: &Path, settings: &str) -> TinyProject {
    let project = TinyProject::new();
    let dependencies = (0..CRATES).map(|index| {
        let url = format!("file://{}", repository.display());
        format!("words{index} = {{ git = {url:?} }}\n")
    });
    let dependencies: String = dependencies.collect();
    let table = format!("[dependencies]\n{dependencies}\n[workspace]");
    project.edit("Cargo.toml", "[workspace]", &table);
    project.answer("words0::WORDS");
    fs::create_dir(project.path(".cargo")).unwrap();
    project.write(".cargo/config.toml", settings);
    project
}

/// Checks that the second of two projects with these settings compiles no dependency.
fn second_project_compiles_no_dependency(settings: &str) {
    let (repository, home) = (repository(), tempfile::tempdir().unwrap());
    let cache = home.path().join("cache");
    let environment = [
        ("CARGO_HOME", home.path().to_str().unwrap()),
        ("XDG_CACHE_HOME", cache.to_str().unwrap()),
    ];
    let first = project(repository.path(), settings);
    let dev = Dev::start(&first, &environment);
    dev.wait_for(" Ready in ");
    assert!(dev.said().contains("Compiling words0 "), "{}", dev.said());
    wait::until("the cache", || {
        let kept = fs::read_dir(cache.join("mcpo/dependencies")).ok()?;
        let mut names = kept.flatten().map(|entry| entry.file_name());
        // Caches that are not complete yet have hidden names.
        names.find(|name| !name.to_string_lossy().starts_with('.'))
    });
    drop(dev);

    let second = project(repository.path(), settings);
    let dev = Dev::start(&second, &environment);
    dev.wait_for(" Ready in ");
    let said = dev.said();
    assert!(said.contains("Copied compiled dependencies"), "{said}");
    assert!(!said.contains("Compiling words"), "{said}");
    assert_eq!(dev.get("/"), "from a dependency");
    // The program is built again from the right folder.
    second.answer("words1::WORDS");
    dev.wait_for("Reloaded ");
}

#[test]
fn dependencies_are_compiled_once_for_all_projects() {
    second_project_compiles_no_dependency("");
}

#[test]
fn dependencies_are_compiled_once_for_a_platform_and_a_build_folder() {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(rustc.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    let settings = format!(
        "[build]\ntarget = {:?}\nbuild-dir = \"made\"\n",
        host.unwrap()
    );
    second_project_compiles_no_dependency(&settings);
}
