//! `mcpo new --upgrade`: the runtime in an existing project.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const CHECKSUMS: &str = "vendor/mcpo-runtime.sha256";

/// A project whose runtime was copied by an earlier version of mcpo.
struct Project {
    _folder: TempDir,
    path: PathBuf,
}

fn mcpo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo"));
    command.args(arguments).current_dir(folder);
    command.output().unwrap()
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = mcpo(folder.path(), &["new", "my-service", "--no-git"]);
        assert!(made.status.success(), "{made:?}");
        let path = folder.path().join("my-service");
        let project = Self {
            _folder: folder,
            path,
        };
        // The earlier version had another README, one file more, and one file less.
        project.had("README.md", Some("An earlier version.\n"));
        project.had("src/removed.rs", Some("// No longer needed.\n"));
        project.had("oauth/src/state.rs", None);
        project
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join("vendor/mcpo-runtime").join(name)
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.file(name)).ok()
    }

    /// Makes this the text of the file in the earlier version.
    fn had(&self, name: &str, text: Option<&str>) {
        let list = self.path.join(CHECKSUMS);
        let entry = format!("  mcpo-runtime/{name}");
        let old = fs::read_to_string(&list).unwrap();
        let mut lines: Vec<_> = old.lines().filter(|line| !line.ends_with(&entry)).collect();
        let added = text.map(|text| {
            fs::write(self.file(name), text).unwrap();
            let mut line = String::new();
            for byte in Sha256::digest(text) {
                write!(line, "{byte:02x}").unwrap();
            }
            line + &entry
        });
        if added.is_none() {
            fs::remove_file(self.file(name)).unwrap();
        }
        lines.extend(added.as_deref());
        fs::write(list, lines.join("\n") + "\n").unwrap();
    }

    fn upgrade(&self) -> (Option<i32>, String, String) {
        let output = mcpo(&self.path, &["new", "--upgrade"]);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

#[test]
fn an_upgrade_replaces_what_mcpo_has_changed_and_keeps_the_rest() {
    let project = Project::new();
    let changed = "// Changed by the user.\n";
    fs::write(project.file("src/lib.rs"), changed).unwrap();

    let (code, result, progress) = project.upgrade();

    assert_eq!(code, Some(0), "{progress}");
    assert!(result.starts_with("upgraded mcpo-runtime "), "{result}");
    for expected in [
        "Updated vendor/mcpo-runtime/README.md",
        "Removed vendor/mcpo-runtime/src/removed.rs",
        "Added vendor/mcpo-runtime/oauth/src/state.rs",
        "vendor/mcpo-runtime/src/lib.rs has your changes, which are kept",
        "cargo test",
    ] {
        assert!(progress.contains(expected), "no {expected:?} in {progress}");
    }
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpo-runtime");
    for name in ["README.md", "oauth/src/state.rs"] {
        let expected = fs::read_to_string(original.join(name)).unwrap();
        assert_eq!(project.read(name), Some(expected));
    }
    assert_eq!(project.read("src/removed.rs"), None);
    assert_eq!(project.read("src/lib.rs").as_deref(), Some(changed));

    // Only the user's change is left, and it is not an upgrade.
    let (code, result, progress) = project.upgrade();
    assert_eq!(code, Some(0));
    assert!(result.contains("is up to date"), "{result}");
    assert!(progress.contains("has your changes"), "{progress}");

    fs::copy(original.join("src/lib.rs"), project.file("src/lib.rs")).unwrap();
    let (code, result, _) = project.upgrade();
    assert_eq!(code, Some(0));
    assert!(result.contains("is up to date"), "{result}");
}

#[test]
fn an_upgrade_that_would_lose_changes_writes_nothing() {
    let project = Project::new();
    fs::write(project.file("README.md"), "Changed by the user.\n").unwrap();

    let (code, _, error) = project.upgrade();

    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("vendor/mcpo-runtime/README.md"), "{error}");
    assert!(error.contains("nothing was written"), "{error}");
    let readme = project.read("README.md");
    assert_eq!(readme.as_deref(), Some("Changed by the user.\n"));
    assert!(project.read("src/removed.rs").is_some());
    assert!(project.read("oauth/src/state.rs").is_none());
}

#[test]
fn only_projects_with_a_known_copy_can_be_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let output = mcpo(folder.path(), &["new", "--upgrade"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("there is no vendor/mcpo-runtime"), "{error}");

    let project = Project::new();
    fs::remove_file(project.path.join(CHECKSUMS)).unwrap();
    let (code, _, error) = project.upgrade();
    assert_eq!(code, Some(2));
    assert!(error.contains("have no checksums"), "{error}");
}
