//! A project whose server uses only the standard library, so that it builds quickly.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

const MANIFEST: &str = r#"[package]
name = "tiny"
version = "0.1.0"
edition = "2024"

[package.metadata.mcpo]

[workspace]
"#;

/// A project in a temporary folder, which is removed when the value is dropped.
#[derive(Debug)]
pub struct TinyProject {
    folder: TempDir,
}

impl TinyProject {
    /// Writes the project; its server answers `one`.
    #[expect(clippy::new_without_default, reason = "it is expensive")]
    pub fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        fs::create_dir(project.path("src")).expect("a folder");
        project.write("Cargo.toml", MANIFEST);
        project.write(".gitignore", "/target\n/.mcpo\n.env\n*.log\n");
        project.write("src/main.rs", include_str!("../fixtures/tiny/src/main.rs"));
        project
    }

    /// Returns the folder of the project.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of a file in the project.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Saves a file as many editors do: writes a draft next to it and renames the draft.
    pub fn write(&self, file: &str, text: &str) {
        let draft = self.path(".draft~");
        fs::write(&draft, text).expect("a file");
        fs::rename(draft, self.path(file)).expect("a file");
    }

    /// Replaces a part of a file in place.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).expect("a file");
        assert!(text.contains(old), "no {old:?} in {file}");
        fs::write(self.path(file), text.replace(old, new)).expect("a file");
    }

    /// Changes the answer of the server.
    pub fn answer(&self, expression: &str) {
        let text = fs::read_to_string(self.path("src/main.rs")).unwrap_or_default();
        let old = text.lines().find(|line| line.starts_with("const ANSWER"));
        let new = format!("const ANSWER: &str = {expression};");
        self.edit("src/main.rs", old.unwrap_or_default(), &new);
    }
}
