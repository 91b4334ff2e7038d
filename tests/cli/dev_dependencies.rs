//! The cache of compiled dependencies that projects share.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::SystemTime,
};

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

/// Gives a project its own copy of crates with the names of the runtime's, and a route that calls
/// them.
fn vendor_runtime(project: &TinyProject, words: &str) {
    let package = |name: &str| {
        format!("[package]\nname = {name:?}\nversion = \"1.0.0\"\nedition = \"2024\"\n")
    };
    fs::create_dir_all(project.path("vendor/mcpo-runtime/src")).unwrap();
    fs::create_dir_all(project.path("vendor/mcpo-runtime/oauth/src")).unwrap();
    let dependency = "[dependencies]\nmcpo-runtime-oauth = { path = \"oauth\" }\n";
    project.write(
        "vendor/mcpo-runtime/Cargo.toml",
        &(package("mcpo-runtime") + dependency),
    );
    project.write(
        "vendor/mcpo-runtime/oauth/Cargo.toml",
        &package("mcpo-runtime-oauth"),
    );
    project.write(
        "vendor/mcpo-runtime/src/lib.rs",
        "#[inline(never)]\npub fn words() -> &'static str { mcpo_runtime_oauth::words() }\n",
    );
    write_oauth(project, words);
    project.edit(
        "Cargo.toml",
        "[dependencies]",
        "[dependencies]\nmcpo-runtime = { path = \"vendor/mcpo-runtime\" }",
    );
    project.edit(
        "Cargo.toml",
        "[workspace]",
        "[workspace]\nexclude = [\"vendor\"]",
    );
    project.edit(
        "src/main.rs",
        "Some(\"/pid\")",
        "Some(\"/runtime\") => mcpo_runtime::words().to_owned(),\n        Some(\"/pid\")",
    );
}

fn write_oauth(project: &TinyProject, words: &str) {
    let text = format!("#[inline(never)]\npub fn words() -> &'static str {{ {words:?} }}\n");
    project.write("vendor/mcpo-runtime/oauth/src/lib.rs", &text);
}

/// Waits until the cache in this folder is complete.
fn wait_for_cache(cache: &Path) {
    wait::until("the cache", || {
        let kept = fs::read_dir(cache.join("mcpo/dependencies")).ok()?;
        let mut names = kept.flatten().map(|entry| entry.file_name());
        // Caches that are not complete yet have hidden names.
        names.find(|name| !name.to_string_lossy().starts_with('.'))
    });
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
    wait_for_cache(&cache);
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

#[test]
fn an_unchanged_vendored_runtime_is_compiled_once_for_all_projects() {
    let (repository, home) = (repository(), tempfile::tempdir().unwrap());
    let cache = home.path().join("cache");
    let environment = [
        ("CARGO_HOME", home.path().to_str().unwrap()),
        ("XDG_CACHE_HOME", cache.to_str().unwrap()),
    ];
    let make = |words: &str| {
        let project = project(repository.path(), "");
        vendor_runtime(&project, words);
        project
    };
    let first = make("one");
    let dev = Dev::start(&first, &environment);
    dev.wait_for(" Ready in ");
    for name in ["mcpo-runtime", "mcpo-runtime-oauth"] {
        assert!(dev.said().contains(&format!("Compiling {name} ")));
    }
    wait_for_cache(&cache);
    drop(dev);
    // The second project must not need the files of the first one.
    for folder in ["vendor", "target"] {
        fs::remove_dir_all(first.path(folder)).unwrap();
    }

    let second = make("one");
    let dev = Dev::start(&second, &environment);
    dev.wait_for(" Ready in ");
    let said = dev.said();
    assert!(!said.contains("Compiling mcpo-runtime"), "{said}");
    assert_eq!(dev.get("/runtime"), "one");
    // The library for the fast build is made with the command of the first project.
    let library = second.path("target/debug/mcpo-dev/library.stamp");
    wait::until("the library", || library.is_file().then_some(()));
    second.answer("words1::WORDS");
    dev.wait_for("Reloaded ");
    // An edit of the project's own copy is compiled.
    write_oauth(&second, "two");
    dev.wait_for_answer("/runtime", "two");
    drop(dev);

    // A copy with other contents is compiled, although its time is older than the cache.
    let third = make("three");
    let source = third.path("vendor/mcpo-runtime/oauth/src/lib.rs");
    let source = File::options().append(true).open(source).unwrap();
    source.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let dev = Dev::start(&third, &environment);
    dev.wait_for(" Ready in ");
    assert!(dev.said().contains("Copied compiled dependencies"));
    assert_eq!(dev.get("/runtime"), "three");
}
