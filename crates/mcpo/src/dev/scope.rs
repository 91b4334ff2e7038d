//! Which files matter, and which folders have to be watched for them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use ignore::{WalkBuilder, gitignore::Gitignore};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::inputs::Inputs;
use crate::package::Package;
use crate::{
    error::{Failure, Outcome},
    project::{ENVIRONMENT_FILE, STATE_FOLDER},
};

/// Folders that are never looked into: what is built, what is remembered, what git keeps.
const NEVER: &[&str] = &["target", STATE_FOLDER, ".git"];
/// Files beside the sources that change what cargo builds.
const FOR_CARGO: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "rust-toolchain",
];

/// The folders under watch and the rules for the files in them.
pub struct Scope {
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    has_new_watches: bool,
    /// What the last build read.
    inputs: HashSet<PathBuf>,
    /// The folders of the package and of the local crates it depends on.
    crates: HashSet<PathBuf>,
    folder: PathBuf,
    target: PathBuf,
    ignored: Gitignore,
    has_build_script: bool,
}

impl Scope {
    /// Watches the package's folder and the workspace's manifest.
    pub fn new(package: &Package, watcher: RecommendedWatcher) -> Outcome<Self> {
        // A broken ignore file ignores what it can.
        let (ignored, _) = Gitignore::new(package.folder.join(".gitignore"));
        let mut scope = Self {
            watcher,
            watched: HashSet::new(),
            has_new_watches: false,
            inputs: HashSet::new(),
            crates: HashSet::from([package.folder.clone()]),
            folder: package.folder.clone(),
            target: package.target.clone(),
            ignored,
            has_build_script: package.has_build_script,
        };
        scope.watch_tree(&package.folder)?;
        scope.watch(&package.workspace)?;
        let settings = package.workspace.join(".cargo");
        if settings.is_dir() {
            scope.watch(&settings)?;
        }
        Ok(scope)
    }

