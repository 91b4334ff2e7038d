//! Decides which files matter, and watches the folders that contain them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use ignore::{Match, WalkBuilder, gitignore::Gitignore};
use mcpo_common::{
    error::{Failure, Outcome},
    package::Package,
    project::{ENVIRONMENT_FILE, STATE_FOLDER},
};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::polling::NoEvents;
use crate::dev::messages::inputs::Inputs;

/// Folders that are never searched: build results, mcpo's state, and git's data.
const NEVER: &[&str] = &["target", STATE_FOLDER, ".git"];
/// Files other than sources that change what cargo builds.
const FOR_CARGO: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "rust-toolchain",
];

/// The watched folders, and the rules for the files in them.
pub struct Filter {
    /// `None` if the files are polled.
    watcher: Option<RecommendedWatcher>,
    /// Why the watcher was given up, until that is reported.
    given_up: Option<NoEvents>,
    watched: HashSet<PathBuf>,
    has_new_watches: bool,
    /// The files that the last build read.
    inputs: HashSet<PathBuf>,
    /// Folders that the last build depends on as a whole (`rerun-if-changed` with a folder).
    input_folders: HashSet<PathBuf>,
    /// The folders of the package and of the local crates it depends on.
    crates: HashSet<PathBuf>,
    folder: PathBuf,
    /// The workspace's folder. Its ignore file also applies to the package.
    workspace: PathBuf,
    target: PathBuf,
    build: PathBuf,
    has_build_script: bool,
}

impl Filter {
    /// Watches the package's folder, the workspace's manifest, and cargo's settings.
    pub fn new(package: &Package, watcher: Option<RecommendedWatcher>) -> Outcome<Self> {
        let mut filter = Self {
            watcher,
            given_up: None,
            watched: HashSet::new(),
            has_new_watches: false,
            inputs: HashSet::new(),
            input_folders: HashSet::new(),
            crates: HashSet::from([package.folder.clone()]),
            folder: package.folder.clone(),
            workspace: package.workspace.clone(),
            target: package.target.clone(),
            build: package.build.clone(),
            has_build_script: package.has_build_script,
        };
        filter.watch_tree(&package.folder)?;
        filter.watch(&package.workspace)?;
        let settings = package.workspace.join(".cargo");
        if settings.is_dir() {
            filter.watch(&settings)?;
        }
        Ok(filter)
    }

