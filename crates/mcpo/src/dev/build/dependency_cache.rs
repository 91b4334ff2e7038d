//! A cache of compiled dependencies that all projects of a user share. The first build of the
//! second project compiles only the project's own code.
//!
//! After a build, the compiled crates from registries and git are stored in the user's cache
//! folder. A project that has built nothing yet starts with a copy. Cargo still decides: it
//! compiles everything that does not match its fingerprints. The vendored runtime is cached too, for
//! projects with the same source of it ([`vendored_runtime`]).
//!
//! Libraries are shared by hard links, if the file system supports them. Other files are copied,
//! because cargo overwrites some of them, and one project must not change the files of another.

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use mcpo_common::{
    cargo_config,
    package::{Package, VENDORED_RUNTIME},
    private_file,
    project::STATE_FOLDER,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    artifact_name::{crate_of, is_foreign, is_of, is_one_of, is_runtime},
    copy_tree::{Libraries, copy_tree},
    fast_build,
    vendored_runtime::{self, CompiledRuntime, Folders},
};
use crate::dev::watch::stale_mtime;

/// A temporary folder older than this was left behind by a process that was killed. No copy takes
/// that long.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);
/// The subfolders of a build that contain results for dependencies. The first one lists what is
/// present.
const PARTS: [&str; 3] = [".fingerprint", "deps", "build"];

/// The cache for one compiler, one platform and one version of mcpo.
#[derive(Clone, Debug)]
pub struct DependencyCache {
    /// The folder of the cache. It has the same subfolders as the build folder.
    kept: PathBuf,
    /// Cargo's build folder.
    built: PathBuf,
    /// The subfolders with results, relative to both folders: `debug`, and `TRIPLE/debug` if
    /// cargo's settings name a platform.
    folders: Vec<PathBuf>,
    /// The packages that the project needs. If this is not known, all packages are copied.
    needed: Option<BTreeSet<String>>,
    /// The folders that occur in the commands of cargo.
    project: Folders,
    /// The folder with the recorded commands.
    records: PathBuf,
    /// The state folder of the project.
    state: PathBuf,
}

/// The part of a lock file that contains the names of the packages.
#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
}

impl DependencyCache {
    /// Returns the cache for a package. Returns `None` if the package has no dependencies, or if
    /// the cache folder or the compiler's version is unknown.
    pub fn of(package: &Package) -> Option<Self> {
        if !package.has_dependencies {
            return None;
        }
        let mut compiler = Command::new("rustc");
        let compiler = compiler.arg("-vV").current_dir(&package.folder).output();
        let digest: [u8; 32] = Sha256::digest(compiler.ok()?.stdout).into();
        let version = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let mut name = format!("{}-{version:08x}", env!("CARGO_PKG_VERSION"));
        if let Some(platform) = &package.platform {
            // Cargo compiles differently for a platform that is named, even for this machine's.
            name.push('-');
            name.push_str(cargo_config::folder_of_platform(platform));
        }
        let folders = package.artifact_folders(Path::new(""));
        Some(Self {
            kept: cache_folder()?.join("mcpo/dependencies").join(name),
            built: package.build.clone(),
            folders: folders.into_iter().collect(),
            needed: locked(&package.workspace),
            project: Folders {
                workspace: package.workspace.clone(),
                target: package.target.clone(),
                build: package.build.clone(),
            },
            records: fast_build::folder_of(package),
            state: package.folder.join(STATE_FOLDER),
        })
    }

    /// Copies the cached dependencies into a project that has built nothing yet. Returns true if it
    /// did.
    pub fn restore(&self) -> io::Result<bool> {
        let has_units = |base: &Path| {
            let mut folders = self.folders.iter();
            folders.any(|folder| base.join(folder).join(PARTS[0]).exists())
        };
        if has_units(&self.built) || !has_units(&self.kept) {
            return Ok(false);
        }
        // A change of the source after this moment makes cargo compile it again.
        let checked = stale_mtime::time_of_files(&self.state);
        let runtime = CompiledRuntime::read(&self.kept)
            .filter(|runtime| runtime.hand_over(&self.project, &self.records));
        let is_vendored = self.project.workspace.join(VENDORED_RUNTIME).is_dir();
        let names = self.names_needed();
        let is_wanted = |name: &str| match &runtime {
            Some(runtime) if is_runtime(name) => runtime.has(name),
            None if is_runtime(name) && is_vendored => false,
            _ => names.as_ref().is_none_or(|names| is_of(name, names)),
        };
        let checked = runtime.is_some().then_some(checked);
        for folder in &self.folders {
            self.restore_folder(folder, is_wanted, checked)?;
        }
        Ok(true)
    }