    /// All files of the local crates, and of the settings beside them; watches what is new on the way.
    pub fn look_through(&mut self) -> Outcome<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in self.crates.clone() {
            files.extend(self.watch_tree(&folder)?);
        }
        Ok(files)
    }

    /// Whether folders have been watched anew since the last time that this was asked.
    pub const fn has_new_watches(&mut self) -> bool {
        std::mem::replace(&mut self.has_new_watches, false)
    }

    /// Watches a folder and those in it; returns the files found on the way.
    pub fn watch_tree(&mut self, folder: &Path) -> Outcome<Vec<PathBuf>> {
        let ours = self.crates.iter().any(|ours| folder.starts_with(ours));
        if !ours || self.is_never(folder) || self.is_ignored(folder) {
            return Ok(Vec::new());
        }
        let target = self.target.clone();
        let entries = WalkBuilder::new(folder)
            .hidden(false)
            .require_git(false)
            .filter_entry(move |entry| !has_name_of_never(entry.path()) && entry.path() != target)
            .build();
        let mut files = Vec::new();
        // What vanishes during the walk is reported by the folder around it.
        for entry in entries.flatten() {
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                self.watch(entry.path())?;
            } else {
                files.push(entry.into_path());
            }
        }
        Ok(files)
    }

    /// Watches where the inputs lie; returns those whose changes went unnoticed before.
    pub fn watch_inputs(&mut self, inputs: &Inputs) -> Outcome<Vec<PathBuf>> {
        let mut unnoticed = Vec::new();
        for file in inputs.files.difference(&self.inputs.clone()) {
            let Some(folder) = file.parent() else {
                continue;
            };
            let watched = self.watched.contains(folder);
            if !watched {
                self.watch(folder)?;
            }
            if !watched || !self.is_source(file) {
                unnoticed.push(file.clone());
            }
        }
        self.inputs.clone_from(&inputs.files);
        // The manifests of other local crates are no inputs of rustc, but of cargo.
        for folder in crate_folders(inputs, &self.folder) {
            if self.crates.insert(folder.clone()) {
                self.watch_tree(&folder)?;
            }
        }
        Ok(unnoticed)
    }

    /// Whether the file is read by the server's start rather than by the build.
    pub fn is_environment(&self, path: &Path) -> bool {
        path == self.folder.join(ENVIRONMENT_FILE)
    }

    /// Whether the executable may depend on the file or folder.
    pub fn is_input(&self, path: &Path, inputs: &Inputs) -> bool {
        if inputs.files.contains(path) || self.is_source(path) {
            return true;
        }
        let was_folder_of_input = || inputs.files.iter().any(|file| file.starts_with(path));
        let may_be_read = inputs.failed || self.has_build_script;
        if path.is_dir() {
            return false;
        }
        // A file that is gone already was an editor's.
        (may_be_read && path.is_file() && self.is_ours(path)) || was_folder_of_input()
    }

    /// The path as a person in the project's folder would write it.
    pub fn shown(&self, path: PathBuf) -> PathBuf {
        match path.strip_prefix(&self.folder) {
            Ok(relative) => relative.to_owned(),
            Err(_) => path,
        }
    }

    /// Whether the file matters without having been part of a build: it may be a new module.
    fn is_source(&self, path: &Path) -> bool {
        if is_temporary(path) || self.is_never(path) || self.is_ignored(path) {
            return false;
        }
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let settings = path
            .parent()
            .is_some_and(|folder| folder.ends_with(".cargo"));
        path.extension().is_some_and(|kind| kind == "rs") || settings || FOR_CARGO.contains(&name)
    }

    fn is_ours(&self, path: &Path) -> bool {
        path.starts_with(&self.folder)
            && !is_temporary(path)
            && !self.is_never(path)
            && !self.is_ignored(path)
    }

    fn is_never(&self, path: &Path) -> bool {
        path.starts_with(&self.target) || has_name_of_never(path)
    }

    fn is_ignored(&self, path: &Path) -> bool {
        path.strip_prefix(&self.folder).is_ok_and(|relative| {
            let below_never = relative
                .iter()
                .any(|part| has_name_of_never(Path::new(part)));
            below_never
                || self
                    .ignored
                    .matched_path_or_any_parents(relative, path.is_dir())
                    .is_ignore()
        })
    }

    fn watch(&mut self, folder: &Path) -> Outcome<()> {
        // A folder that was removed and made again needs a new watch.
        self.watched.insert(folder.to_owned());
        self.has_new_watches = true;
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => Ok(()),
            // It vanished meanwhile, which not every system has a word for.
            Err(_) if !folder.is_dir() => Ok(()),
            Err(error) => {
                let failure = Failure::new(format!("failed to watch {}", folder.display()));
                Err(match error.kind {
                    notify::ErrorKind::MaxFilesWatch => failure
                        .hint("raise the limit: sudo sysctl fs.inotify.max_user_watches=524288"),
                    _ => failure.because(&error),
                })
            }
        }
    }
}

/// Editors' swap, lock and backup files, and the mark that cargo puts into a target folder while
/// that has another name yet. `.env` is looked at before this.
fn is_temporary(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with('.') || name.ends_with('~') || name == "CACHEDIR.TAG"
}

fn has_name_of_never(path: &Path) -> bool {
    NEVER.iter().any(|never| path.ends_with(never))
}

/// The folders with a manifest, of those crates the inputs belong to that lie elsewhere.
fn crate_folders(inputs: &Inputs, except_in: &Path) -> HashSet<PathBuf> {
    let files = inputs.files.iter();
    files
        .filter(|file| !file.starts_with(except_in))
        .filter_map(|file| {
            let mut above = file.ancestors().skip(1);
            above.find(|folder| folder.join("Cargo.toml").is_file())
        })
        .map(Path::to_owned)
        .collect()
}
