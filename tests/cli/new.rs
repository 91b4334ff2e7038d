//! The projects that `mcpo new` creates.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use insta::assert_snapshot;
use tempfile::{TempDir, tempdir};

use crate::tool::{self, said};

/// Returns the files below `folder`, without git's own files.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".git") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                found.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

fn secret(project: &Path) -> String {
    let text = fs::read_to_string(project.join(".env")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MCPO_SECRET="));
    line.unwrap().to_owned()
}

#[test]
fn prints_the_next_commands() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["new", "my-service"]), @r"
    exit code 0
    --- stdout
      cd my-service && mcpo dev
    --- stderr
       Created my-service in my-service

    Next:
    ");
}

#[test]
fn creates_these_files() {
    let folder = tempdir().unwrap();
    said(folder.path(), &["new", "my-service"]);
    let project = folder.path().join("my-service");

    let files = files(&project);
    let own: Vec<_> = files
        .iter()
        .filter(|file| !file.starts_with("vendor/"))
        .collect();
    assert_snapshot!(format!("{own:#?}"), @r#"
    [
        ".env",
        ".env.example",
        ".github/workflows/check.yml",
        ".gitignore",
        "AGENTS.md",
        "CLAUDE.md",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "src/card.rs",
        "src/main.rs",
        "src/tests.rs",
    ]
    "#);
    for file in own {
        let text = fs::read_to_string(project.join(file)).unwrap();
        assert!(
            !text.contains("{{") && !text.contains("}}"),
            "{file}: {text}"
        );
    }
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    // Two tools, each with the title and the hints that the stores require.
    assert!(main.lines().count() <= 64);
    assert!(main.starts_with("//! my-service: "));
}

#[test]
fn vendors_the_runtime_unchanged_without_its_examples() {
    let folder = tempdir().unwrap();
    said(folder.path(), &["new", "my-service"]);
    let copy = folder.path().join("my-service/vendor/mcpo-runtime");
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpo-runtime");

    let mut expected = files(&original);
    let all = expected.len();
    expected.retain(|file| !file.starts_with("examples"));
    assert!(expected.len() < all, "there are no examples");
    assert_eq!(files(&copy), expected);
    for file in files(&copy) {
        assert_eq!(
            fs::read(copy.join(&file)).unwrap(),
            fs::read(original.join(&file)).unwrap()
        );
    }
}

/// Cargo compiles a crate twice if procedural macros need it with other features than the server.
#[test]
fn the_first_build_compiles_no_version_of_a_crate_twice() {
    let folder = tempdir().unwrap();
    for template in ["server", "github", "oidc", "polymarket"] {
        said(folder.path(), &["new", template, "--template", template]);
        let arguments = [
            "tree",
            "--offline",
            "--locked",
            "--duplicates",
            "--depth=0",
            "--prefix=none",
            "--edges=normal,build",
        ];
        let listed = cargo(&folder.path().join(template), &arguments);
        let mut seen = BTreeSet::new();
        for line in listed.lines().filter(|line| !line.is_empty()) {
            assert!(seen.insert(line), "{template} compiles {line} twice");
        }
    }
}

#[test]
fn each_project_has_a_separate_secret_that_git_ignores() {
    let folder = tempdir().unwrap();
    said(folder.path(), &["new", "one"]);
    said(folder.path(), &["new", "two"]);
    let one = folder.path().join("one");

    #[cfg(unix)]
    {
        let permissions = fs::metadata(one.join(".env")).unwrap().permissions();
        let mode = std::os::unix::fs::PermissionsExt::mode(&permissions);
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        BASE64_URL_SAFE_NO_PAD.decode(secret(&one)).unwrap().len(),
        32
    );
    assert_ne!(secret(&one), secret(&folder.path().join("two")));

    fs::create_dir(one.join(".mcpo")).unwrap();
    fs::write(one.join(".mcpo/ledger.sqlite3"), "").unwrap();
    let status = Command::new("git")
        .args(["status", "--porcelain", "--untracked-files=all"])
        .current_dir(&one)
        .output()
        .unwrap();
    let listed = String::from_utf8(status.stdout).unwrap();
    assert!(listed.contains("?? .env.example\n"), "{listed}");
    assert!(
        !listed.contains("?? .env\n") && !listed.contains(".mcpo/"),
        "{listed}"
    );
}

#[test]
fn uses_the_runtime_of_the_runtime_option() {
    let folder = tempdir().unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpo-runtime");
    let dependency = |name: &str, source: &str| {
        said(folder.path(), &["new", name, "--runtime", source]);
        let project = folder.path().join(name);
        let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
        assert_eq!(project.join("vendor").exists(), source == "vendored");
        let line = manifest
            .lines()
            .find(|line| line.starts_with("mcpo-runtime = "));
        line.unwrap().to_owned()
    };

    assert_eq!(
        dependency("a", "vendored"),
        r#"mcpo-runtime = { path = "vendor/mcpo-runtime", default-features = false }"#
    );
    assert_eq!(
        dependency("c", checkout.to_str().unwrap()),
        format!(
            "mcpo-runtime = {{ path = {:?}, default-features = false }}",
            checkout.to_str().unwrap()
        )
    );
    assert_eq!(
        dependency("d", "https://example.com/mcpo.git"),
        r#"mcpo-runtime = { git = "https://example.com/mcpo.git", default-features = false }"#
    );
}

#[test]
fn a_runtime_version_is_refused_before_the_first_release() {
    let folder = tempdir().unwrap();
    assert_snapshot!(said(folder.path(), &["new", "mine", "--runtime", "0.1"]), @"
    exit code 2
    --- stderr
    error: `--runtime 0.1`: no release of mcpo-runtime is published yet; a crate with this name in the registry is not from the mcpo project
    help: leave out --runtime to use the copy inside mcpo, or use a checkout: --runtime PATH
    ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn creates_no_repository_inside_another_one_or_with_no_git() {
    let folder = tempdir().unwrap();
    said(folder.path(), &["new", "outer"]);
    assert!(folder.path().join("outer/.git").is_dir());
    said(folder.path(), &["new", "plain", "--no-git"]);
    assert!(!folder.path().join("plain/.git").exists());

    let outer = folder.path().join("outer");
    assert_snapshot!(said(&outer, &["new", "inner"]), @r"
    exit code 0
    --- stdout
      cd inner && mcpo dev
    --- stderr
       Created inner in inner
               as part of the surrounding git repository

    Next:
    ");
    assert!(!outer.join("inner/.git").exists());
}

#[test]
fn works_without_git() {
    let folder = tempdir().unwrap();
    let output = tool::command(folder.path())
        .args(["new", "x"])
        .env("PATH", "")
        .output()
        .unwrap();
    assert_snapshot!(tool::transcript(folder.path(), &output), @r"
    exit code 0
    --- stdout
      cd x && mcpo dev
    --- stderr
       Created x in x
               without a git repository: git is not installed

    Next:
    ");
}

#[test]
fn uses_an_existing_empty_folder() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("my place")).unwrap();
    let said = said(folder.path(), &["new", "x", "--path", "my place"]);
    assert_snapshot!(said, @r"
    exit code 0
    --- stdout
      cd 'my place' && mcpo dev
    --- stderr
       Created x in my place

    Next:
    ");
    assert!(folder.path().join("my place/Cargo.toml").is_file());
}

/// Creates a workspace with one member, `crates/other`, and these additional settings.
fn workspace(settings: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let other = folder.path().join("crates/other");
    fs::create_dir_all(other.join("src")).unwrap();
    fs::write(
        folder.path().join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\n{settings}\n"),
    )
    .unwrap();
    let manifest = "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(other.join("Cargo.toml"), manifest).unwrap();
    fs::write(other.join("src/lib.rs"), "").unwrap();
    folder
}

/// Runs a cargo command, which must succeed, and returns its output.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "cargo {arguments:?}: {printed}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the names of the packages in a workspace, as cargo lists them.
fn members(folder: &Path) -> BTreeSet<String> {
    let metadata = cargo(folder, &["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_project_that_would_break_its_workspace_is_refused() {
    for (members, help) in [
        (r#"["crates/*"]"#, "add `exclude = [\"crates/svc\"]`"),
        (r#"["crates/other", "crates/s*"]"#, "add `exclude"),
        (
            r#"["crates/svc", "crates/other"]"#,
            "remove \"crates/svc\" from `members`",
        ),
    ] {
        let folder = workspace(&format!("members = {members}"));
        let crates = folder.path().join("crates");
        let refused = said(&crates, &["new", "svc"]);
        assert!(refused.starts_with("exit code 2"), "{refused}");
        assert!(refused.contains(help), "{refused}");
        assert!(refused.contains("mcpo new svc --workspace"), "{refused}");
        let left = fs::read_dir(&crates).unwrap().count();
        assert_eq!(left, 1, "something was written");
    }
}

#[test]
fn a_project_outside_the_member_patterns_leaves_the_workspace_working() {
    let by_exclude = "members = [\"crates/*\"]\nexclude = [\"crates/svc\"]";
    for settings in [by_exclude, "members = [\"crates/other\"]"] {
        let folder = workspace(settings);
        let made = said(&folder.path().join("crates"), &["new", "svc"]);
        assert!(made.starts_with("exit code 0"), "{made}");
        assert_eq!(members(folder.path()), ["other".to_owned()].into());
        cargo(folder.path(), &["check", "--offline"]);
        // The project is its own workspace.
        let project = folder.path().join("crates/svc");
        assert_eq!(members(&project), ["svc".to_owned()].into());
    }
}

#[test]
fn the_workspace_option_adds_the_project_to_the_workspace() {
    let folder = workspace("members = [\"crates/*\"]");
    let crates = folder.path().join("crates");
    let made = said(&crates, &["new", "svc", "--workspace"]);
    assert!(made.starts_with("exit code 0"), "{made}");
    assert!(made.contains("[profile.release]"), "{made}");
    let all = ["mcpo-runtime", "mcpo-runtime-oauth", "other", "svc"].map(str::to_owned);
    assert_eq!(members(folder.path()), all.into());
    cargo(folder.path(), &["check", "--offline", "--package", "other"]);
    let manifest = fs::read_to_string(crates.join("svc/Cargo.toml")).unwrap();
    assert!(!manifest.contains("[workspace]"), "{manifest}");
    assert!(!manifest.contains("[profile"), "{manifest}");

    // A lock file can contain only one copy of the runtime.
    let refused = said(&crates, &["new", "more", "--workspace"]);
    assert!(refused.starts_with("exit code 2"), "{refused}");
    assert!(refused.contains("--workspace --runtime "), "{refused}");
    let taken = said(
        &folder.path().join("crates"),
        &["new", "other", "--path", "x", "--workspace"],
    );
    assert!(taken.contains("has a package `other`"), "{taken}");
    let copy = crates.join("svc/vendor/mcpo-runtime");
    let more = [
        "new",
        "more",
        "--workspace",
        "--runtime",
        copy.to_str().unwrap(),
    ];
    let made = said(&crates, &more);
    assert!(made.starts_with("exit code 0"), "{made}");
    assert!(members(folder.path()).contains("more"));
}

#[test]
fn the_workspace_option_fails_if_no_member_pattern_matches() {
    let folder = workspace("members = [\"crates/other\"]");
    let crates = folder.path().join("crates");
    let refused = said(&crates, &["new", "svc", "--workspace"]);
    assert!(refused.starts_with("exit code 2"), "{refused}");
    assert!(
        refused.contains("add \"crates/svc\" to `members`"),
        "{refused}"
    );
    let outside = tempdir().unwrap();
    let refused = said(outside.path(), &["new", "svc", "--workspace"]);
    assert!(refused.contains("leave out --workspace"), "{refused}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