    /// `checked` is when the source of the vendored runtime was compared, if it is the same.
    fn restore_folder(
        &self,
        folder: &Path,
        is_wanted: impl Fn(&str) -> bool + Copy,
        checked: Option<SystemTime>,
    ) -> io::Result<()> {
        let (kept, built) = (self.kept.join(folder), self.built.join(folder));
        let take = |part: &str, to: &Path| copy(&kept.join(part), to, Libraries::Link, is_wanted);
        // Cargo trusts the fingerprints that it finds, so they are added last and all at once.
        for part in PARTS.iter().skip(1) {
            take(part, &built.join(part))?;
        }
        let aside = tempfile::Builder::new()
            .prefix(".mcpo-")
            .tempdir_in(&built)?;
        let fingerprints = aside.path().join(PARTS[0]);
        take(PARTS[0], &fingerprints)?;
        if let Some(checked) = checked {
            for unit in entries(&fingerprints) {
                if unit.file_name().to_str().is_some_and(is_runtime) {
                    vendored_runtime::refresh(&unit.path(), checked)?;
                }
            }
        }
        fs::rename(fingerprints, built.join(PARTS[0]))
    }

    /// Returns the names of the packages that the project needs, and the names of their crates,
    /// which may differ.
    fn names_needed(&self) -> Option<BTreeSet<String>> {
        let needed = self.needed.as_ref()?;
        let mut names = needed.clone();
        let folders = self.folders.iter();
        let units = folders.flat_map(|folder| entries(&self.kept.join(folder).join(PARTS[0])));
        for unit in units {
            let name = unit.file_name();
            let of_package = name.to_str().and_then(crate_of);
            if of_package.is_some_and(|of_package| is_one_of(needed, &of_package)) {
                let files = entries(&unit.path());
                // Cargo calls the fingerprint of a library `lib-NAME`.
                names.extend(files.filter_map(|file| {
                    let name = file.file_name().into_string().ok()?;
                    Some(name.strip_prefix("lib-")?.replace('-', "_"))
                }));
            }
        }
        Some(names)
    }

    /// Stores what was compiled, except for the crates in `local` other than the vendored runtime.
    pub fn keep(&self, local: &BTreeSet<String>) -> io::Result<()> {
        let folder = self.kept.parent().ok_or(io::ErrorKind::NotFound)?;
        // These files are going to be executed, so no other user may write them.
        private_file::folder(folder)?;
        sweep(folder);
        let aside = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(folder)?;
        let runtime = CompiledRuntime::of(&self.project, &self.records);
        let is_wanted = |name: &str| match &runtime {
            Some(runtime) if is_runtime(name) => runtime.has(name),
            _ => is_foreign(name, local),
        };
        for part in self.parts() {
            let (from, to) = (self.built.join(&part), aside.path().join(&part));
            copy(&from, &to, Libraries::Copy, is_wanted)?;
        }
        // If cargo has begun to compile the runtime again, its files may belong to another source.
        if let Some(runtime) = &runtime
            && CompiledRuntime::of(&self.project, &self.records).as_ref() == Some(runtime)
        {
            runtime.write(aside.path())?;
        }
        // A project that is reading the old cache compiles what is missing.
        let old = tempfile::Builder::new()
            .prefix(".old-")
            .tempdir_in(folder)?;
        match fs::rename(&self.kept, old.path().join("kept")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::rename(aside.keep(), &self.kept),
        }
    }

    /// Returns true if this project has compiled more than the cache contains, or the first runtime.
    pub fn is_worth_keeping(&self) -> bool {
        let count = |base: &Path| -> usize {
            let folders = self.folders.iter();
            let units = folders.map(|folder| entries(&base.join(folder).join(PARTS[0])).count());
            units.sum()
        };
        count(&self.built) > count(&self.kept) + 10
            || CompiledRuntime::read(&self.kept).is_none()
                && CompiledRuntime::of(&self.project, &self.records).is_some()
    }

    /// Returns the subfolders that are cached, relative to the build folder.
    fn parts(&self) -> impl Iterator<Item = PathBuf> {
        let folders = self.folders.iter();
        folders.flat_map(|folder| PARTS.map(|part| folder.join(part)))
    }
}

/// Copies the entries of `from` with the names that are wanted.
fn copy(
    from: &Path,
    to: &Path,
    libraries: Libraries,
    is_wanted: impl Fn(&str) -> bool,
) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in entries(from) {
        let name = entry.file_name();
        if name.to_str().is_some_and(&is_wanted) {
            copy_tree(&entry.path(), &to.join(name), libraries)?;
        }
    }
    Ok(())
}

/// Returns the entries of a folder, or none if it cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// Returns the package names in the lock file, or `None` if there is no lock file yet.
fn locked(workspace: &Path) -> Option<BTreeSet<String>> {
    let text = fs::read_to_string(workspace.join("Cargo.lock")).ok()?;
    let lock: Lock = toml::from_str(&text).ok()?;
    Some(
        lock.package
            .into_iter()
            .map(|package| package.name)
            .collect(),
    )
}