    /// Returns all files of the local crates and of the input folders, and watches new folders.
    pub fn look_through(&mut self) -> Outcome<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in self
            .crates
            .union(&self.input_folders.clone())
            .cloned()
            .collect::<Vec<_>>()
        {
            files.extend(self.watch_tree(&folder)?);
        }
        Ok(files)
    }

    /// Returns true if the files must be polled.
    pub const fn is_polling(&self) -> bool {
        self.watcher.is_none()
    }

    /// Returns why the system's events are no longer used, once.
    pub const fn given_up(&mut self) -> Option<NoEvents> {
        self.given_up.take()
    }

    /// Returns true if new watches were added since the last call.
    pub const fn has_new_watches(&mut self) -> bool {
        std::mem::replace(&mut self.has_new_watches, false)
    }

    /// Watches a folder and its subfolders. Returns the files in them.
    pub fn watch_tree(&mut self, folder: &Path) -> Outcome<Vec<PathBuf>> {
        let is_input = self.is_in_input_folder(folder);
        let ours = self.crates.iter().any(|ours| folder.starts_with(ours));
        let is_left_out = self.is_never(folder) || !is_input && self.is_ignored(folder);
        if !(ours || is_input) || is_left_out {
            return Ok(Vec::new());
        }
        let made = [self.target.clone(), self.build.clone()];
        let mut probe_requested = WalkBuilder::new(folder);
        // For a folder that a build script names, cargo checks every file, even ignored ones.
        let entries = probe_requested
            .standard_filters(!is_input)
            .hidden(false)
            .require_git(false)
            .filter_entry(move |entry| {
                !has_name_of_never(entry.path()) && !made.iter().any(|made| entry.path() == made)
            })
            .build();
        let mut files = Vec::new();
        // If an entry vanishes during the walk, the watch of its parent folder reports that.
        for entry in entries.flatten() {
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                self.watch(entry.path())?;
            } else {
                files.push(entry.into_path());
            }
        }
        Ok(files)
    }

    /// Watches the folders of the inputs. Returns the inputs whose earlier changes were not
    /// noticed.
    pub fn watch_inputs(&mut self, inputs: &Inputs) -> Outcome<Vec<PathBuf>> {
        let mut unnoticed = Vec::new();
        self.input_folders
            .retain(|folder| inputs.files.contains(folder));
        for file in inputs.files.difference(&self.inputs.clone()) {
            if file.is_dir() && *file != self.folder {
                self.input_folders.insert(file.clone());
                unnoticed.extend(self.watch_tree(file)?);
            }
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
        // The manifests of other local crates are inputs of cargo, but not of rustc.
        for folder in crate_folders(inputs, &self.folder) {
            if self.crates.insert(folder.clone()) {
                self.watch_tree(&folder)?;
            }
        }
        Ok(unnoticed)
    }

    /// Returns true if the file is read when the server starts, and not by the build.
    pub fn is_environment(&self, path: &Path) -> bool {
        path == self.folder.join(ENVIRONMENT_FILE)
    }

    /// Returns true if the executable may depend on the file or folder.
    pub fn is_input(&self, path: &Path, inputs: &Inputs) -> bool {
        if inputs.files.contains(path) || self.is_source(path) || self.is_input_of_folder(path) {
            return true;
        }
        let was_folder_of_input = || inputs.files.iter().any(|file| file.starts_with(path));
        let may_be_read = inputs.failed || self.has_build_script;
        if path.is_dir() {
            return false;
        }
        // A file that no longer exists was a temporary file of an editor.
        (may_be_read && path.is_file() && self.is_ours(path)) || was_folder_of_input()
    }

    /// Returns true if the path is in a folder that the build depends on as a whole. If such a
    /// folder contains the package, it does not decide about the package's own files.
    fn is_in_input_folder(&self, path: &Path) -> bool {
        let is_own = path.starts_with(&self.folder);
        let mut folders = self.input_folders.iter();
        folders
            .any(|folder| path.starts_with(folder) && !(is_own && self.folder.starts_with(folder)))
    }

    fn is_input_of_folder(&self, path: &Path) -> bool {
        let is_below_never = || path.ancestors().any(has_name_of_never);
        self.is_in_input_folder(path)
            && !is_temporary(path)
            && !self.is_never(path)
            && !is_below_never()
    }

    /// Returns the path relative to the project's folder, if it is inside.
    pub fn shown(&self, path: PathBuf) -> PathBuf {
        match path.strip_prefix(&self.folder) {
            Ok(relative) => relative.to_owned(),
            Err(_) => path,
        }
    }

    /// Returns true if the file matters even if no build has read it: it may be a new module.
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
        path.starts_with(&self.target) || path.starts_with(&self.build) || has_name_of_never(path)
    }

    /// Returns true if an ignore file of the package or the workspace names the path. As in git,
    /// the nearest file with a rule for the path decides.
    fn is_ignored(&self, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(&self.folder) else {
            return false;
        };
        let mut parts = relative.iter();
        if parts.any(|part| has_name_of_never(Path::new(part))) {
            return true;
        }
        let is_dir = path.is_dir();
        let above = path.ancestors().skip(1);
        for folder in above.take_while(|folder| folder.starts_with(&self.workspace)) {
            let file = folder.join(".gitignore");
            let Ok(relative) = path.strip_prefix(folder) else {
                continue;
            };
            if file.is_file() {
                // If an ignore file has errors, its valid rules still apply.
                let (rules, _) = Gitignore::new(file);
                match rules.matched_path_or_any_parents(relative, is_dir) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
        }
        false
    }

    fn watch(&mut self, folder: &Path) -> Outcome<()> {
        // A folder that was deleted and created again needs a new watch.
        self.watched.insert(folder.to_owned());
        self.has_new_watches = true;
        let Some(watcher) = &mut self.watcher else {
            return Ok(());
        };
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => Ok(()),
            // The folder has vanished. Not every system reports that with its own error.
            Err(_) if !folder.is_dir() => Ok(()),
            Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
                self.given_up = Some(NoEvents::of(&error));
                self.watcher = None;
                Ok(())
            }
            Err(error) => {
                Err(Failure::new(format!("failed to watch {}", folder.display())).because(&error))
            }
        }
    }
}

/// Returns true for swap, lock and backup files of editors, and for the marker file that cargo
/// writes into a new target folder before it renames that folder. `.env` is checked before this.
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

/// Returns the folders of the local crates outside `except_in` that contain inputs.
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