/// Returns `$XDG_CACHE_HOME` or its default, `~/.cache`. On Windows, the default is
/// `%LOCALAPPDATA%`.
fn cache_folder() -> Option<PathBuf> {
    let given = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let given = given.filter(|folder| folder.is_absolute());
    if given.is_none() && cfg!(windows) {
        return env::var_os("LOCALAPPDATA").map(PathBuf::from);
    }
    given.or_else(|| Some(env::home_dir()?.join(".cache")))
}

/// Removes temporary folders that killed processes left behind.
fn sweep(folder: &Path) {
    for entry in entries(folder) {
        let left = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with('.'));
        let written = entry.metadata().and_then(|about| about.modified());
        let age = written.ok().and_then(|written| written.elapsed().ok());
        if left && age.is_some_and(|age| age > LEFT_BEHIND) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// Returns a cache for a project that builds in `built`.
    fn cache(built: PathBuf, folder: &Path) -> DependencyCache {
        DependencyCache {
            kept: folder.join("cache/kept"),
            folders: vec![PathBuf::new()],
            needed: None,
            project: Folders {
                workspace: built.clone(),
                target: built.clone(),
                build: built.clone(),
            },
            records: built.join("mcpo-dev"),
            state: built.join(STATE_FOLDER),
            built,
        }
    }

    #[test]
    fn dependencies_are_restored_once_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let project = |name: &str| cache(folder.path().join(name), folder.path());
        let (one, two) = (project("one"), project("two"));
        for part in PARTS {
            fs::create_dir_all(one.built.join(part)).unwrap();
        }
        let unit = "deps/libserde-0123456789abcdef.rlib";
        fs::write(one.built.join(unit), "compiled").unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
        let file = File::options()
            .append(true)
            .open(one.built.join(unit))
            .unwrap();
        file.set_modified(old).unwrap();
        fs::write(one.built.join("deps/libmine-0123456789abcdef.rlib"), "own").unwrap();

        assert!(!two.restore().unwrap(), "nothing is kept yet");
        one.keep(&BTreeSet::from(["mine".to_owned()])).unwrap();
        one.keep(&BTreeSet::from(["mine".to_owned()])).unwrap();
        assert!(two.restore().unwrap());
        assert_eq!(fs::read(two.built.join(unit)).unwrap(), b"compiled");
        let copied = fs::metadata(two.built.join(unit))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(copied, old);
        assert!(
            !two.built
                .join("deps/libmine-0123456789abcdef.rlib")
                .exists()
        );
        assert!(!two.restore().unwrap(), "it already has build results");
        let left = fs::read_dir(folder.path().join("cache")).unwrap().count();
        assert_eq!(left, 1, "no temporary folder is left");
    }

    #[test]
    fn a_runtime_from_a_registry_is_restored_and_an_unknown_vendored_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let project = |name: &str| cache(folder.path().join(name), folder.path());
        let (registry, vendored) = (project("registry"), project("vendored"));
        let unit = ".fingerprint/mcpo-runtime-0123456789abcdef";
        fs::create_dir_all(registry.kept.join(unit)).unwrap();
        fs::create_dir_all(vendored.built.join(VENDORED_RUNTIME)).unwrap();
        for project in [&registry, &vendored] {
            assert!(project.restore().unwrap());
        }
        assert!(registry.built.join(unit).is_dir());
        assert!(!vendored.built.join(unit).exists());
    }

    #[test]
    fn only_needed_dependencies_are_restored() {
        let folder = tempfile::tempdir().unwrap();
        let needed = BTreeSet::from(["my-json".to_owned()]);
        let cache = DependencyCache {
            needed: Some(needed),
            ..cache(folder.path().join("built"), folder.path())
        };
        let kept = |file: &str| {
            let file = cache.kept.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "compiled").unwrap();
        };
        // The crate of `my-json` is called `json`.
        kept(".fingerprint/my-json-0123456789abcdef/lib-json");
        kept(".fingerprint/other-0123456789abcdef/lib-other");
        kept("deps/libjson-0123456789abcdef.rlib");
        kept("deps/libother-0123456789abcdef.rlib");
        fs::create_dir(cache.kept.join("build")).unwrap();
        fs::create_dir(&cache.built).unwrap();
        assert!(cache.restore().unwrap());
        for part in ["deps", ".fingerprint"] {
            let restored: Vec<_> = fs::read_dir(cache.built.join(part)).unwrap().collect();
            assert_eq!(restored.len(), 1, "{restored:?}");
        }
        assert!(
            cache
                .built
                .join("deps/libjson-0123456789abcdef.rlib")
                .is_file()
        );
    }
}
